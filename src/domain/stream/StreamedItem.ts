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
import * as Surrogates from "../wire/Surrogates.ts"
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
 * Text in pieces. The whole text, once told, replaces them, and pieces that come later are repetitions. An empty whole is
 * none: some gateways leave the text out there.
 *
 * What changes it gives back how many characters more are held.
 *
 * @since 0.1.0
 */
export class StreamedText {
  #blocks: Array<string> = []
  #pieces: Array<string> = []
  #whole: string | undefined
  #length = 0
  #isFinished = false

  /** The next piece. */
  add(piece: string): number {
    if (this.#whole !== undefined) return 0
    this.#length += piece.length
    if (this.#pieces.push(piece) === blockSize) {
      this.#blocks.push(this.#pieces.join(""))
      this.#pieces = []
    }
    return piece.length
  }

  /** The whole text. */
  finish(whole: string): number {
    this.#isFinished = true
    if (whole === "") return 0
    const grown = whole.length - this.#length
    this.#whole = whole
    this.#length = whole.length
    this.#blocks = []
    this.#pieces = []
    return grown
  }

  /** True if its end was told, with its text or without. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** True if there was neither a piece nor the whole. */
  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** The whole text, or what there is of it; not half of a surrogate pair. */
  toString(): string {
    if (this.#whole !== undefined) return this.#whole
    const text = this.#blocks.join("") + this.#pieces.join("")
    this.#blocks = text === "" ? this.#blocks : [text]
    this.#pieces = []
    return Surrogates.trimmed(text)
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
  readonly #annotations = new Map<number, Wire.JsonObject>()
  #added: Wire.JsonObject | undefined
  #done: Wire.JsonObject | undefined

  constructor(type: PartType) {
    this.type = type
  }

  /** The part as it began. */
  begin(part: Wire.JsonObject): number {
    const isFirst = this.#added === undefined
    this.#added = part
    return isFirst ? sizeOf(part) : 0
  }

  /** The part as it ended. */
  end(part: Wire.JsonObject): number {
    this.#done = part
    return this.text.finish(textIn(part))
  }

  /** What the text refers to; without an index it is the next one. */
  annotate(index: number | undefined, annotation: Wire.JsonObject): number {
    const at = index ?? this.#annotations.size
    const isNew = !this.#annotations.has(at)
    this.#annotations.set(at, annotation)
    return isNew ? sizeOf(annotation) : 0
  }

  toJson(): Wire.JsonObject {
    if (this.#done !== undefined && (textIn(this.#done) !== "" || this.text.isEmpty)) return this.#done
    const key = this.type === "refusal" ? "refusal" : "text"
    const start = this.#done ?? this.#added ??
      { type: this.type, [key]: "", ...(this.type === "output_text" ? { annotations: [] } : {}) }
    return {
      ...start,
      ...(this.text.isEmpty ? {} : { [key]: this.text.toString() }),
      ...(this.#annotations.size === 0 ? {} : { annotations: inOrder(this.#annotations) })
    }
  }
}

/** About how many characters a JSON value holds. It may be nested deeper than a function may call itself. */
const sizeOf = (json: unknown): number => {
  let size = 0
  const rest = [json]
  while (rest.length > 0) {
    const value = rest.pop()
    if (typeof value === "string") size += value.length
    else {
      size += 8
      if (typeof value === "object" && value !== null) { for (const inner of Object.values(value)) rest.push(inner) }
    }
  }
  return size
}

/** The text of a part, or what a refusal says. */
const textIn = (part: unknown): string => {
  if (!Wire.isJsonObject(part)) return typeof part === "string" ? part : ""
  const text = part[part["type"] === "refusal" ? "refusal" : "text"]
  return typeof text === "string" ? text : ""
}

const inOrder = <A>(values: ReadonlyMap<number, A>): ReadonlyArray<A> =>
  Array.from(values).sort(([a], [b]) => a - b).map(([, value]) => value)

/**
 * The texts of calls, by the place where the item keeps them.
 *
 * @since 0.1.0
 */
export type CallText = "arguments" | "input" | "code" | "diff"

/**
 * The type of the call that keeps such a text.
 *
 * @since 0.1.0
 */
export const typeOfCall = {
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
  /** How many characters are held of it. */
  size = 0

  /** The item as it began. Its pieces may have come before. What changes it gives back by how much it has grown. */
  begin(item: OutputItem): number {
    const isFirst = this.#added === undefined
    this.#added = itemJson(item)
    return isFirst ? sizeOf(this.#added) : 0
  }

  /** The item as it ended; it replaces all pieces, unless it lacks their text. */
  end(item: OutputItem): number {
    const pieces = lacksText(item) ? this.toItem() : undefined
    this.#done = pieces === undefined ? item : withTexts(item, pieces)
    this.#content.clear()
    this.#summary.clear()
    this.#calls.clear()
    return sizeOf(itemJson(this.#done)) - this.size
  }

  /** True if it was told as a whole. */
  get isDone(): boolean {
    return this.#done !== undefined
  }

  /** True if it was told as a whole, itself or its texts. */
  get isWhole(): boolean {
    return this.#done !== undefined ||
      this.#calls.size > 0 && Array.from(this.#calls.values()).every((text) => text.isFinished)
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

/**
 * True if an item, or a part of it, has no text where it should have one.
 *
 * @since 0.1.0
 */
export const lacksText = (item: OutputItem): boolean => {
  switch (item.type) {
    case "message":
      return item.content.length === 0 || item.content.some((part) => part.type === "output_text" && part.text === "")
    case "reasoning":
      return item.encryptedContent === undefined && item.signature === undefined &&
        [...item.summary ?? [], ...item.content ?? []].every((part) => part.type !== "unknown" && part.text === "")
    case "function_call":
      return item.arguments === ""
    case "custom_tool_call":
      return item.input === ""
    case "code_interpreter_call":
      return (item.code ?? "") === ""
    case "apply_patch_call":
      return item.operation.type !== "unknown" && "diff" in item.operation && item.operation.diff === ""
    default:
      return false
  }
}

/**
 * An item with the texts that it lacks, from what was known of it before.
 *
 * @since 0.1.0
 */
export const withTexts = (item: OutputItem, before: OutputItem): OutputItem => {
  const json = itemJson(item)
  const known = itemJson(before)
  const added: Record<string, unknown> = {}
  for (const key of ["arguments", "input", "code"]) {
    if ((json[key] ?? "") === "" && (known[key] ?? "") !== "") added[key] = known[key]
  }
  for (const key of ["content", "summary"]) {
    const parts = withPartTexts(json[key], known[key])
    if (parts !== undefined) added[key] = parts
  }
  const { operation } = json
  const change = known["operation"]
  if (Wire.isJsonObject(operation) && operation["diff"] === "" && Wire.isJsonObject(change)) {
    if ((change["diff"] ?? "") !== "") added["operation"] = { ...operation, diff: change["diff"] }
  }
  return Object.keys(added).length === 0 ? item : decodeItem()({ ...json, ...added })
}

/** The parts with the texts that they lack; `undefined` if there is nothing to add. */
const withPartTexts = (parts: unknown, known: unknown): ReadonlyArray<unknown> | undefined => {
  if (!Array.isArray(known) || known.every((part) => textIn(part) === "")) return undefined
  if (!Array.isArray(parts) || parts.length === 0) return typeof parts === "string" && parts !== "" ? undefined : known
  const filled = parts.map((part: unknown, index) => {
    const before: unknown = known[index]
    const isSame = Wire.isJsonObject(part) && Wire.isJsonObject(before) && part["type"] === before["type"]
    return isSame && textIn(part) === "" && textIn(before) !== "" ? before : part
  })
  return filled.some((part, index) => part !== parts[index]) ? filled : undefined
}

/** The parts that the item began with, replaced by those that were streamed, in order. */
const merge = (initial: unknown, streamed: ReadonlyMap<number, StreamedPart>): ReadonlyArray<unknown> => {
  const parts = new Map<number, unknown>(Array.isArray(initial) ? initial.entries() : [])
  for (const [index, part] of streamed) parts.set(index, part.toJson())
  return inOrder(parts)
}
