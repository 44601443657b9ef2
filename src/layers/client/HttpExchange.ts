/**
 * Exchanges over an `HttpClient`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import type { Answer, Request, Transport } from "../../services/Transport.ts"
import * as AnswerSize from "./AnswerSize.ts"
import * as ApiKey from "./ApiKey.ts"
import * as HttpFailure from "./HttpFailure.ts"
import type { Options, Settings } from "./Settings.ts"

/** Told by the HTTP client, below whatever changes it, that a request leaves. */
const OnSent = Context.Reference<Effect.Effect<void>>("effect-openrouter/HttpExchange/OnSent", {
  defaultValue: () => Effect.void
})

/**
 * Makes the transport over a client.
 *
 * @since 0.1.0
 */
export const make = (
  client: HttpClient.HttpClient,
  { apiKey, apiUrl, headers, maxAnswerBytes }: Settings,
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
  /** The requests for responses without their bodies, by their headers, which most calls share. */
  const prepared = new WeakMap<Request["headers"], HttpClientRequest.HttpClientRequest>()
  const prepare = (request: Request): HttpClientRequest.HttpClientRequest => {
    if (request.path !== "/responses") return build(request)
    let known = prepared.get(request.headers)
    if (known === undefined) {
      known = build(request)
      prepared.set(request.headers, known)
    }
    return known
  }
  const execute = executing(client, transform)
  return {
    account: ApiKey.account(apiKey),
    scrub,
    send: (request, onSent) => {
      const base = prepare(request)
      const { body } = request
      const whole = body === undefined ? base : HttpClientRequest.setBody(base, HttpBody.text(body, "application/json"))
      return Effect.matchEffect(execute(whole, onSent), {
        onFailure: (error) => Effect.fail(HttpFailure.ofHttpClient(error, { host, scrub, phase: "sending" })),
        onSuccess: (response) => Effect.succeed(new HttpAnswer(response, { host, scrub, maxAnswerBytes }))
      })
    }
  }
}

/** The span of the call says all that an inner HTTP span could. */
const always = (): boolean => true

const executing = (client: HttpClient.HttpClient, transform: Options["transformClient"]) => {
  if (transform === undefined) {
    return (request: HttpClientRequest.HttpClientRequest, onSent: Effect.Effect<void>) =>
      Effect.provideService(Effect.andThen(onSent, client.execute(request)), HttpClient.TracerDisabledWhen, always)
  }
  const transformed = transform(
    HttpClient.transform(client, (effect) => Effect.flatMap(OnSent, (onSent) => Effect.andThen(onSent, effect)))
  )
  return (request: HttpClientRequest.HttpClientRequest, onSent: Effect.Effect<void>) =>
    transformed.execute(request).pipe(
      // A client that answers by itself has sent it by then.
      Effect.tap(() => onSent),
      Effect.provideService(OnSent, onSent),
      Effect.provideService(HttpClient.TracerDisabledWhen, always)
    )
}

interface Known {
  readonly host: string
  readonly scrub: (text: string) => string
  readonly maxAnswerBytes: number
}

class HttpAnswer implements Answer {
  readonly #response: HttpClientResponse.HttpClientResponse
  readonly #known: Known
  readonly status: number
  readonly headers: Answer["headers"]

  constructor(response: HttpClientResponse.HttpClientResponse, known: Known) {
    this.#response = response
    this.#known = known
    this.status = response.status
    // Some clients make them anew whenever they are asked.
    this.headers = ApiKey.withoutKey(response.headers, known.scrub, this.#isError)
  }

  /** Only what a model said is left as it is. */
  get #isError(): boolean {
    return this.status >= 300
  }

  get text(): Answer["text"] {
    const { host, maxAnswerBytes } = this.#known
    const text = isLimited(this.#response) || AnswerSize.isPromised(this.headers, maxAnswerBytes)
      ? Effect.matchEffect(this.#response.text, {
        onFailure: (error) => Effect.fail(this.#failure(error)),
        onSuccess: (text) =>
          text.length > maxAnswerBytes ? Effect.fail(AnswerSize.exceeds(host, maxAnswerBytes)) : Effect.succeed(text)
      })
      : this.#counted
    return this.#isError ? Effect.map(text, this.#known.scrub) : text
  }

  /** The body chunk by chunk, as long as it is within the limit. */
  get #counted(): Answer["text"] {
    const { host, maxAnswerBytes } = this.#known
    return Effect.suspend(() => {
      const decoder = new TextDecoder()
      let size = 0
      let text = ""
      return Stream.runForEachArray(this.#response.stream, (chunks) => {
        for (const chunk of chunks) {
          size += chunk.length
          if (size > maxAnswerBytes) return Effect.fail(AnswerSize.exceeds(host, maxAnswerBytes))
          text += decoder.decode(chunk, { stream: true })
        }
        return Effect.void
      }).pipe(
        Effect.catchTag(
          "HttpClientError",
          (error) => error.reason._tag === "EmptyBodyError" ? Effect.void : Effect.fail(this.#failure(error))
        ),
        Effect.map(() => text + decoder.decode())
      )
    })
  }

  get chunks(): Answer["chunks"] {
    return this.#isError
      ? Stream.encodeText(Stream.fromEffect(this.text))
      : Stream.mapError(this.#response.stream, (error) => this.#failure(error))
  }

  #failure(error: Parameters<typeof HttpFailure.ofHttpClient>[0]): RequestError {
    return HttpFailure.ofHttpClient(error, { ...this.#known, phase: "receiving" })
  }
}

const isLimited = (response: HttpClientResponse.HttpClientResponse): boolean =>
  Predicate.hasProperty(response, AnswerSize.isLimited)
