/**
 * The client of OpenRouter's Responses API.
 *
 * `layer` and `layerConfig` need an `HttpClient`; `layerFetch` brings its own and works anywhere. On Node,
 * `effect-openrouter/node` has the same over undici, for a quarter of the CPU.
 *
 * A layer is always built: a missing key or an unusable setting is the typed error of each call (`InvalidApiKey`,
 * `InvalidRequest`), so that a program can handle it where it handles the others.
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Call } from "../domain/endpoint/Call.ts"
import { InvalidApiKey, InvalidRequest } from "../domain/error/OpenRouterError.ts"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import * as Costs from "../domain/outcome/Costs.ts"
import * as HttpAnswer from "../domain/outcome/HttpAnswer.ts"
import type * as Outcome from "../domain/outcome/Outcome.ts"
import * as CreateResponse from "../domain/request/CreateResponse.ts"
import * as Wire from "../domain/wire/Wire.ts"
import * as CostLedger from "../services/CostLedger.ts"
import { OpenRouter } from "../services/OpenRouter.ts"
import * as RetryPolicy from "../services/RetryPolicy.ts"
import * as ResponseStream from "./client/ResponseStream.ts"
import * as Tracing from "./client/Tracing.ts"
import * as Transport from "./client/Transport.ts"
import * as Watchdog from "./client/Watchdog.ts"

export * from "../services/OpenRouter.ts"
export * from "./StructuredOutput.ts"

/**
 * OpenRouter's address. Enterprise accounts have regional ones, such as `https://eu.openrouter.ai/api/v1`.
 *
 * @since 0.1.0
 */
export const defaultApiUrl = "https://openrouter.ai/api/v1"

/**
 * What a client is made from.
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
  /**
   * How long one attempt of a call may take until its answer is complete; then it fails with `TimedOut`. Default 10
   * minutes. Streams have deadlines of their own, see `StreamDeadlines`.
   */
  readonly timeout?: Duration.Input | undefined
  /** Asks for `response.openrouterMetadata`: how each request was routed. Default false. */
  readonly routerMetadata?: boolean | undefined
  /**
   * Answers equal requests from OpenRouter's response cache, free of charge, for this long (at most a day). Default: no
   * cache. The outcome's `cache` says whether it did.
   */
  readonly responseCache?: Duration.Input | undefined
  /** Changes the HTTP client, for instance to add a proxy's header. It must not retry: that is `RetryPolicy`'s. */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/**
 * Makes the client.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<OpenRouter["Service"], never, HttpClient.HttpClient | Scope.Scope> {
  const client = yield* HttpClient.HttpClient
  const timeout = Duration.fromInputUnsafe(options.timeout ?? "10 minutes")
  const watchdog = yield* Watchdog.make({
    clock: yield* Clock.Clock,
    scope: yield* Effect.scope,
    shortest: timeout,
    latest: Infinity,
    restsWhenIdle: true
  })
  return Result.match(settingsOf(options), {
    onFailure: (problem) => {
      const failed = Effect.fail(problem)
      return OpenRouter.of({ outcome: () => failed, events: () => Channel.fail(problem), call: () => failed })
    },
    onSuccess: (settings) => {
      const transport = Transport.within(
        Transport.make(options.transformClient?.(client) ?? client, settings),
        { timeout, watchdog }
      )
      return OpenRouter.of({
        outcome: outcome(transport, settings),
        events: ResponseStream.make(transport, settings),
        call: call(transport, settings)
      })
    }
  })
})

/** The way of one call: encode, send, classify and decode, settle; again as the policy says. */
const outcome = (transport: Transport.Transport, settings: Transport.Options) => {
  const toOutcome = Transport.withoutKey(
    HttpAnswer.toOutcome,
    settings.scrub,
    (outcome) => outcome._tag === "Completed"
  )
  return (request: CreateResponse.CreateResponse): Effect.Effect<Outcome.Outcome, RequestError> => {
    const body = CreateResponse.toBody(request, { stream: false })
    if (Result.isFailure(body)) return Effect.fail(body.failure)
    const model = request.model ?? request.models?.[0]
    return Tracing.call(
      "OpenRouter.respond",
      { "gen_ai.operation.name": "generate_content", "gen_ai.request.model": model },
      RetryPolicy.retried((attempts) =>
        CostLedger.settled(
          Effect.flatMap(transport.post(body.success, { model, attempts }), interpret(toOutcome, { model, attempts })),
          Costs.ofOutcome
        )
      ),
      Tracing.annotateOutcome
    )
  }
}

const interpret = <A>(
  read: (answer: HttpAnswer.HttpAnswer, context: HttpAnswer.Context) => Result.Result<A, RequestError>,
  context: Transport.CallContext
) =>
(answer: HttpAnswer.HttpAnswer): Effect.Effect<A, RequestError> =>
  Effect.clockWith((clock) => Effect.fromResult(read(answer, { ...context, now: clock.currentTimeMillisUnsafe() })))

