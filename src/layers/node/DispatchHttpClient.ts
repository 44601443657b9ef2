/**
 * A lean `HttpClient` over undici's `dispatch`.
 *
 * The handler of a request is all there is of it: no streams, no abort controllers, no promises. An answer that is not an
 * event stream is handed over when it is complete; an event stream at once, and then with back-pressure: what the reader
 * does not take stays in the socket. Interruption aborts the request and closes its connection.
 *
 * It asks for every compression that this runtime can undo, and undoes it.
 *
 * Not done: redirects (OpenRouter has none), upgrades, bodies other than text and bytes, spans and trace headers of its own
 * (the client's span says it all), `HttpClient.withScope`, and giving up an event stream that nobody reads (read it, or
 * interrupt it); the stock client of `@effect/platform-node` does them.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Url from "effect/http/Url"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as AnswerSize from "../client/AnswerSize.ts"
import * as WholeAnswer from "../client/WholeAnswer.ts"
import { DispatchExchange, transportError } from "./DispatchExchange.ts"
import * as Inflater from "./Inflater.ts"
import * as Unusable from "./Unusable.ts"

/** Undici's own limits would end long generations; deadlines are the caller's. */
const timeouts = { headersTimeout: 0, bodyTimeout: 0 }

/**
 * Makes a client over a dispatcher: an `Agent`, a `ProxyAgent`, a `MockAgent`, …
 *
 * An answer that is read in one piece may have `maxBodyBytes` when it is inflated (default the `maxAnswerBytes` of the
 * client that uses it, 128 MiB without one; at most 511 MiB); a larger one fails with a `DecodeError` whose cause has undici's code
 * `UND_ERR_RES_EXCEEDED_MAX_SIZE`. Event streams have no limit of their own.
 *
 * Throws a `TypeError` if what it is given is no dispatcher.
 *
 * @since 0.1.0
 */
export const make = (
  dispatcher: Undici.Dispatcher,
  options: { readonly maxBodyBytes?: number | undefined } = {}
): HttpClient.HttpClient => {
  if (!isDispatcher(dispatcher)) throw new TypeError(unusable("the dispatcher has no function \"dispatch\""))
  const own = Math.min(options.maxBodyBytes ?? Infinity, AnswerSize.longestText)
  const client = HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) =>
      Effect.withFiber((fiber) => execute(dispatcher, request, Math.min(own, fiber.getRef(AnswerSize.CurrentMax))))
    ),
    Effect.succeed
  )
  const prepare: WholeAnswer.Prepare = (request, maxBodyBytes) =>
    dispatching(dispatcher, request, Math.min(own, maxBodyBytes))
  return WholeAnswer.withPrepare(client, prepare)
}

/** Other runtimes have a module of this name that only looks like undici. */
const isDispatcher = (u: unknown): boolean => Predicate.hasProperty(u, "dispatch") && typeof u.dispatch === "function"

const unusable = (why: string): string =>
  Unusable.message(
    "the HTTP client",
    why,
    "It needs undici on Node 22.19 or newer; OpenRouter.layerFetch works on any runtime"
  )

/**
 * The client over the dispatcher in the context.
 *
 * @since 0.1.0
 */
export const layerNoDispatcher: Layer.Layer<HttpClient.HttpClient, never, NodeHttpClient.Dispatcher> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(NodeHttpClient.Dispatcher, (dispatcher) => make(dispatcher))
)

const agent: Effect.Effect<Undici.Dispatcher, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => import("@effect/platform-node/Undici")).pipe(
    Effect.map(({ Agent }) => new Agent({ allowH2: false })),
    // What is missing shows itself in many ways; the message says what to do about all of them.
    Effect.catchDefect((cause) => Effect.die(new Error(unusable("undici cannot be loaded"), { cause }))),
    Effect.filterOrElse(
      isDispatcher,
      () => Effect.die(new TypeError(unusable("its undici has no function \"dispatch\"")))
    )
  ),
  (dispatcher) => Effect.promise(() => dispatcher.destroy())
)

/**
 * The client over an `Agent` of its own, which is destroyed with the layer.
 *
 * It speaks HTTP/1.1, where every call has a connection that ends with it when it is interrupted; for HTTP/2 bring your own
 * dispatcher. On a runtime without undici it dies when it is built, with a message that says so.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(agent, (dispatcher) => make(dispatcher))
)

const execute = (
  dispatcher: Undici.Dispatcher,
  request: HttpClientRequest.HttpClientRequest,
  maxBodyBytes: number
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.callback((resume) => {
    const { body } = request
    if (body._tag !== "Empty" && body._tag !== "Uint8Array") {
      return resume(Effect.fail(transportError(request, new Error(`a body of the kind ${body._tag} cannot be sent`))))
    }
    const send = dispatching(dispatcher, request, maxBodyBytes)
    return Effect.sync(send(body._tag === "Empty" ? undefined : body.text ?? body.body, { onEnd: resume }))
  })

/** All that can be done before the body of a request is known. */
const dispatching = (
  dispatcher: Undici.Dispatcher,
  request: HttpClientRequest.HttpClientRequest,
  maxBodyBytes: number
): WholeAnswer.Dispatch => {
  const url = Url.make(request.url, request.urlParams, undefined)
  if (Result.isFailure(url)) {
    const reason = new HttpClientError.InvalidUrlError({ request, cause: url.failure })
    return (_body, { onEnd }) => {
      onEnd(Exit.fail(new HttpClientError.HttpClientError({ reason })))
      return nothing
    }
  }
  const { origin, pathname, search } = url.success
  const { headers, method } = request
  const options = {
    ...timeouts,
    method,
    origin,
    path: pathname + search,
    headers: headers["accept-encoding"] === undefined
      ? { ...headers, "accept-encoding": Inflater.accepted }
      : headers
  }
  return (body, asker) => {
    const exchange = new DispatchExchange(request, maxBodyBytes, asker)
    try {
      dispatcher.dispatch({ ...options, body: body ?? null }, exchange)
    } catch (cause) {
      asker.onEnd(Exit.fail(transportError(request, cause)))
      return nothing
    }
    return () => exchange.abort()
  }
}

const nothing = (): void => {}
