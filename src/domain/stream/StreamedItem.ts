/**
 * One output item while it arrives in pieces.
 *
 * The pieces are kept as they come and joined when somebody asks, so that n deltas cost as much as their text. What is
 * built is wire JSON: an item that never finished can be sent back as history like any other.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import { OutputItem } from "../response/OutputItem.ts"
import { lazy } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"

const decodeItem = lazy(() => SchemaParser.decodeUnknownSync(OutputItem))

/**
 * The JSON of a decoded value: what it came from, or its encoded form if it was made by hand.
 *
 * @since 0.1.0
 */
export const jsonOf = <S extends Schema.ConstraintEncoder<unknown>>(
  schema: S
): (value: S["Type"]) => Wire.JsonObject => {
  const encode = lazy(() => SchemaParser.encodeUnknownExit(schema))
  return (value) => {
    const raw = Wire.raw(value)
    if (Wire.isJsonObject(raw)) return raw
    const exit = encode()(value)
    const json = Exit.isSuccess(exit) ? exit.value : spelled(value)
    return Wire.isJsonObject(json) ? json : {}
  }
}

/** A value in the wire's spelling. Unlike encoding it demands nothing: an answer may have less than a request must. */
const spelled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(spelled)
  if (!Wire.isJsonObject(value)) return value
  return Wire.raw(value) ??
    Object.fromEntries(Object.entries(value).map(([key, member]) => [Wire.snakeCase(key), spelled(member)]))
}

/**
 * The JSON of an output item.
 *
 * @since 0.1.0
 */
export const itemJson = jsonOf(OutputItem)

/**
 * Text in pieces. The whole text, once told, replaces them, and pieces that come later are repetitions.
 *
 * @since 0.1.0
 */
export class StreamedText {
  #blocks: Array<string> = []
  #pieces: Array<string> = []
  #whole: string | undefined

  /** The next piece. */
  add(piece: string): void {
    if (this.#whole === undefined && this.#pieces.push(piece) === blockSize) {
      this.#blocks.push(this.#pieces.join(""))
      this.#pieces = []
    }
  }

  /** The whole text. */
  finish(whole: string): void {
    this.#whole = whole
    this.#blocks = []
    this.#pieces = []
  }

  /** True if there was neither a piece nor the whole. */
  get isEmpty(): boolean {
    return this.#whole === undefined && this.#blocks.length === 0 && this.#pieces.length === 0
  }

  /** The whole text, or what there is of it. */
  toString(): string {
    if (this.#whole !== undefined) return this.#whole
    const text = this.#blocks.join("") + this.#pieces.join("")
    this.#blocks = text === "" ? this.#blocks : [text]
    this.#pieces = []
    return text
  }
}

/** A piece takes several times the memory of its few letters, so they are joined now and then. */
const blockSize = 256

/**
 * The types of parts that hold text.
 *
 * @since 0.1.0
 */
export type PartType = "output_text" | "refusal" | "reasoning_text" | "summary_text"

/**
 * A part of an item in pieces: its text, and what the text refers to.
 *
 * @since 0.1.0
 */
export class StreamedPart {
  readonly type: PartType
  readonly text = new StreamedText()
  readonly annotations = new Map<number, Wire.JsonObject>()
  added: Wire.JsonObject | undefined
  done: Wire.JsonObject | undefined

  constructor(type: PartType) {
    this.type = type
  }

  toJson(): Wire.JsonObject {
    if (this.done !== undefined) return this.done
    const key = this.type === "refusal" ? "refusal" : "text"
    return {
      ...(this.added ?? { type: this.type, [key]: "", ...(this.type === "output_text" ? { annotations: [] } : {}) }),
      ...(this.text.isEmpty ? {} : { [key]: this.text.toString() }),
      ...(this.annotations.size === 0 ? {} : { annotations: inOrder(this.annotations) })
    }
  }
}

const inOrder = <A>(values: ReadonlyMap<number, A>): ReadonlyArray<A> =>
  Array.from(values).sort(([a], [b]) => a - b).map(([, value]) => value)

/**
 * The texts of calls, by the place where the item keeps them.
 *
 * @since 0.1.0
 */
export type CallText = "arguments" | "input" | "code" | "diff"

const typeOfCall = {
  arguments: "function_call",
  input: "custom_tool_call",
  code: "code_interpreter_call",
  diff: "apply_patch_call"
}

/**
 * Collects the pieces of one item. Mutable, and owned by the accumulator of one stream.
 *
 * @since 0.1.0
 */
export class StreamedItem {
  #added: Wire.JsonObject | undefined
  #done: OutputItem | undefined
  #hint: Wire.JsonObject | undefined
  readonly #content = new Map<number, StreamedPart>()
  readonly #summary = new Map<number, StreamedPart>()
  readonly #calls = new Map<CallText, StreamedText>()

  /** The item as it began. Its pieces may have come before. */
  begin(item: OutputItem): void {
    this.#added = itemJson(item)
  }

  /** The item as it ended; it replaces all pieces. */
  end(item: OutputItem): void {
    this.#done = item
    this.#content.clear()
    this.#summary.clear()
    this.#calls.clear()
  }

  /** The part of a message or of reasoning at `index`, made if there is none. */
  part(type: PartType, index: number | undefined, itemId: string | undefined): StreamedPart {
    const isReasoning = type === "reasoning_text" || type === "summary_text"
    this.#hint ??= isReasoning
      ? { type: "reasoning", ...Wire.compact({ id: itemId }), summary: [] }
      : { type: "message", ...Wire.compact({ id: itemId }), role: "assistant", status: "in_progress", content: [] }
    const parts = type === "summary_text" ? this.#summary : this.#content
    let part = parts.get(index ?? 0)
    if (part === undefined) {
      part = new StreamedPart(type)
      if (this.#done === undefined) parts.set(index ?? 0, part)
    }
    return part
  }

  /** The text of a call, made if there is none. */
  call(text: CallText, itemId: string | undefined, name?: string): StreamedText {
    this.#hint ??= { type: typeOfCall[text], ...Wire.compact({ id: itemId, name }), status: "in_progress" }
    let call = this.#calls.get(text)
    if (call === undefined) {
      call = new StreamedText()
      if (this.#done === undefined) this.#calls.set(text, call)
    }
    return call
  }

  /** The item, finished or as far as it came; `undefined` if nothing of it is known. */
  toItem(): OutputItem | undefined {
    if (this.#done !== undefined) return this.#done
    const start = this.#added ?? this.#hint
    if (start === undefined) return undefined
    const json: Record<string, unknown> = { ...start }
    if (this.#content.size > 0) json["content"] = merge(start["content"], this.#content)
    if (this.#summary.size > 0) json["summary"] = merge(start["summary"], this.#summary)
    for (const [key, text] of this.#calls) {
      if (text.isEmpty) continue
      if (key !== "diff") json[key] = text.toString()
      else {
        const operation = Wire.isJsonObject(json["operation"]) ? json["operation"] : {}
        json["operation"] = { ...operation, diff: text.toString() }
      }
    }
    return decodeItem()(json)
  }
}

/** The parts that the item began with, replaced by those that were streamed, in order. */
const merge = (initial: unknown, streamed: ReadonlyMap<number, StreamedPart>): ReadonlyArray<unknown> => {
  const parts = new Map<number, unknown>(Array.isArray(initial) ? initial.entries() : [])
  for (const [index, part] of streamed) parts.set(index, part.toJson())
  return inOrder(parts)
}
