/**
 * A lean `HttpClient` over undici's `dispatch`.
 *
 * The handler of a request is all there is of it: no streams, no abort controllers, no promises. An answer that is not an
 * event stream is handed over when it is complete; an event stream at once, and then with back-pressure: what the reader
 * does not take stays in the socket. Interruption aborts the request and closes its connection.
 *
 * Not done: redirects (OpenRouter has none), upgrades, bodies other than text and bytes, and spans and trace headers of its
 * own (the client's span says it all); the stock client of `@effect/platform-node` does them.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Undici from "@effect/platform-node/Undici"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as Url from "effect/http/Url"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Pipeable from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** The largest answer that is read in one piece. */
const maxBodyBytes = 128 * 1024 * 1024

/** How much of a stream may wait for its reader before the socket is paused. */
const highWaterBytes = 64 * 1024

/** Undici's own limits would end long generations; deadlines are the caller's. */
const timeouts = { headersTimeout: 0, bodyTimeout: 0 }

/**
 * Makes a client over a dispatcher: an `Agent`, a `ProxyAgent`, a `MockAgent`, …
 *
 * @since 0.1.0
 */
export const make = (dispatcher: Undici.Dispatcher): HttpClient.HttpClient =>
  HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) => execute(dispatcher, request)),
    Effect.succeed
  )

/**
 * The client over the dispatcher in the context.
 *
 * @since 0.1.0
 */
export const layerNoDispatcher: Layer.Layer<HttpClient.HttpClient, never, NodeHttpClient.Dispatcher> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(NodeHttpClient.Dispatcher, make)
)

