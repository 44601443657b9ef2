/**
 * Every way a call can go wrong, as flat tagged errors: `Effect.catchTag("RateLimited", …)` works at every place.
 *
 * An error says what happened to the call in OpenRouter's terms. It carries what is known of the answer that was not an
 * answer (text, usage, cost, generation id), so that nothing paid is lost. All are `Schema` classes: they can be stored
 * and sent between processes. None holds the API key or the prompt.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import {
  EmptyCompletion,
  GenerationFailed,
  Incomplete,
  InvalidOutput,
  Refused,
  StreamInterrupted
} from "./AnswerError.ts"
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
export { ProviderDetails } from "./ErrorContext.ts"
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
