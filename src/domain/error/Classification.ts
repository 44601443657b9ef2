/**
 * From what the server said to what it means: one table for HTTP errors, errors inside a 200 and failures in a stream.
 *
 * OpenRouter's `error_type` decides if it is known; then the HTTP status; then the `code` of the body, because inside a
 * 200 most failures call themselves `server_error`. Nothing is read out of messages.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import type { Usage } from "../money/Usage.ts"
import type * as Usd from "../money/Usd.ts"
import type { Response } from "../response/Response.ts"
import * as Wire from "../wire/Wire.ts"
import * as ErrorBody from "./ErrorBody.ts"
import * as E from "./OpenRouterError.ts"
import * as RateLimit from "./RateLimit.ts"

/**
 * An answer that has to be classified.
 *
 * @since 0.1.0
 */
export interface Answer {
  /** HTTP status; 200 for a failure inside an answer. */
  readonly status: number
  readonly headers: RateLimit.Headers
  /** The parsed body, or `undefined` if it was no JSON. */
  readonly body: unknown
  /** The body as text, for a message where it was no JSON. */
  readonly text?: string
  /** Epoch milliseconds at which the answer was read. */
  readonly now: number
  readonly model?: string
  readonly generationId?: string
  readonly attempts?: number
  readonly usage?: Usage
  readonly cost?: Usd.Usd
  readonly partialText?: string
  /** The response that failed, for a failure inside an answer. */
  readonly response?: Response
  /** What to say if the body has no message. */
  readonly fallbackMessage?: string
}

/**
 * An error that a server's words can mean.
 *
 * @since 0.1.0
 */
export type ServerSideError = Exclude<
  E.RequestError,
  E.TimedOut | E.ConnectionFailed | E.MalformedResponse | E.BudgetExceeded
>

type Tag = ServerSideError["_tag"]

/** By canonical `error_type`, and by the codes of a failed response where they say more than `server_error`. */
const byName: ReadonlyMap<string, Tag> = new Map<string, Tag>([
  ["context_length_exceeded", "ContextLengthExceeded"],
  ["max_tokens_exceeded", "ContextLengthExceeded"],
  ["token_limit_exceeded", "ContextLengthExceeded"],
  ["string_too_long", "ContextLengthExceeded"],
  ["invalid_request", "InvalidRequest"],
  ["invalid_prompt", "InvalidRequest"],
  ["invalid_image", "InvalidRequest"],
  ["image_too_large", "InvalidRequest"],
  ["image_too_small", "InvalidRequest"],
  ["unsupported_image_format", "InvalidRequest"],
  ["image_download_failed", "InvalidRequest"],
  ["image_not_found", "InvalidRequest"],
  ["precondition_failed", "InvalidRequest"],
  ["unprocessable", "InvalidRequest"],
  ["invalid_image_format", "InvalidRequest"],
  ["invalid_base64_image", "InvalidRequest"],
  ["invalid_image_url", "InvalidRequest"],
  ["image_parse_error", "InvalidRequest"],
  ["invalid_image_mode", "InvalidRequest"],
  ["image_file_too_large", "InvalidRequest"],
  ["unsupported_image_media_type", "InvalidRequest"],
  ["empty_image_file", "InvalidRequest"],
  ["failed_to_download_image", "InvalidRequest"],
  ["image_file_not_found", "InvalidRequest"],
  ["authentication", "InvalidApiKey"],
  ["payment_required", "PaymentRequired"],
  ["permission_denied", "AccessDenied"],
  ["data_residency_mismatch", "AccessDenied"],
  ["content_policy_violation", "Refused"],
  ["refusal", "Refused"],
  ["image_content_policy_violation", "Refused"],
  ["bio_policy", "Refused"],
  ["cyber_policy", "Refused"],
  ["misalignment_policy_violation", "Refused"],
  ["not_found", "ModelUnavailable"],
  ["payload_too_large", "PayloadTooLarge"],
  ["rate_limit_exceeded", "RateLimited"],
  ["server", "ServerError"],
  ["server_error", "ServerError"],
  ["unmapped", "ServerError"],
  ["provider_unavailable", "ProviderUnavailable"],
  ["provider_overloaded", "ProviderOverloaded"],
  ["timeout", "ProviderTimeout"],
  ["vector_store_timeout", "ProviderTimeout"]
])

const byStatus = (status: number): Tag => {
  switch (status) {
    case 400:
    case 412:
    case 422:
      return "InvalidRequest"
    case 401:
      return "InvalidApiKey"
    case 402:
      return "PaymentRequired"
    case 403:
      return "AccessDenied"
    case 404:
      return "ModelUnavailable"
    case 408:
    case 504:
    case 524:
      return "ProviderTimeout"
    case 413:
      return "PayloadTooLarge"
    case 429:
      return "RateLimited"
    case 502:
      return "ProviderUnavailable"
    case 503:
    case 529:
      return "ProviderOverloaded"
    default:
      return status >= 500 && status <= 599 ? "ServerError" : "UnexpectedStatus"
  }
}

