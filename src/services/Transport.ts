/**
 * One HTTP exchange with OpenRouter: the seam below the client, where bytes go out and come in.
 *
 * The client checks, encodes, retries, accounts and decodes; a transport only sends what it is given and hands over what
 * comes back. It knows the API key, and nobody above it does: who wraps a transport (to record, to replay, to break it)
 * sees methods, paths, headers without credentials, bodies, statuses and chunks.
 *
 * **Example** (A second of delay before each exchange)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { OpenRouter, Transport } from "effect-openrouter"
 *
 * const slow = Layer.effect(
 *   Transport.Transport,
 *   Transport.Transport.useSync((transport): Transport.Transport["Service"] => ({
 *     ...transport,
 *     send: (request, onSent) => Effect.delay(transport.send(request, onSent), "1 second")
 *   }))
 * )
 * // Needs the transport that it slows down.
 * const layer = OpenRouter.layerTransport.pipe(Layer.provide(slow))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import * as LazyStream from "./LazyStream.ts"

/**
 * A request as it is sent, less what the transport adds to each: its credentials and the headers of the application.
 *
 * @since 0.1.0
 */
export interface Request {
  readonly method: "GET" | "POST"
  /** Below the API's URL, with its query: `/responses`, `/models?category=programming`. */
  readonly path: string
  /** By lower-case name. */
  readonly headers: { readonly [name: string]: string }
  /** JSON text; a GET has none. */
  readonly body: string | undefined
}

/**
 * An answer of any status, as soon as its headers are there.
 *
 * Its body is read once, by one of the two. The connection is closed with the scope of the exchange, however much of it was
 * read.
 *
 * @since 0.1.0
 */
export interface Answer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: { readonly [name: string]: string | undefined }
  /** The whole body. */
  readonly text: Effect.Effect<string, RequestError>
  /** The body as it arrives. */
  readonly chunks: Stream.Stream<Uint8Array, RequestError>
}

/**
 * Sends requests.
 *
 * @since 0.1.0
 */
export class Transport extends Context.Service<Transport, {
  /** Which key is used, without telling it: 12 hex digits of its SHA-256. */
  readonly account: string
  /** The API's URL, which tells caches whose answers it gives. Absent: there is none. */
  readonly address?: string | undefined
  /** Cuts the key out of a text, should a server repeat it. */
  readonly scrub: (text: string) => string
  /**
   * Sends a request; the scope holds the connection. What is sent may cost something and has its `response` or `firstEvent`
   * deadline from the moment at which `send` begins.
   */
  readonly send: (
    request: Request,
    onSent: Effect.Effect<void>
  ) => Effect.Effect<Answer, RequestError, Scope.Scope>
  /**
   * True if requests may have to wait in `send`, as for a limiter: then that moment is when `send` runs `onSent`. Default
   * false.
   */
  readonly announcesSending?: boolean | undefined
  /**
   * How many bytes an answer may have that is read in one piece; the transport sees to it where it gives `text`. Of a stream,
   * how many characters of text, arguments and items. Default 128 MiB.
   */
  readonly maxAnswerBytes?: number | undefined
  /** How many characters an event of a stream may have. Default 64 MiB. */
  readonly maxEventBytes?: number | undefined
}>()("effect-openrouter/Transport") {}

/**
 * Makes a transport of a function that sends, and sends at once; for tests and for ways of your own.
 *
 * `account` is `custom` and `scrub` changes nothing unless they are given.
 *
 * @since 0.1.0
 */
export const make = (
  send: (request: Request) => Effect.Effect<Answer, RequestError, Scope.Scope>,
  options: {
    readonly account?: string | undefined
    readonly address?: string | undefined
    readonly scrub?: ((text: string) => string) | undefined
  } = {}
): Transport["Service"] => ({
  account: options.account ?? "custom",
  address: options.address,
  scrub: options.scrub ?? identity,
  send
})

/**
 * Makes an answer of its parts; the body is a text or comes in chunks.
 *
 * @since 0.1.0
 */
export const answer = (parts: {
  readonly status?: number | undefined
  readonly headers?: Answer["headers"] | undefined
  readonly body: string | Answer["chunks"]
}): Answer => {
  const { body, headers = {}, status = 200 } = parts
  return typeof body === "string"
    ? {
      status,
      headers,
      text: Effect.succeed(body),
      chunks: LazyStream.make(() => Stream.encodeText(Stream.make(body)))
    }
    : { status, headers, text: body.pipe(Stream.decodeText, Stream.mkString), chunks: body }
}
