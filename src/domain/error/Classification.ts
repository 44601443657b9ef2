/**
 * From what the server said to what it means: one table for HTTP errors, errors inside a 200 and failures in a stream.
 *
 * What decides, in this order:
 *
 * 1. the categories that moderation flagged, and OpenRouter's `error_type`;
 * 2. a `code` or `type` that tells one cause, such as `insufficient_quota` or `server_is_overloaded`;
 * 3. the HTTP status, or inside a 200 the one in the body;
 * 4. a `code` or `type` that tells a kind, such as `server_error`.
 *
 * After 3 and 4 the provider's own code (`metadata.raw`, `provider_code`) may tell the cause, and the message where no code
 * does: a router hands on the failures of its providers behind a mere 400.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import type { Usage } from "../money/Usage.ts"
import type * as Usd from "../money/Usd.ts"
import type { Response } from "../response/Response.ts"
import * as Wire from "../wire/Wire.ts"
import * as ErrorBody from "./ErrorBody.ts"
import * as ErrorNames from "./ErrorNames.ts"
import * as ErrorWords from "./ErrorWords.ts"
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
  /** The body as text, where it is no response: the message if it was no JSON, and kept out of sight in the error. */
  readonly text?: string
  /** Epoch milliseconds at which the answer was read. */
  readonly now: number
  /** By how many milliseconds the server's clock is ahead; default 0. */
  readonly serverAhead?: number | undefined
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

type Tag = ErrorNames.Tag

const tagOf = (error: ErrorBody.ErrorBody, answer: Answer): Tag | undefined => {
  const canonical = error.errorType === undefined ? undefined : canonicalTag(error.errorType)
  if (error.reasons !== undefined && (canonical === undefined || moderating.has(canonical))) return "Refused"
  if (canonical !== undefined && !unfinished.has(error.errorType)) return canonical
  const cause = canonical === undefined || error.errorType === "unmapped" ? ErrorNames.cause(error.names) : undefined
  if (cause !== undefined) return cause
  const tag = canonical ?? ofStatus(answer.status, error.status) ?? ErrorNames.kind(error.names) ?? ofMetadata(error)
  return error.patterns !== undefined || !isOpen(tag) ? tag : causeBehind(error, tag) ?? tag
}

const canonicalTag = (errorType: string): Tag | undefined =>
  ErrorNames.cause([errorType]) ?? ErrorNames.kind([errorType])

/** What moderation may be called besides. */
const moderating: ReadonlySet<Tag> = new Set<Tag>(["Refused", "AccessDenied", "InvalidRequest"])

/** The `error_type` of what OpenRouter cannot tell apart. */
const unfinished: ReadonlySet<string | undefined> = new Set(["invalid_request", "unmapped"])

const ofStatus = (http: number, inBody: number | undefined): Tag | undefined => {
  if (http >= 300) return ErrorNames.ofStatus(http)
  return inBody !== undefined && inBody >= 400 && inBody <= 599 ? ErrorNames.ofStatus(inBody) : undefined
}

/** Without a code the kind of its details tells an error. */
const ofMetadata = ({ limitSource, patterns }: ErrorBody.ErrorBody): Tag | undefined => {
  if (patterns !== undefined) return "AccessDenied"
  if (limitSource === undefined) return undefined
  return /credits|key_limit|budget/.test(limitSource) ? "PaymentRequired" : "RateLimited"
}

/** True for what may stand for something that is known more exactly. */
const isOpen = (tag: Tag | undefined): boolean => {
  switch (tag) {
    case undefined:
    case "InvalidRequest":
    case "AccessDenied":
    case "PayloadTooLarge":
    case "RateLimited":
    case "ServerError":
    case "ProviderUnavailable":
    case "ProviderOverloaded":
      return true
    default:
      return false
  }
}