/** Codes that mean the same in every envelope, whatever the HTTP status beside them. */
const statusIndependent = (tag: Tag | undefined): tag is "ContextLengthExceeded" | "Refused" =>
  tag === "ContextLengthExceeded" || tag === "Refused"

const tagOf = (error: ErrorBody.ErrorBody, status: number): Tag | undefined => {
  const byType = error.errorType === undefined ? undefined : byName.get(error.errorType)
  if (byType !== undefined) return byType
  const byCode = error.code === undefined ? undefined : byName.get(error.code)
  if (statusIndependent(byCode)) return byCode
  if (status === 403 && error.reasons !== undefined) return "Refused"
  if (status >= 300) return byStatus(status)
  if (byCode !== undefined) return byCode
  return error.status !== undefined && error.status >= 400 ? byStatus(error.status) : undefined
}

/**
 * The error that an answer means; `undefined` if it is a failure inside a 200 whose words say nothing, see
 * {@link generationFailed}.
 *
 * @since 0.1.0
 */
export const classify = (answer: Answer): ServerSideError | undefined => {
  const error = ErrorBody.read(answer.body)
  const tag = tagOf(error, answer.status)
  if (tag === undefined) return undefined
  const context = contextOf(answer, error)
  const { limit, remaining, ...hint } = RateLimit.fromAnswer({
    ...answer,
    isLimited: tag === "RateLimited" || tag === "PaymentRequired"
  })
  const { fallbackModels, limitSource, patterns, reason, reasons } = error
  switch (tag) {
    case "InvalidRequest":
      return new E.InvalidRequest({ ...context, origin: "server", ...Wire.compact({ field: error.param }) })
    case "ContextLengthExceeded":
      return new E.ContextLengthExceeded(context)
    case "PayloadTooLarge":
      return new E.PayloadTooLarge(context)
    case "InvalidApiKey":
      return new E.InvalidApiKey(context)
    case "PaymentRequired":
      return new E.PaymentRequired({
        ...context,
        ...hint,
        ...Wire.compact({ limitSource }),
        // Without an announced wait there is nothing to wait for, say OpenRouter's docs.
        isTransient: limitSource === "openrouter_in_flight_budget" && reason !== "weight_exceeds_budget" &&
          hint.retryAfter !== undefined
      })
    case "AccessDenied":
      return new E.AccessDenied({ ...context, ...Wire.compact({ patterns }) })
    case "ModelUnavailable":
      return new E.ModelUnavailable({ ...context, ...Wire.compact({ reason, fallbackModels }) })
    case "RateLimited":
      return new E.RateLimited({ ...context, ...hint, ...Wire.compact({ limit, remaining, limitSource }) })
    case "ProviderTimeout":
      return new E.ProviderTimeout({ ...context, ...hint })
    case "ProviderUnavailable":
      return new E.ProviderUnavailable({ ...context, ...hint })
    case "ProviderOverloaded":
      return new E.ProviderOverloaded({ ...context, ...hint })
    case "ServerError":
      return new E.ServerError({ ...context, ...hint })
    case "Refused":
      return new E.Refused({
        ...context,
        source: reasons === undefined ? "policy" : "moderation",
        refusal: context.message,
        ...Wire.compact({
          reasons,
          flaggedInput: error.flaggedInput === undefined ? undefined : Redacted.make(error.flaggedInput)
        })
      })
    case "UnexpectedStatus":
      return new E.UnexpectedStatus(context)
  }
}

/**
 * A failure inside a 200 that no other error names.
 *
 * @since 0.1.0
 */
export const generationFailed = (answer: Answer): E.GenerationFailed =>
  new E.GenerationFailed(contextOf(answer, ErrorBody.read(answer.body)))

const contextOf = (answer: Answer, error: ErrorBody.ErrorBody) => ({
  message: error.message ?? answer.fallbackMessage ?? describe(answer),
  status: answer.status,
  ...Wire.compact({
    model: answer.model,
    generationId: answer.generationId,
    attempts: answer.attempts,
    usage: answer.usage,
    cost: answer.cost,
    partialText: answer.partialText,
    response: answer.response,
    errorType: error.errorType,
    code: error.code ?? error.status?.toString(),
    provider: error.provider
  })
})

const describe = (answer: Answer): string => {
  const text = answer.text?.trim() ?? ""
  if (answer.body !== undefined) return `the server answered with status ${answer.status} and gave no message`
  if (text === "") return `the server answered with status ${answer.status} and an empty body`
  return `the server answered with status ${answer.status} and a body that is not JSON: ${text.slice(0, 200)}`
}
