/**
 * The transport over an `HttpClient`: it adds the key, sends, and turns what goes wrong into typed errors without secrets.
 *
 * In the way of a call it is the last station before the HTTP client. One call of `send` is one exchange: what comes before
 * it (retries, deadlines, accounts) is none of its business.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { InvalidApiKey, InvalidRequest } from "../domain/error/OpenRouterError.ts"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import * as Wire from "../domain/wire/Wire.ts"
import { Transport } from "../services/Transport.ts"
import type { Answer, Request } from "../services/Transport.ts"
import * as ApiKey from "./client/ApiKey.ts"
import * as HttpFailure from "./client/HttpFailure.ts"

export * from "../services/Transport.ts"

/**
 * OpenRouter's address. Enterprise accounts have regional ones, such as `https://eu.openrouter.ai/api/v1`.
 *
 * @since 0.1.0
 */
export const defaultApiUrl = "https://openrouter.ai/api/v1"

/**
 * What a transport is made from.
 *
 * @since 0.1.0
 */
export interface Options {
  /** Without one each call fails with `InvalidApiKey`. */
  readonly apiKey?: Redacted.Redacted | undefined
  /** Default {@link defaultApiUrl}. */
  readonly apiUrl?: string | undefined
  /** Your application's URL (`HTTP-Referer`); OpenRouter attributes usage to it. */
  readonly appUrl?: string | undefined
  /** Your application's name (`X-OpenRouter-Title`); needs `appUrl`. */
  readonly appTitle?: string | undefined
  /** Asks for `response.openrouterMetadata`: how each request was routed. Default false. */
  readonly routerMetadata?: boolean | undefined
  /**
   * Answers equal requests from OpenRouter's response cache, free of charge, for this long (at most a day). Default: no
   * cache. The outcome's `cache` says whether it did.
   */
  readonly responseCache?: Duration.Input | undefined
  /**
   * Changes the HTTP client, for instance to add a proxy's header. It must not retry: that is `RetryPolicy`'s. A wait in it,
   * as for a limiter of your own, is no time of the `response` and `firstEvent` deadlines.
   */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/**
 * Makes the transport over the `HttpClient` of the environment. It always can be made: what it cannot be used with is the typed error of each exchange.
 *
 * @since 0.1.0
 */
export const makeHttp = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Transport["Service"], never, HttpClient.HttpClient> {
  const client = yield* HttpClient.HttpClient
  const settings = settingsOf(options)
  if (Result.isFailure(settings)) {
    return { account: "none", scrub: (text) => text, send: () => Effect.fail(settings.failure) }
  }
  return Transport.of({
    account: ApiKey.account(settings.success.apiKey),
    ...sending(client, settings.success, options.transformClient)
  })
})

/**
 * The transport over an `HttpClient`, from given options.
 *
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Transport, never, HttpClient.HttpClient> =>
  Layer.effect(Transport, makeHttp(options))

/** Told by the HTTP client, below whatever changes it, that a request leaves. */
const OnSent = Context.Reference<Effect.Effect<void>>("effect-openrouter/Transport/OnSent", {
  defaultValue: () => Effect.void
})

const sending = (
  client: HttpClient.HttpClient,
  { apiKey, apiUrl, headers }: Settings,
  transform: Options["transformClient"]
): Pick<Transport["Service"], "scrub" | "send"> => {
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
    scrub,
    send: (request, onSent) => {
      const base = prepare(request)
      const { body } = request
      const whole = body === undefined ? base : HttpClientRequest.setBody(base, HttpBody.text(body, "application/json"))
      return Effect.matchEffect(execute(whole, onSent), {
        onFailure: (error) => Effect.fail(HttpFailure.ofHttpClient(error, { host, scrub, phase: "sending" })),
        onSuccess: (response) => Effect.succeed(new HttpAnswer(response, { host, scrub }))
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
    this.headers = scrubbed(response.headers, known.scrub)
  }

  /** Only what a model said is left as it is. */
  get #isError(): boolean {
    return this.status >= 300
  }

  get text(): Answer["text"] {
    return Effect.matchEffect(this.#response.text, {
      onFailure: (error) => Effect.fail(this.#failure(error)),
      onSuccess: (text) => Effect.succeed(this.#isError ? this.#known.scrub(text) : text)
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

/** The same object where no header has the key in it. */
const scrubbed = (headers: Answer["headers"], scrub: (text: string) => string): Answer["headers"] => {
  let changed: { [name: string]: string | undefined } | undefined
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    const clean = scrub(value)
    if (clean === value) continue
    changed ??= { ...headers }
    changed[name] = clean
  }
  return changed ?? headers
}

interface Settings {
  /** Without a trailing slash. */
  readonly apiUrl: string
  readonly apiKey: Redacted.Redacted
  /** Those of the application, for every request. */
  readonly headers: { readonly [name: string]: string }
}

/** Checks what a client is made from, once. */
const settingsOf = (options: Options): Result.Result<Settings, RequestError> => {
  const apiKey = options.apiKey === undefined ? "" : Redacted.value(options.apiKey).trim()
  if (apiKey === "") {
    return Result.fail(
      new InvalidApiKey({ message: "there is no API key: set OPENROUTER_API_KEY, or pass apiKey to the layer" })
    )
  }
  if (!ApiKey.isHeaderText(apiKey)) {
    return Result.fail(
      new InvalidApiKey({ message: "the API key holds characters that no header can carry: check how it was copied" })
    )
  }
  const apiUrl = options.apiUrl ?? defaultApiUrl
  if (!URL.canParse(apiUrl) || !/^https?:$/.test(new URL(apiUrl).protocol)) {
    return Result.fail(unusable("apiUrl", `is no http(s) URL; the default is ${defaultApiUrl}`))
  }
  const { hash, password, search, username } = new URL(apiUrl)
  if (search !== "" || hash !== "") {
    return Result.fail(unusable("apiUrl", "holds a query or a fragment; paths are appended to it"))
  }
  if (username !== "" || password !== "") {
    return Result.fail(unusable("apiUrl", "holds a user name or password; OpenRouter only knows apiKey"))
  }
  const headers = Wire.compact({
    "http-referer": options.appUrl,
    "x-openrouter-title": options.appTitle,
    "x-openrouter-metadata": options.routerMetadata === true ? "enabled" : undefined,
    ...cacheHeaders(options.responseCache)
  })
  if (!ApiKey.isHeaderText(options.appUrl ?? "")) {
    return Result.fail(unusable("appUrl", "has characters that no header can carry"))
  }
  if (!ApiKey.isHeaderText(options.appTitle ?? "")) {
    return Result.fail(unusable("appTitle", "has characters that no header can carry; use plain ASCII"))
  }
  return Result.succeed({
    apiUrl: apiUrl.replace(/\/+$/, ""),
    apiKey: Redacted.make(apiKey),
    headers
  })
}

const cacheHeaders = (ttl: Options["responseCache"]) =>
  ttl === undefined ? {} : {
    "x-openrouter-cache": "true",
    "x-openrouter-cache-ttl": String(Math.round(Duration.toSeconds(Duration.fromInputUnsafe(ttl))))
  }

const unusable = (field: string, problem: string): InvalidRequest =>
  new InvalidRequest({ origin: "local", field, message: `${field}: ${problem}` })
