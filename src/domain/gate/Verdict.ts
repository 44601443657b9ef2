/**
 * What the end of an attempt says about the limits it ran into, and how far that reaches.
 *
 * | end | what it says |
 * |---|---|
 * | an answer | the limits let it pass |
 * | 429 by the pool of an upstream provider | the model is refused until its hint: OpenRouter may route elsewhere then |
 * | 429 by a limit of the free tier | all free models are refused |
 * | 429 by a limit of the account or the key | everything is refused |
 * | 429 of a `:free` model that says nothing else | all free models are refused |
 * | 429 that says nothing else | the model is refused |
 * | 402 for money in flight | everything is refused until its hint |
 * | 500, 502, 503, 504, 529 and their siblings, no connection | the model failed, until its hint where there is one |
 * | 400, 404, and what else an answer may be that is no good one | what the model runs on works |
 * | our own deadlines, a stream that breaks off, anything else | nothing |
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import {
  ConnectionFailed,
  PaymentRequired,
  ProviderOverloaded,
  ProviderUnavailable,
  RateLimited,
  ServerError
} from "../error/OpenRouterError.ts"
import type { OpenRouterError, RequestError } from "../error/OpenRouterError.ts"
import * as Wire from "../wire/Wire.ts"

/**
 * Whom a refusal concerns.
 *
 * @since 0.1.0
 */
export type Reach = "model" | "free" | "account"

/**
 * The limit was reached.
 *
 * @since 0.1.0
 */
export interface Refused {
  readonly _tag: "Refused"
  readonly reach: Reach
  readonly error: RateLimited | PaymentRequired
  /** Epoch milliseconds; absent if nothing was announced. */
  readonly resetAt: number | undefined
  /** Requests per window; absent if nothing was announced, or where it would teach nothing. */
  readonly limit: number | undefined
}

/**
 * What the model runs on does not work.
 *
 * @since 0.1.0
 */
export interface Failed {
  readonly _tag: "Failed"
  readonly error: OpenRouterError
  /** Epoch milliseconds; absent if nothing was announced. */
  readonly until: number | undefined
}

/**
 * What the model runs on works, whatever it says.
 *
 * @since 0.1.0
 */
export interface Reached {
  readonly _tag: "Reached"
}

/**
 * See the table of the module.
 *
 * @since 0.1.0
 */
export type Verdict = Refused | Failed | Reached

const reached: Reached = { _tag: "Reached" }

/**
 * Reads the error of an attempt; `undefined` if it says nothing about limits.
 *
 * @since 0.1.0
 */
export const ofError = (error: OpenRouterError, model: string | undefined): Verdict | undefined => {
  switch (error._tag) {
    case "RateLimited": {
      const { limit, limitSource, resetAt } = error
      const isPool = limitSource !== undefined && /upstream|provider/.test(limitSource)
      return {
        _tag: "Refused",
        reach: isPool ? "model" : reachOf(limitSource, model),
        error,
        resetAt: instant(resetAt),
        limit: isPool || limit === undefined || limit < 1 ? undefined : limit
      }
    }
    case "PaymentRequired":
      return error.isTransient
        ? { _tag: "Refused", reach: "account", error, resetAt: instant(error.resetAt), limit: undefined }
        : reached
    case "ProviderOverloaded":
    case "ProviderUnavailable":
    case "ProviderTimeout":
    case "ServerError":
      return { _tag: "Failed", error, until: instant(error.resetAt) }
    case "ConnectionFailed":
      return error.isRetryable ? { _tag: "Failed", error, until: undefined } : undefined
    case "InvalidRequest":
      return error.origin === "server" ? reached : undefined
    case "InvalidApiKey":
    case "AccessDenied":
    case "ModelUnavailable":
    case "ContextLengthExceeded":
    case "PayloadTooLarge":
    case "Incomplete":
    case "Refused":
    case "InvalidOutput":
    case "EmptyCompletion":
    case "GenerationFailed":
      return reached
    default:
      return undefined
  }
}

const instant = (resetAt: DateTime.Utc | undefined): number | undefined =>
  resetAt === undefined ? undefined : DateTime.toEpochMillis(resetAt)

const reachOf = (limitSource: string | undefined, model: string | undefined): Reach => {
  if (limitSource !== undefined && /free/.test(limitSource)) return "free"
  if (
    limitSource !== undefined &&
    /^openrouter.*(account|user|organization|workspace|key|credit|in_flight)/.test(limitSource)
  ) return "account"
  return isFree(model) ? "free" : "model"
}

/**
 * True for the slug of a free variant. All of an account share one limit.
 *
 * @since 0.1.0
 */
export const isFree = (model: string | undefined): boolean => model?.endsWith(":free") ?? false

/**
 * The error of a call that was not sent, because what `closed` describes would have refused it.
 *
 * @since 0.1.0
 */
export const unsent = (closed: OpenRouterError, call: {
  readonly model: string | undefined
  readonly attempts: number
  /** Epoch milliseconds at which it opens again, as far as is known. */
  readonly until: number | undefined
  readonly now: number
}): RequestError => {
  const known = {
    attempts: call.attempts,
    ...Wire.compact({
      model: call.model,
      resetAt: call.until === undefined ? undefined : DateTime.makeUnsafe(call.until),
      retryAfter: call.until === undefined ? undefined : Duration.millis(Math.max(0, call.until - call.now))
    })
  }
  const message = `not sent${call.attempts > 0 ? " again" : ""}: ${closed.message}`
  switch (closed._tag) {
    case "RateLimited":
      return new RateLimited({
        ...known,
        message,
        ...Wire.compact({ limit: closed.limit, limitSource: closed.limitSource })
      })
    case "PaymentRequired":
      return new PaymentRequired({
        ...known,
        message,
        isTransient: true,
        ...Wire.compact({ limitSource: closed.limitSource })
      })
    case "ProviderOverloaded":
      return new ProviderOverloaded({ ...known, message })
    case "ServerError":
      return new ServerError({ ...known, message })
    case "ConnectionFailed":
      return new ConnectionFailed({
        message,
        phase: closed.phase,
        attempts: call.attempts,
        ...Wire.compact({ model: call.model, reason: closed.reason })
      })
    default:
      return new ProviderUnavailable({ ...known, message })
  }
}
