/**
 * Exchanges over an `HttpClient`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { MalformedResponse, RequestError } from "../../domain/error/OpenRouterError.ts"
import type { HttpAnswer } from "../../domain/outcome/HttpAnswer.ts"
import * as LazyStream from "../../services/LazyStream.ts"
import type { Answer, Request, Transport } from "../../services/Transport.ts"
import * as AnswerSize from "./AnswerSize.ts"
import * as ApiKey from "./ApiKey.ts"
import * as HttpFailure from "./HttpFailure.ts"
import type { Options, Settings } from "./Settings.ts"
import * as WholeAnswer from "./WholeAnswer.ts"

/** Told by the HTTP client, below whatever changes it, that a request leaves. */
const OnSent = /* @__PURE__ */ Context.Reference<Effect.Effect<void>>("effect-openrouter/HttpExchange/OnSent", {
  defaultValue: () => Effect.void
})

/**
 * Makes the transport over a client.
 *
 * @since 0.1.0
 */
export const make = (
  client: HttpClient.HttpClient,
  { apiKey, apiUrl, headers, maxAnswerBytes, maxEventBytes }: Settings,
  transform: Options["transformClient"]
): Transport["Service"] => {
  const scrub = ApiKey.scrubber(apiKey)
  const { host } = new URL(apiUrl)
  const build = ({ headers: own, method, path }: Request): HttpClientRequest.HttpClientRequest =>
    HttpClientRequest.make(method)(`${apiUrl}${path}`).pipe(
      HttpClientRequest.setHeaders(headers),
      HttpClientRequest.setHeaders(own),
      HttpClientRequest.bearerToken(apiKey)
    )
  const prepare = shared(build)
  const execute = executing(client, transform, maxAnswerBytes)
  const known = { host, scrub, maxAnswerBytes }
  const send: Transport["Service"]["send"] = (request, onSent) => {
    const base = prepare(request)
    const { body } = request
    const whole = body === undefined ? base : HttpClientRequest.setBody(base, HttpBody.text(body, "application/json"))
    // Between the headers and the finalizer nothing may get lost: the connection would stay open.
    return Effect.uninterruptibleMask((restore) =>
      Effect.matchEffect(restore(execute(whole, onSent)), {
        onFailure: (error) =>
          error.reason._tag === "StatusCodeError"
            ? answered(error.reason.response, { ...known, isFiltered: true })
            : HttpFailure.ofHttpClient(error, { host, scrub, phase: "sending" }),
        onSuccess: (response) => answered(response, known)
      })
    )
  }
  const short = transform === undefined ? WholeAnswer.prepareOf(client) : undefined
  return {
    account: ApiKey.account(apiKey),
    address: apiUrl,
    maxAnswerBytes,
    scrub,
    maxEventBytes,
    send: short === undefined ? send : WholeAnswer.withAsk(send, asking(short, build, known)),
    announcesSending: transform !== undefined
  }
}

/** What is made of a request without its body; once for all requests for responses with the same headers, as most have. */
const shared = <A>(make: (request: Request) => A): (request: Request) => A => {
  const made = new WeakMap<Request["headers"], A>()
  return (request) => {
    if (request.path !== "/responses") return make(request)
    let known = made.get(request.headers)
    if (known === undefined) {
      known = make(request)
      made.set(request.headers, known)
    }
    return known
  }
}

/** Asks by the short way of an HTTP client. */
const asking = (
  prepare: WholeAnswer.Prepare,
  build: (request: Request) => HttpClientRequest.HttpClientRequest,
  known: Known
): WholeAnswer.Ask => {
  const { host, maxAnswerBytes, scrub } = known
  const dispatchOf = shared((request) => {
    const base = build(request)
    const isSending = request.body !== undefined
    return prepare(
      isSending ? HttpClientRequest.setHeader(base, "content-type", "application/json") : base,
      maxAnswerBytes
    )
  })
  return (request, { guard, noted, wait }) =>
    wait<HttpAnswer, RequestError>((end) => {
      let fields: Answer["headers"] = {}
      return dispatchOf(request)(request.body, {
        onHeaders: (status, headers) => {
          fields = ApiKey.withoutKey(headers, scrub, isError(status))
          noted(status, fields)
        },
        onEnd: (exit) => {
          if (Exit.isFailure(exit)) {
            return end(
              Effect.catch(Effect.failCause(exit.cause), (error) =>
                HttpFailure.ofHttpClient(error, { host, scrub, phase: "sending" }))
            )
          }
          const { status, text } = exit.value
          if (isOver(text) && Exit.isSuccess(text)) {
            return end(
              Exit.succeed({ status, headers: fields, text: isError(status) ? scrub(text.value) : text.value })
            )
          }
          // It is a stream that nobody asked for, or its body broke off.
          end(guard(Effect.scoped(Effect.flatMap(
            answered(exit.value, known),
            (answer) =>
              Effect.map(answer.text, (text) => ({ status, headers: fields, text }))
          ))))
        }
      })
    })
}

const isOver = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Exit<A, E> => Exit.isExit(effect)

/** Only what a model said is left as it is. */
const isError = (status: number): boolean => status >= 300

/** The span of the call says all that an inner HTTP span could. */
const always = (): boolean => true