/** What the provider's code may make of the router's status. Its key and its permissions are none of the caller's. */
const upstreamCauses: ReadonlySet<Tag> = new Set<Tag>([
  "ContextLengthExceeded",
  "Refused",
  "PaymentRequired",
  "ModelUnavailable",
  "RateLimited",
  "ProviderOverloaded"
])

/** What is said by the provider's code, or in words where no code is; then what the provider says in general. */
const causeBehind = (error: ErrorBody.ErrorBody, tag: Tag | undefined): Tag | undefined => {
  const { upstream } = error
  const cause = upstream === undefined ? undefined : ErrorNames.cause(upstream.names)
  if (cause !== undefined && (tag === undefined || upstreamCauses.has(cause))) return cause
  const told = isNamed(error)
    ? undefined
    : inWords(error, tag) ?? (upstream === undefined ? undefined : inWords(upstream, tag))
  if (told !== undefined || tag !== undefined || upstream === undefined) return told
  return ofStatus(200, upstream.status) ?? ErrorNames.kind(upstream.names)
}

/** True if OpenRouter has a name for the error, be it one that is not known here: then no message is looked at. */
const isNamed = ({ code, errorType }: ErrorBody.ErrorBody): boolean =>
  errorType !== undefined && errorType !== "unmapped" || code !== undefined && ErrorNames.isTelling(code)

const inWords = ({ code, message }: ErrorBody.Voice, tag: Tag | undefined): Tag | undefined =>
  message === undefined || code !== undefined && ErrorNames.isTelling(code) ? undefined : ErrorWords.tell(message, tag)

/**
 * The error that an answer means; `undefined` if it is a failure inside a 200 whose words say nothing, see
 * {@link generationFailed}.
 *
 * @since 0.1.0
 */
export const classify = (answer: Answer): ServerSideError | undefined => {
  const error = readOf(answer)
  const tag = tagOf(error, answer)
  if (tag === undefined) return undefined
  const context = contextOf(answer, error)
  const { limit, remaining, ...announced } = RateLimit.fromAnswer({
    ...answer,
    isLimited: tag === "RateLimited" || tag === "PaymentRequired"
  })
  const { fallbackModels, limitSource, patterns, reason, reasons, retryable } = error
  const hint = { ...announced, ...Wire.compact({ retryable }) }
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
  new E.GenerationFailed(contextOf(answer, readOf(answer)))

/** What there is to read: JSON, else the text. */
const bodyOf = ({ body, text }: Answer): unknown => body === undefined ? text : body

const readOf = (answer: Answer): ErrorBody.ErrorBody => ErrorBody.read(bodyOf(answer))

const contextOf = (answer: Answer, error: ErrorBody.ErrorBody) => {
  const usage = answer.usage ?? error.usage
  return {
    message: messageOf(answer, error),
    status: answer.status,
    ...Wire.compact({
      model: answer.model,
      generationId: answer.generationId,
      attempts: answer.attempts,
      usage,
      cost: answer.cost ?? usage?.cost,
      partialText: answer.partialText,
      response: answer.response,
      errorType: error.errorType,
      code: error.code ?? error.type ?? error.status?.toString(),
      provider: error.provider,
      remedyHint: error.remedyHint,
      previousErrors: error.previousErrors,
      body: answer.text === undefined || answer.text === ""
        ? undefined
        : Redacted.make(answer.text.slice(0, ErrorBody.maxBody))
    })
  }
}

/** Words that came without an envelope do not say what they belong to. */
const messageOf = (answer: Answer, { message }: ErrorBody.ErrorBody): string =>
  message !== undefined && typeof bodyOf(answer) === "string"
    ? `the server answered with status ${answer.status}: ${message}`
    : message ?? answer.fallbackMessage ?? describe(answer)

const describe = (answer: Answer): string => {
  const text = answer.text?.trim() ?? ""
  if (answer.body !== undefined) return `the server answered with status ${answer.status} and gave no message`
  if (text === "") return `the server answered with status ${answer.status} and an empty body`
  return `the server answered with status ${answer.status} and a body that is not JSON: ${text.slice(0, 200)}`
}
