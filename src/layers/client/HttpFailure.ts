/**
 * From a failure of the HTTP client to a typed error without secrets.
 *
 * @since 0.1.0
 */
import type * as HttpClientError from "effect/http/HttpClientError"
import * as Predicate from "effect/Predicate"
import { ConnectionFailed, TimedOut } from "../../domain/error/OpenRouterError.ts"
import type { MalformedResponse } from "../../domain/error/OpenRouterError.ts"
import * as AnswerSize from "./AnswerSize.ts"

/** Codes of failures before the request was on its way. */
const connectingCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "EPROTO"
])

/**
 * What it means that there is no answer, or not all of it: a broken connection, a limit of the HTTP client, or an answer
 * larger than it takes.
 *
 * @since 0.1.0
 */
export const ofHttpClient = (
  { reason }: HttpClientError.HttpClientError,
  where: Where
): ConnectionFailed | TimedOut | MalformedResponse => ofCause(reason.cause, where, reason._tag)

/**
 * Where an exchange failed, and how its texts are made fit to be shown.
 *
 * @since 0.1.0
 */
export interface Where {
  readonly host: string
  readonly scrub: (text: string) => string
  readonly phase: "sending" | "receiving"
}

/**
 * The same of what a runtime threw; `fallback` is said where it says nothing itself.
 *
 * @since 0.1.0
 */
export const ofCause = (
  cause: unknown,
  { host, phase, scrub }: Where,
  fallback = "unknown"
): ConnectionFailed | TimedOut | MalformedResponse => {
  const code = codeOf(cause)
  if (code !== undefined && timeoutCodes.has(code)) {
    return new TimedOut({ phase: "response", message: `${host} did not answer in time: ${code}` })
  }
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") return AnswerSize.tooLarge(host, messageOf(cause) ?? code)
  const isConnecting = phase === "sending" && code !== undefined && connectingCodes.has(code)
  const reason = scrub(code ?? messageOf(cause) ?? fallback)
  const did = isConnecting ? "connect to" : phase === "sending" ? "send the request to" : "read the answer of"
  return new ConnectionFailed({
    phase: isConnecting ? "connecting" : phase,
    reason,
    message: `cannot ${did} ${host}: ${reason}`
  })
}

/** Codes of an HTTP client's own limits. The provider may bill what came too late, as for our own deadlines. */
const timeoutCodes: ReadonlySet<string> = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"])

/** The system's code of a failure, which runtimes bury in causes. */
const codeOf = (cause: unknown, depth = 0): string | undefined => {
  if (depth > 5 || !Predicate.isObject(cause)) return undefined
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") return cause.code
  if (Predicate.hasProperty(cause, "errors") && Array.isArray(cause.errors)) {
    const code = codeOf(cause.errors[0], depth + 1)
    if (code !== undefined) return code
  }
  return Predicate.hasProperty(cause, "cause") ? codeOf(cause.cause, depth + 1) : undefined
}

const messageOf = (cause: unknown): string | undefined => cause instanceof Error ? cause.message : undefined
