/**
 * One request over undici's `dispatch` and its answer: the handler that undici calls, and the response that users see.
 *
 * @since 0.1.0
 */
import type * as Undici from "@effect/platform-node/Undici"
import * as Arr from "effect/Array"
import * as Bytes from "effect/Bytes"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import type * as Pipeable from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as AnswerSize from "../client/AnswerSize.ts"
import type * as WholeAnswer from "../client/WholeAnswer.ts"
import * as Inflater from "./Inflater.ts"

/** How much of a stream may wait for its reader before the socket is paused. */
const highWaterBytes = 64 * 1024

/**
 * The error of a request that could not be sent, or whose answer did not begin.
 *
 * @since 0.1.0
 */
export const transportError = (
  request: HttpClientRequest.HttpClientRequest,
  cause: unknown
): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })

/** As undici gives them: names in lower case, and an array where a name came more than once. */
type Fields = Record<string, string | Array<string> | undefined>

type BytesPull = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, HttpClientError.HttpClientError>

/**
 * One request and its answer: undici's handler, and the response that users see.
 *
 * @since 0.1.0
 */
export class DispatchExchange extends Inspectable.Class
  implements Undici.Dispatcher.DispatchHandler, HttpClientResponse.HttpClientResponse, Pipeable.Pipeable
{
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly remoteAddress: Option.Option<string> = Option.none()
  status = 0

  readonly #maxBodyBytes: number
  #fields: Fields = {}
  #headers: Headers.Headers | undefined
  /** Who waits for the answer. */
  #asker: WholeAnswer.Exchange | undefined
  #controller: Undici.Dispatcher.DispatchController | undefined
  #isAborted = false
  #isStream = false
  #inflater: Inflater.Inflater | undefined
  /** What broke the connection while there was still something to inflate. */
  #brokenBy: Error | undefined
  #chunks: Array<Uint8Array> = []
  #size = 0
  #isEnded = false
  #error: unknown
  #isWaking = false
  /** The reader of a stream that waits for bytes. */
  #waiting: ((pull: BytesPull) => void) | undefined

  constructor(
    request: HttpClientRequest.HttpClientRequest,
    maxBodyBytes: number,
    asker: WholeAnswer.Exchange
  ) {
    super()
    this.request = request
    this.#maxBodyBytes = maxBodyBytes
    this.#asker = asker
  }

  get headers(): Headers.Headers {
    return this.#headers ??= Headers.fromInput(this.#fields)
  }

  /** False for a stream, which is handed over when it begins. */
  get [AnswerSize.isWhole](): boolean {
    return !this.#isStream
  }

  abort(): void {
    if (this.#isEnded) return
    this.#isAborted = true
    // Nobody waits any more, so the error that undici reports is not even made into one of ours.
    this.#asker = undefined
    this.#inflater?.destroy()
    this.#controller?.abort(interrupted)
  }

  onRequestStart(controller: Undici.Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isAborted) controller.abort(interrupted)
  }

  onResponseStart(
    controller: Undici.Dispatcher.DispatchController,
    status: number,
    fields: Fields
  ): void {
    if (status < 200) return
    this.#begun(status, fields)
    this.#isStream = isStream(this.request, status, fieldOf(fields, "content-type"))
    const coding = fieldOf(fields, "content-encoding")
    if (coding !== undefined) this.#inflater = Inflater.make(coding, this.#inflated(controller))
    if (this.#isStream) this.#answer(Exit.succeed(this))
  }

  #begun(status: number, fields: Fields): void {
    this.status = status
    this.#fields = fields
    this.#asker?.onHeaders?.(status, isPlain(fields) ? fields : this.headers)
  }

  onResponseData(controller: Undici.Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#inflater === undefined) return this.#arrived(controller, chunk)
    if (!this.#inflater.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    if (this.#inflater === undefined) this.#ended()
    else this.#inflater.end()
  }

  onResponseError(_controller: Undici.Dispatcher.DispatchController, error: Error): void {
    if (this.#inflater === undefined || this.#isAborted || this.#isEnded) return this.#failed(error)
    // What has arrived can still be read.
    this.#brokenBy = error
    this.#inflater.end()
  }

  /** Where inflated bytes go. */
  #inflated(controller: Undici.Dispatcher.DispatchController): Inflater.Reader {
    return {
      onData: (chunk) => this.#arrived(controller, chunk),
      onReady: () => {
        if (controller.paused) controller.resume()
      },
      onEnd: () => this.#brokenBy === undefined ? this.#ended() : this.#failed(this.#brokenBy),
      onError: (error) => this.#refused(controller, error)
    }
  }

  #arrived(controller: Undici.Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (!this.#isStream) {
      if (this.#size > this.#maxBodyBytes) this.#refused(controller, new TooLarge(this.#maxBodyBytes))
      return
    }
    if (this.#size >= highWaterBytes) (this.#inflater ?? controller).pause()
    this.#wake()
  }

  #ended(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    if (this.#isStream) this.#wake()
    else this.#answer(Exit.succeed(this))
  }

  /** What has arrived cannot be read on, so the rest is of no use. */
  #refused(controller: Undici.Dispatcher.DispatchController, error: Error): void {
    if (this.#isEnded) return
    this.#inflater?.destroy()
    this.#failed(error)
    controller.abort(error)
  }

  #failed(error: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#error = error
    if (this.#asker === undefined) this.#wake()
    else this.#answer(this.#isAnswered(error) ? Exit.succeed(this) : Exit.fail(transportError(this.request, error)))
  }

  /** True if there is an answer in spite of an error, be it that an interceptor made an error of its status. */
  #isAnswered(error: unknown): boolean {
    if (this.status !== 0) return true
    if (!Predicate.hasProperty(error, "code") || error.code !== "UND_ERR_RESPONSE") return false
    if (!Predicate.hasProperty(error, "statusCode") || typeof error.statusCode !== "number") return false
    this.#begun(
      error.statusCode,
      Predicate.hasProperty(error, "headers") && isFields(error.headers) ? error.headers : {}
    )
    const body = Predicate.hasProperty(error, "body") ? error.body : ""
    this.#chunks = [new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body))]
    this.#error = undefined
    return true
  }

  get url(): string {
    return this.request.url
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    if (!this.#isStream) return Stream.fromEffect(this.#bytes)
    return Stream.fromChannel(
      Channel.fromTransform((_upstream, scope) =>
        Effect.as(Scope.addFinalizer(scope, Effect.sync(() => this.abort())), Effect.suspend(() => this.#take()))
      )
    )
  }

  /** Decoded when it is asked for, if all of it is there. */
  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return this.#isStream ? Effect.map(this.#bytes, decoded) : Exit.map(this.#whole, decoded)
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
    return Cookies.fromSetCookie(this.#fields["set-cookie"] ?? [])
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

  #answer(answer: Parameters<WholeAnswer.Exchange["onEnd"]>[0]): void {
    const asker = this.#asker
    this.#asker = undefined
    if (asker !== undefined) queueMicrotask(() => asker.onEnd(answer))
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
      if (this.#inflater !== undefined) this.#inflater.resume()
      else if (this.#controller?.paused === true) this.#controller.resume()
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
    if (this.#isStream) {
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
    return this.#whole
  }

  get #whole(): Exit.Exit<Uint8Array, HttpClientError.HttpClientError> {
    if (this.#error !== undefined) return Exit.fail(this.#failure(this.#error))
    const [first] = this.#chunks
    return Exit.succeed(first !== undefined && this.#chunks.length === 1 ? first : Bytes.concat(this.#chunks))
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

/**
 * True for a body that is to be read as it arrives. What was asked for as a stream is one, whatever a server calls it,
 * unless it calls it JSON.
 */
const isStream = (
  request: HttpClientRequest.HttpClientRequest,
  status: number,
  contentType: string | undefined
): boolean => {
  const type = contentType?.toLowerCase()
  if (type?.includes("event-stream") === true) return true
  const isAsked = request.headers["accept"]?.toLowerCase().includes("event-stream") === true
  return isAsked && status === 200 && type?.includes("json") !== true
}

const isFields = (u: unknown): u is Fields => Predicate.isObject(u)

/** True if no name came more than once. */
const isPlain = (fields: Fields): fields is Record<string, string | undefined> => {
  for (const name in fields) if (typeof fields[name] === "object") return false
  return true
}

const fieldOf = (fields: Fields, name: string): string | undefined => {
  const field = fields[name]
  return typeof field === "object" ? field.join(", ") : field
}

class TooLarge extends Error {
  readonly code = "UND_ERR_RES_EXCEEDED_MAX_SIZE"
  constructor(maxBodyBytes: number) {
    super(`the answer is larger than ${maxBodyBytes} bytes`)
  }
}

const decoder = new TextDecoder()

const decoded = (bytes: Uint8Array): string => decoder.decode(bytes)

/** Why undici closes a connection that is no longer wanted. Only undici sees it, so one for all will do. */
const interrupted = new Error("the request was interrupted")
