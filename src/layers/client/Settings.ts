/**
 * What a transport is made from, checked once.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as HttpClient from "effect/http/HttpClient"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { InvalidApiKey, InvalidRequest } from "../../domain/error/OpenRouterError.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import { cacheSeconds, isCacheTtl } from "../../services/ServerSettings.ts"
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
  /** Your application's URL (`HTTP-Referer`); OpenRouter attributes usage to it. Empty text counts as none. */
  readonly appUrl?: string | undefined
  /** Your application's name (`X-OpenRouter-Title`). OpenRouter ignores it without an `appUrl`, so that is an error. */
  readonly appTitle?: string | undefined
  /** Asks for `response.openrouterMetadata`: how each request was routed. Default false. */
  readonly routerMetadata?: boolean | undefined
  /**
   * Answers equal requests from OpenRouter's response cache, free of charge, for this long: from a second to a day, which is
   * OpenRouter's limit. Default: no cache. The outcome's `cache` says whether it did.
   */
  readonly responseCache?: Duration.Input | undefined
  /**
   * How many bytes an answer in one piece may have, errors included, or an event of a stream, counted when they have been
   * inflated, and how many characters of text, arguments and items a whole stream; at most 511 MiB. A larger one is
   * `MalformedResponse` with the reason `tooLarge`, and its cost unknown. Default 128 MiB, and 64 MiB for an event.
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
  /** The same for an event of a stream. */
  readonly maxEventBytes: number
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
  if (!isHttp(apiUrl)) {
    return Result.fail(unusable("apiUrl", `is no http(s) URL; the default is ${defaultApiUrl}`))
  }
  const { hash, password, search, username } = new URL(apiUrl)
  if (search !== "" || hash !== "") {
    return Result.fail(unusable("apiUrl", "holds a query or a fragment; paths are appended to it"))
  }
  if (username !== "" || password !== "") {
    return Result.fail(unusable("apiUrl", "holds a user name or password; OpenRouter only knows apiKey"))
  }
  const { appTitle = "", appUrl = "", maxAnswerBytes } = options
  if (!ApiKey.isHeaderText(appUrl)) {
    return Result.fail(unusable("appUrl", "has characters that no header can carry"))
  }
  if (appUrl !== "" && !isHttp(appUrl)) {
    return Result.fail(unusable("appUrl", "is no http(s) URL, by which OpenRouter knows your application"))
  }
  if (!ApiKey.isHeaderText(appTitle)) {
    return Result.fail(unusable("appTitle", "has characters that no header can carry; use plain ASCII"))
  }
  if (appTitle !== "" && appUrl === "") {
    return Result.fail(
      unusable("appTitle", "needs an appUrl: OpenRouter ignores the title of an application without one")
    )
  }
  if (maxAnswerBytes !== undefined && !(maxAnswerBytes >= 1)) {
    return Result.fail(unusable("maxAnswerBytes", "is no number of bytes above 0"))
  }
  const sized = (preset: number) => Math.min(maxAnswerBytes ?? preset, AnswerSize.longestText)
  const seconds = options.responseCache === undefined ? undefined : cacheSeconds(options.responseCache)
  if (seconds !== undefined && !isCacheTtl(seconds)) {
    return Result.fail(unusable("responseCache", "must be from a second to a day, as long as OpenRouter keeps answers"))
  }
  return Result.succeed({
    apiUrl: apiUrl.replace(/\/+$/, ""),
    apiKey: Redacted.make(apiKey),
    headers: Wire.compact({
      "http-referer": appUrl === "" ? undefined : appUrl,
      "x-openrouter-title": appTitle === "" ? undefined : appTitle,
      "x-openrouter-metadata": options.routerMetadata === true ? "enabled" : undefined,
      "x-openrouter-cache": seconds === undefined ? undefined : "true",
      "x-openrouter-cache-ttl": seconds === undefined ? undefined : String(seconds)
    }),
    maxAnswerBytes: sized(AnswerSize.defaultMax),
    maxEventBytes: sized(AnswerSize.defaultMaxEvent)
  })
}

const isHttp = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

const unusable = (field: string, problem: string): InvalidRequest =>
  new InvalidRequest({ origin: "local", field, message: `${field}: ${problem}` })