/**
 * The client over an `Agent` of its own, which is closed with the layer.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.provide(
  layerNoDispatcher,
  NodeHttpClient.layerDispatcher
)

const execute = (
  dispatcher: Undici.Dispatcher,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.callback((resume) => {
    const { body } = request
    if (body._tag !== "Empty" && body._tag !== "Uint8Array") {
      return resume(Effect.fail(transportError(request, new Error(`a body of the kind ${body._tag} cannot be sent`))))
    }
    const url = Url.make(request.url, request.urlParams, undefined)
    if (Result.isFailure(url)) {
      return resume(Effect.fail(
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.InvalidUrlError({ request, cause: url.failure })
        })
      ))
    }
    const exchange = new Exchange(request, resume)
    try {
      const { origin, pathname, search } = url.success
      dispatcher.dispatch({
        ...timeouts,
        method: request.method,
        origin,
        path: pathname + search,
        headers: request.headers,
        body: body._tag === "Empty" ? null : body.text ?? body.body
      }, exchange)
    } catch (cause) {
      return resume(Effect.fail(transportError(request, cause)))
    }
    return Effect.sync(() => exchange.abort())
  })

const transportError = (
  request: HttpClientRequest.HttpClientRequest,
  cause: unknown
): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })

type Resume = (effect: Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>) => void

type BytesPull = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, HttpClientError.HttpClientError>

/** One request and its answer: undici's handler, and the response that users see. */
class Exchange extends Inspectable.Class
  implements Undici.Dispatcher.DispatchHandler, HttpClientResponse.HttpClientResponse, Pipeable.Pipeable
{
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly remoteAddress: Option.Option<string> = Option.none()
  status = 0
  headers: Headers.Headers = Headers.empty

  #resume: Resume | undefined
  #controller: Undici.Dispatcher.DispatchController | undefined
  #isAborted = false
  #isEventStream = false
  #chunks: Array<Uint8Array> = []
  #size = 0
  #isEnded = false
  #error: unknown
  #isWaking = false
  /** The reader of a stream that waits for bytes. */
  #waiting: ((pull: BytesPull) => void) | undefined

  constructor(request: HttpClientRequest.HttpClientRequest, resume: Resume) {
    super()
    this.request = request
    this.#resume = resume
  }

  abort(): void {
    if (this.#isEnded) return
    this.#isAborted = true
    // Nobody waits any more, so the error that undici reports is not even made into one of ours.
    this.#resume = undefined
    this.#waiting = undefined
    this.#controller?.abort(interrupted)
  }

  onRequestStart(controller: Undici.Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isAborted) controller.abort(interrupted)
  }

  onResponseStart(
    _controller: Undici.Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | Array<string> | undefined>
  ): void {
    if (status < 200) return
    this.status = status
    this.headers = Headers.fromInput(headers)
    // A server that does not say what it sends is taken to send what it was asked for.
    const contentType = this.headers["content-type"] ?? this.request.headers["accept"]
    this.#isEventStream = contentType?.includes("event-stream") === true
    if (this.#isEventStream) this.#handOver()
  }

  onResponseData(controller: Undici.Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (!this.#isEventStream) {
      if (this.#size > maxBodyBytes) controller.abort(new Error(`the answer is larger than ${maxBodyBytes} bytes`))
      return
    }
    if (this.#size >= highWaterBytes) controller.pause()
    // One read of the socket brings many chunks: the reader is woken once for all of them.
    if (this.#waiting !== undefined && !this.#isWaking) {
      this.#isWaking = true
      queueMicrotask(() => {
        this.#isWaking = false
        this.#wake()
      })
    }
  }

  onResponseEnd(): void {
    this.#isEnded = true
    if (this.#isEventStream) this.#wake()
    else this.#handOver()
  }

  onResponseError(_controller: Undici.Dispatcher.DispatchController, error: Error): void {
    this.#isEnded = true
    this.#error = error
    const resume = this.#resume
    this.#resume = undefined
    if (resume === undefined) this.#wake()
    else if (this.status === 0) resume(Effect.fail(transportError(this.request, error)))
    else resume(Effect.succeed(this))
  }

  get url(): string {
    return this.request.url
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    return Stream.fromChannel(
      Channel.fromTransform((_upstream, scope) =>
        Effect.as(Scope.addFinalizer(scope, Effect.sync(() => this.abort())), Effect.suspend(() => this.#take()))
      )
    )
  }

  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return Effect.map(this.#bytes, (bytes) => decoder.decode(bytes))
  }

  get json(): HttpClientResponse.HttpClientResponse["json"] {
    return Effect.flatMap(this.#web, (web) => web.json)
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.#web, (web) => web.arrayBuffer)
  }

  get urlParamsBody(): HttpClientResponse.HttpClientResponse["urlParamsBody"] {
    return Effect.flatMap(this.#web, (web) => web.urlParamsBody)
  }

  get formData(): HttpClientResponse.HttpClientResponse["formData"] {
    return Effect.flatMap(this.#web, (web) => web.formData)
  }

  get upgrade(): HttpClientResponse.HttpClientResponse["upgrade"] {
    return Effect.flatMap(this.#web, (web) => web.upgrade)
  }

  get cookies(): HttpClientResponse.HttpClientResponse["cookies"] {
    return HttpClientResponse.fromWeb(this.request, new Response(null, { headers: this.headers })).cookies
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "effect/http/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  #handOver(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.(Effect.succeed(this))
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(this.#take())
  }

  /** What has arrived; waits if nothing has. */
  #take(): BytesPull {
    const chunks = this.#chunks
    if (Arr.isArrayNonEmpty(chunks)) {
      this.#chunks = []
      this.#size = 0
      if (this.#controller?.paused === true) this.#controller.resume()
      return Effect.succeed(chunks)
    }
    if (this.#error !== undefined) return Effect.fail(this.#failure(this.#error))
    if (this.#isEnded) return Cause.done()
    return Effect.callback((resume) => {
      this.#waiting = resume
      return Effect.sync(() => {
        this.#waiting = undefined
      })
    })
  }

  /** The whole body. An answer in one piece is there already. */
  get #bytes(): Effect.Effect<Uint8Array, HttpClientError.HttpClientError> {
    if (this.#isEventStream) return Effect.map(Stream.runCollect(this.stream), joined)
    return this.#error === undefined ? Effect.succeed(joined(this.#chunks)) : Effect.fail(this.#failure(this.#error))
  }

  /** For what is rarely asked for. */
  get #web(): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> {
    return Effect.map(this.#bytes, (bytes) =>
      HttpClientResponse.fromWeb(
        this.request,
        new Response(new Uint8Array(bytes), { status: this.status, headers: this.headers })
      ))
  }

  #failure(cause: unknown): HttpClientError.HttpClientError {
    return new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({ request: this.request, response: this, cause })
    })
  }
}

const decoder = new TextDecoder()

/** Why undici closes a connection that is no longer wanted. Only undici sees it, so one for all will do. */
const interrupted = new Error("the request was interrupted")

const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = chunks
  return first === undefined ? new Uint8Array(0) : chunks.length === 1 ? first : Buffer.concat(chunks)
}
