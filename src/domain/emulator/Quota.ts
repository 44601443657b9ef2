/**
 * Rate limits: so many requests or tokens in each window, over a key, a model, a group of models, or a provider's pool.
 *
 * Windows are fixed and begin by the server's own clock; `RateWindow` counts them. What a 429 says follows what is known of
 * OpenRouter's: its own limits tell `X-RateLimit-*`, a provider's pool tells `Retry-After` at most, and each has its own
 * `limit_source`.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Duration from "effect/Duration"
import type * as Reply from "./Reply.ts"
import * as SlugPattern from "./SlugPattern.ts"

/**
 * Where a 429 of a rate limit tells when to come back.
 *
 * | hint | the 429 has |
 * |---|---|
 * | `headers` | `X-RateLimit-Limit`, `-Remaining` and `-Reset` as headers |
 * | `body` | the same in `error.metadata.headers`, and no such header |
 * | `both` | both of these |
 * | `retry-after` | the header `Retry-After`, in whole seconds |
 * | `no-reset` | `X-RateLimit-Limit` and `-Remaining` in both places, but no reset |
 * | `none` | nothing |
 *
 * @since 0.1.0
 */
export type RateLimitHint = "both" | "headers" | "body" | "retry-after" | "no-reset" | "none"

/**
 * Which requests share a window.
 *
 * | scope | one window for | its `limit_source` |
 * |---|---|---|
 * | `key` | each API key, whatever the model | `openrouter_key_limit` |
 * | `free` | all `:free` models of all keys together | `openrouter_free_tier_daily`, if the window is a day |
 * | `models` | all models that match `models`, together | none |
 * | `model` | each model that matches `models` | none |
 * | `model-of-key` | each key with each model that matches `models` | none |
 * | `provider` | each matching model's pool at the upstream provider | `upstream_provider_shared_pool` |
 *
 * @since 0.1.0
 */
export type LimitScope = "key" | "free" | "models" | "model" | "model-of-key" | "provider"

/**
 * One rate limit.
 *
 * - `over`: which requests share a window, see {@link LimitScope}.
 * - `name`: what the traffic calls it, and by what `setLimits` knows it again. Default: `limit 1` for the first, and so on.
 * - `models`: only models with such a slug, see `SlugPattern`. Default: all.
 * - `provider` (`"Emulator"`): the name of the upstream provider, for `over: "provider"`.
 * - `requests`, `tokens`: how many per window; what is left out is not limited. A request takes the tokens of its input and
 *   its `max_output_tokens` when it arrives, and those it used once they are known.
 * - `window`: its length; a day ends at midnight UTC, as OpenRouter's does.
 * - `phase` (0): windows begin at multiples of their length since the epoch, and this much later.
 * - `raised`: other `requests` for an account that has bought so many credits, as OpenRouter's free models have.
 * - `hint`: how its 429 looks. Default: the emulator's `rateLimitHint`; where that is not set either, `retry-after` for a
 *   provider's pool and `both` for all others.
 * - `limitSource`: another `error.metadata.limit_source`, or `null` for none.
 *
 * @since 0.1.0
 */
export interface Limit {
  readonly over: LimitScope
  readonly name?: string
  readonly models?: string | ReadonlyArray<string>
  readonly provider?: string
  readonly requests?: number
  readonly tokens?: number
  readonly window: Duration.Input
  readonly phase?: Duration.Input
  readonly raised?: { readonly credits: string; readonly requests: number }
  readonly hint?: RateLimitHint
  readonly limitSource?: string | null
}

/**
 * OpenRouter's limits for `:free` models: 20 requests a minute, and 50 a day, or 1,000 with ten credits bought.
 *
 * @since 0.1.0
 */
export const freeLimits: ReadonlyArray<Limit> = [
  { over: "free", name: "free-models-per-min", requests: 20, window: "1 minute" },
  {
    over: "free",
    name: "free-models-per-day",
    requests: 50,
    window: "1 day",
    raised: { credits: "10", requests: 1000 }
  }
]

/**
 * A limit with its defaults filled in. Durations are in milliseconds, and what is not limited is infinite.
 *
 * @since 0.1.0
 */
export interface Quota {
  readonly name: string
  readonly requests: number
  readonly tokens: number
  readonly window: number
  readonly phase: number
  readonly raised: { readonly credits: BigDecimal.BigDecimal; readonly requests: number } | undefined
  readonly hint: RateLimitHint
  readonly limitSource: string | undefined
  readonly over: LimitScope
  readonly provider: string
  /** Who shares a window with whom; `undefined` for a request that the limit is not about. */
  readonly groupOf: (key: string, model: string) => string | undefined
}

/**
 * Fills in the defaults; `hint` is that of the emulator, if it has one.
 *
 * Throws when a duration is malformed or `raised.credits` is no decimal number.
 *
 * @since 0.1.0
 */
