/**
 * From a failure of the HTTP client to a typed error without secrets.
 *
 * @since 0.1.0
 */
import type * as HttpClientError from "effect/http/HttpClientError"
import * as Predicate from "effect/Predicate"
import { ConnectionFailed, MalformedResponse, TimedOut } from "../../domain/error/OpenRouterError.ts"

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
  error: HttpClientError.HttpClientError,
  { host, phase, scrub }: {
    readonly host: string
    readonly scrub: (text: string) => string
    readonly phase: "sending" | "receiving"
  }
): ConnectionFailed | TimedOut | MalformedResponse => {
  const code = codeOf(error.reason.cause)
  if (code !== undefined && timeoutCodes.has(code)) {
    return new TimedOut({ phase: "response", message: `${host} did not answer in time: ${code}` })
  }
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
    // Sent again it would be as large, and billed again.
    const message = `the answer of ${host} is too large: ${messageOf(error.reason.cause) ?? code}`
    return new MalformedResponse({ message })
  }
  const isConnecting = phase === "sending" && code !== undefined && connectingCodes.has(code)
  const reason = scrub(code ?? messageOf(error.reason.cause) ?? error.reason._tag)
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
