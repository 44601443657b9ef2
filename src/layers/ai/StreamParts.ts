/**
 * The events of a stream as the parts of `effect/ai`.
 *
 * Each block that begins ends, each call comes once and with all of its arguments, and what the events left out comes from the
 * response with which the stream ends: some gateways say less on the way than they have.
 *
 * @since 0.1.0
 */
import type * as Response from "effect/ai/Response"
import type * as Outcome from "../../domain/outcome/Outcome.ts"
import type { Message, OutputItem, Reasoning } from "../../domain/response/OutputItem.ts"
import type { Response as Answer } from "../../domain/response/Response.ts"
import { ItemPlaces } from "../../domain/stream/ItemPlaces.ts"
import type { Place } from "../../domain/stream/ItemPlaces.ts"
import * as StreamEvent from "../../domain/stream/StreamEvent.ts"
import * as CallParts from "./CallParts.ts"
import * as Metadata from "./Metadata.ts"
import * as ResponseParts from "./ResponseParts.ts"

type Part = Response.StreamPartEncoded

/** What was shown of an item. */
interface Shown {
  readonly key: string
  readonly index: number | undefined
  item: OutputItem | undefined
  isDone: boolean
  /** The texts of a message by the place of their part, or the one text of reasoning. */
  readonly texts: Map<number, string>
  /** The parts that have begun and not ended. */
  readonly open: Set<number>
  /** Whether the texts of a message are shown as the answer; a commentary is shown as reasoning. */
  isAnswer: boolean | undefined
  /** Which of its words a reasoning item is shown by: its text or its summary, not both. */
  words: "text" | "summary" | undefined
  summaryIndex: number | undefined
  /** The id of the call whose arguments are shown. */
  callId: string | undefined
}

/**
 * The parts of one stream. Mutable, like the stream.
 *
 * @since 0.1.0
 */
export class StreamParts {
  readonly #reading: CallParts.Reading
  readonly #places = new ItemPlaces()
  readonly #shown = new Map<Place, Shown>()
  #info: Response.ResponseMetadataPartEncoded | undefined
  #count = 0

  constructor(reading: CallParts.Reading) {
    this.#reading = reading
  }

  /** The parts that an event brings. */
  next(event: StreamEvent.StreamEvent): ReadonlyArray<Part> {
    switch (event.type) {
      case "response.created":
      case "response.queued":
      case "response.in_progress":
        return this.#begin(event.response)
      case "response.output_item.added":
        return this.#added(this.#at(this.#places.ofAdded(event)), event.item)
      case "response.output_item.done":
        return this.#done(this.#at(this.#places.ofDone(event)), event.item)
      case "response.output_text.delta":
        return this.#text(this.#at(this.#places.ofPiece(event, "message")), event.contentIndex ?? 0, event.delta)
      case "response.reasoning_text.delta":
        return this.#thought(this.#at(this.#places.ofPiece(event, "reasoning")), "text", event.delta, undefined)
      case "response.reasoning_summary_text.delta": {
        const shown = this.#at(this.#places.ofPiece(event, "reasoning"))
        return this.#thought(shown, "summary", event.delta, event.summaryIndex)
      }
      case "response.function_call_arguments.delta": {
        const { callId: id } = this.#at(this.#places.ofPiece(event, "function_call"))
        return id === undefined ? [] : [{ type: "tool-params-delta", id, delta: event.delta }]
      }
      case "unknown":
        return StreamEvent.isKeepAlive(event)
          ? []
          : [{ type: "response-metadata", metadata: { openrouter: { event: Metadata.toJson(event.raw) } } }]
      default:
        return []
    }
  }

