/**
 * From a failure of the HTTP client to a typed error without secrets.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as Predicate from "effect/Predicate"
import * as FailureCode from "../../domain/error/FailureCode.ts"
import { ConnectionFailed, InvalidRequest, MalformedResponse, TimedOut } from "../../domain/error/OpenRouterError.ts"
import * as AnswerSize from "./AnswerSize.ts"

/**
 * What it means that there is no answer, or not all of it: a broken connection, a limit of the HTTP client, an answer that
 * nobody can read, or a request that the HTTP client does not take.
 *
 * @since 0.1.0
 */
export type HttpFailure = ConnectionFailed | TimedOut | MalformedResponse | InvalidRequest

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
 * Fails with what an error of the HTTP client means, by its kind and then by its cause. What is a mistake in a program, such
 * as calling what is no function, is a defect.
 *
 * A `StatusCodeError` is left to the caller: it has an answer.
 *
 * @since 0.1.0
 */
export const ofHttpClient = (
  { reason }: HttpClientError.HttpClientError,
  where: Where
): Effect.Effect<never, HttpFailure> => {
  switch (reason._tag) {
    case "EncodeError":
    case "InvalidUrlError":
      return Effect.fail(unsendable(where, shown(reason.cause, where) ?? reason.description ?? reason._tag))
    case "TransportError":
      return ofCause(reason.cause, where, reason.description ?? reason._tag)
    case "EmptyBodyError":
      return Effect.fail(unreadable(where, "it has no body"))
    case "DecodeError":
    case "StatusCodeError": {
      const at: Where = { ...where, phase: "receiving" }
      // Before the answer was handed over somebody has read it, and did not like it.
      return where.phase === "receiving" || known(reason.cause) !== undefined
        ? ofCause(reason.cause, at, reason._tag)
        : Effect.fail(unreadable(at, shown(reason.cause, at) ?? reason.description ?? reason._tag))
    }
  }
}

/**
 * The same of what a runtime threw; `fallback` is said where it says nothing itself.
 *
 * @since 0.1.0
 */
export const ofCause = (cause: unknown, where: Where, fallback = "unknown"): Effect.Effect<never, HttpFailure> => {
  const found = known(cause)
  if (found === undefined && isMistake(cause)) return Effect.die(cause)
  const { host, phase, scrub } = where
  const code = found?.code
  const meaning = code === undefined ? "broken" : FailureCode.meaningOf(code)
  const reason = code === undefined ? shown(cause, where) ?? fallback : scrub(code)
  switch (meaning) {
    case "late":
      return Effect.fail(new TimedOut({ phase: "response", message: `${host} did not answer in time: ${reason}` }))
    case "oversized":
      return Effect.fail(AnswerSize.tooLarge(
        host,
        /HEADER/i.test(reason)
          ? `its headers are more than the HTTP client takes (${reason})`
          : shown(cause, where) ?? reason
      ))
    case "unreadable":
      return Effect.fail(unreadable(where, reason))
    case "unsendable":
      return phase === "sending"
        ? Effect.fail(unsendable(where, shown(cause, where) ?? reason))
        : Effect.fail(unreadable(where, reason))
    case "barred":
    case "unreachable":
    case "broken":
    case "closed": {
      const isConnecting = phase === "sending" &&
        (meaning === "barred" || meaning === "unreachable" || found?.isConnecting === true)
      const did = isConnecting ? "connect to" : phase === "sending" ? "send the request to" : "read the answer of"
      return Effect.fail(
        new ConnectionFailed({
          phase: isConnecting ? "connecting" : phase,
          reason,
          message: `cannot ${did} ${host}: ${reason}`
        })
      )
    }
  }
}

const unreadable = ({ host }: Where, why: string): MalformedResponse =>
  new MalformedResponse({ message: `the answer of ${host} cannot be read: ${why}` })

const unsendable = ({ host }: Where, why: string): InvalidRequest =>
  new InvalidRequest({
    origin: "local",
    message: `the HTTP client cannot send the request to ${host}: ${why}; check apiUrl and what transformClient changes`
  })

interface Found {
  readonly code: string
  /** True if the system says that it was about to connect. */
  readonly isConnecting: boolean
}

/** The code of a failure, which runtimes bury in causes or tell in words. */
const known = (cause: unknown, depth = 0): Found | undefined => {
  if (depth > 5 || !Predicate.isObject(cause)) return undefined
  const message = Predicate.hasProperty(cause, "message") && typeof cause.message === "string" ? cause.message : ""
  if (Predicate.hasProperty(cause, "code") && typeof cause.code === "string") {
    const syscall = Predicate.hasProperty(cause, "syscall") ? cause.syscall : undefined
    const isConnecting = syscall === "connect" || syscall === "getaddrinfo" || /before secure TLS/.test(message)
    const code = cause.code === "UND_ERR_SOCKET" ? FailureCode.ofWords(message) ?? cause.code : cause.code
    return { code, isConnecting }
  }
  if (Predicate.hasProperty(cause, "errors") && Array.isArray(cause.errors)) {
    const found = known(cause.errors[0], depth + 1)
    if (found !== undefined) return found
  }
  const inner = Predicate.hasProperty(cause, "cause") ? known(cause.cause, depth + 1) : undefined
  if (inner !== undefined) return inner
  const code = FailureCode.ofWords(message)
  return code === undefined ? undefined : { code, isConnecting: /client error \(Connect\)/.test(message) }
}

/** As much of a runtime's words as an error repeats. */
const maxWords = 200

/** The first line of what was thrown at the root of it, without the key. */
const shown = (cause: unknown, where: Where, depth = 0): string | undefined => {
  if (!(cause instanceof Error)) return undefined
  const inner = depth < 5 ? shown(cause.cause, where, depth + 1) : undefined
  return inner ??
    (cause.message === "" ? undefined : where.scrub(cause.message).split("\n", 1).join("").slice(0, maxWords))
}

/** True for what no network does: an engine's complaint about code. */
const isMistake = (cause: unknown): boolean =>
  cause instanceof ReferenceError ||
  (cause instanceof RangeError && /call stack/.test(cause.message)) ||
  (cause instanceof TypeError && complaints.test(cause.message))

const complaints =
  /\bis not (?:a function|a constructor|an object|iterable)\b|^Cannot (?:read|set|access|convert|assign|destructure)\b/
