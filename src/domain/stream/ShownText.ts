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
export interface ShownText {
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
export const make = (): ShownText => {
  let shown = ""
  /** What has been shown of each part, by the places of its item and of itself. */
  const parts = new Map<string, string>()
  const show = (place: string, text: string): string => {
    parts.set(place, (parts.get(place) ?? "") + text)
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
          return show(place, after(parts.get(place) ?? "", event.text))
        }
        default:
          return ""
      }
    },
    rest: (text) => after(shown, text)
  }
}

/** What of a text has not been shown. Where a provider left out a piece in the middle, nothing can be added to its end. */
const after = (shown: string, text: string): string => text.startsWith(shown) ? text.slice(shown.length) : ""
