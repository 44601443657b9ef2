/**
 * OpenRouter's error envelope, read tolerantly: the same facts from every dialect in which they arrive.
 *
 * Read are `{ error: { code, message, metadata } }` with a number, text or nothing as `code`; `metadata`, `error_type` and
 * `user_id` beside or inside `error`; `availability`; a bare text as `error`; `{ detail }`; and the `error` events of a
 * stream, nested or flat.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Wire from "../wire/Wire.ts"
import type { ProviderDetails } from "./ErrorContext.ts"

/**
 * The facts of an error body. Absent is what the body did not say.
 *
 * @since 0.1.0
 */
export interface ErrorBody {
  readonly message?: string
  /** A numeric `code`, which OpenRouter sets to the HTTP status. */
  readonly status?: number
  /** A textual `code`. */
  readonly code?: string
  /** The canonical `error_type`. */
  readonly errorType?: string
  /** The parameter that the server blames. */
  readonly param?: string
  readonly limitSource?: string
  readonly reason?: string
  readonly reasons?: ReadonlyArray<string>
  readonly patterns?: ReadonlyArray<string>
  readonly flaggedInput?: string
  readonly fallbackModels?: ReadonlyArray<string>
  readonly provider?: ProviderDetails
}

/**
 * True if a body of HTTP 200 is an error envelope and not a response.
 *
 * @since 0.1.0
 */
export const isErrorBody = (body: unknown): body is Wire.JsonObject =>
  Wire.isJsonObject(body) && (body["error"] ?? null) !== null && !isResponse(body)

/** The `metadata` of a response is the caller's own, not the error's. */
const isResponse = (body: Wire.JsonObject): boolean => (body["status"] ?? body["output"] ?? null) !== null

/**
 * Reads the facts of an error from a parsed body; an unreadable one has none.
 *
 * @since 0.1.0
 */
export const read = (body: unknown): ErrorBody => {
  const outer = Wire.isJsonObject(body) ? body : {}
  const error = Wire.isJsonObject(outer["error"]) ? outer["error"] : outer
  const metadata = { ...(isResponse(outer) ? {} : objectAt(outer, "metadata")), ...objectAt(error, "metadata") }
  const availability = { ...objectAt(outer, "availability"), ...objectAt(error, "availability") }
  const constraint = objectAt(availability, "constraint")
  const code = error["code"]
  return Wire.compact({
    message: text(error["message"]) ?? text(outer["error"]) ?? text(outer["message"]) ?? text(outer["detail"]),
    status: statusOf(code) ?? number(error["http_status"]) ?? number(outer["status"]),
    code: text(code),
    errorType: text(metadata["error_type"]) ?? text(error["error_type"]) ?? text(outer["error_type"]),
    param: text(error["param"]) ?? text(constraint["field"]),
    limitSource: text(metadata["limit_source"]),
    reason: text(availability["code"]) ?? text(metadata["reason"]),
    reasons: texts(metadata["reasons"]),
    patterns: texts(metadata["patterns"]),
    flaggedInput: text(metadata["flagged_input"]),
    fallbackModels: texts(availability["fallback_models"]),
    provider: providerOf(metadata)
  })
}

/** A `code` that is an HTTP status, also as text. */
const statusOf = (code: unknown): number | undefined =>
  number(code) ?? (typeof code === "string" && /^[45]\d\d$/.test(code) ? Number(code) : undefined)

const providerOf = (metadata: Wire.JsonObject): ProviderDetails | undefined => {
  const raw = metadata["raw"]
  const provider = Wire.compact({
    name: text(metadata["provider_name"]),
    code: text(metadata["provider_code"]) ?? number(metadata["provider_code"])?.toString(),
    raw: raw === undefined || raw === null ? undefined : Redacted.make(text(raw) ?? jsonText(raw))
  })
  return Object.keys(provider).length === 0 ? undefined : provider
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

const text = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const number = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

const texts = (value: unknown): ReadonlyArray<string> | undefined => {
  if (!Array.isArray(value)) return undefined
  const items = value.filter((item) => typeof item === "string")
  return items.length === 0 ? undefined : items
}
