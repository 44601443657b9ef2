/**
 * OpenRouter's error envelope, read tolerantly: the same facts from every dialect in which they arrive.
 *
 * Read are `{ error: { code, message, metadata } }` with a number, text or nothing as `code`; `metadata`, `error_type`,
 * `usage` and `user_id` beside or inside `error`; `availability`; a bare text as `error`; FastAPI's `{ detail }`, a text or a
 * list; Google's list of one envelope; `{ errors: [{ message }] }`; and the `error` events of a stream, nested or flat. What
 * the provider said is read alike from `metadata.raw`, JSON or text, and from a message that is JSON.
 *
 * Texts are cut: a body may be of any size.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Usage } from "../money/Usage.ts"
import { lazy } from "../wire/Lazy.ts"
import * as Lenient from "../wire/Lenient.ts"
import * as Wire from "../wire/Wire.ts"
import type { PreviousError, ProviderDetails } from "./ErrorContext.ts"

/**
 * What one server says of an error: OpenRouter, or the provider behind it.
 *
 * @since 0.1.0
 */
export interface Voice {
  readonly message?: string
  /** An HTTP status, such as the numeric `code` of OpenRouter. */
  readonly status?: number
  /** A textual `code`. */
  readonly code?: string
  /** The `type` of the error. */
  readonly type?: string
  /** All by which the error is called, the most exact first. */
  readonly names: ReadonlyArray<string>
}

/**
 * The facts of an error body. Absent is what the body did not say.
 *
 * @since 0.1.0
 */
export interface ErrorBody extends Voice {
  /** The canonical `error_type`. */
  readonly errorType?: string
  /** The parameter that the server blames. */
  readonly param?: string
  readonly limitSource?: string
  readonly reason?: string
  /** Whether trying again can help, in the server's opinion. */
  readonly retryable?: boolean
  readonly reasons?: ReadonlyArray<string>
  readonly patterns?: ReadonlyArray<string>
  readonly flaggedInput?: string
  readonly fallbackModels?: ReadonlyArray<string>
  readonly remedyHint?: string
  readonly previousErrors?: ReadonlyArray<PreviousError>
  readonly provider?: ProviderDetails
  /** What the provider said by itself. */
  readonly upstream?: Voice
  readonly usage?: Usage
}

/**
 * As much of an unreadable or refused body as an error carries, in characters.
 *
 * @since 0.1.0
 */
export const maxBody = 65_536

/** A message is for eyes; its rest is in the body. */
const maxText = 2000

const maxItems = 100

/**
 * A text that is short enough for a message.
 *
 * @since 0.1.0
 */
export const shortened = (text: string): string => text.length <= maxText ? text : `${text.slice(0, maxText)}…`

/**
 * The error envelope that a body of HTTP 200 is; `undefined` if it is anything else, such as a response.
 *
 * @since 0.1.0
 */
export const envelope = (body: unknown): Wire.JsonObject | undefined => {
  const single = Array.isArray(body) ? only(body) : body
  return isErrorBody(single) ? single : undefined
}

const only = (list: ReadonlyArray<unknown>): unknown => list.length === 1 ? list[0] : undefined

/**
 * True if a body of HTTP 200 is an error envelope and not a response.
 *
 * @since 0.1.0
 */
export const isErrorBody = (body: unknown): body is Wire.JsonObject =>
  Wire.isJsonObject(body) && !isResponse(body) &&
  ((body["error"] ?? null) !== null || body["object"] === "error" || body["type"] === "error")

/** The `metadata` of a response is the caller's own, not the error's. */
const isResponse = (body: Wire.JsonObject): boolean => (body["status"] ?? body["output"] ?? null) !== null

/**
 * Reads the facts of an error from a parsed body, or from the text of one that is not JSON; an unreadable one has none.
 *
 * @since 0.1.0
 */
