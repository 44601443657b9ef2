/**
 * The short way of an answer that is read in one piece: one wait, which its deadline ends, without a scope or a fiber of
 * its own.
 *
 * Who has it hangs it on the function that sends, `send` of a transport and `execute` of an HTTP client: so whoever wraps one
 * of them is never passed by.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { RequestError, TimedOut } from "../../domain/error/OpenRouterError.ts"
import type { HttpAnswer } from "../../domain/outcome/HttpAnswer.ts"
import type { Answer, Request, Transport } from "../../services/Transport.ts"
import type * as Watchdog from "./Watchdog.ts"

/**
 * An attempt, as far as those who ask for it have to know.
 *
 * @since 0.1.0
 */
export interface Asking {
  /** The headers are there, maybe long before the rest. */
  readonly noted: (status: number, headers: Answer["headers"]) => void
  /** The request leaves, and its end is waited for until the deadline. What `start` gives breaks it off. */
  readonly wait: <A, E>(start: Watchdog.Start<A, E>) => Effect.Effect<A, E | TimedOut>
  /** Runs what still has to be done under the same deadline. */
  readonly guard: <A, E>(self: Effect.Effect<A, E>) => Effect.Effect<A, E | TimedOut>
}

/**
 * Sends a request and gives its answer with all of its body.
 *
 * @since 0.1.0
 */
export type Ask = (request: Request, asking: Asking) => Effect.Effect<HttpAnswer, RequestError>

const ask: unique symbol = Symbol("effect-openrouter/WholeAnswer/ask")

/**
 * A way to send that has a short way for whole answers.
 *
 * @since 0.1.0
 */
export const withAsk = (send: Transport["Service"]["send"], short: Ask): Transport["Service"]["send"] =>
  Object.assign(send, { [ask]: short })

/**
 * The short way of a transport, if it has one.
 *
 * @since 0.1.0
 */
export const askOf = ({ send }: Transport["Service"]): Ask | undefined => hasAsk(send) ? send[ask] : undefined

const hasAsk = (send: object): send is { readonly [ask]: Ask } => ask in send

/**
 * Who waits for an exchange of an HTTP client.
 *
 * @since 0.1.0
 */
export interface Exchange {
  /** The headers are there, maybe long before the rest. */
  readonly onHeaders?: ((status: number, headers: Answer["headers"]) => void) | undefined
  /** Once: it is over, or its answer is a stream, which has only begun. */
  readonly onEnd: (exit: Exit.Exit<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>) => void
}

/**
 * Sends a body at once; what it gives breaks the exchange off.
 *
 * @since 0.1.0
 */
export type Dispatch = (body: string | Uint8Array | undefined, asker: Exchange) => () => void

/**
 * Makes ready what requests share that differ in nothing but their bodies.
 *
 * @since 0.1.0
 */
export type Prepare = (request: HttpClientRequest.HttpClientRequest, maxBodyBytes: number) => Dispatch

const prepare: unique symbol = Symbol("effect-openrouter/WholeAnswer/prepare")

/**
 * An HTTP client that can send without the way of `execute`.
 *
 * @since 0.1.0
 */
export const withPrepare = (client: HttpClient.HttpClient, short: Prepare): HttpClient.HttpClient => {
  Object.assign(client.execute, { [prepare]: short })
  return client
}

/**
 * The short way of an HTTP client, if it has one.
 *
 * @since 0.1.0
 */
export const prepareOf = ({ execute }: HttpClient.HttpClient): Prepare | undefined =>
  hasPrepare(execute) ? execute[prepare] : undefined

const hasPrepare = (execute: object): execute is { readonly [prepare]: Prepare } => prepare in execute
