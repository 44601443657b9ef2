/**
 * The events of a stream that speak of the response as a whole: its stages, its items, its failure.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as ErrorBody from "../error/ErrorBody.ts"
import { OutputItem } from "../response/OutputItem.ts"
import * as Response from "../response/Response.ts"
import * as Codec from "../wire/Codec.ts"
import * as Described from "../wire/Described.ts"
import { lazy } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"
import { base, outputIndex } from "./EventFields.ts"

const optional = Schema.optionalKey

const encodeResponse = lazy(() => SchemaParser.encodeUnknownEffect(Response.Response))

const writeResponse = Codec.writer(Response.Response)

/**
 * A response inside an event, read as {@link Response.decode} does.
 *
 * The paid answer is in here, so no shape is rejected: what is no response at all becomes an empty one with `status`.
 */
const responseOr = (status: Response.Status) => {
  const read = (json: unknown): Response.Response => {
    const body = Wire.isJsonObject(json) ? json : {}
    const decoded = Response.decode(typeof body["status"] !== "string" ? { ...body, status } : body)
    return Wire.withRaw(Result.getOrElse(decoded, (): Response.Response => ({ status, output: [] })), json)
  }
  const AnyResponse = Schema.declare(
    (_: unknown): _ is unknown => true,
    Described.describedAs<unknown>({
      parts: () => [Response.Response],
      describe: ([response = {}]) => response
    })
  )
  const schema = Schema.optionalKey(AnyResponse).pipe(Schema.decodeTo(Schema.toType(Response.Response), {
    decode: SchemaGetter.transformOptional((json) => Option.some(read(Option.getOrElse(json, () => null)))),
    encode: SchemaGetter.transformEffect((response: Response.Response, options) => {
      const json = Wire.raw(response)
      return json === undefined ? encodeResponse()(response, options) : Effect.succeed(json)
    })
  }))
  return schema.annotate(
    Codec.ofTransformation(schema, { read, write: (value) => Wire.raw(value) ?? writeResponse(value) })
  )
}

/**
 * A stage of the response before its end. `response.output` is still empty.
 *
 * @since 0.1.0
 */
export const ResponseProgress = Wire.LazyStruct(() => ({
  type: Schema.Literals(["response.created", "response.queued", "response.in_progress"]),
  ...base,
  response: responseOr("in_progress")
}))

/**
 * @since 0.1.0
 */
export interface ResponseProgress extends Schema.Schema.Type<typeof ResponseProgress> {}

/**
 * The end of a complete answer; the only event with the usage and the cost.
 *
 * @since 0.1.0
 */
export const ResponseCompleted = Wire.LazyStruct(() => ({
  type: Schema.tag("response.completed"),
  ...base,
  response: responseOr("completed")
}))

/**
 * @since 0.1.0
 */
export interface ResponseCompleted extends Schema.Schema.Type<typeof ResponseCompleted> {}

/**
 * The end of an answer that stopped early.
 *
 * @since 0.1.0
 */
export const ResponseIncomplete = Wire.LazyStruct(() => ({
  type: Schema.tag("response.incomplete"),
  ...base,
  response: responseOr("incomplete")
}))

/**
 * @since 0.1.0
 */
export interface ResponseIncomplete extends Schema.Schema.Type<typeof ResponseIncomplete> {}

/**
 * The end of an answer that failed. Its response may have no more than a status and an error.
 *
 * @since 0.1.0
 */
export const ResponseFailed = Wire.LazyStruct(() => ({
  type: Schema.tag("response.failed"),
  ...base,
  response: responseOr("failed")
}))

/**
 * @since 0.1.0
 */
export interface ResponseFailed extends Schema.Schema.Type<typeof ResponseFailed> {}

/**
 * The end of a stream under another name than its status; `response.status` says which end it is.
 *
 * OpenRouter does not document them; gateways and realtime servers send the first.
 *
 * @since 0.1.0
 */
export const ResponseDone = Wire.LazyStruct(() => ({
  type: Schema.Literals(["response.done", "response.cancelled"]),
  ...base,
  response: responseOr("completed")
}))

/**
 * @since 0.1.0
 */