export const read = (body: unknown): ErrorBody => {
  const outer = objectOf(body)
  const error = errorIn(outer)
  const metadata = { ...(isResponse(outer) ? {} : objectAt(outer, "metadata")), ...objectAt(error, "metadata") }
  const availability = { ...objectAt(outer, "availability"), ...objectAt(error, "availability") }
  const constraint = objectAt(availability, "constraint")
  const { names, ...own } = typeof body === "string" ? spoken(body) : voiceOf(outer)
  const { retryable } = availability
  const raw = metadata["raw"] ?? undefined
  const providerCode = codeOf(metadata["provider_code"]) ?? codeOf(metadata["provider_error_code"])
  const availabilityCode = text(availability["code"])
  return {
    ...own,
    names: availabilityCode === undefined ? names : [...names, availabilityCode],
    ...Wire.compact({
      errorType: text(metadata["error_type"]) ?? text(error["error_type"]) ?? text(outer["error_type"]),
      param: text(error["param"]) ?? text(constraint["field"]) ?? blamed(outer["detail"]),
      limitSource: text(metadata["limit_source"]),
      reason: availabilityCode ?? text(metadata["reason"]),
      retryable: typeof retryable === "boolean" ? retryable : undefined,
      reasons: texts(metadata["reasons"]),
      patterns: texts(metadata["patterns"]),
      flaggedInput: text(metadata["flagged_input"]),
      fallbackModels: texts(availability["fallback_models"]),
      remedyHint: text(metadata["remedy_hint"]),
      previousErrors: previousErrors(metadata["previous_errors"]),
      provider: providerOf(text(metadata["provider_name"]), providerCode, raw),
      upstream: upstreamOf(providerCode, raw, typeof body === "string" ? body : own.message),
      usage: usageOf(outer["usage"]) ?? usageOf(error["usage"]) ?? usageOf(metadata["usage"])
    })
  }
}

/** A body that is a text is a message, unless it is a page for a browser. */
const spoken = (body: string): Voice => {
  const words = body.trim()
  return { names: [], ...Wire.compact({ message: words.startsWith("<") ? undefined : text(words) }) }
}

/** Google sends a list of one envelope. */
const objectOf = (body: unknown): Wire.JsonObject => {
  const single = Array.isArray(body) ? only(body) : body
  return Wire.isJsonObject(single) ? single : {}
}

const errorIn = (outer: Wire.JsonObject): Wire.JsonObject => {
  const { detail, error, errors } = outer
  if (Wire.isJsonObject(error)) return error
  if (Wire.isJsonObject(detail)) return Wire.isJsonObject(detail["error"]) ? detail["error"] : detail
  if (Array.isArray(errors) && Wire.isJsonObject(errors[0])) return errors[0]
  return outer
}

/** These say that there is an error, and not which. */
const envelopes: ReadonlySet<unknown> = new Set(["error", "response.error", "response.failed"])

const voiceOf = (outer: Wire.JsonObject): Voice => {
  const error = errorIn(outer)
  const code = error["code"] ?? outer["code"]
  const type = envelopes.has(error["type"]) ? undefined : text(error["type"])
  const ownCode = text(code)
  const message = text(error["message"]) ?? text(outer["error"]) ?? text(outer["message"]) ?? text(outer["Message"]) ??
    detailOf(outer["detail"])
  const status = statusOf(code) ?? number(error["http_status"]) ?? number(error["status"]) ?? number(outer["status"])
  return {
    names: [
      ownCode,
      type,
      error === outer && isResponse(outer) && outer["output"] !== undefined ? undefined : text(error["status"]),
      text(objectAt(error, "innererror")["code"]),
      text(outer["__type"]),
      ...reasonsIn(error["details"])
    ].filter((name) => name !== undefined),
    ...Wire.compact({ message, status, code: ownCode, type })
  }
}

/** Google's details name the reason, such as `API_KEY_INVALID`. */
const reasonsIn = (details: unknown): ReadonlyArray<string> =>
  Array.isArray(details)
    ? details.slice(0, maxItems).flatMap((detail) => Wire.isJsonObject(detail) ? text(detail["reason"]) ?? [] : [])
    : []

/** FastAPI's `detail`: a text, or a list of what is wrong where. */
const detailOf = (detail: unknown): string | undefined => {
  if (!Array.isArray(detail)) return text(detail)
  const problems = detail.slice(0, maxItems).flatMap((item: unknown) => {
    if (!Wire.isJsonObject(item)) return text(item) ?? []
    const problem = text(item["msg"]) ?? text(item["message"])
    const place = placeOf(item["loc"])
    return problem === undefined ? [] : [place === undefined ? problem : `${place}: ${problem}`]
  })
  return problems.length === 0 ? undefined : shortened(problems.join("; "))
}

