/**
 * The emulated server at work: requests are read, decided by the pure server, waited for and sent.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Predicate from "effect/Predicate"
import type * as Pull from "effect/Pull"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as AnswerCache from "../../../domain/emulator/AnswerCache.ts"
import * as Exchange from "../../../domain/emulator/Exchange.ts"
import * as Ledger from "../../../domain/emulator/Ledger.ts"
import type { Config } from "../../../domain/emulator/Options.ts"
import * as Server from "../../../domain/emulator/Server.ts"
import * as Rendering from "../Rendering.ts"

/** The connection is to break instead of an answer. */
class Disconnected extends Data.TaggedError("Disconnected")<{}> {}

/**
 * A server, with what it remembers.
 *
 * @since 0.1.0
 */
export interface RunningServer {
  readonly config: Config
  /** The time by the server's own clock. */
  readonly now: Effect.Effect<number>
  readonly state: Ref.Ref<Exchange.State>
  readonly open: Ref.Ref<number>
  /** The sockets below the requests, some of which may be closed by now. */
  readonly sockets: Set<Socket>
}

/**
 * Starts a server.
 *
 * @since 0.1.0
 */
export const start = (config: Config): Effect.Effect<RunningServer> =>
  Effect.gen(function*() {
    const startedAt = yield* Clock.currentTimeMillis
    const state = yield* Ref.make(Exchange.initial(config, startedAt + config.clockOffset))
    const millis = config.time === "virtual" ? Effect.succeed(startedAt) : Clock.currentTimeMillis
    return {
      config,
      state,
      now: Effect.zipWith(millis, Ref.get(state), (millis, { ahead }) => millis + config.clockOffset + ahead),
      open: yield* Ref.make(0),
      sockets: new Set()
    }
  })

/**
 * Moves the server's clock forward.
 *
 * @since 0.1.0
 */
export const advance = ({ state }: RunningServer, millis: number): Effect.Effect<void> =>
  Ref.update(state, (current) => ({ ...current, ahead: current.ahead + Math.max(0, millis) }))

/**
 * The server as an effect for any `HttpServer`.
 *
 * @since 0.1.0
 */
export const app = (
  server: RunningServer
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest> =>
  // Servers run their handlers uninterruptibly, but a caller who hangs up must end the wait for an answer.
  Effect.interruptible(
    Effect.catchTag(handle(server, breakSocket, Rendering.compressed), "Disconnected", () => breakConnection)
  )

const unseen: Break = () => Effect.fail(new Disconnected())

/**
 * The server as a client that leads to it, without a port.
 *
 * @since 0.1.0
 */
export const client = (server: RunningServer): HttpClient.HttpClient => {
  const handled = handle(server, unseen, Rendering.uncompressed)
  return HttpClient.make((request) =>
    handled.pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromClientRequest(request)),
      Effect.map((response) => HttpServerResponse.toClientResponse(response, { request })),
      Effect.catchTag("Disconnected", () =>
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({ request, description: broken })
        }))
    )
  )
}

const broken = "The emulator broke the connection"

/**
 * The server as a function of web requests; it rejects with a `TypeError`, as `fetch` does, where the connection breaks.
 *
 * @since 0.1.0
 */
export const handler = (server: RunningServer, context: Context.Context<never>) => {
  const handled = handle(server, unseen, Rendering.uncompressed)
  const run = Effect.runPromiseWith(context)
  return (request: globalThis.Request): Promise<globalThis.Response> =>
    run(
      handled.pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request)),
        Effect.map((response) => HttpServerResponse.toWeb(response, { context })),
        Effect.catchTag("Disconnected", () => Effect.die(new TypeError(broken)))
      ),
      { signal: request.signal }
    )
}

/**
 * As much of a socket as is looked at.
 *
 * @since 0.1.0
 */
export interface Socket {
  readonly destroyed: unknown
}

/**
 * True for a socket that its caller holds open.
 *
 * @since 0.1.0
 */
export const isOpen = ({ destroyed }: Socket): boolean => destroyed !== true

/** Takes note of the socket below a request, if there is one to be seen, and forgets those that are closed. */
const noteSocket = ({ sockets }: RunningServer, { source }: HttpServerRequest.HttpServerRequest): void => {
  const socket = Predicate.hasProperty(source, "socket") ? source.socket : undefined
  if (!Predicate.hasProperty(socket, "destroyed") || sockets.has(socket)) return
  for (const known of sockets) {
    if (!isOpen(known)) sockets.delete(known)
  }
  sockets.add(socket)
}

type Handled = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  Disconnected,
  HttpServerRequest.HttpServerRequest
>

