/**
 * The response object, decoded so that a paid answer survives whatever surrounds it.
 *
 * Only `status` and `output` decide whether a body is a response at all. A field of the wrong type is left out of the
 * typed view instead of failing the call; `Wire.raw(response)` is always the whole JSON.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Usage } from "../money/Usage.ts"
import * as Lenient from "../wire/Lenient.ts"
import * as PlaceMark from "../wire/PlaceMark.ts"
import * as Wire from "../wire/Wire.ts"
import { OutputItem } from "./OutputItem.ts"
import type { FunctionCall, Message } from "./OutputItem.ts"
import { RouterMetadata } from "./RouterMetadata.ts"

const optional = Schema.optionalKey

/**
 * How far the response got.
 *
 * @since 0.1.0
 */
export const Status = Wire.OpenLiterals(["completed", "incomplete", "in_progress", "failed", "cancelled", "queued"])

/**
 * @since 0.1.0
 */
export type Status = typeof Status.Type

/**
 * The error of a failed response. `code` may be text, a number or absent.
 *
 * @since 0.1.0
 */
export const ResponseError = Wire.LazyStruct(() => ({
  code: optional(Schema.Union([Schema.String, Schema.Finite])),
  message: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface ResponseError extends Schema.Schema.Type<typeof ResponseError> {}

const fields = () => ({
  id: optional(Schema.String),
  object: optional(Schema.String),
  /** Unix seconds. */
  createdAt: optional(Schema.Finite),
  /** Unix seconds. */
  completedAt: optional(Schema.Finite),
  /** The model that served the request: a fallback or a dated slug may differ from what was asked. */
  model: optional(Schema.String),
  status: Status,
  output: Schema.Array(OutputItem),
  error: optional(Schema.suspend(() => ResponseError)),
  errorType: optional(Schema.String),
  incompleteDetails: optional(Wire.Struct({
    reason: optional(Wire.OpenLiterals(["max_output_tokens", "content_filter"]))
  })),
  usage: optional(Usage),
  /** The tier that was really used. */
  serviceTier: optional(Schema.String),
  metadata: optional(Schema.Record(Schema.String, Schema.String)),
  instructions: optional(Schema.Unknown),
  tools: optional(Schema.Unknown),
  toolChoice: optional(Schema.Unknown),
  text: optional(Schema.Unknown),
  reasoning: optional(Schema.Unknown),
  prompt: optional(Schema.Unknown),
  openrouterMetadata: optional(Schema.suspend(() => RouterMetadata)),
  parallelToolCalls: optional(Schema.Boolean),
  temperature: optional(Schema.Finite),
  topP: optional(Schema.Finite),
  presencePenalty: optional(Schema.Finite),
  frequencyPenalty: optional(Schema.Finite),
  topLogprobs: optional(Schema.Finite),
  maxOutputTokens: optional(Schema.Finite),
  maxToolCalls: optional(Schema.Finite),
  truncation: optional(Schema.String),
  promptCacheKey: optional(Schema.String),
  safetyIdentifier: optional(Schema.String),
  user: optional(Schema.String)
})

/**
 * The schema of {@link Response}, by name.
 *
 * @since 0.1.0
 */
export interface ResponseSchema extends Wire.LazyStruct<ReturnType<typeof fields>> {}

const Body: ResponseSchema = Wire.LazyStruct(fields, {}, { identifier: "Response" })

const decodeLenient = Lenient.decoder(Body)

/**
 * Decodes a body into a {@link Response}, leaving out fields that do not fit; fails with the reason if it is none.
 *
 * A body that has a `status` but no `output` (failed responses may be that short) has an empty output.
 *
 * @since 0.1.0
 */
export const decode = (json: unknown): Result.Result<Response, string> => {
  if (!Wire.isJsonObject(json)) return Result.fail("the body is not a JSON object")
  return decodeObject(PlaceMark.without(json))
}

const decodeObject = (json: Wire.JsonObject): Result.Result<Response, string> => {
  const { output, status } = json
  if (typeof status === "string" && Array.isArray(output)) return decodeLenient(json)
  if (status === undefined && !Array.isArray(output)) return Result.fail("the body has neither a status nor an output")
  const whole = {
    ...json,
    status: typeof status === "string" ? status : "completed",
    output: Array.isArray(output) ? output : []
  }
  return Result.map(decodeLenient(whole), (response) => Wire.withRaw(response, json))
}

/**
 * A response of `POST /responses`.
 *
 * Fields that echo the request are typed loosely: nothing is computed from them.
 * It is read as {@link decode} does, and remembers its JSON: stored and read again, it still has all of it.
 *
 * @since 0.1.0
 */
export const Response: ResponseSchema = Lenient.remembering(Body, decode)

/**
 * @since 0.1.0
 */
export interface Response extends Schema.Schema.Type<typeof Body> {}

/**
 * The text of the answer: of all messages, in order of output, less those that are commentary. See {@link textOf}.
 *
 * @since 0.1.0
 */
export const text = (response: Response): string => textOf(response.output)

/**
 * The text of the answer among some output items.
 *
 * A message of the phase `commentary` is work in progress and no part of it, and one that came twice under one id counts
 * once.
 *
 * @since 0.1.0
 */
export const textOf = (output: ReadonlyArray<OutputItem>): string => {
  let text = ""
  for (const message of answersOf(output)) text += textOfMessage(message)
  return text
}

const textOfMessage = ({ content }: Message): string => {
  let text = ""
  for (const part of content) if (part.type === "output_text") text += part.text
  return text
}

/**
 * The model's words why it does not answer, or `undefined` if it did not refuse. A refusal without words, beside text, is
 * none.
 *
 * @since 0.1.0
 */
export const refusal = (response: Response): string | undefined => {
  let refusal: string | undefined
  for (const { content } of answersOf(response.output)) {
    for (const part of content) if (part.type === "refusal") refusal = (refusal ?? "") + part.refusal
  }
  return refusal === "" && text(response) !== "" ? undefined : refusal
}

/**
 * The function calls that the model asks for, in order of output. One that came twice counts once.
 *
 * @since 0.1.0
 */
export const functionCalls = (response: Response): ReadonlyArray<FunctionCall> =>
  once(response.output.filter((item) => item.type === "function_call"), keyOfCall, (call) => call.arguments.length)

/** The messages of the answer, each once. */
const answersOf = (output: ReadonlyArray<OutputItem>): ReadonlyArray<Message> => {
  const messages: Array<Message> = []
  for (const item of output) if (item.type === "message" && item.phase !== "commentary") messages.push(item)
  return once(messages, ({ id }) => id, (message) => textOfMessage(message).length)
}

/** Several calls may have one item id by mistake, but what is answered is the call's own id. */
const keyOfCall = ({ callId, id }: FunctionCall): string | undefined => callId === "" ? id : callId

/** Of the items with one key only the longest, the first among equals, at the place of the first. */
const once = <Item>(
  items: ReadonlyArray<Item>,
  keyOf: (item: Item) => string | undefined,
  lengthOf: (item: Item) => number
): ReadonlyArray<Item> => {
  if (items.length < 2) return items
  const places = new Map<string, number>()
  const kept: Array<Item> = []
  for (const item of items) {
    const key = keyOf(item) ?? ""
    const place = key === "" ? undefined : places.get(key)
    const former = place === undefined ? undefined : kept[place]
    if (place === undefined || former === undefined) {
      if (key !== "") places.set(key, kept.length)
      kept.push(item)
    } else if (lengthOf(item) > lengthOf(former)) kept[place] = item
  }
  return kept
}