const blamed = (detail: unknown): string | undefined =>
  Array.isArray(detail) && Wire.isJsonObject(detail[0]) ? placeOf(detail[0]["loc"]) : undefined

/** Where in the request, without the word that all of it is in the body. */
const placeOf = (loc: unknown): string | undefined =>
  Array.isArray(loc)
    ? text(loc.slice(loc[0] === "body" ? 1 : 0, maxItems).filter((key) => typeof key !== "object").join("."))
    : undefined

/** A `code` that is an HTTP status, also as text. */
const statusOf = (code: unknown): number | undefined =>
  number(code) ?? (typeof code === "string" && /^[45]\d\d$/.test(code) ? Number(code) : undefined)

const codeOf = (code: unknown): string | undefined => text(code) ?? number(code)?.toString()

const providerOf = (
  name: string | undefined,
  code: string | undefined,
  raw: unknown
): ProviderDetails | undefined => {
  const provider = Wire.compact({
    name,
    code,
    raw: raw === undefined
      ? undefined
      : Redacted.make((typeof raw === "string" ? raw : jsonText(raw)).slice(0, maxBody))
  })
  return Object.keys(provider).length === 0 ? undefined : provider
}

/** What the provider said: JSON, text with JSON in it, or text; without `raw` the JSON in the message. */
const upstreamOf = (code: string | undefined, raw: unknown, message: string | undefined): Voice | undefined => {
  const source = raw ?? message
  const json = typeof source === "string" ? jsonIn(source) : source
  const inJson = Wire.isJsonObject(json) || Array.isArray(json) ? voiceOf(objectOf(json)) : undefined
  if (code === undefined && raw === undefined && inJson === undefined) return undefined
  const words = typeof raw === "string" ? { message: raw.slice(0, maxText) } : {}
  return { ...words, ...inJson, names: [...(code === undefined ? [] : [code]), ...(inJson?.names ?? [])] }
}

/** The JSON in a text such as `ConnectionError: {"error":…}`. */
const jsonIn = (raw: string): unknown => {
  const start = raw.length > maxBody ? -1 : raw.search(/[[{]/)
  if (start === -1) return undefined
  try {
    return JSON.parse(raw.slice(start))
  } catch {
    return undefined
  }
}

const previousErrors = (value: unknown): ReadonlyArray<PreviousError> | undefined => {
  if (!Array.isArray(value)) return undefined
  const errors = value.slice(0, maxItems).flatMap((item: unknown) => {
    if (!Wire.isJsonObject(item)) return []
    return [Wire.compact({
      provider: text(item["provider"]) ?? text(item["provider_name"]),
      code: codeOf(item["code"]),
      status: number(item["status"]) ?? statusOf(item["code"]),
      message: text(item["message"])
    })]
  })
  return errors.length === 0 ? undefined : errors
}

const decodeUsage = lazy(() => Lenient.decoder(Usage))

/** The usage beside an error; the names of other endpoints are understood. */
const usageOf = (json: unknown): Usage | undefined => {
  if (!Wire.isJsonObject(json)) return undefined
  const { completion_tokens, prompt_tokens } = json
  const usage = decodeUsage()({
    ...(prompt_tokens === undefined ? {} : { input_tokens: prompt_tokens }),
    ...(completion_tokens === undefined ? {} : { output_tokens: completion_tokens }),
    ...json
  })
  return Result.isSuccess(usage) ? usage.success : undefined
}

/** JSON text of a value that came as JSON; none if it is nested too deep to be written again. */
const jsonText = (value: unknown): string => {
  try {
    return JSON.stringify(value)
  } catch {
    return ""
  }
}

const objectAt = (value: Wire.JsonObject, key: string): Wire.JsonObject => {
  const inner = value[key]
  return Wire.isJsonObject(inner) ? inner : {}
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? shortened(value) : undefined

const number = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

const texts = (value: unknown): ReadonlyArray<string> | undefined => {
  if (!Array.isArray(value)) return undefined
  const items = value.slice(0, maxItems).flatMap((item) => text(item) ?? [])
  return items.length === 0 ? undefined : items
}