/** Breaks the connection in the middle of an answer. */
type Break = (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<never, Disconnected>

const handle = (server: RunningServer, breakOff: Break, compress: Rendering.Compress): Handled =>
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    noteSocket(server, request)
    const body = yield* readBody(request, server.config.maxBodyBytes)
    const now = yield* server.now
    const arrival: Exchange.Arrival = {
      method: request.method,
      url: request.url,
      headers: { ...request.headers },
      body
    }
    const decision = yield* Ref.modify(server.state, (current) => Server.step(server.config, current, arrival, now))
    yield* whileOpen(server, pause(server, decision._tag === "Hang" ? Infinity : decision.delay))
    switch (decision._tag) {
      case "Hang":
        return yield* Effect.never
      case "Disconnect":
        return yield* new Disconnected()
      case "Send":
        return Rendering.response(decision, decision.body, compress)
      case "Stream":
        return Rendering.response(decision, play(server, decision, breakOff(request)), compress)
    }
  })

const whileOpen = <A, E, R>({ open }: RunningServer, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Ref.update(open, (count) => count + 1),
    () => effect,
    () => Ref.update(open, (count) => count - 1)
  )

/** Waits, or lets the server's clock go on instead. */
const pause = (server: RunningServer, millis: number): Effect.Effect<void> =>
  millis === Infinity
    ? Effect.never
    : millis <= 0
    ? Effect.void
    : server.config.time === "virtual"
    ? Effect.andThen(advance(server, millis), Effect.yieldNow)
    : Effect.sleep(millis)

/** After so many pauses without an end a stream is taken to be stalled, and waits as long as it says even where time is virtual. */
const maxVirtualPauses = 10_000

/**
 * Plays the script of a stream chunk by chunk, as they are asked for. When the reader leaves before it is complete, the
 * books say so.
 */
const play = (
  server: RunningServer,
  decision: Extract<Exchange.Decision, { readonly _tag: "Stream" }>,
  breakOff: Effect.Effect<never, Disconnected>
): Stream.Stream<Uint8Array, Disconnected> =>
  Stream.unwrap(Effect.gen(function*() {
    const { now, open, state } = server
    const { id, script } = decision
    const steps = script[Symbol.iterator]()
    let isOver = false
    let pauses = 0
    yield* Effect.acquireRelease(
      Ref.update(open, (count) => count + 1),
      () =>
        Effect.andThen(
          Ref.update(open, (count) => count - 1),
          Effect.suspend(() =>
            isOver
              ? Effect.void
              : Ref.update(state, (current) => ({ ...current, books: Ledger.cancel(current.books, id) }))
          )
        )
    )
    const keep = Effect.flatMap(now, (instant) =>
      Ref.update(state, (current) => ({ ...current, cache: AnswerCache.complete(current.cache, decision, instant) })))
    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, Disconnected> = Effect.suspend(() => {
      const step = steps.next()
      if (step.done === true) {
        isOver = true
        return Cause.done()
      }
      switch (step.value._tag) {
        case "Bytes":
          isOver ||= step.value.complete
          return step.value.complete && decision.keepsAs !== undefined
            ? Effect.as(keep, Arr.of(step.value.bytes))
            : Effect.succeed(Arr.of(step.value.bytes))
        case "Wait":
          return Effect.andThen(
            ++pauses > maxVirtualPauses ? Effect.sleep(step.value.millis) : pause(server, step.value.millis),
            pull
          )
        case "Reset":
          isOver = true
          return breakOff
      }
    })
    return Stream.fromPull(Effect.succeed(pull))
  }))

/** The body as text, `undefined` when it is larger than allowed. */
const readBody = (
  request: HttpServerRequest.HttpServerRequest,
  maximum: number
): Effect.Effect<string | undefined> => {
  if (request.method === "GET" || request.method === "HEAD") return Effect.succeed("")
  if (Number(request.headers["content-length"] ?? 0) > maximum) return Effect.succeed(undefined)
  return request.text.pipe(
    Effect.map((text) => fits(text, maximum) ? text : undefined),
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maximum)),
    // The size limit is the only reason for which a server of this kind stops reading a body.
    Effect.catchTag("HttpServerError", () => Effect.succeed(undefined))
  )
}

/** Most texts are far below the limit, and then counting their bytes is not worth the copy. */
const fits = (text: string, maximum: number): boolean =>
  text.length * 3 <= maximum || new TextEncoder().encode(text).length <= maximum

/**
 * Destroys the socket below a request, after what was written has left; fails when there is no socket to be seen.
 */
const breakSocket: Break = ({ source }) =>
  Effect.gen(function*() {
    const socket = Predicate.hasProperty(source, "socket") ? source.socket : undefined
    if (!Predicate.hasProperty(socket, "destroy") || typeof socket.destroy !== "function") {
      return yield* new Disconnected()
    }
    yield* Effect.yieldNow
    socket.destroy()
    return yield* Effect.never
  })

/** Breaks the connection before an answer. Without a socket, a body that fails breaks it after the headers. */
const breakConnection: Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  never,
  HttpServerRequest.HttpServerRequest
> = Effect.flatMap(
  HttpServerRequest.HttpServerRequest,
  (request) =>
    Effect.catchTag(
      breakSocket(request),
      "Disconnected",
      (error) => Effect.succeed(HttpServerResponse.stream(Stream.fail(error)))
    )
)
