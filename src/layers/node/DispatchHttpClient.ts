/**
 * A lean `HttpClient` over undici's `dispatch`.
 *
 * The handler of a request is all there is of it: no streams, no abort controllers, no promises. An answer that is not an
 * event stream is handed over when it is complete; an event stream at once, and then with back-pressure: what the reader
 * does not take stays in the socket. Interruption aborts the request and closes its connection.
 *
 * Not done: redirects (OpenRouter has none), upgrades, bodies other than text and bytes, spans and trace headers of its own
 * (the client's span says it all), `HttpClient.withScope`, and giving up an event stream that nobody reads (read it, or
 * interrupt it); the stock client of `@effect/platform-node` does them.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Undici from "@effect/platform-node/Undici"
import * as Arr from "effect/Array"
import * as Bytes from "effect/Bytes"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
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
import * as AnswerSize from "../client/AnswerSize.ts"

/** How much of a stream may wait for its reader before the socket is paused. */
const highWaterBytes = 64 * 1024

/** Undici's own limits would end long generations; deadlines are the caller's. */
const timeouts = { headersTimeout: 0, bodyTimeout: 0 }

/**
 * Makes a client over a dispatcher: an `Agent`, a `ProxyAgent`, a `MockAgent`, …
 *
 * An answer that is read in one piece may have `maxBodyBytes` (default 128 MiB); a larger one fails with a `DecodeError`
 * whose cause has undici's code `UND_ERR_RES_EXCEEDED_MAX_SIZE`. Event streams have no limit of their own.
 *
 * @since 0.1.0
 */
export const make = (
  dispatcher: Undici.Dispatcher,
  options: { readonly maxBodyBytes?: number | undefined } = {}
): HttpClient.HttpClient => {
  const maxBodyBytes = options.maxBodyBytes ?? AnswerSize.defaultMax
  return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) => execute(dispatcher, request, maxBodyBytes)),
    Effect.succeed
  )
}

/**
 * The client over the dispatcher in the context.
 *
 * @since 0.1.0
 */
export const layerNoDispatcher: Layer.Layer<HttpClient.HttpClient, never, NodeHttpClient.Dispatcher> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(NodeHttpClient.Dispatcher, (dispatcher) => make(dispatcher))
)

/**
 * The client over an `Agent` of its own, which is destroyed with the layer.
 *
 * It speaks HTTP/1.1, where every call has a connection that ends with it when it is interrupted; for HTTP/2 bring your own
 * dispatcher.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.provide(
  layerNoDispatcher,
  NodeHttpClient.layerDispatcherOptions({ allowH2: false })
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
    const url = Url.make(request.url, request.urlParams, undefined)
    if (Result.isFailure(url)) {
      return resume(Effect.fail(
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.InvalidUrlError({ request, cause: url.failure })
        })
      ))
    }
    const exchange = new Exchange(request, maxBodyBytes, resume)
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
  readonly [AnswerSize.isLimited] = true
  readonly remoteAddress: Option.Option<string> = Option.none()
  status = 0
  headers: Headers.Headers = Headers.empty

  readonly #maxBodyBytes: number
  #setCookies: string | Array<string> = []
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

  constructor(request: HttpClientRequest.HttpClientRequest, maxBodyBytes: number, resume: Resume) {
    super()
    this.request = request
    this.#maxBodyBytes = maxBodyBytes
    this.#resume = resume
  }

  abort(): void {
    if (this.#isEnded) return
    this.#isAborted = true
    // Nobody waits any more, so the error that undici reports is not even made into one of ours.
    this.#resume = undefined
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
    this.#isEventStream = contentType?.toLowerCase().includes("event-stream") === true
    this.#setCookies = headers["set-cookie"] ?? []
    if (this.#isEventStream) this.#answer(Effect.succeed(this))
  }

  onResponseData(controller: Undici.Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (!this.#isEventStream) {
      if (this.#size > this.#maxBodyBytes) controller.abort(new TooLarge(this.#maxBodyBytes))
      return
    }
    if (this.#size >= highWaterBytes) controller.pause()
    this.#wake()
  }

  onResponseEnd(): void {
    this.#isEnded = true
    if (this.#isEventStream) this.#wake()
    else this.#answer(Effect.succeed(this))
  }

  onResponseError(_controller: Undici.Dispatcher.DispatchController, error: Error): void {
    this.#isEnded = true
    this.#error = error
    if (this.#resume === undefined) this.#wake()
    else this.#answer(this.status === 0 ? Effect.fail(transportError(this.request, error)) : Effect.succeed(this))
  }

  get url(): string {
    return this.request.url
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    if (!this.#isEventStream) return Stream.fromEffect(this.#bytes)
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
    return Effect.flatMap(
      this.text,
      (text) => Effect.try({ try: () => text === "" ? null : JSON.parse(text), catch: (cause) => this.#failure(cause) })
    )
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
    return Cookies.fromSetCookie(this.#setCookies)
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

  // Undici calls from within its parser, which must not be entered again: what the caller does next, such as pulling
  // another stream, has to wait until the parser is done. Data wakes the reader once for all that a read of the socket brings.

  #answer(answer: Parameters<Resume>[0]): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume !== undefined) queueMicrotask(() => resume(answer))
  }

  #wake(): void {
    if (this.#waiting === undefined || this.#isWaking) return
    this.#isWaking = true
    queueMicrotask(() => {
      this.#isWaking = false
      const waiting = this.#waiting
      this.#waiting = undefined
      waiting?.(this.#take())
    })
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
      // The fiber may have been held up on its way here.
      if (this.#chunks.length > 0 || this.#isEnded) return resume(Effect.suspend(() => this.#take()))
      this.#waiting = resume
      return Effect.sync(() => {
        this.#waiting = undefined
      })
    })
  }

  /** The whole body. An answer in one piece is there already. */
  get #bytes(): Effect.Effect<Uint8Array, HttpClientError.HttpClientError> {
    if (this.#isEventStream) {
      let size = 0
      return this.stream.pipe(
        Stream.mapEffect((chunk) => {
          size += chunk.length
          return size > this.#maxBodyBytes
            ? Effect.fail(this.#failure(new TooLarge(this.#maxBodyBytes)))
            : Effect.succeed(chunk)
        }),
        Stream.mkUint8Array
      )
    }
    if (this.#error !== undefined) return Effect.fail(this.#failure(this.#error))
    const [first] = this.#chunks
    return Effect.succeed(first !== undefined && this.#chunks.length === 1 ? first : Bytes.concat(this.#chunks))
  }

  /** For what is rarely asked for. */
  get #web(): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> {
    return Effect.map(this.#bytes, (bytes) =>
      HttpClientResponse.fromWeb(
        this.request,
        new Response(bytes.length === 0 ? null : new Uint8Array(bytes), { status: this.status, headers: this.headers })
      ))
  }

  #failure(cause: unknown): HttpClientError.HttpClientError {
    return new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({ request: this.request, response: this, cause })
    })
  }
}

class TooLarge extends Error {
  readonly code = "UND_ERR_RES_EXCEEDED_MAX_SIZE"
  constructor(maxBodyBytes: number) {
    super(`the answer is larger than ${maxBodyBytes} bytes`)
  }
}

const decoder = new TextDecoder()

/** Why undici closes a connection that is no longer wanted. Only undici sees it, so one for all will do. */
const interrupted = new Error("the request was interrupted")
