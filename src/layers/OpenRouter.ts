/**
 * The client of OpenRouter's Responses API.
 *
 * `layer` and `layerConfig` need an `HttpClient`; `layerFetch` brings its own and works anywhere. On Node,
 * `effect-openrouter/node` has the same over undici, for a quarter of the CPU. `layerTransport` is the client over any
 * {@link Transport}: what a call passes before it gets there is the same for all of them.
 *
 * `layerConfig` and `layerFetch` fail when they are built without a key or with an unusable setting, such as an `appTitle`
 * without `appUrl`. `layer` can always be built: there these are the typed error of each call (`InvalidApiKey`,
 * `InvalidRequest`), so that a program can handle it where it handles the others.
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { CreateResponse } from "../domain/request/CreateResponse.ts"
import { defaults } from "../services/Deadlines.ts"
import { CurrentDefaults, filled } from "../services/Defaults.ts"
import * as Middleware from "../services/Middleware.ts"
import { OpenRouter } from "../services/OpenRouter.ts"
import * as Kernel from "./client/Kernel.ts"
import * as Settings from "./client/Settings.ts"
import * as TransportSender from "./client/TransportSender.ts"
import * as RateGate from "./RateGate.ts"
import * as Transport from "./Transport.ts"

export * from "../services/ObjectStream.ts"
export * from "../services/OpenRouter.ts"
export * from "../services/StructuredOutput.ts"
export { defaultApiUrl } from "./Transport.ts"

/**
 * What a client is made from.
 *
 * @since 0.1.0
 */
export interface Options extends Transport.Options {
  /**
   * How long a call may take from sending its request to the end of its answer, each attempt anew; then it fails with
   * `TimedOut`. Default 10 minutes. `Deadlines` sets it for a part of a program, and has those of streams.
   */
  readonly timeout?: Duration.Input | undefined
}

/** A client over a transport, and its gate: the one that is there, or one of its own. */
const ofTransport = (
  transport: Transport.Transport["Service"],
  timeout?: Duration.Input
): Effect.Effect<Context.Context<OpenRouter | RateGate.RateGate>> =>
  Effect.map(Effect.serviceOption(RateGate.RateGate), (given) => {
    const gate = Option.getOrElse(given, () => RateGate.make())
    const service = Kernel.make(TransportSender.make(transport), {
      timeout: timeout === undefined ? defaults.response : Duration.fromInputUnsafe(timeout),
      retries: true,
      prices: true,
      gate: gate.admission
    })
    return Context.make(OpenRouter, service).pipe(Context.add(RateGate.RateGate, gate))
  })

const ofHttp = (options: Options) =>
  Effect.flatMap(Transport.makeHttp(options), (transport) => ofTransport(transport, options.timeout))

/**
 * Makes the client.
 *
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<OpenRouter["Service"], never, HttpClient.HttpClient> =>
  Effect.map(ofHttp(options), Context.get(OpenRouter))

/**
 * The client over a transport: HTTP's (`Transport.layer`), one that wraps it, or one of your own. Its deadlines are the
 * defaults of `Deadlines`, unless the program sets others.
 *
 * @since 0.1.0
 */
export const layerTransport: Layer.Layer<
  OpenRouter | RateGate.RateGate,
  never,
  Transport.Transport
> = /* @__PURE__ */ Layer.fresh(
  // Each transport of a program gets a client of its own, although this is one value.
  /* @__PURE__ */ Layer.effectContext(
    /* @__PURE__ */ Effect.flatMap(Transport.Transport, (transport) => ofTransport(transport))
  )
)

/**
 * The client from given options.
 *
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<OpenRouter | RateGate.RateGate, never, HttpClient.HttpClient> =>
  Layer.effectContext(ofHttp(options))

/**
 * Wraps the calls of all who use a client, as `withMiddleware` does for a part of a program; inside of those. The journal,
 * the cache and single flight of this library stand in this order, whatever the order of their layers.
 *
 * Like them it holds for the clients and test layers of this library; a service that is made by hand applies none.
 *
 * @since 0.1.0
 */
export const layerMiddleware = (middleware: Middleware.Middleware): Layer.Layer<OpenRouter, never, OpenRouter> =>
  Layer.fresh(Layer.effect(
    OpenRouter,
    OpenRouter.useSync((service) => {
      const { CurrentMiddleware, unwrapped } = Middleware
      const added = (outer: ReadonlyArray<Middleware.Middleware>): ReadonlyArray<Middleware.Middleware> =>
        outer === unwrapped ? outer : Middleware.added(outer, middleware)
      return OpenRouter.of({
        prices: service.prices,
        target: service.target,
        outcome: (request) => Effect.updateService(service.outcome(request), CurrentMiddleware, added),
        events: (request) => Channel.updateService(service.events(request), CurrentMiddleware, added),
        call: (call) => Effect.updateService(service.call(call), CurrentMiddleware, added)
      })
    })
  ))

