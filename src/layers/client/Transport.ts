/**
 * HTTP as the client needs it: an answer of any status is a value, a broken connection a typed error without secrets.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import type * as Pull from "effect/Pull"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConnectionFailed, MalformedResponse, TimedOut } from "../../domain/error/OpenRouterError.ts"
import type { Context, HttpAnswer } from "../../domain/outcome/HttpAnswer.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import type * as Watchdog from "./Watchdog.ts"

/**
 * Where requests go and what they carry.
 *
 * @since 0.1.0
 */
export interface Options {
  /** Without a trailing slash. */
  readonly apiUrl: string
  readonly apiKey: Redacted.Redacted
  readonly scrub: Scrub
  readonly headers: { readonly [name: string]: string }
}

/**
 * What an error says about the call it ended.
 *
 * @since 0.1.0
 */
export interface CallContext {
  readonly model?: string | undefined
  readonly attempts: number
}

/**
 * An answer whose status and headers are there: a stream of events, or another answer read to its end.
 *
 * @since 0.1.0
 */
export type Opened =
  | { readonly _tag: "Answer"; readonly answer: HttpAnswer }
  | {
    readonly _tag: "Events"
    readonly headers: HttpAnswer["headers"]
    readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, Unanswered>
  }

/**
 * Why there is no answer: the connection, a deadline, or an answer larger than the HTTP client takes.
 *
 * @since 0.1.0
 */
export type Unanswered = ConnectionFailed | TimedOut | MalformedResponse

/**
 * The requests that the client sends.
 *
 * @since 0.1.0
 */
export interface Transport {
  /** Posts a JSON body to `/responses`. */
  readonly post: (body: string, context: CallContext) => Effect.Effect<HttpAnswer, Unanswered>
  /** Posts a JSON body to `/responses` and begins to read the answer; the scope holds the connection. */
  readonly open: (body: string, context: CallContext) => Effect.Effect<Opened, Unanswered, Scope.Scope>
  /** Posts a JSON body to a path such as `/embeddings`, or gets a path such as `/key`. */
  readonly send: (
    path: string,
    body: string | undefined,
    context: CallContext
  ) => Effect.Effect<HttpAnswer, Unanswered>
}

/**
 * Prepares the requests of a client.
 *
 * @since 0.1.0
 */
export const make = (client: HttpClient.HttpClient, options: Options): Transport => {
  const prepare = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
    request.pipe(
      HttpClientRequest.bearerToken(options.apiKey),
      HttpClientRequest.acceptJson,
      HttpClientRequest.setHeaders(options.headers)
    )
  const host = new URL(options.apiUrl).host
  const failed = (error: HttpClientError.HttpClientError, phase: "sending" | "receiving", context: CallContext) =>
    Effect.fail(connectionFailed(error, { host, scrub: options.scrub, phase, context }))
  const readText = (
    response: HttpClientResponse.HttpClientResponse,
    context: CallContext
  ): Effect.Effect<HttpAnswer, Unanswered> =>
    Effect.matchEffect(response.text, {
      onFailure: (error) => failed(error, "receiving", context),
      onSuccess: (text) =>
        Effect.succeed({
          status: response.status,
          headers: scrubbed(response.headers, options.scrub),
          text
        })
    })
  const execute = (
    request: HttpClientRequest.HttpClientRequest,
    context: CallContext
  ): Effect.Effect<HttpAnswer, Unanswered> =>
    client.execute(request).pipe(
      Effect.matchEffect({
        onFailure: (error) => failed(error, "sending", context),
        onSuccess: (response) => readText(response, context)
      }),
      Effect.provideService(HttpClient.TracerDisabledWhen, always)
    )
  const open = (
    response: HttpClientResponse.HttpClientResponse,
    context: CallContext,
    restore: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  ) => {
    const { headers } = response
    const contentType = headers["content-type"] ?? "text/event-stream"
    return response.status === 200 && contentType.toLowerCase().includes("event-stream")
      ? Effect.map(
        Stream.toPull(Stream.catch(response.stream, (error) => Stream.fromEffect(failed(error, "receiving", context)))),
        (pull): Opened => ({ _tag: "Events", headers: scrubbed(headers, options.scrub), pull })
      )
      : Effect.map(restore(readText(response, context)), (answer): Opened => ({ _tag: "Answer", answer }))
  }
  const responses = prepare(HttpClientRequest.post(`${options.apiUrl}/responses`))
  const streams = HttpClientRequest.accept(responses, "text/event-stream")
  return {
    post: (body, context) =>
      execute(HttpClientRequest.setBody(responses, HttpBody.text(body, "application/json")), context),
    open: (body, context) =>
      // Between its headers and the finalizer of its reader nothing may get lost: the connection would stay open.
      Effect.uninterruptibleMask((restore) =>
        Effect.matchEffect(
          restore(client.execute(HttpClientRequest.setBody(streams, HttpBody.text(body, "application/json")))),
          {
            onFailure: (error) => failed(error, "sending", context),
            onSuccess: (response) => open(response, context, restore)
          }
        )
      ).pipe(Effect.provideService(HttpClient.TracerDisabledWhen, always)),
    send: (path, body, context) => {
      const url = `${options.apiUrl}${path}`
      return execute(
        body === undefined
          ? prepare(HttpClientRequest.get(url))
          : HttpClientRequest.setBody(prepare(HttpClientRequest.post(url)), HttpBody.text(body, "application/json")),
        context
      )
    }
  }
}

