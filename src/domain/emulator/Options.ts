/**
 * How an emulator is set up.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Duration from "effect/Duration"
import * as Outage from "./Outage.ts"
import * as Price from "./Price.ts"
import * as Quota from "./Quota.ts"
import type { Rule } from "./Rule.ts"
import * as SlugPattern from "./SlugPattern.ts"
import { type Streaming, toForm } from "./Streaming.ts"

/**
 * A limit of so many accepted requests per window, for each key and model; `limits` has others.
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
 * The options of an emulator; everything has a default.
 *
 * - `seed` (0): another seed, other answers.
 * - `keys`: the API keys that are accepted. Default: any.
 * - `credits` (`"100"`): USD of the account, as decimal text. A call that finds some left is served, so the last one may
 *   overdraw it.
 * - `prices`: by model, added to the built-in table. A model without one costs 1 and 2 USD per million tokens.
 * - `rateLimit`, `limits`: none by default; what both name holds at once. `rateLimitHint` is how their 429s look, unless a
 *   limit says otherwise; default: `both`, and `retry-after` for a provider's pool.
 * - `outages`: none by default.
 * - `clockOffset` (0): how far the server's clock is ahead of the caller's; negative for behind. The windows of limits, all
 *   instants that are told and the header `Date` are by the server's clock.
 * - `latency` (0): time until a response is sent. `latencies`: the same for models whose slug matches a pattern, see
 *   `SlugPattern`; the first that matches counts.
 * - `maxBodyBytes` (16 MiB): a larger body is answered with 413.
 * - `stream`: how answers are streamed, unless a reply says otherwise.
 * - `rules`: replies for chosen requests, asked before those added later.
 * - `models` (`any`): `listed` answers 400 to a model without an entry in `prices` or the built-in table, as OpenRouter does
 *   to a slug that it does not know. Those of the emulator itself are known in any case.
 * - `batchTime` (0): how long a batch takes from when it is accepted until it is done.
 * - `time` (`real`): `virtual` never waits. Whenever a delay is due, the server's clock goes on by it instead, and else it
 *   stands still, until `advance`.
 *
 * @since 0.1.0
 */
export interface Options {
  readonly seed?: number
  readonly keys?: ReadonlyArray<string>
  readonly credits?: string
  readonly prices?: Price.PriceTable
  readonly rateLimit?: RateLimit
  readonly rateLimitHint?: Quota.RateLimitHint
  readonly limits?: ReadonlyArray<Quota.Limit>
  readonly outages?: ReadonlyArray<Outage.Outage>
  readonly clockOffset?: Duration.Input
  readonly latency?: Duration.Input
  readonly latencies?: Readonly<Record<string, Duration.Input>>
  readonly maxBodyBytes?: number
  readonly stream?: Streaming
  readonly rules?: ReadonlyArray<Rule>
  readonly models?: "any" | "listed"
  readonly batchTime?: Duration.Input
  readonly time?: "real" | "virtual"
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
  readonly rateLimitHint: Quota.RateLimitHint | undefined
  readonly quotas: ReadonlyArray<Quota.Quota>
  readonly outages: ReadonlyArray<Outage.Outage>
  readonly clockOffset: number
  readonly latencyOf: (model: string) => number
  readonly maxBodyBytes: number
  readonly stream: Streaming | undefined
  readonly rules: ReadonlyArray<Rule>
  readonly models: "any" | "listed"
  readonly batchTime: number
  readonly time: "real" | "virtual"
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
  const { outages = [], rateLimit } = options
  Outage.plan(outages, 0)
  const limits: ReadonlyArray<Quota.Limit> = [
    ...(rateLimit === undefined ? [] : [{ name: "rateLimit", over: "model-of-key" as const, ...rateLimit }]),
    ...(options.limits ?? [])
  ]
  return {
    seed: options.seed ?? 0,
    keys: options.keys === undefined ? undefined : new Set(options.keys),
    credits: BigDecimal.fromStringUnsafe(options.credits ?? "100"),
    prices,
    rateLimitHint: options.rateLimitHint,
    quotas: Quota.make(limits, options.rateLimitHint),
    outages,
    clockOffset: Duration.toMillis(options.clockOffset ?? 0),
    latencyOf: latencyOf(options),
    maxBodyBytes: options.maxBodyBytes ?? 16 * 1024 * 1024,
    stream: options.stream,
    rules: options.rules ?? [],
    models: options.models ?? "any",
    batchTime: Duration.toMillis(options.batchTime ?? 0),
    time: options.time ?? "real"
  }
}

const latencyOf = ({ latencies = {}, latency = 0 }: Options): Config["latencyOf"] => {
  const general = Duration.toMillis(latency)
  const special = Object.entries(latencies).map(([pattern, duration]) =>
    [SlugPattern.matcher(pattern), Duration.toMillis(duration)] as const
  )
  return special.length === 0 ? () => general : (model) => special.find(([matches]) => matches(model))?.[1] ?? general
}
