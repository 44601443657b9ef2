/**
 * Outages: for some time, every request to some models is an error.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Reply from "./Reply.ts"
import * as SlugPattern from "./SlugPattern.ts"

/**
 * An outage. Its errors come at once, without the emulator's latency, after the rate limits and before the rules.
 *
 * - `from` (0), `to` (never): since when and until when, counted from the start of the emulator, its `reset`, or the call of
 *   `setOutages` that began it.
 * - `models`: only models with such a slug, see `SlugPattern`. Default: all.
 * - `status` (503): of the error.
 * - `retryAfter`: what `Retry-After` says; `"end"` is the time until the end. Default: no such header.
 *
 * @since 0.1.0
 */
export interface Outage {
  readonly from?: Duration.Input
  readonly to?: Duration.Input
  readonly models?: string | ReadonlyArray<string>
  readonly status?: number
  readonly retryAfter?: Duration.Input | "end"
}

/**
 * An outage with its instants, in milliseconds since the epoch.
 *
 * @since 0.1.0
 */
export interface PlannedOutage {
  readonly from: number
  readonly to: number
  readonly status: number
  readonly retryAfter: number | "end" | undefined
  readonly concerns: (model: string) => boolean
}

/**
 * Sets the instants of outages that are counted from `now`. Throws when a duration is malformed.
 *
 * @since 0.1.0
 */
export const plan = (outages: ReadonlyArray<Outage>, now: number): ReadonlyArray<PlannedOutage> =>
  outages.map(({ from, models, retryAfter, status, to }) => ({
    from: now + Duration.toMillis(from ?? 0),
    to: to === undefined ? Infinity : now + Duration.toMillis(to),
    status: status ?? 503,
    retryAfter: retryAfter === undefined || retryAfter === "end" ? retryAfter : Duration.toMillis(retryAfter),
    concerns: SlugPattern.matcher(models)
  }))

const errorTypes: ReadonlyMap<number, Pick<Reply.Failure, "errorType">> = new Map([
  [502, { errorType: "provider_unavailable" }],
  [503, { errorType: "provider_overloaded" }],
  [529, { errorType: "provider_overloaded" }]
])

/**
 * The error of the first outage that concerns a model now, or `undefined`.
 *
 * @since 0.1.0
 */
export const failureOf = (
  outages: ReadonlyArray<PlannedOutage>,
  model: string,
  now: number
): Reply.Failure | undefined => {
  const outage = outages.find(({ concerns, from, to }) => from <= now && now < to && concerns(model))
  if (outage === undefined) return undefined
  const { retryAfter, status, to } = outage
  const hint = retryAfter === "end" ? to - now : retryAfter
  return Reply.failure(status, {
    ...errorTypes.get(status),
    ...(hint !== undefined && Number.isFinite(hint) && { retryAfter: hint })
  })
}