/** The span of the call says all that an inner HTTP span could. */
const always = (): boolean => true

/**
 * The same requests, each with a deadline for its whole answer; a stream is opened without.
 *
 * @since 0.1.0
 */
export const within = (transport: Transport, options: {
  readonly timeout: Duration.Duration
  readonly watchdog: Watchdog.Watchdog
}): Transport => {
  const millis = Duration.toMillis(options.timeout)
  const guarded = (
    self: Effect.Effect<HttpAnswer, Unanswered>,
    context: CallContext
  ): Effect.Effect<HttpAnswer, Unanswered> =>
    options.watchdog.guardFor(self, millis, () =>
      new TimedOut({
        phase: "response",
        duration: options.timeout,
        message: `the answer did not arrive within ${Duration.format(options.timeout)}`,
        attempts: context.attempts,
        ...Wire.compact({ model: context.model })
      }))
  return {
    open: transport.open,
    post: (body, context) => guarded(transport.post(body, context), context),
    send: (path, body, context) => guarded(transport.send(path, body, context), context)
  }
}

/** Of the headers, only the generation id becomes part of a result as it is. */
const scrubbed = (headers: Headers.Headers, scrub: Scrub): HttpAnswer["headers"] => {
  const id = headers["x-generation-id"]
  return id === undefined || scrub(id) === id ? headers : { ...headers, "x-generation-id": scrub(id) }
}

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

const connectionFailed = (
  error: HttpClientError.HttpClientError,
  { context, host, phase, scrub }: {
    readonly host: string
    readonly scrub: Scrub
    readonly phase: "sending" | "receiving"
    readonly context: CallContext
  }
): Unanswered => {
  const code = codeOf(error.reason.cause)
  const known = { attempts: context.attempts, ...Wire.compact({ model: context.model }) }
  if (code !== undefined && timeoutCodes.has(code)) {
    return new TimedOut({ ...known, phase: "response", message: `${host} did not answer in time: ${code}` })
  }
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
    // Sent again it would be as large, and billed again.
    const message = `the answer of ${host} is too large: ${messageOf(error.reason.cause) ?? code}`
    return new MalformedResponse({ ...known, message, body: Redacted.make("") })
  }
  const isConnecting = phase === "sending" && code !== undefined && connectingCodes.has(code)
  const reason = scrub(code ?? messageOf(error.reason.cause) ?? error.reason._tag)
  const did = isConnecting ? "connect to" : phase === "sending" ? "send the request to" : "read the answer of"
  return new ConnectionFailed({
    ...known,
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

/**
 * Cuts a key out of a text, should a server or a runtime repeat it; also as JSON may write it.
 *
 * @since 0.1.0
 */
export type Scrub = (text: string) => string

const shortestSecret = 12

/**
 * Makes the {@link Scrub} of a key.
 *
 * @since 0.1.0
 */
export const scrubber = (apiKey: Redacted.Redacted): Scrub => {
  const key = Redacted.value(apiKey)
  // A made-up key such as "test" is no secret, and a word of many answers.
  if (key.length < shortestSecret) return (text) => text
  const inJson = JSON.stringify(key).slice(1, -1)
  const forms = Arr.dedupe([key, inJson, inJson.replaceAll("/", "\\/")])
  return (text) => forms.reduce((text, form) => text.includes(form) ? text.replaceAll(form, "<redacted>") : text, text)
}

/**
 * Reads an answer; one that becomes an error is read without the API key in it. What a model said is left as it is.
 *
 * @since 0.1.0
 */
export const withoutKey = <A, E>(
  read: (answer: HttpAnswer, context: Context) => Result.Result<A, E>,
  scrub: Scrub,
  isFine: (value: A) => boolean
) =>
(answer: HttpAnswer, context: Context): Result.Result<A, E> => {
  const result = read(answer, context)
  if (Result.isSuccess(result) && isFine(result.success)) return result
  const text = scrub(answer.text)
  return text === answer.text ? result : read({ ...answer, text }, context)
}