  /** The parts that are left when the stream has ended; its finish is not among them. */
  end({ response }: Outcome.Outcome): ReadonlyArray<Part> {
    const parts: Array<Part> = [...this.#begin(response)]
    const left = Array.from(this.#shown.values())
    for (const [index, item] of response.output.entries()) {
      const same = left.findIndex((shown) => isSame(shown, item, index))
      const at = same < 0 ? left.findIndex((shown) => isLike(shown, item)) : same
      const [shown] = at < 0 ? [] : left.splice(at, 1)
      if (shown?.isDone !== true && !this.#isRepeated(item)) {
        parts.push(...this.#done(shown ?? this.#new(index), item))
      }
    }
    parts.push(...this.close())
    return parts
  }

  /** Ends what is open when the stream has broken off. Reasoning without its end could not be sent back, so it stays open. */
  close(): ReadonlyArray<Part> {
    return Array.from(this.#shown.values()).flatMap((shown): ReadonlyArray<Part> => {
      if (shown.callId !== undefined && !shown.isDone) {
        shown.isDone = true
        return [{ type: "tool-params-end", id: shown.callId }]
      }
      if (shown.isAnswer !== true) return []
      return Array.from(shown.open).flatMap((index) => this.#endText(shown, index, {}))
    })
  }

  #begin(response: Answer): ReadonlyArray<Part> {
    if (this.#info !== undefined || response.id === undefined) return []
    this.#info = ResponseParts.infoOf(response)
    return [this.#info]
  }

  #new(index: number | undefined): Shown {
    return {
      key: `${this.#info?.id ?? "item"}_${this.#count++}`,
      index,
      item: undefined,
      isDone: false,
      texts: new Map(),
      open: new Set(),
      isAnswer: undefined,
      words: undefined,
      summaryIndex: undefined,
      callId: undefined
    }
  }

  #at(place: Place): Shown {
    let shown = this.#shown.get(place)
    if (shown === undefined) this.#shown.set(place, shown = this.#new(place.index))
    return shown
  }

  /** True for a message or a call that came before under another place. */
  #isRepeated(item: OutputItem): boolean {
    if (item.type !== "message" && item.type !== "function_call") return false
    return Array.from(this.#shown.values()).some((shown) => shown.isDone && idOf(shown.item) === idOf(item)) &&
      idOf(item) !== undefined
  }

  #added(shown: Shown, item: OutputItem): ReadonlyArray<Part> {
    shown.item = item
    if (item.type !== "function_call" || !CallParts.isShown(item, this.#reading)) return []
    return this.#params(shown, CallParts.callIdOf(item, shown.key), item.name)
  }

  #params(shown: Shown, id: string, name: string): ReadonlyArray<Part> {
    shown.callId = id
    return [{ type: "tool-params-start", id, name }]
  }

  #text(shown: Shown, index: number, delta: string): ReadonlyArray<Part> {
    if (shown.isDone || delta === "") return []
    shown.isAnswer ??= !(shown.item?.type === "message" && shown.item.phase === "commentary")
    if (!shown.isAnswer) return this.#reason(shown, delta)
    const id = `${shown.key}.${index}`
    const begun: ReadonlyArray<Part> = shown.open.has(index) ? [] : [{ type: "text-start", id }]
    shown.open.add(index)
    shown.texts.set(index, (shown.texts.get(index) ?? "") + delta)
    return [...begun, { type: "text-delta", id, delta }]
  }

  #endText(shown: Shown, index: number, metadata: Metadata.Text): ReadonlyArray<Part> {
    shown.open.delete(index)
    return [{ type: "text-end", id: `${shown.key}.${index}`, metadata: { openrouter: metadata } }]
  }

