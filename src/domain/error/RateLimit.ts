/**
 * When to come back: what the server announced about its limits, in whichever of its dialects.
 *
 * Sources, best first: `Retry-After` (seconds or an HTTP date), `retry-after-ms`, `availability.retry_after` (seconds) in the
 * body, the `X-RateLimit-Reset` header, the same names inside `error.metadata.headers`. A reset is epoch milliseconds or
 * epoch seconds, as text or number: OpenRouter documents no unit, so the size tells them apart. Of several values of one
 * header the longest wait holds. Instants are by the server's clock: where that is known to be wrong by ours, they are
 * corrected; a number of seconds from now is right by any clock. Many answers name the reset of their window, so it counts only where a limit was the
 * reason, or where nothing remains.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Wire from "../wire/Wire.ts"

/**
 * Headers by lower-case name.
 *
 * @since 0.1.0
 */
export interface Headers {
  readonly [name: string]: string | undefined
}

/**
 * What a server said about a limit. All parts are absent if it said nothing usable.
 *
 * @since 0.1.0
 */
export interface RateLimit {
  /** The instant from which a new attempt makes sense. */
  readonly resetAt?: DateTime.Utc
  /** The same as a wait from the moment the answer was read. */
  readonly retryAfter?: Duration.Duration
  /** Requests allowed per window. */
  readonly limit?: number
  /** Requests left in this window. */
  readonly remaining?: number
}

/** From here on a number of `X-RateLimit-Reset` is milliseconds: as seconds it would be in the year 5138. */
const smallestMillis = 1e11

/** Below this it is no instant at all but a number of seconds from now (the year 2001 as an instant). */
const smallestSeconds = 1e9

/**
 * Reads the announced limit from an answer's headers and its parsed body.
 *
 * `now` is epoch milliseconds. `isLimited` says that a limit was the reason, which is so by default. A reset in the past
 * means that a new attempt makes sense at once. `serverAhead` says by how many milliseconds the server's clock is ahead of the
 * one that `now` was read from, see `ServerClock`; default 0.
 *
 * @since 0.1.0
 */
export const fromAnswer = (answer: {
  readonly headers: Headers
  readonly body: unknown
  readonly now: number
  readonly isLimited?: boolean
  readonly serverAhead?: number | undefined
}): RateLimit => {
  const serverNow = answer.now + (answer.serverAhead ?? 0)
  const error = member(answer.body, "error")
  const inner = {
    ...lowerCased(member(member(answer.body, "metadata"), "headers")),
    ...lowerCased(member(member(error, "metadata"), "headers"))
  }
  const availability = member(error, "availability") ?? member(answer.body, "availability")
  const header = (name: string): unknown => answer.headers[name] ?? inner[name]
  const reset = (headers: { readonly [name: string]: unknown }): number | undefined =>
    answer.isLimited !== false || amount(headers["x-ratelimit-remaining"]) === 0
      ? untilReset(headers["x-ratelimit-reset"], serverNow)
      : undefined
  const waitMillis = secondsOrDate(answer.headers["retry-after"], serverNow) ??
    millis(answer.headers["retry-after-ms"]) ??
    seconds(member(availability, "retry_after")) ??
    reset(answer.headers) ??
    secondsOrDate(inner["retry-after"], serverNow) ??
    millis(inner["retry-after-ms"]) ??
    reset(inner)
  const limit = amount(header("x-ratelimit-limit"))
  const remaining = amount(header("x-ratelimit-remaining"))
  return {
    ...(waitMillis === undefined ? {} : {
      retryAfter: Duration.millis(waitMillis),
      resetAt: DateTime.makeUnsafe(answer.now + waitMillis)
    }),
    ...(limit === undefined ? {} : { limit }),
    ...(remaining === undefined ? {} : { remaining })
  }
}

const member = (value: unknown, key: string): unknown =>
  Wire.isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined

const lowerCased = (value: unknown): Wire.JsonObject =>
  Wire.isJsonObject(value)
    ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name.toLowerCase(), item]))
    : {}

/** A non-negative number, also from text. */
const amount = (value: unknown): number | undefined => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : undefined
}

/** An instant beyond what a date can hold would break the clock: no wait is longer than a year. */
const longestWait = 365 * 24 * 60 * 60 * 1000

const bounded = (millis: number): number => Math.min(Math.max(0, Math.ceil(millis)), longestWait)

const seconds = (value: unknown): number | undefined => {
  const number = amount(value)
  return number === undefined ? undefined : bounded(number * 1000)
}

/** A header that came more than once is a list: the longest wait holds. The comma inside of a date separates nothing. */
const longest = (value: unknown, waitOf: (value: unknown) => number | undefined): number | undefined => {
  if (typeof value === "string" && !value.includes(",")) return waitOf(value)
  const parts = typeof value === "string" ? value.split(/,(?!\s*\d{1,2}[ -][a-z]{3})/i) : value
  if (!Array.isArray(parts)) return waitOf(value)
  const waits = parts.flatMap((part: unknown) => waitOf(typeof part === "string" ? part.trim() : part) ?? [])
  return waits.length === 0 ? undefined : Math.max(...waits)
}

const millis = (value: unknown): number | undefined =>
  longest(value, (value) => {
    const number = amount(value)
    return number === undefined ? undefined : bounded(number)
  })

const secondsOrDate = (value: unknown, now: number): number | undefined =>
  longest(value, (value) => secondsOrOneDate(value, now))

const secondsOrOneDate = (value: unknown, now: number): number | undefined => {
  const wait = seconds(value)
  if (wait !== undefined || typeof value !== "string" || !/[a-z]/i.test(value)) return wait
  const instant = Option.getOrUndefined(DateTime.make(value))
  return instant === undefined ? undefined : bounded(DateTime.toEpochMillis(instant) - now)
}

const untilReset = (value: unknown, now: number): number | undefined =>
  longest(value, (value) => untilOneReset(value, now))

const untilOneReset = (value: unknown, now: number): number | undefined => {
  const number = amount(value)
  if (number === undefined) return typeof value === "string" ? secondsOrOneDate(value, now) : undefined
  if (number >= smallestMillis) return bounded(number - now)
  return bounded(number >= smallestSeconds ? number * 1000 - now : number * 1000)
}
