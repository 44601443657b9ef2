/**
 * How an emulator is set up.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Duration from "effect/Duration"
import * as Price from "./Price.ts"
import type { Rule } from "./Rule.ts"
import { type Streaming, toForm } from "./Streaming.ts"

/**
 * A limit of so many accepted requests per window, for each key and model.
 *
 * Windows are fixed and start at multiples of their length since the epoch, as OpenRouter's do (a day ends at midnight
 * UTC). Rejected requests do not count. `models` restricts the limit to these slugs; default: all.
 *
 * @since 0.1.0
 */
export interface RateLimit {
  readonly requests: number
  readonly window: Duration.Input
  readonly models?: ReadonlyArray<string>
}

/**
 * Where a 429 of the rate limit tells when to come back: in HTTP headers, in `error.metadata.headers`, in both, as
 * `Retry-After`, or nowhere.
 *
 * @since 0.1.0
 */
export type RateLimitHint = "both" | "headers" | "body" | "retry-after" | "none"

/**
 * The options of an emulator; everything has a default.
 *
 * - `seed` (0): another seed, other answers.
 * - `keys`: the API keys that are accepted. Default: any.
 * - `credits` (`"100"`): USD of the account, as decimal text. A call that finds some left is served, so the last one may
 *   overdraw it.
 * - `prices`: by model, added to the built-in table. A model without one costs 1 and 2 USD per million tokens.
 * - `rateLimit`: none by default. `rateLimitHint` (`"both"`) is how its 429 looks.
 * - `latency` (0): time until a response is sent.
 * - `maxBodyBytes` (16 MiB): a larger body is answered with 413.
 * - `stream`: how answers are streamed, unless a reply says otherwise.
 * - `rules`: replies for chosen requests, asked before those added later.
 *
 * @since 0.1.0
 */
export interface Options {
  readonly seed?: number
  readonly keys?: ReadonlyArray<string>
  readonly credits?: string
  readonly prices?: Price.PriceTable
  readonly rateLimit?: RateLimit
  readonly rateLimitHint?: RateLimitHint
  readonly latency?: Duration.Input
  readonly maxBodyBytes?: number
  readonly stream?: Streaming
  readonly rules?: ReadonlyArray<Rule>
}

/**
 * Options with all defaults filled in and all texts parsed. Durations are in milliseconds.
 *
 * @since 0.1.0
 */
export interface Config {
  readonly seed: number
  readonly keys: ReadonlySet<string> | undefined
  readonly credits: BigDecimal.BigDecimal
  readonly prices: Price.PriceTable
  readonly rateLimit: {
    readonly requests: number
    readonly window: number
    readonly models: ReadonlySet<string> | undefined
  } | undefined
  readonly rateLimitHint: RateLimitHint
  readonly latency: number
  readonly maxBodyBytes: number
  readonly stream: Streaming | undefined
  readonly rules: ReadonlyArray<Rule>
}

/**
 * Fills in the defaults.
 *
 * Throws when `credits` or a price is no decimal number, or a duration is malformed.
 *
 * @since 0.1.0
 */
export const toConfig = (options: Options = {}): Config => {
  const prices = { ...Price.prices, ...options.prices }
  for (const price of Object.values(prices)) Price.charge(price, 1, 1)
  toForm(options.stream)
  const rateLimit = options.rateLimit
  return {
    seed: options.seed ?? 0,
    keys: options.keys === undefined ? undefined : new Set(options.keys),
    credits: BigDecimal.fromStringUnsafe(options.credits ?? "100"),
    prices,
    rateLimit: rateLimit === undefined ? undefined : {
      requests: rateLimit.requests,
      window: Math.max(1, Duration.toMillis(rateLimit.window)),
      models: rateLimit.models === undefined ? undefined : new Set(rateLimit.models)
    },
    rateLimitHint: options.rateLimitHint ?? "both",
    latency: Duration.toMillis(options.latency ?? 0),
    maxBodyBytes: options.maxBodyBytes ?? 16 * 1024 * 1024,
    stream: options.stream,
    rules: options.rules ?? []
  }
}
