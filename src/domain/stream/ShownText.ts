/**
 * The text of an answer as it can be shown while it arrives, each piece once.
 *
 * Most text comes in deltas. Where a provider sends a part of it, or all, only when it is finished, that is the piece. Text
 * of commentary is none of the answer's, nor is that of an item which comes once more under its id. A piece does not end
 * within a character: half of a surrogate pair waits for the other half.
 *
 * @since 0.1.0
 */
import type { OutputItem } from "../response/OutputItem.ts"
import * as Surrogates from "../wire/Surrogates.ts"
import { ItemPlaces } from "./ItemPlaces.ts"
import type { Place } from "./ItemPlaces.ts"
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

/** What is known of an item. */
interface Item {
  isHidden: boolean
  /** It has been told as a whole: what comes later is a repetition. */
  isDone: boolean
  /** What has been shown of each part. */
  readonly parts: Map<number, Part>
}

interface Part {
  shown: string
  /** It has been told as a whole. */
  isDone: boolean
  /** Half of a surrogate pair. */
  half: string
}

/**
 * Starts with nothing shown.
 *
 * @since 0.1.0
 */
export const make = (): ShownText => {
  const places = new ItemPlaces()
  const items = new Map<Place, Item>()
  /** Which message has an id. */
  const owners = new Map<string, Place>()

  const itemAt = (place: Place): Item => {
    let item = items.get(place)
    if (item === undefined) {
      item = { isHidden: false, isDone: false, parts: new Map() }
      items.set(place, item)
    }
    return item
  }

  const partAt = ({ parts }: Item, index: number): Part => {
    let part = parts.get(index)
    if (part === undefined) {
      part = { shown: "", isDone: false, half: "" }
      parts.set(index, part)
    }
    return part
  }

  const add = (item: Item, index: number, delta: string): string => {
    if (item.isHidden || item.isDone) return ""
    const part = partAt(item, index)
    if (part.isDone) return ""
    let text = part.half === "" ? delta : part.half + delta
    part.half = ""
    if (Surrogates.isCut(text)) {
      part.half = text.slice(-1)
      text = text.slice(0, -1)
    }
    part.shown += text
    return text
  }

  /** The text of a part is told as a whole. */
  const finish = (item: Item, index: number, whole: string): string => {
    if (item.isHidden) return ""
    const part = partAt(item, index)
    part.isDone ||= whole !== ""
    const text = after(part.shown, whole)
    if (text === "") return ""
    part.half = ""
    part.shown += text
    return text
  }

  /** An item is told: whether it belongs to the answer is known by now. */
  const told = (place: Place, told: OutputItem): Item => {
    const item = itemAt(place)
    if (told.type !== "message") return item
    const { id = "" } = told
    const owner = id === "" ? place : owners.get(id) ?? place
    if (id !== "") owners.set(id, owner)
    item.isHidden = told.phase === "commentary" || owner !== place
    return item
  }

  const shown = (): string =>
    places.inOrder.map((place) => {
      const item = items.get(place)
      return item === undefined || item.isHidden
        ? ""
        : Array.from(item.parts).sort(([a], [b]) => a - b).map(([, part]) => part.shown).join("")
    }).join("")

  return {
    next: (event) => {
      switch (event.type) {
        case "response.output_text.delta":
          return add(itemAt(places.ofPiece(event, "message")), event.contentIndex ?? 0, event.delta)
        case "response.output_text.done":
          return finish(itemAt(places.ofPiece(event, "message")), event.contentIndex ?? 0, event.text)
        case "response.content_part.done":
          return event.part.type === "output_text"
            ? finish(itemAt(places.ofPiece(event, "message")), event.contentIndex ?? 0, event.part.text)
            : ""
        case "response.output_item.added":
          told(places.ofAdded(event), event.item)
          return ""
        case "response.output_item.done": {
          const item = told(places.ofDone(event), event.item)
          item.isDone = true
          if (event.item.type !== "message") return ""
          return event.item.content.map((part, index) =>
            part.type === "output_text" ? finish(item, index, part.text) : ""
          ).join("")
        }
        default:
          return ""
      }
    },
    rest: (text) => after(shown(), text)
  }
}

/** What of a text has not been shown. Where a provider left out a piece in the middle, nothing can be added to its end. */
const after = (shown: string, text: string): string => text.startsWith(shown) ? text.slice(shown.length) : ""