/** OpenRouter has no redirects, and a request that was redirected is another one, without its body or its key. */
const unredirected: RequestInit = { redirect: "manual" }

const executing = (client: HttpClient.HttpClient, transform: Options["transformClient"], maxAnswerBytes: number) => {
  const settings = Context.make(HttpClient.TracerDisabledWhen, always).pipe(
    Context.add(AnswerSize.CurrentMax, maxAnswerBytes)
  )
  const forFetch = Context.add(settings, FetchHttpClient.RequestInit, unredirected)
  const provided = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.contextWith((context) => {
      const init = Context.getOrUndefined(context, FetchHttpClient.RequestInit)
      const whole = init === undefined
        ? forFetch
        : Context.add(settings, FetchHttpClient.RequestInit, { ...unredirected, ...init })
      return Effect.provideContext(self, whole)
    })
  if (transform === undefined) {
    return (request: HttpClientRequest.HttpClientRequest) => provided(client.execute(request))
  }
  const transformed = transform(
    HttpClient.transform(client, (effect) => Effect.flatMap(OnSent, (onSent) => Effect.andThen(onSent, effect)))
  )
  return (request: HttpClientRequest.HttpClientRequest, onSent: Effect.Effect<void>) =>
    transformed.execute(request).pipe(
      // A client that answers by itself has sent it by then.
      Effect.tap(() => onSent),
      Effect.provideService(OnSent, onSent),
      provided
    )
}

interface Known {
  readonly host: string
  readonly scrub: (text: string) => string
  readonly maxAnswerBytes: number
  /** True if somebody before us took it for a failure, and may have read its body. */
  readonly isFiltered?: boolean
}

const answered = (
  response: HttpClientResponse.HttpClientResponse,
  known: Known
): Effect.Effect<Answer, never, Scope.Scope> => {
  const { answer, isRead } = exchangeOf(response, known)
  return isWhole(response) === true ? Effect.succeed(answer) : Effect.as(
    Effect.addFinalizer(() => isRead() ? Effect.void : givenUp(response)),
    answer
  )
}

/** An answer, and whether anybody has begun to read it: from then on who reads it closes it. */
const exchangeOf = (
  response: HttpClientResponse.HttpClientResponse,
  known: Known
): { readonly answer: Answer; readonly isRead: () => boolean } => {
  let isRead = false
  const { host, maxAnswerBytes, scrub } = known
  const { status } = response
  const isFailure = isError(status)
  // Some clients make them anew whenever they are asked.
  const headers = ApiKey.withoutKey(response.headers, scrub, isFailure)
  const failed = (error: HttpClientError.HttpClientError): Effect.Effect<string, RequestError> => {
    if (error.reason._tag === "EmptyBodyError") return Effect.succeed("")
    // Status and headers say enough if its body cannot be had any more.
    if (known.isFiltered === true && isTaken(error)) return Effect.orElseSucceed(response.text, () => "")
    return HttpFailure.ofHttpClient(error, { ...known, phase: "receiving" })
  }
  const read = Effect.suspend((): Answer["text"] => {
    isRead = true
    return isWhole(response) !== undefined || AnswerSize.isPromised(headers, maxAnswerBytes)
      ? Effect.matchEffect(response.text, {
        onFailure: failed,
        onSuccess: (text) =>
          text.length > maxAnswerBytes ? Effect.fail(AnswerSize.exceeds(host, maxAnswerBytes)) : Effect.succeed(text)
      })
      : counted(response, known).pipe(Effect.catchTag("HttpClientError", failed))
  })
  const text = isFailure ? Effect.map(read, scrub) : read
  const answer: Answer = {
    status,
    headers,
    text,
    chunks: LazyStream.make(() => {
      if (isFailure) return Stream.encodeText(Stream.fromEffect(text))
      isRead = true
      return Stream.catch(response.stream, (error) => Stream.encodeText(Stream.fromEffect(failed(error))))
    })
  }
  return { answer, isRead: () => isRead }
}

/** The body chunk by chunk, as long as it is within the limit. */
const counted = (
  response: HttpClientResponse.HttpClientResponse,
  { host, maxAnswerBytes }: Known
): Effect.Effect<string, HttpClientError.HttpClientError | MalformedResponse> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let size = 0
    let text = ""
    return Stream.runForEachArray(response.stream, (chunks) => {
      for (const chunk of chunks) {
        size += chunk.length
        if (size > maxAnswerBytes) return Effect.fail(AnswerSize.exceeds(host, maxAnswerBytes))
        text += decoder.decode(chunk, { stream: true })
      }
      return Effect.void
    }).pipe(Effect.map(() => text + decoder.decode()))
  })

/** True where a body was read before: it can only be read once. */
const isTaken = ({ reason }: HttpClientError.HttpClientError): boolean =>
  reason.cause instanceof TypeError && /unusable|already|disturbed|locked/i.test(reason.cause.message)

/** True if a response is all there: it has no connection any more. `undefined` if its client does not limit it. */
const isWhole = (response: HttpClientResponse.HttpClientResponse): unknown =>
  Predicate.hasProperty(response, AnswerSize.isWhole) ? response[AnswerSize.isWhole] : undefined

/** Gives a response up: its body is opened, which is closed with its scope. Nothing happens to one that was read. */
const givenUp = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Effect.ignoreCause(Effect.scoped(Stream.toPull(response.stream)))