  #thought(
    shown: Shown,
    words: "text" | "summary",
    delta: string,
    summaryIndex: number | undefined
  ): ReadonlyArray<Part> {
    if (shown.isDone || (shown.words ?? words) !== words || delta === "") return []
    shown.words = words
    const isNext = shown.summaryIndex !== undefined && summaryIndex !== undefined && shown.summaryIndex !== summaryIndex
    shown.summaryIndex = summaryIndex
    return this.#reason(shown, isNext ? `\n\n${delta}` : delta)
  }

  #reason(shown: Shown, delta: string): ReadonlyArray<Part> {
    const id = `${shown.key}.0`
    const isOpen = shown.open.has(0)
    shown.open.add(0)
    shown.texts.set(0, (shown.texts.get(0) ?? "") + delta)
    const begun: ReadonlyArray<Part> = isOpen ? [] : [{ type: "reasoning-start", id }]
    return delta === "" ? begun : [...begun, { type: "reasoning-delta", id, delta }]
  }

  #endReason(shown: Shown, rest: string, item: OutputItem): ReadonlyArray<Part> {
    const begun = this.#reason(shown, rest)
    shown.open.clear()
    return [...begun, { type: "reasoning-end", id: `${shown.key}.0`, metadata: CallParts.keeping(item) }]
  }

  /** An item as it is in the end: what was not shown of it yet, and its end. */
  #done(shown: Shown, item: OutputItem): ReadonlyArray<Part> {
    if (shown.isDone) return []
    shown.item = item
    const parts = item.type === "message"
      ? this.#message(shown, item)
      : item.type === "reasoning"
      ? this.#endReason(shown, restOfThoughts(shown, item), item)
      : this.#other(shown, item)
    shown.isDone = true
    return parts
  }

  #message(shown: Shown, message: Message): ReadonlyArray<Part> {
    const sources = ResponseParts.sourcesOf(message, shown.key)
    const texts = ResponseParts.textsOf(message)
    if (message.phase === "commentary" && shown.isAnswer !== true) {
      const rest = restOf(texts.map(({ text }) => text).join(""), shown.texts.get(0) ?? "")
      return [...this.#endReason(shown, rest, message), ...sources]
    }
    const parts: Array<Part> = []
    for (const [place, { metadata, text }] of texts.entries()) {
      const index = shown.open.has(place) ? place : openAt(shown, text) ?? place
      shown.isAnswer = true
      parts.push(...this.#text(shown, index, restOf(text, shown.texts.get(index) ?? "")))
      if (!shown.open.has(index)) parts.push({ type: "text-start", id: `${shown.key}.${index}` })
      parts.push(...this.#endText(shown, index, metadata))
    }
    for (const index of shown.open) parts.push(...this.#endText(shown, index, {}))
    return [...parts, ...sources]
  }

  #other(shown: Shown, item: OutputItem): ReadonlyArray<Part> {
    const parts = CallParts.partsOf(item, shown.key, this.#reading)
    if (parts === undefined) return this.#endReason(shown, "", item)
    const [call] = parts
    const isCall = item.type === "function_call" && call?.type === "tool-call"
    const begun = isCall && shown.callId === undefined ? this.#params(shown, call.id, call.name) : []
    const ended: ReadonlyArray<Part> = shown.callId === undefined ? [] : [{ type: "tool-params-end", id: shown.callId }]
    return [...begun, ...ended, ...parts]
  }
}

const idOf = (item: OutputItem | undefined): string | undefined =>
  item === undefined
    ? undefined
    : item.type === "function_call"
    ? `call ${item.callId}`
    : "id" in item && item.id !== undefined
    ? `${item.type} ${item.id}`
    : undefined

const isSame = (shown: Shown, item: OutputItem, index: number): boolean => {
  const id = idOf(item)
  if (id !== undefined && idOf(shown.item) === id) return true
  return shown.index === index && (shown.item === undefined || shown.item.type === item.type)
}

/** Where the text of a part was shown, if its deltas counted the parts otherwise. */
const openAt = ({ open, texts }: Shown, text: string): number | undefined =>
  text === "" ? undefined : Array.from(open).find((index) => text.startsWith(texts.get(index) ?? ""))

/** True for an item of the same kind where ids do not tell: some servers list fewer items than they streamed. */
const isLike = (shown: Shown, item: OutputItem): boolean => {
  const { isAnswer, item: other, words } = shown
  const type = other?.type ?? (isAnswer === undefined ? words && "reasoning" : "message")
  return type === item.type && (idOf(other) === undefined || idOf(item) === undefined)
}

/** What is left of a text of which something was shown; nothing if that was another text. */
const restOf = (text: string, shown: string): string => text.startsWith(shown) ? text.slice(shown.length) : ""

const restOfThoughts = ({ texts, words }: Shown, item: Reasoning): string => {
  const whole = words === "summary"
    ? ResponseParts.reasoningText({ ...item, content: [] })
    : ResponseParts.reasoningText(item)
  return restOf(whole, texts.get(0) ?? "")
}
