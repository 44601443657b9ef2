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
import * as Wire from "../wire/Wire.ts"
import { OutputItem } from "./OutputItem.ts"
import type { FunctionCall } from "./OutputItem.ts"
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
 * The text of all messages, in order of output.
 *
 * @since 0.1.0
 */
export const text = (response: Response): string => textOf(response.output)

/**
 * The text of the messages among some output items.
 *
 * @since 0.1.0
 */
export const textOf = (output: ReadonlyArray<OutputItem>): string => {
  let text = ""
  for (const item of output) {
    if (item.type !== "message") continue
    for (const part of item.content) if (part.type === "output_text") text += part.text
  }
  return text
}

/**
 * The model's words why it does not answer, or `undefined` if it did not refuse.
 *
 * @since 0.1.0
 */
export const refusal = (response: Response): string | undefined => {
  let refusal: string | undefined
  for (const item of response.output) {
    if (item.type !== "message") continue
    for (const part of item.content) if (part.type === "refusal") refusal = (refusal ?? "") + part.refusal
  }
  return refusal
}

/**
 * The function calls that the model asks for, in order of output.
 *
 * @since 0.1.0
 */
export const functionCalls = (response: Response): ReadonlyArray<FunctionCall> =>
  response.output.filter((item) => item.type === "function_call")
