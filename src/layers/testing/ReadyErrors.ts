/**
 * Errors as a test wants them, in one line: what each needs to be, and no more.
 *
 * All are plain errors of the library. Messages say that they come from a test; the fields are those that the real client
 * would have.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as E from "../../domain/error/OpenRouterError.ts"
import type { Usage } from "../../domain/money/Usage.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as Wire from "../../domain/wire/Wire.ts"

/**
 * What may be said of every ready-made error.
 *
 * @since 0.1.0
 */
export interface ErrorDetails {
  /** Default: that the test says so. */
  readonly message?: string | undefined
  /** What it is said to have cost, such as `"0.002"`. Default: nothing for an answer, and unknown for an error. */
  readonly cost?: Usd.Input | undefined
  readonly usage?: Usage | undefined
  readonly model?: string | undefined
  readonly generationId?: string | undefined
}

/**
 * What may be said of an error after which one may come again.
 *
 * @since 0.1.0
 */
export interface HintDetails extends ErrorDetails {
  /** After what time to come again: `retryAfter`, and `resetAt` counted from the instant of the call. */
  readonly resetIn?: Duration.Input | undefined
}

const detailsOf = ({ cost, generationId, message, model, usage }: ErrorDetails, status?: number) => ({
  message: message ?? "the test says so",
  ...Wire.compact({ status, usage, model, generationId, cost: cost === undefined ? undefined : Usd.make(cost) })
})

const hintOf = (details: HintDetails, status: number) => ({
  ...detailsOf(details, status),
  ...Wire.compact({
    retryAfter: details.resetIn === undefined ? undefined : Duration.fromInputUnsafe(details.resetIn)
  })
})

/**
 * `RateLimited`, with the reset that the server announced.
 *
 * **Example** (Come again in half a minute)
 *
 * ```ts
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const test = OpenRouterTest.layer([OpenRouterTest.rateLimited({ resetIn: "30 seconds" }), "walks home"])
 * ```
 *
 * @since 0.1.0
 */
export const rateLimited = (
  details: HintDetails & {
    readonly limit?: number | undefined
    readonly remaining?: number | undefined
    readonly limitSource?: string | undefined
  } = {}
): E.RateLimited =>
  new E.RateLimited({
    ...hintOf(details, 429),
    ...Wire.compact({ limit: details.limit, remaining: details.remaining, limitSource: details.limitSource })
  })

/**
 * `PaymentRequired`: the credits are used up, or with `isTransient` held back by calls in flight.
 *
 * @since 0.1.0
 */
export const paymentRequired = (
  details: HintDetails & {
    readonly isTransient?: boolean | undefined
    readonly limitSource?: string | undefined
  } = {}
): E.PaymentRequired => {
  const { isTransient = false, limitSource = "openrouter_credits" } = details
  return new E.PaymentRequired({ ...hintOf(details, 402), isTransient, limitSource })
}

/**
 * `Refused` in the model's words; `source` says who else refused.
 *
 * @since 0.1.0
 */
export const refused = (
  refusal = "I can't help with that.",
  details: ErrorDetails & {
    readonly source?: E.Refused["source"] | undefined
    readonly partialText?: string | undefined
  } = {}
): E.Refused =>
  new E.Refused({
    ...detailsOf(details),
    refusal,
    source: details.source ?? "model",
    ...Wire.compact({ partialText: details.partialText })
  })

/**
 * `Incomplete`: the answer stops after this text, by default because of `max_output_tokens`.
 *
 * @since 0.1.0
 */
export const incomplete = (
  partialText = "",
  details: ErrorDetails & { readonly reason?: string | undefined } = {}
): E.Incomplete =>
  new E.Incomplete({ ...detailsOf(details), partialText, reason: details.reason ?? "max_output_tokens" })

/**
 * `GenerationFailed`: the response failed after it had begun.
 *
 * @since 0.1.0
 */
export const failed = (
  details: ErrorDetails & { readonly partialText?: string | undefined } = {}
): E.GenerationFailed =>
  new E.GenerationFailed({ ...detailsOf(details), ...Wire.compact({ partialText: details.partialText }) })

/**
 * `EmptyCompletion`: an answer with nothing in it.
 *
 * @since 0.1.0
 */
export const empty = (details: ErrorDetails = {}): E.EmptyCompletion => new E.EmptyCompletion(detailsOf(details))

/**
 * `InvalidOutput` of a structured call: the model answers this text, which is not what was asked for. (A text reply does the
 * same.)
 *
 * @since 0.1.0
 */
export const invalidOutput = (text = "This is no JSON.", details: ErrorDetails = {}): E.InvalidOutput =>
  new E.InvalidOutput({ ...detailsOf(details), text, issue: "the test says so" })

/**
 * `StreamInterrupted`: the stream breaks off after this text. For streams only.
 *
 * @since 0.1.0
 */
export const interrupted = (partialText?: string, details: ErrorDetails = {}): E.StreamInterrupted =>
  new E.StreamInterrupted({ ...detailsOf(details), ...Wire.compact({ partialText }) })

/**
 * `InvalidRequest` as the server says it. (What the client itself rejects needs no reply.)
 *
 * @since 0.1.0
 */
export const invalidRequest = (
  details: ErrorDetails & { readonly field?: string | undefined } = {}
): E.InvalidRequest =>
  new E.InvalidRequest({
    ...detailsOf(details, 400),
    origin: "server",
    ...Wire.compact({ field: details.field })
  })

/**
 * `ContextLengthExceeded`: the input is too long for the model.
 *
 * @since 0.1.0
 */
export const contextLengthExceeded = (details: ErrorDetails = {}): E.ContextLengthExceeded =>
  new E.ContextLengthExceeded(detailsOf(details, 400))

