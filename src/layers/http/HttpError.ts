/**
 * What a backend says to its own callers when OpenRouter did not answer it.
 *
 * Each class has its HTTP status, as the errors of `effect/http-api` have, so it can be named in the `error` of an endpoint of an
 * `HttpApi`, and it turns itself into a response in any other Effect server. The bodies have a sentence for people and nothing of
 * the prompt, of the account, of the provider or of the server's words.
 *
 * | class | status | when |
 * |---|---|---|
 * | {@link UpstreamUnavailable} | 503 | the service or its money is not there: `RateLimited`, `ProviderUnavailable`, `ProviderOverloaded`, `ConnectionFailed`, `PaymentRequired` |
 * | {@link UpstreamTimeout} | 504 | `ProviderTimeout`, `TimedOut` |
 * | {@link UpstreamFailed} | 502 | it answered, but not with an answer: `ServerError`, `UnexpectedStatus`, `MalformedResponse`, `StreamInterrupted`, `Incomplete`, `GenerationFailed`, `EmptyCompletion`, `InvalidOutput` |
 * | {@link RequestRefused} | 422 | `Refused`, and an `AccessDenied` by a guardrail |
 * | {@link InputTooLarge} | 413 | `ContextLengthExceeded`, `PayloadTooLarge` |
 * | {@link BudgetSpent} | 429 | `BudgetExceeded` |
 * | {@link UpstreamMisconfigured} | 500 | the backend asks wrongly: `InvalidRequest`, `InvalidApiKey`, `AccessDenied`, `ModelUnavailable` |
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { isOpenRouterError } from "../../domain/error/ErrorGroup.ts"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import type { Program } from "../../services/Program.ts"

const fields = {
  /** A sentence for people, always the same. */
  message: Schema.String
}

const waiting = {
  ...fields,
  /** Seconds after which trying again may help, where that is known. */
  retryAfter: Schema.optionalKey(Schema.Finite)
}

/** The body of an error as an answer; what to wait is in a header as well. */
const response = (
  body: { readonly _tag: string; readonly message: string; readonly retryAfter?: number },
  status: number
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const { _tag, message, retryAfter } = body
  return Effect.succeed(HttpServerResponse.jsonUnsafe(
    retryAfter === undefined ? { _tag, message } : { _tag, message, retryAfter },
    { status, headers: retryAfter === undefined ? {} : { "retry-after": String(retryAfter) } }
  ))
}

/**
 * The language model cannot be asked at the moment (503).
 *
 * @since 0.1.0
 */
export class UpstreamUnavailable
  extends Schema.TaggedError<UpstreamUnavailable>("effect-openrouter/UpstreamUnavailable")(
    "UpstreamUnavailable",
    waiting,
    { httpApiStatus: 503 }
  )
{
  [HttpServerRespondable.symbol]() {
    return response(this, 503)
  }
}

/**
 * The language model did not answer in time (504).
 *
 * @since 0.1.0
 */
export class UpstreamTimeout extends Schema.TaggedError<UpstreamTimeout>("effect-openrouter/UpstreamTimeout")(
  "UpstreamTimeout",
  fields,
  { httpApiStatus: 504 }
) {
  [HttpServerRespondable.symbol]() {
    return response(this, 504)
  }
}

/**
 * The language model gave no usable answer (502).
 *
 * @since 0.1.0
 */
export class UpstreamFailed extends Schema.TaggedError<UpstreamFailed>("effect-openrouter/UpstreamFailed")(
  "UpstreamFailed",
  fields,
  { httpApiStatus: 502 }
) {
  [HttpServerRespondable.symbol]() {
    return response(this, 502)
  }
}

/**
 * The model, or who watches over it, does not answer this (422).
 *
 * @since 0.1.0
 */
export class RequestRefused extends Schema.TaggedError<RequestRefused>("effect-openrouter/RequestRefused")(
  "RequestRefused",
  fields,
  { httpApiStatus: 422 }
) {
  [HttpServerRespondable.symbol]() {
    return response(this, 422)
  }
}

/**
 * What was sent is more than the model can read (413).
 *
 * @since 0.1.0
 */
export class InputTooLarge extends Schema.TaggedError<InputTooLarge>("effect-openrouter/InputTooLarge")(
  "InputTooLarge",
  fields,
  { httpApiStatus: 413 }
) {
  [HttpServerRespondable.symbol]() {
    return response(this, 413)
  }
}

/**
 * A budget of the backend is spent, such as that of a user for a day (429).
 *
 * @since 0.1.0
 */
export class BudgetSpent extends Schema.TaggedError<BudgetSpent>("effect-openrouter/BudgetSpent")(
  "BudgetSpent",
  waiting,
  { httpApiStatus: 429 }
) {
  [HttpServerRespondable.symbol]() {
    return response(this, 429)
  }
}