export const make = (limits: ReadonlyArray<Limit>, hint: RateLimitHint | undefined): ReadonlyArray<Quota> =>
  limits.map((limit, index) => {
    const { raised } = limit
    const window = Math.max(1, Duration.toMillis(limit.window))
    return {
      name: limit.name ?? `limit ${index + 1}`,
      requests: limit.requests ?? Infinity,
      tokens: limit.tokens ?? Infinity,
      window,
      phase: Duration.toMillis(limit.phase ?? 0) % window,
      raised: raised === undefined ? undefined : {
        credits: BigDecimal.fromStringUnsafe(raised.credits),
        requests: raised.requests
      },
      hint: limit.hint ?? hint ?? (limit.over === "provider" ? "retry-after" : "both"),
      limitSource: limit.limitSource === null ? undefined : limit.limitSource ?? sourceOf(limit.over, window),
      over: limit.over,
      provider: limit.provider ?? "Emulator",
      groupOf: grouping(limit.over, SlugPattern.matcher(limit.models))
    }
  })

/**
 * The window of OpenRouter's daily limits, in milliseconds.
 *
 * @since 0.1.0
 */
export const day = 24 * 60 * 60 * 1000

const sourceOf = (over: LimitScope, window: number): string | undefined => {
  switch (over) {
    case "key":
      return "openrouter_key_limit"
    case "free":
      return window === day ? "openrouter_free_tier_daily" : undefined
    case "provider":
      return "upstream_provider_shared_pool"
    default:
      return undefined
  }
}

const grouping = (over: LimitScope, matches: (model: string) => boolean): Quota["groupOf"] => {
  switch (over) {
    case "key":
      return (key, model) => matches(model) ? key : undefined
    case "free":
      return (_, model) => model.endsWith(":free") && matches(model) ? "" : undefined
    case "models":
      return (_, model) => matches(model) ? "" : undefined
    case "model":
    case "provider":
      return (_, model) => matches(model) ? model : undefined
    case "model-of-key":
      return (key, model) => matches(model) ? `${key} ${model}` : undefined
  }
}

/**
 * How many requests of a window are allowed to an account that has bought these credits.
 *
 * @since 0.1.0
 */
export const requestsOf = ({ raised, requests }: Quota, credits: BigDecimal.BigDecimal): number =>
  raised !== undefined && BigDecimal.isGreaterThanOrEqualTo(credits, raised.credits) ? raised.requests : requests

/**
 * The 429 of a limit that is full and opens again `after` milliseconds. `requests` is how many it allows, `undefined` where
 * it was its tokens that ran out.
 *
 * @since 0.1.0
 */
export const refusal = (
  quota: Quota,
  requests: number | undefined,
  after: number,
  model: string
): Reply.Failure => {
  const failure: Reply.Failure = {
    _tag: "Failure",
    status: 429,
    errorType: "rate_limit_exceeded",
    ...worded(quota, requests, model)
  }
  switch (quota.hint) {
    case "none":
      return failure
    case "retry-after":
      return { ...failure, retryAfter: after }
    case "no-reset":
      return { ...failure, reset: { after, ...limitOf(requests), tells: ["limit", "remaining"] } }
    default:
      return {
        ...failure,
        reset: {
          after,
          place: quota.hint,
          ...limitOf(requests),
          // OpenRouter's limit counts requests; of tokens only the reset is told.
          ...(requests === undefined && { tells: ["reset"] })
        }
      }
  }
}

const limitOf = (requests: number | undefined) => requests === undefined ? {} : { limit: requests }

const worded = (
  quota: Quota,
  requests: number | undefined,
  model: string
): Pick<Reply.Failure, "message" | "metadata"> => {
  const source = quota.limitSource === undefined ? {} : { limit_source: quota.limitSource }
  if (quota.over === "provider") {
    return {
      message: "Provider returned error",
      metadata: {
        raw: `${model} is temporarily rate-limited upstream. Please retry shortly.`,
        provider_name: quota.provider,
        ...source,
        remedy_hint: "Retry shortly, or bring a key of your own for this provider."
      }
    }
  }
  const metadata = { ...source, provider_name: null }
  if (quota.over === "free") {
    const per = quota.window === day ? "free-models-per-day" : "free-models-per-min"
    const remedy = quota.raised === undefined
      ? ""
      : `Add credits to unlock ${quota.raised.requests} free model requests per window`
    return { message: `Rate limit exceeded: ${per}. ${remedy}`, metadata }
  }
  return {
    message: requests === undefined
      ? `Too many tokens: ${quota.tokens} per window are allowed.`
      : `Too many requests: ${requests} per window are allowed.`,
    metadata
  }
}