/**
 * `InvalidApiKey`.
 *
 * @since 0.1.0
 */
export const invalidApiKey = (details: ErrorDetails = {}): E.InvalidApiKey =>
  new E.InvalidApiKey(detailsOf(details, 401))

/**
 * `AccessDenied`.
 *
 * @since 0.1.0
 */
export const accessDenied = (details: ErrorDetails = {}): E.AccessDenied => new E.AccessDenied(detailsOf(details, 403))

/**
 * `ModelUnavailable`: there is no such model.
 *
 * @since 0.1.0
 */
export const modelUnavailable = (
  details: ErrorDetails & { readonly reason?: string | undefined } = {}
): E.ModelUnavailable =>
  new E.ModelUnavailable({ ...detailsOf(details, 404), reason: details.reason ?? "model_not_found" })

/**
 * `ProviderTimeout`: the provider did not answer in time, says the server.
 *
 * @since 0.1.0
 */
export const providerTimeout = (details: HintDetails = {}): E.ProviderTimeout =>
  new E.ProviderTimeout(hintOf(details, 524))

/**
 * `ProviderUnavailable`: the provider is down.
 *
 * @since 0.1.0
 */
export const providerUnavailable = (details: HintDetails = {}): E.ProviderUnavailable =>
  new E.ProviderUnavailable(hintOf(details, 502))

/**
 * `ProviderOverloaded`: no provider has capacity.
 *
 * @since 0.1.0
 */
export const providerOverloaded = (details: HintDetails = {}): E.ProviderOverloaded =>
  new E.ProviderOverloaded(hintOf(details, 503))

/**
 * `ServerError`: OpenRouter itself failed.
 *
 * @since 0.1.0
 */
export const serverError = (details: HintDetails = {}): E.ServerError => new E.ServerError(hintOf(details, 500))

/**
 * `ConnectionFailed`, by default refused while connecting.
 *
 * @since 0.1.0
 */
export const connectionFailed = (
  details: ErrorDetails & {
    readonly phase?: E.ConnectionFailed["phase"] | undefined
    readonly reason?: string | undefined
  } = {}
): E.ConnectionFailed => {
  const { phase = "connecting", reason = "ECONNREFUSED" } = details
  return new E.ConnectionFailed({ ...detailsOf(details), phase, reason })
}

/**
 * `TimedOut`, as if a deadline had passed: no time passes. A reply that takes too long for the deadlines of the program is
 * `stream([pause("Infinity")])`, or a function that gives `Effect.never`.
 *
 * @since 0.1.0
 */
export const timedOut = (
  details: ErrorDetails & { readonly phase?: E.TimedOut["phase"] | undefined } = {}
): E.TimedOut => new E.TimedOut({ ...detailsOf(details), phase: details.phase ?? "response" })

/**
 * `PayloadTooLarge`: the request is larger than the server takes.
 *
 * @since 0.1.0
 */
export const payloadTooLarge = (details: ErrorDetails = {}): E.PayloadTooLarge =>
  new E.PayloadTooLarge(detailsOf(details, 413))

/**
 * `UnexpectedStatus`: an HTTP status that no rule covers, by default 418.
 *
 * @since 0.1.0
 */
export const unexpectedStatus = (status = 418, details: ErrorDetails = {}): E.UnexpectedStatus =>
  new E.UnexpectedStatus(detailsOf(details, status))

/**
 * `MalformedResponse`: the answer is this text, which is no response.
 *
 * @since 0.1.0
 */
export const malformedResponse = (
  body = "<html></html>",
  details: ErrorDetails & { readonly reason?: E.MalformedResponse["reason"] } = {}
): E.MalformedResponse =>
  new E.MalformedResponse({
    ...detailsOf(details),
    body: Redacted.make(body),
    ...Wire.compact({ reason: details.reason })
  })

/**
 * `BudgetExceeded`, as if a budget of this limit were spent. `Budget.limit` does it by itself.
 *
 * @since 0.1.0
 */
export const budgetExceeded = (
  details: Pick<ErrorDetails, "message" | "model"> & {
    /** Default $1.00. */
    readonly limit?: Usd.Input | undefined
    /** Default: the limit. */
    readonly spent?: Usd.Input | undefined
    readonly scope?: string | undefined
  } = {}
): E.BudgetExceeded => {
  const limit = Usd.make(details.limit ?? "1")
  return new E.BudgetExceeded({
    ...detailsOf(details),
    limit,
    spent: details.spent === undefined ? limit : Usd.make(details.spent),
    unknown: Usd.zero,
    reserved: Usd.zero,
    scope: details.scope ?? "test",
    reason: "spent"
  })
}

/**
 * An error as it is at the instant of the call: what says after what time to come again says when that is.
 *
 * @since 0.1.0
 */
export const at = (error: E.OpenRouterError, now: DateTime.Utc): E.OpenRouterError => {
  if (!("retryAfter" in error) || error.retryAfter === undefined || error.resetAt !== undefined) return error
  const own = {
    message: error.message,
    resetAt: DateTime.addDuration(now, error.retryAfter),
    ...Wire.compact({ response: error.response })
  }
  switch (error._tag) {
    case "RateLimited":
      return new E.RateLimited({ ...error, ...own })
    case "PaymentRequired":
      return new E.PaymentRequired({ ...error, ...own })
    case "ProviderTimeout":
      return new E.ProviderTimeout({ ...error, ...own })
    case "ProviderUnavailable":
      return new E.ProviderUnavailable({ ...error, ...own })
    case "ProviderOverloaded":
      return new E.ProviderOverloaded({ ...error, ...own })
    case "ServerError":
      return new E.ServerError({ ...error, ...own })
  }
}