/**
 * The backend asks in a way that will not work for anybody: its key, its rights, its model or its request (500).
 *
 * @since 0.1.0
 */
export class UpstreamMisconfigured
  extends Schema.TaggedError<UpstreamMisconfigured>("effect-openrouter/UpstreamMisconfigured")(
    "UpstreamMisconfigured",
    fields,
    { httpApiStatus: 500 }
  )
{
  [HttpServerRespondable.symbol]() {
    return response(this, 500)
  }
}

/**
 * All of them, for the `error` of an endpoint.
 *
 * @since 0.1.0
 */
export const all = [
  UpstreamUnavailable,
  UpstreamTimeout,
  UpstreamFailed,
  RequestRefused,
  InputTooLarge,
  BudgetSpent,
  UpstreamMisconfigured
] as const

/**
 * What a backend says to its callers.
 *
 * @since 0.1.0
 */
export const HttpError = Schema.Union(all)

/**
 * @since 0.1.0
 */
export type HttpError = typeof HttpError.Type

/**
 * What an error of OpenRouter is for the callers of a backend, at an instant in epoch milliseconds.
 *
 * @since 0.1.0
 */
export const fromError = (error: OpenRouterError, now: number): HttpError => {
  switch (error._tag) {
    case "RateLimited":
    case "ProviderUnavailable":
    case "ProviderOverloaded":
    case "PaymentRequired":
      return unavailable(error.retryAfter === undefined ? undefined : Duration.toSeconds(error.retryAfter))
    case "ConnectionFailed":
      return unavailable(undefined)
    case "ProviderTimeout":
    case "TimedOut":
      return new UpstreamTimeout({ message: "The language model did not answer in time." })
    case "Refused":
      return refused()
    case "AccessDenied":
      return error.patterns === undefined ? misconfigured() : refused()
    case "ContextLengthExceeded":
    case "PayloadTooLarge":
      return new InputTooLarge({ message: "The input is too large for the language model." })
    case "BudgetExceeded": {
      const seconds = error.resetsAt === undefined ? undefined : (DateTime.toEpochMillis(error.resetsAt) - now) / 1000
      return new BudgetSpent({ message: "The budget for this is spent.", ...after(seconds) })
    }
    case "InvalidRequest":
    case "InvalidApiKey":
    case "ModelUnavailable":
      return misconfigured()
    case "ServerError":
    case "UnexpectedStatus":
    case "MalformedResponse":
    case "StreamInterrupted":
    case "Incomplete":
    case "GenerationFailed":
    case "EmptyCompletion":
    case "InvalidOutput":
      return new UpstreamFailed({ message: "The language model gave no usable answer." })
  }
}

const unavailable = (seconds: number | undefined) =>
  new UpstreamUnavailable({ message: "The language model cannot be asked at the moment.", ...after(seconds) })

const refused = () => new RequestRefused({ message: "The language model does not answer this." })

const misconfigured = () => new UpstreamMisconfigured({ message: "The service is not set up correctly." })

/** Whole seconds, not less. */
const after = (seconds: number | undefined) =>
  seconds === undefined || !(seconds > 0) ? {} : { retryAfter: Math.ceil(seconds) }

/**
 * An effect or a stream with what a backend says in the place of the errors of this library.
 *
 * @since 0.1.0
 */
export type Mapped<P> = P extends Stream.Stream<infer A, infer E, infer R>
  ? Stream.Stream<A, Exclude<E, OpenRouterError> | HttpError, R>
  : P extends Effect.Effect<infer A, infer E, infer R> ? Effect.Effect<A, Exclude<E, OpenRouterError> | HttpError, R>
  : never

/** Fails with what a backend says of an error of this library, and with other errors as they are. */
const told = (error: unknown): Effect.Effect<never, unknown> =>
  isOpenRouterError(error)
    ? Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fail(fromError(error, now)))
    : Effect.fail(error)

/**
 * Puts what a backend says in the place of all errors of this library, of an effect or a stream; other errors stay. Log what
 * happened before, because these do not say it.
 *
 * **Example** (An endpoint that asks a model)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 * import { HttpError } from "effect-openrouter/http"
 *
 * const answer = (input: string) =>
 *   OpenRouter.respond({ model: "openai/gpt-5", input }).pipe(
 *     Effect.map(({ text }) => text),
 *     Effect.tapError((error) => Effect.logWarning("no answer", error)),
 *     HttpError.mapErrors
 *   )
 * ```
 *
 * @since 0.1.0
 */
export function mapErrors<P extends Program>(self: P): Mapped<P>
export function mapErrors(self: Program): Program {
  return Stream.isStream(self)
    ? Stream.catch(self, (error) => Stream.fromEffect(told(error)))
    : Effect.catch(self, told)
}
