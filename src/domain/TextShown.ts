/**
 * The text of an answer as it can be shown while it arrives, each piece once.
 *
 * Most text comes in deltas. Where a provider sends a part of it, or all, only when it is finished, that is the piece.
 *
 * @since 0.1.0
 */
import type { StreamEvent } from "./StreamEvent.ts"

/**
 * The text that one stream has shown.
 *
 * @since 0.1.0
 */
export interface TextShown {
  /** The text that an event adds; empty if it adds none. */
  readonly next: (event: StreamEvent) => string
  /** What of the whole text has not been shown. */
  readonly rest: (text: string) => string
}

/**
 * Starts with nothing shown.
 *
 * @since 0.1.0
 */
export const make = (): TextShown => {
  let shown = ""
  /** How much has been shown of each part, by the places of its item and of itself. */
  const parts = new Map<string, number>()
  const show = (place: string, text: string): string => {
    parts.set(place, (parts.get(place) ?? 0) + text.length)
    shown += text
    return text
  }
  return {
    next: (event) => {
      switch (event.type) {
        case "response.output_text.delta":
          return show(`${event.outputIndex}.${event.contentIndex ?? 0}`, event.delta)
        case "response.output_text.done": {
          const place = `${event.outputIndex}.${event.contentIndex ?? 0}`
          return show(place, event.text.slice(parts.get(place) ?? 0))
        }
        default:
          return ""
      }
    },
    // What was shown may lack its middle, where a provider left out an event: then nothing can be added to its end.
    rest: (text) => text.startsWith(shown) ? text.slice(shown.length) : ""
  }
}