const call =
  (transport: Transport.Transport, settings: Transport.Options) =>
  <A>(endpoint: Call<A>): Effect.Effect<A, RequestError> => {
    const body = endpoint.body ?? Result.succeed(undefined)
    if (Result.isFailure(body)) return Effect.fail(body.failure)
    const { costs } = endpoint
    const read = Transport.withoutKey(endpoint.read, settings.scrub, () => true)
    return Tracing.call(
      `OpenRouter.${endpoint.name}`,
      {},
      RetryPolicy.retried((attempts) => {
        const attempt = Effect.flatMap(
          transport.send(endpoint.path, body.success, { attempts }),
          interpret(read, { attempts })
        )
        return costs === undefined ? attempt : CostLedger.settled(attempt, costs)
      })
    )
  }

/** Checks what a client is made from, once. */
const settingsOf = (options: Options): Result.Result<Transport.Options, RequestError> => {
  const apiKey = options.apiKey === undefined ? "" : Redacted.value(options.apiKey).trim()
  if (apiKey === "") {
    return Result.fail(
      new InvalidApiKey({ message: "there is no API key: set OPENROUTER_API_KEY, or pass apiKey to the layer" })
    )
  }
  if (!isHeaderText(apiKey)) {
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
  if (!isHeaderText(options.appUrl ?? "")) {
    return Result.fail(unusable("appUrl", "has characters that no header can carry"))
  }
  if (!isHeaderText(options.appTitle ?? "")) {
    return Result.fail(unusable("appTitle", "has characters that no header can carry; use plain ASCII"))
  }
  return Result.succeed({
    apiUrl: apiUrl.replace(/\/+$/, ""),
    apiKey: Redacted.make(apiKey),
    scrub: Transport.scrubber(Redacted.make(apiKey)),
    headers
  })
}

const cacheHeaders = (ttl: Options["responseCache"]) =>
  ttl === undefined ? {} : {
    "x-openrouter-cache": "true",
    "x-openrouter-cache-ttl": String(Math.round(Duration.toSeconds(Duration.fromInputUnsafe(ttl))))
  }

const isHeaderText = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

const unusable = (field: string, problem: string): InvalidRequest =>
  new InvalidRequest({ origin: "local", field, message: `${field}: ${problem}` })

/**
 * The client from given options.
 *
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<OpenRouter, never, HttpClient.HttpClient> =>
  Layer.effect(OpenRouter, make(options))

/**
 * What a client is made from, as configuration. Each is optional and has its environment variable as default.
 *
 * @since 0.1.0
 */
export interface ConfigOptions {
  /** Default `OPENROUTER_API_KEY`. */
  readonly apiKey?: Config.Config<Redacted.Redacted> | undefined
  /** Default `OPENROUTER_API_URL`, and {@link defaultApiUrl} without it. */
  readonly apiUrl?: Config.Config<string> | undefined
  /** Default `OPENROUTER_APP_URL`. */
  readonly appUrl?: Config.Config<string> | undefined
  /** Default `OPENROUTER_APP_TITLE`. */
  readonly appTitle?: Config.Config<string> | undefined
  readonly timeout?: Options["timeout"]
  readonly routerMetadata?: Options["routerMetadata"]
  readonly responseCache?: Options["responseCache"]
  readonly transformClient?: Options["transformClient"]
}

/**
 * The client from configuration: `OPENROUTER_API_KEY` and its siblings, unless told otherwise.
 *
 * @since 0.1.0
 */
export const layerConfig = (
  options: ConfigOptions = {}
): Layer.Layer<OpenRouter, Config.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(
    OpenRouter,
    Effect.gen(function*() {
      const config = yield* Config.all({
        apiKey: Config.option(options.apiKey ?? Config.Redacted("OPENROUTER_API_KEY")),
        apiUrl: Config.option(options.apiUrl ?? Config.String("OPENROUTER_API_URL")),
        appUrl: Config.option(options.appUrl ?? Config.String("OPENROUTER_APP_URL")),
        appTitle: Config.option(options.appTitle ?? Config.String("OPENROUTER_APP_TITLE"))
      })
      return yield* make({
        apiKey: Option.getOrUndefined(config.apiKey),
        apiUrl: Option.getOrUndefined(config.apiUrl),
        appUrl: Option.getOrUndefined(config.appUrl),
        appTitle: Option.getOrUndefined(config.appTitle),
        timeout: options.timeout,
        routerMetadata: options.routerMetadata,
        responseCache: options.responseCache,
        transformClient: options.transformClient
      })
    })
  )

/**
 * {@link layerConfig} over `fetch`: nothing else is needed, on any runtime.
 *
 * @since 0.1.0
 */
export const layerFetch: Layer.Layer<OpenRouter, Config.ConfigError> = /* @__PURE__ */ Layer.provide(
  /* @__PURE__ */ layerConfig(),
  FetchHttpClient.layer
)