/**
 * `withDefaults` as a layer, for a part of a program that is given layers, such as a step of an `ExecutionPlan`.
 *
 * @since 0.1.0
 */
export const layerDefaults = (fields: CreateResponse): Layer.Layer<never> =>
  Layer.fresh(Layer.effect(CurrentDefaults, Effect.map(CurrentDefaults, (outer) => filled(fields, outer))))

/**
 * What a client is made from, as configuration. Each has its environment variable as default; all but the key are optional.
 *
 * @since 0.1.0
 */
export interface ConfigOptions {
  /** Default `OPENROUTER_API_KEY`; required. */
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
  readonly maxAnswerBytes?: Options["maxAnswerBytes"]
  readonly transformClient?: Options["transformClient"]
}

/**
 * The client from configuration: `OPENROUTER_API_KEY` and its siblings, unless told otherwise. Without a key, and with
 * settings that cannot be used, it fails when it is built.
 *
 * @since 0.1.0
 */
export const layerConfig = (
  options: ConfigOptions = {}
): Layer.Layer<OpenRouter | RateGate.RateGate, Config.ConfigError, HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.flatMap(configured(options), (settings) => ofHttp({ ...settings, transformClient: options.transformClient }))
  )

/**
 * The client from configuration, over `fetch`: nothing else is needed, on any runtime.
 *
 * @since 0.1.0
 */
export const layerFetch: Layer.Layer<OpenRouter | RateGate.RateGate, Config.ConfigError> = /* @__PURE__ */ Layer
  .effectContext(
    /* @__PURE__ */ Effect.suspend(() =>
      Effect.flatMap(configured({}), (settings) => ofTransport(Transport.makeFetch(settings)))
    )
  )

/** The options of a client, with those from configuration; it fails where each call would. */
const configured = (options: ConfigOptions): Effect.Effect<Omit<Options, "transformClient">, Config.ConfigError> =>
  Effect.flatMap(
    Config.all({
      apiKey: present(given(options.apiKey) ?? Config.map(named("OPENROUTER_API_KEY"), redacted)),
      apiUrl: given(options.apiUrl) ?? named("OPENROUTER_API_URL"),
      appUrl: given(options.appUrl) ?? named("OPENROUTER_APP_URL"),
      appTitle: given(options.appTitle) ?? named("OPENROUTER_APP_TITLE")
    }),
    (config) => {
      const all = {
        ...config,
        timeout: options.timeout,
        routerMetadata: options.routerMetadata,
        responseCache: options.responseCache,
        maxAnswerBytes: options.maxAnswerBytes
      }
      const settings = Settings.make(all)
      return Result.isSuccess(settings) ? Effect.succeed(all) : Effect.fail(problem(settings.failure.message))
    }
  )

type Maybe<A> = Config.Config<A | undefined>

const given = <A>(config: Config.Config<A> | undefined): Maybe<A> | undefined =>
  config === undefined ? undefined : Config.map(Config.option(config), Option.getOrUndefined)

/** A text by its name. `Config.String` would bring the schemas of all kinds of configuration into every bundle. */
const named = (name: string): Maybe<string> =>
  Config.mapEffect(
    Config.succeed(name),
    (name) =>
      Effect.matchEffect(Effect.flatMap(ConfigProvider.ConfigProvider, (provider) => provider.load([name])), {
        onFailure: (error) => Effect.fail(new Config.ConfigError(error)),
        onSuccess: (node) =>
          node === undefined || node.value !== undefined
            ? Effect.succeed(node?.value)
            : Effect.fail(problem(`${name} is not a text`))
      })
  )

const redacted = (key: string | undefined): Redacted.Redacted | undefined =>
  key === undefined ? undefined : Redacted.make(key)

/** A key that is only white space is as good as none. */
const present = (apiKey: Maybe<Redacted.Redacted>): Config.Config<Redacted.Redacted> =>
  Config.mapEffect(
    apiKey,
    (apiKey) =>
      apiKey !== undefined && Redacted.value(apiKey).trim() !== ""
        ? Effect.succeed(apiKey)
        : Effect.fail(problem(Settings.noKey))
  )

const problem = (message: string): Config.ConfigError =>
  new Config.ConfigError(new ConfigProvider.SourceError({ message }))
