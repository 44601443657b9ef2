/**
 * Every way a call can go wrong, as flat tagged errors: `Effect.catchTag("RateLimited", …)` works at every place.
 *
 * An error says what happened to the call in OpenRouter's terms. It carries what is known of the answer that was not an
 * answer (response, text, usage, cost, generation id), so that nothing paid is lost. All are `Schema` classes: they can be
 * stored and sent between processes. What may repeat the prompt is in none of their messages, and not in their encoded
 * form unless {@link Complete} is asked for it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { lazy } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"
import {
  EmptyCompletion,
  GenerationFailed,
  Incomplete,
  InvalidOutput,
  Refused,
  StreamInterrupted
} from "./AnswerError.ts"
import { ProviderDetails } from "./ErrorContext.ts"
import * as Hidden from "./Hidden.ts"
import {
  AccessDenied,
  BudgetExceeded,
  ConnectionFailed,
  ContextLengthExceeded,
  InvalidApiKey,
  InvalidRequest,
  MalformedResponse,
  ModelUnavailable,
  PayloadTooLarge,
  PaymentRequired,
  ProviderOverloaded,
  ProviderTimeout,
  ProviderUnavailable,
  RateLimited,
  ServerError,
  TimedOut,
  UnexpectedStatus
} from "./RequestError.ts"

export * from "./AnswerError.ts"
export { PreviousError, ProviderDetails } from "./ErrorContext.ts"
export * from "./RequestError.ts"

/**
 * What can keep a request from being answered at all.
 *
 * @since 0.1.0
 */
export const RequestError = Schema.Union([
  InvalidRequest,
  ContextLengthExceeded,
  PayloadTooLarge,
  InvalidApiKey,
  PaymentRequired,
  AccessDenied,
  ModelUnavailable,
  RateLimited,
  ProviderTimeout,
  ProviderUnavailable,
  ProviderOverloaded,
  ServerError,
  UnexpectedStatus,
  Refused,
  ConnectionFailed,
  TimedOut,
  MalformedResponse,
  BudgetExceeded
])

/**
 * @since 0.1.0
 */
export type RequestError = typeof RequestError.Type

/**
 * A paid answer that is not an answer.
 *
 * @since 0.1.0
 */
export const AnswerError = Schema.Union([Incomplete, Refused, GenerationFailed, EmptyCompletion])

/**
 * @since 0.1.0
 */
export type AnswerError = typeof AnswerError.Type

/**
 * Every error of this library.
 *
 * Encoding leaves out what may repeat the prompt: `response`, and the parts that are `Redacted`. {@link Complete} has them.
 *
 * @since 0.1.0
 */
export const OpenRouterError = Schema.Union([
  ...RequestError.members,
  Incomplete,
  GenerationFailed,
  EmptyCompletion,
  InvalidOutput,
  StreamInterrupted
])

/**
 * @since 0.1.0
 */
export type OpenRouterError = typeof OpenRouterError.Type

/**
 * True if every further call of the same key would fail as well: the key is wrong, or its credits, its limit or its rights are
 * used up. Waiting does not help, and neither does another model. What a provider says of its own account is not meant.
 *
 * @since 0.1.0
 */
export const isAccountWide = (error: OpenRouterError): boolean => {
  if (error.provider?.name !== undefined) return false
  return error._tag === "InvalidApiKey" || error._tag === "PaymentRequired" && !error.isTransient
}

/** What encoding leaves out, as JSON. */
const HiddenParts = Schema.Struct({
  response: Schema.optionalKey(Hidden.ResponseJson),
  flaggedInput: Schema.optionalKey(Hidden.Text),
  body: Schema.optionalKey(Hidden.Text),
  provider: Schema.optionalKey(ProviderDetails.mapFields(({ code, name }) => ({
    name,
    code,
    raw: Schema.optionalKey(Hidden.Text)
  })))
})

const hiddenParts = (error: OpenRouterError): typeof HiddenParts.Type => ({
  ...Wire.compact({
    response: error.response,
    flaggedInput: "flaggedInput" in error ? error.flaggedInput : undefined,
    body: error.body
  }),
  ...(error.provider?.raw === undefined ? {} : { provider: { ...error.provider, raw: error.provider.raw } })
})

const isObject = (json: Schema.Json): json is Schema.JsonObject => Wire.isJsonObject(json)

/**
 * Every error of this library as plain JSON from which nothing is left out, for programs that go on with it later.
 *
 * `response` is written as the JSON that it came from, with fields that this version does not know; `flaggedInput`, `body`
 * and `provider.raw` are written in plain text. All these may repeat the prompt, so store the JSON where the prompt may be
 * stored. What {@link OpenRouterError} encoded is decoded as well, without them.
 *
 * **Example** (An error that survives the process)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { OpenRouterError } from "effect-openrouter"
 *
 * const json = Schema.fromJsonString(OpenRouterError.Complete)
 *
 * const stored = (error: OpenRouterError.OpenRouterError) => Schema.encodeEffect(json)(error)
 *
 * const restored = (text: string) => Effect.map(Schema.decodeEffect(json)(text), (error) => error.response?.output)
 * ```
 *
 * @since 0.1.0
 */
export const Complete: Schema.Codec<OpenRouterError, Schema.Json> = Schema.suspend(() => complete())

const complete = lazy((): Schema.Codec<OpenRouterError, Schema.Json> => {
  const json = Schema.toCodecJson(OpenRouterError)
  const encode = SchemaParser.encodeEffect(json)
  const encodeHidden = SchemaParser.encodeEffect(Schema.toCodecJson(HiddenParts))
  return Schema.Json.pipe(
    Schema.decodeTo(
      Schema.toType(OpenRouterError),
      SchemaTransformation.transformEffect({
        decode: SchemaParser.decodeEffect(json),
        encode: (error: OpenRouterError, options) =>
          Effect.zipWith(
            encode(error, options),
            encodeHidden(hiddenParts(error), options),
            (shown, hidden) => isObject(shown) && isObject(hidden) ? { ...shown, ...hidden } : shown
          )
      })
    )
  )
})