export interface ResponseDone extends Schema.Schema.Type<typeof ResponseDone> {}

/**
 * A failure in the midst of a stream, its dialects read into one: the facts may stand in the event itself or in an `error`
 * inside it, and an error envelope without a `type` is one too. A `response.failed` may follow and say more.
 *
 * @since 0.1.0
 */
export const ErrorEvent = Schema.suspend(lazy(() => {
  const FlatError = Schema.Struct({
    type: Schema.Literals(["error", "response.error"]),
    ...base,
    /** Text, or an HTTP status. */
    code: optional(Schema.Union([Schema.String, Schema.Finite])),
    message: optional(Schema.String),
    /** The parameter that the server blames. */
    param: optional(Schema.String),
    /** OpenRouter's canonical `error_type`, where given. */
    errorType: optional(Schema.String)
  })
  return Wire.JsonObject.annotate(Described.describedAs<Wire.JsonObject>({
    parts: () => [],
    describe: () => ({
      type: "object",
      anyOf: [
        { properties: { type: { enum: ["error", "response.error"] } }, required: ["type"] },
        { not: { required: ["type"] }, properties: { error: { not: { type: "null" } } }, required: ["error"] }
      ]
    })
  })).pipe(Schema.decodeTo(
    FlatError,
    SchemaTransformation.transformEffect<typeof FlatError.Encoded, Wire.JsonObject>({
      decode: (json, options) => {
        if (json["type"] === undefined && !ErrorBody.isErrorBody(json)) {
          return Effect.fail(new SchemaIssue.InvalidValue({ message: "an event has a type" }, json, options))
        }
        const { code, errorType, message, param, status } = ErrorBody.read(json)
        const sequenceNumber = json["sequence_number"]
        return Effect.succeed({
          type: json["type"] === "response.error" ? "response.error" : "error",
          ...Wire.compact({
            sequenceNumber: typeof sequenceNumber === "number" ? sequenceNumber : undefined,
            code: code ?? status,
            message,
            param,
            errorType
          })
        })
      },
      encode: ({ code, errorType, message, param, sequenceNumber, type }) => {
        const error = Wire.compact({ code, message, param, error_type: errorType })
        const details = type === "error" ? error : { error }
        return Effect.succeed({ type, ...Wire.compact({ sequence_number: sequenceNumber }), ...details })
      }
    })
  ))
}))

/**
 * @since 0.1.0
 */
export interface ErrorEvent extends Schema.Schema.Type<typeof ErrorEvent> {}

/**
 * An item began. Items may begin in any order and interleave.
 *
 * @since 0.1.0
 */
export const OutputItemAdded = Wire.LazyStruct(() => ({
  type: Schema.tag("response.output_item.added"),
  ...base,
  ...outputIndex,
  item: OutputItem
}))

/**
 * @since 0.1.0
 */
export interface OutputItemAdded extends Schema.Schema.Type<typeof OutputItemAdded> {}

/**
 * An item as it will stand in the response.
 *
 * @since 0.1.0
 */
export const OutputItemDone = Wire.LazyStruct(() => ({
  type: Schema.tag("response.output_item.done"),
  ...base,
  ...outputIndex,
  item: OutputItem
}))

/**
 * @since 0.1.0
 */
export interface OutputItemDone extends Schema.Schema.Type<typeof OutputItemDone> {}

/**
 * What OpenRouter sent to the provider, or how long it took; only if the request asked for it.
 *
 * @since 0.1.0
 */
export const Debug = Wire.LazyStruct(() => ({
  type: Schema.tag("response.debug"),
  ...base,
  debug: Wire.Struct({
    echoUpstreamBody: optional(Schema.Unknown),
    timings: optional(Wire.Struct({
      event: Wire.OpenLiterals([
        "adapter_request",
        "upstream_headers_received",
        "first_token_received",
        "upstream_body_ended"
      ]),
      /** Milliseconds since 1970. */
      epochMs: optional(Schema.Finite),
      /** Milliseconds since the request began. */
      startMs: optional(Schema.Finite)
    }))
  })
}))

/**
 * @since 0.1.0
 */
export interface Debug extends Schema.Schema.Type<typeof Debug> {}
