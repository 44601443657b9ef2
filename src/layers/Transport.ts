/**
 * The transports to OpenRouter: they add the key, send, and turn what goes wrong into typed errors without secrets.
 *
 * In the way of a call a transport is the last station before HTTP. One call of `send` is one exchange: what comes before
 * it (retries, deadlines, accounts) is none of its business.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Transport } from "../services/Transport.ts"
import * as FetchExchange from "./client/FetchExchange.ts"
import * as HttpExchange from "./client/HttpExchange.ts"
import * as Settings from "./client/Settings.ts"

export * from "../services/Transport.ts"
export { defaultApiUrl, type ExchangeOptions, type Options } from "./client/Settings.ts"

/** A transport can always be made: what it cannot be used with is the typed error of each exchange. */
const usable = (
  options: Settings.ExchangeOptions,
  make: (settings: Settings.Settings) => Transport["Service"]
): Transport["Service"] =>
  Result.match(Settings.make(options), {
    // Nothing is ever sent.
    onFailure: (problem) => ({
      account: "none",
      announcesSending: true,
      scrub: identity,
      send: () => Effect.fail(problem)
    }),
    onSuccess: make
  })

/**
 * Makes the transport over the `HttpClient` of the environment. What is wrong with its options is the error of each
 * exchange.
 *
 * @since 0.1.0
 */
export const makeHttp = (
  options: Settings.Options
): Effect.Effect<Transport["Service"], never, HttpClient.HttpClient> =>
  HttpClient.HttpClient.useSync((client) =>
    usable(options, (settings) => HttpExchange.make(client, settings, options.transformClient))
  )

/**
 * The transport over the `HttpClient` of the environment.
 *
 * @since 0.1.0
 */
export const layer = (options: Settings.Options): Layer.Layer<Transport, never, HttpClient.HttpClient> =>
  Layer.effect(Transport, makeHttp(options))

/**
 * Makes the transport over `fetch`, on any runtime; `FetchHttpClient.Fetch` may be another one. What is wrong with its
 * options is the error of each exchange.
 *
 * @since 0.1.0
 */
export const makeFetch = (options: Settings.ExchangeOptions): Transport["Service"] =>
  usable(options, FetchExchange.make)

/**
 * The transport over `fetch`.
 *
 * @since 0.1.0
 */
export const layerFetch = (options: Settings.ExchangeOptions): Layer.Layer<Transport> =>
  Layer.sync(Transport, () => makeFetch(options))
