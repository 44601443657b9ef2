/**
 * Error envelopes in the dialects OpenRouter speaks, with the hints about when to come back.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type { JsonObject } from "./Prompt.ts"
import type { Failure, Reset } from "./Reply.ts"

/**
 * A rendered error: HTTP status, headers and JSON body.
 *
 * @since 0.1.0
 */
export interface Fault {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
}

/**
 * Renders an error. `now` is in milliseconds since the epoch; hints are counted from it.
 *
 * @since 0.1.0
 */
export const render = (failure: Failure, now: number): Fault => {
  const message = failure.message ?? messages.get(failure.status) ?? "The request failed."
  const limits = failure.reset === undefined ? undefined : rateHeaders(failure.reset, now)
  const place = failure.reset?.place ?? "both"
  const metadata: JsonObject = {
    ...(failure.errorType === undefined ? undefined : { error_type: failure.errorType }),
    ...(limits === undefined || place === "headers" ? undefined : { headers: limits, provider_name: null }),
    ...failure.metadata
  }
  return {
    status: failure.httpStatus ?? failure.status,
    headers: {
      ...(limits === undefined || place === "body" ? undefined : limits),
      ...(failure.retryAfter === undefined
        ? undefined
        : { "Retry-After": retryAfter(failure, failure.retryAfter, now) })
    },
    body: envelope(failure, message, Object.keys(metadata).length === 0 ? undefined : metadata)
  }
}

const envelope = (failure: Failure, message: string, metadata: JsonObject | undefined): JsonObject => {
  switch (failure.dialect ?? "numeric") {
    case "numeric":
      return {
        error: { message, code: failure.status, ...(metadata === undefined ? undefined : { metadata }) },
        user_id: "user_emulator"
      }
    case "string":
      return { error: { code: failure.code ?? "server_error", message }, metadata: metadata ?? null }
    case "availability":
      return {
        error: {
          message,
          error_type: failure.errorType ?? "not_found",
          http_status: failure.status,
          availability: {
            code: failure.code ?? "no_endpoints",
            retryable: failure.status === 429 || failure.status === 503,
            retry_after: failure.retryAfter === undefined ? null : seconds(failure.retryAfter),
            requested_models: [],
            docs_url: "https://openrouter.ai/docs",
            ...failure.metadata
          }
        }
      }
  }
}

const seconds = (duration: Duration.Input): number => Math.ceil(Duration.toMillis(duration) / 1000)

/**
 * The end of the server's calendar, in milliseconds since the epoch: the last second of the year 9999, as a date in a header
 * has four digits for the year.
 *
 * @since 0.1.0
 */
export const latestInstant = 253_402_300_799_000

/**
 * An instant as HTTP headers tell it, in whole seconds.
 *
 * @since 0.1.0
 */
export const httpDate = (millis: number): string =>
  DateTime.toDateUtc(DateTime.makeUnsafe(Math.min(millis, latestInstant))).toUTCString()

const retryAfter = (failure: Failure, duration: Duration.Input, now: number): string =>
  failure.retryAfterFormat === "date"
    // A date has no fraction of a second: rounding up keeps the promise.
    ? httpDate(Math.ceil((now + Duration.toMillis(duration)) / 1000) * 1000)
    : String(seconds(duration))

/** Below this a number is no instant to any client: under a test clock that starts at zero seconds from now are sent. */
const earliestInstant = 1e11

const rateHeaders = (reset: Reset, now: number): Readonly<Record<string, string>> => {
  const at = now + Duration.toMillis(reset.after)
  const format = reset.format ?? "millis"
  const tells = reset.tells ?? ["limit", "remaining", "reset"]
  return {
    ...(tells.includes("limit") && { "X-RateLimit-Limit": String(reset.limit ?? 20) }),
    ...(tells.includes("remaining") && { "X-RateLimit-Remaining": "0" }),
    ...(tells.includes("reset") && {
      "X-RateLimit-Reset": at < earliestInstant
        ? String(Math.ceil(Duration.toMillis(reset.after) / 1000))
        : format === "millis"
        ? String(Math.ceil(at))
        : format === "seconds"
        ? String(Math.ceil(at / 1000))
        : httpDate(Math.ceil(at / 1000) * 1000)
    })
  }
}

const messages: ReadonlyMap<number, string> = new Map([
  [400, "The request is not valid."],
  [401, "The API key is missing or not known."],
  [402, "There are not enough credits for this request."],
  [403, "This request is not allowed."],
  [404, "Nothing was found here."],
  [408, "The request took too long."],
  [412, "A precondition of the request does not hold."],
  [413, "The request body is too large."],
  [422, "The request is well formed but makes no sense."],
  [429, "Too many requests."],
  [500, "Something broke inside of the server."],
  [502, "The provider is down or sent an invalid answer."],
  [503, "No provider can take the request now."],
  [504, "The provider did not answer in time."],
  [524, "The request timed out at the edge."],
  [529, "The provider is overloaded."]
])
