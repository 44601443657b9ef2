/**
 * The events that tell an answer, in the order of the real server.
 *
 * `response.created` and `response.in_progress`; for each item its beginning, its parts piece by piece, and its end; and
 * at last the whole response. Sequence numbers are not given here: faults may still add and remove events.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type { JsonObject } from "./Prompt.ts"
import * as Response from "./ResponseDocument.ts"
import type { Form } from "./Streaming.ts"

/**
 * One event of a stream.
 *
 * @since 0.1.0
 */
export interface Event extends JsonObject {
  readonly type: string
}

/**
 * An iterable that starts anew whenever it is asked.
 *
 * @since 0.1.0
 */
export const lazily = <A>(start: () => Iterator<A>): Iterable<A> => ({ [Symbol.iterator]: start })

/**
 * The events of a response object whose output is `items`. They are made one by one, as they are asked for.
 *
 * @since 0.1.0
 */
export const make = (body: JsonObject, items: ReadonlyArray<JsonObject>, form: Form): Iterable<Event> =>
  lazily(function*() {
    const response = Response.snapshot(body)
    yield { type: "response.created", response }
    yield { type: "response.in_progress", response }
    yield* ordered(items.map((item, index) => lazily(() => ofItem(item, index, form.tokensPerDelta))), form.order)
    yield { type: `response.${String(body["status"])}`, response: body }
  })

/**
 * True for an event that carries a piece of what is said.
 *
 * @since 0.1.0
 */
export const isDelta = ({ type }: Event): boolean => type.endsWith(".delta")

/**
 * True for the event that tells how the response ended.
 *
 * @since 0.1.0
 */
export const isTerminal = ({ type }: Event): boolean =>
  type === "response.completed" || type === "response.incomplete" || type === "response.failed" ||
  type === "response.error" || type === "error"

function* ordered(items: ReadonlyArray<Iterable<Event>>, order: Form["order"]): Generator<Event> {
  if (order !== "interleaved") {
    for (const item of order === "natural" ? items : items.toReversed()) yield* item
    return
  }
  let open = items.toReversed().map((item) => item[Symbol.iterator]())
  while (open.length > 0) {
    const still: typeof open = []
    for (const item of open) {
      const next = item.next()
      if (next.done === true) continue
      yield next.value
      still.push(item)
    }
    open = still
  }
}

/** What every event about an item has in common. */
interface Place {
  readonly output_index: number
  readonly item_id: string
}

function* ofItem(item: JsonObject, index: number, tokens: number): Generator<Event> {
  const place: Place = { output_index: index, item_id: textOf(item["id"]) }
  yield { type: "response.output_item.added", output_index: index, item: begun(item) }
  switch (item["type"]) {
    case "message":
      yield* ofContent(item["content"], place, tokens)
      break
    case "reasoning":
      yield* ofSummary(item["summary"], place, tokens)
      yield* ofContent(item["content"], place, tokens)
      break
    case "function_call":
      yield* ofInput("response.function_call_arguments", "arguments", item, place, tokens)
      break
    case "custom_tool_call":
      yield* ofInput("response.custom_tool_call_input", "input", item, place, tokens)
      break
    case "image_generation_call":
      for (const stage of ["in_progress", "generating", "completed"]) {
        yield { type: `response.image_generation_call.${stage}`, ...place }
      }
      break
    default:
  }
  yield { type: "response.output_item.done", output_index: index, item }
}

/** An item before anything of it was said. */
const begun = (item: JsonObject): JsonObject => {
  switch (item["type"]) {
    case "message":
      return { ...item, status: "in_progress", content: [] }
    case "function_call":
      return { ...item, status: "in_progress", arguments: "" }
    case "custom_tool_call":
      return { ...item, status: "in_progress", input: "" }
    case "image_generation_call":
      return { ...item, status: "in_progress", result: null }
    case "reasoning":
      return { id: item["id"], type: "reasoning", status: "in_progress", summary: [] }
    default:
      return { id: item["id"], type: item["type"], status: "in_progress" }
  }
}

function* ofContent(content: unknown, place: Place, tokens: number): Generator<Event> {
  for (const [index, part] of objects(content).entries()) {
    const there = { ...place, content_index: index }
    const [name, field] = contents.get(part["type"]) ?? []
    const annotations = Array.isArray(part["annotations"]) ? { annotations: [] } : {}
    const empty = field === undefined ? part : { ...part, [field]: "", ...annotations }
    yield { type: "response.content_part.added", ...there, part: empty }
    if (name !== undefined && field !== undefined) {
      const text = textOf(part[field])
      const extra = name === "output_text" ? { logprobs: [] } : {}
      for (const delta of pieces(text, tokens)) yield { type: `response.${name}.delta`, ...there, delta, ...extra }
      for (const [annotation_index, annotation] of objects(part["annotations"]).entries()) {
        yield { type: "response.output_text.annotation.added", ...there, annotation_index, annotation }
      }
      yield { type: `response.${name}.done`, ...there, [field]: text, ...extra }
    }
    yield { type: "response.content_part.done", ...there, part }
  }
}

/** The name of a part's events and the field with its text, by the part's type. */
const contents: ReadonlyMap<unknown, readonly [name: string, field: string]> = new Map([
  ["output_text", ["output_text", "text"]],
  ["refusal", ["refusal", "refusal"]],
  ["reasoning_text", ["reasoning_text", "text"]]
])

function* ofSummary(summary: unknown, place: Place, tokens: number): Generator<Event> {
  for (const [index, part] of objects(summary).entries()) {
    const there = { ...place, summary_index: index }
    const text = textOf(part["text"])
    yield { type: "response.reasoning_summary_part.added", ...there, part: { ...part, text: "" } }
    for (const delta of pieces(text, tokens)) yield { type: "response.reasoning_summary_text.delta", ...there, delta }
    yield { type: "response.reasoning_summary_text.done", ...there, text }
    yield { type: "response.reasoning_summary_part.done", ...there, part }
  }
}

function* ofInput(type: string, field: string, item: JsonObject, place: Place, tokens: number): Generator<Event> {
  const text = textOf(item[field])
  for (const delta of pieces(text, tokens)) yield { type: `${type}.delta`, ...place, delta }
  yield { type: `${type}.done`, ...place, ...(field === "arguments" && { name: item["name"] }), [field]: text }
}

const charactersPerToken = 4

/** Pieces of so many tokens each, which never divide a pair of surrogates. */
function* pieces(text: string, tokens: number): Generator<string> {
  const length = Math.max(1, Math.floor(tokens * charactersPerToken))
  for (let start = 0; start < text.length;) {
    const end = start + length
    const splitsPair = end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1))
    const next = splitsPair ? end + 1 : end
    yield text.slice(start, next)
    start = next
  }
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

const objects = (value: unknown): ReadonlyArray<JsonObject> =>
  Array.isArray(value) ? value.filter(Predicate.isObject) : []
