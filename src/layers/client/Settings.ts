/**
 * What a transport is made from, checked once.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as HttpClient from "effect/http/HttpClient"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { InvalidApiKey, InvalidRequest } from "../../domain/error/OpenRouterError.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as AnswerSize from "./AnswerSize.ts"
import * as ApiKey from "./ApiKey.ts"

/**
 * OpenRouter's address. Enterprise accounts have regional ones, such as `https://eu.openrouter.ai/api/v1`.
 *
 * @since 0.1.0
 */
export const defaultApiUrl = "https://openrouter.ai/api/v1"

/**
 * What every transport to OpenRouter is made from.
 *
 * @since 0.1.0
 */
export interface ExchangeOptions {
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
   * How many bytes an answer may have; a larger one is `MalformedResponse` with the reason `tooLarge`, and its cost unknown.
   * Of a stream it is the text, arguments and items that count, in characters. Default 128 MiB.
   */
  readonly maxAnswerBytes?: number | undefined
}

/**
 * What a transport over an `HttpClient` is made from.
 *
 * @since 0.1.0
 */
export interface Options extends ExchangeOptions {
  /**
   * Changes the HTTP client, for instance to add a proxy's header. It must not retry: that is `RetryPolicy`'s. A wait in it,
   * as for a limiter of your own, is no time of the `response` and `firstEvent` deadlines.
   */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/**
 * Settings that can be used.
 *
 * @since 0.1.0
 */
export interface Settings {
  /** Without a trailing slash. */
  readonly apiUrl: string
  readonly apiKey: Redacted.Redacted
  /** Those of the application, for every request. */
  readonly headers: { readonly [name: string]: string }
  readonly maxAnswerBytes: number
}

/**
 * What to do about a missing key.
 *
 * @since 0.1.0
 */
export const noKey = "there is no API key: set OPENROUTER_API_KEY, or pass apiKey to the layer"

/**
 * Checks what a transport is made from.
 *
 * @since 0.1.0
 */
export const make = (options: ExchangeOptions): Result.Result<Settings, RequestError> => {
  const apiKey = options.apiKey === undefined ? "" : Redacted.value(options.apiKey).trim()
  if (apiKey === "") {
    return Result.fail(new InvalidApiKey({ message: noKey }))
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
    headers,
    maxAnswerBytes: options.maxAnswerBytes ?? AnswerSize.defaultMax
  })
}

const cacheHeaders = (ttl: ExchangeOptions["responseCache"]) =>
  ttl === undefined ? {} : {
    "x-openrouter-cache": "true",
    "x-openrouter-cache-ttl": String(Math.round(Duration.toSeconds(Duration.fromInputUnsafe(ttl))))
  }

const unusable = (field: string, problem: string): InvalidRequest =>
  new InvalidRequest({ origin: "local", field, message: `${field}: ${problem}` })
