/**
 * OpenRouter's server, emulated: in-process without a port and under `TestClock`, or on a real port for any client.
 *
 * It validates requests, answers deterministically from its seed and the content of the request, keeps exact books,
 * limits rates, runs out of credits, breaks down for a time, and fails in OpenRouter's own dialects, by rules or by the name of the model.
 *
 * | model | reply |
 * |---|---|
 * | `emulator/echo` | the text of the request |
 * | `emulator/status-<status>` | an HTTP error; 429 tells a reset in one second, 503 a `Retry-After` |
 * | `emulator/flaky-<status>` | that error whenever the same content comes for an odd time, an answer for an even time |
 * | `emulator/slow-<ms>` | an answer after so many milliseconds |
 * | `emulator/refusal` | a completed response with a refusal |
 * | `emulator/incomplete`, `emulator/content-filter` | half an answer, stopped by the token limit or the filter |
 * | `emulator/failed`, `emulator/failed-<error_type>`, `emulator/error-in-200` | a failure inside a 200 |
 * | `emulator/empty`, `emulator/no-usage`, `emulator/unknown-item`, `emulator/padded` | unusual but valid answers |
 * | `emulator/truncated`, `emulator/html`, `emulator/no-body` | a 200 whose body is no response |
 * | `emulator/moderation`, `emulator/guardrail` | a 403 with its metadata |
 * | `emulator/no-credits`, `emulator/in-flight-budget` | a permanent, or a transient 402 |
 * | `emulator/context-length`, `emulator/invalid-prompt`, `emulator/no-endpoints` | 400, 400 and 404 in three dialects |
 * | `emulator/hang`, `emulator/disconnect` | no answer, or a broken connection |
 *
 * All of these stream when they are asked to; the following have something happen to their stream, and answer like any
 * other model when nobody asks for one. `<form>` is `flat`, `nested`, `nested-then-failed`, `failed`, `failed-short`,
 * `response-error`, `null-code` or `with-usage`.
 *
 * | model | stream |
 * |---|---|
 * | `emulator/stream-cut`, `-cut-<bytes>` | ends after three deltas, or so many bytes, as if that were all |
 * | `emulator/stream-reset`, `-reset-<bytes>` | the connection breaks there |
 * | `emulator/stream-stall`, `-stall-<events>` | after three deltas, or so many events, only comments, once a second |
 * | `emulator/stream-silence`, `-silence-<events>` | the same, without the comments |
 * | `emulator/stream-error`, `-error-<form>` | a failure after three deltas |
 * | `emulator/stream-error-first` | a failure as the first and only event; not billed |
 * | `emulator/stream-no-terminal`, `-no-done` | no last event, or no `[DONE]` |
 * | `emulator/stream-empty-output` | the last event has no output |
 * | `emulator/stream-rotating-ids` | every event has other ids |
 * | `emulator/stream-reversed`, `-interleaved` | two messages, the second one first, or by turns |
 * | `emulator/stream-unknown-events`, `-broken-json`, `-noise` | oddities between the events, in one, or around them |
 * | `emulator/stream-huge-<megabytes>` | an image of that size before the answer |
 * | `emulator/stream-json` | one JSON body instead of a stream |
 * | `emulator/stream-slow-<ms>`, `-bytes-<n>` | a pause between two events, or chunks of n bytes |
 *
 * A generation is billed when it starts, streamed or not: a caller who leaves before the end is charged all the same.
 * Streams are made as they are read, in the caller's fiber or at the pace of the socket, and end with their reader.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as BigDecimal from "effect/BigDecimal"
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Pull from "effect/Pull"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Exchange from "../../domain/emulator/Exchange.ts"
import * as Ledger from "../../domain/emulator/Ledger.ts"
import { type Config, type Options, toConfig } from "../../domain/emulator/Options.ts"
import * as Outage from "../../domain/emulator/Outage.ts"
import * as Quota from "../../domain/emulator/Quota.ts"
import * as RateWindow from "../../domain/emulator/RateWindow.ts"
import * as Rule from "../../domain/emulator/Rule.ts"
import * as Server from "../../domain/emulator/Server.ts"
import { Emulator } from "../../services/testing/Emulator.ts"
import * as Rendering from "./Rendering.ts"

export type { ReceivedRequest } from "../../domain/emulator/Exchange.ts"
export type { Account, Ledger } from "../../domain/emulator/Ledger.ts"
export type { Options, RateLimit } from "../../domain/emulator/Options.ts"
export type { Outage } from "../../domain/emulator/Outage.ts"
export type { PriceTable, TokenPrice } from "../../domain/emulator/Price.ts"
export { freeLimits } from "../../domain/emulator/Quota.ts"
export type { Limit, LimitScope, RateLimitHint } from "../../domain/emulator/Quota.ts"
export type { WindowTraffic } from "../../domain/emulator/RateWindow.ts"
export * as Reply from "../../domain/emulator/Reply.ts"
export type { Call, Condition, Rule } from "../../domain/emulator/Rule.ts"
export type { Ending, ErrorEnding, ErrorForm, KeepAlive, Position, Streaming } from "../../domain/emulator/Streaming.ts"
export * from "../../services/testing/Emulator.ts"

/** The connection is to break instead of an answer. */
class Disconnected extends Data.TaggedError("Disconnected")<{}> {}

/**
 * Starts an emulator.
 *
 * Dies when the options are malformed, for example a price that is no decimal number.
 *
 * @since 0.1.0
 */
export const make = (options?: Options): Effect.Effect<Emulator["Service"]> =>
  Effect.gen(function*() {
    const config = toConfig(options)
    const now = Effect.map(Clock.currentTimeMillis, (millis) => millis + config.clockOffset)
    const server: RunningServer = {
      config,
      now,
      state: yield* Ref.make(Exchange.initial(config, yield* now)),
      open: yield* Ref.make(0),
      sockets: new Set()
    }
    const { open, sockets, state } = server
    const change = (f: (state: Exchange.State, now: number) => Partial<Exchange.State>) =>
      Effect.flatMap(now, (instant) => Ref.update(state, (current) => ({ ...current, ...f(current, instant) })))
    return Emulator.of({
      // Servers run their handlers uninterruptibly, but a caller who hangs up must end the wait for an answer.
      app: Effect.interruptible(
        Effect.catchTag(handle(server, breakSocket, Rendering.compressed), "Disconnected", () => breakConnection)
      ),
      client: makeClient(handle(server, () => Effect.fail(new Disconnected()), Rendering.uncompressed)),
      ledger: Effect.map(Ref.get(state), ({ books, credits }) => Ledger.toLedger(books, credits)),
      traffic: Effect.map(Ref.get(state), ({ windows }) => RateWindow.traffic(windows)),
      requests: Effect.map(Ref.get(state), ({ requests }) => requests),
      openRequests: Ref.get(open),
      openConnections: Effect.sync(() => Array.countBy(Array.fromIterable(sockets), isOpen)),
      addRule: (rule) => change(({ rules }) => ({ rules: [...rules, Rule.counted(rule)] })),
      setLimits: (limits) => change(() => ({ quotas: Quota.make(limits, config.rateLimitHint) })),
      setOutages: (outages) => change((_, instant) => ({ outages: Outage.plan(outages, instant) })),
      addCredits: (usd) =>
        change(({ credits }) => ({ credits: BigDecimal.sum(credits, BigDecimal.fromStringUnsafe(usd)) })),
      reset: change((_, instant) => Exchange.initial(config, instant))
    })
  })

/**
 * An emulator without a door: serve its `app` yourself, or use its `client`.
 *
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Emulator> => Layer.effect(Emulator, make(options))

/**
 * An emulator and the `HttpClient` that leads to it, without a port.
 *
 * Any host is accepted as long as the path starts with `/api/v1`. Requests run in the caller's fiber: interrupting the
 * caller interrupts the emulated server, and all time is the caller's `Clock`.
 *
 * @since 0.1.0
 */
export const layerHttpClient = (options?: Options): Layer.Layer<HttpClient.HttpClient | Emulator> =>
  Layer.effectContext(
    Effect.map(
      make(options),
      (emulator) => Context.make(Emulator, emulator).pipe(Context.add(HttpClient.HttpClient, emulator.client))
    )
  )

/**
 * An emulator that is served by the `HttpServer` of the environment, under the path `/api/v1`.
 *
 * @since 0.1.0
 */
export const layerServer = (options?: Options): Layer.Layer<Emulator, never, HttpServer.HttpServer> =>
  Layer.unwrap(
    Effect.map(make(options), (emulator) =>
      HttpServer.serve(emulator.app).pipe(Layer.merge(Layer.succeed(Emulator, emulator))))
  )

interface RunningServer {
  readonly config: Config
  /** The time by the server's own clock. */
  readonly now: Effect.Effect<number>
  readonly state: Ref.Ref<Exchange.State>
  readonly open: Ref.Ref<number>
  /** The sockets below the requests, some of which may be closed by now. */
  readonly sockets: Set<Socket>
}

interface Socket {
  readonly destroyed: unknown
}

const isOpen = ({ destroyed }: Socket): boolean => destroyed !== true

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
    yield* whileOpen(server, pause(decision._tag === "Hang" ? Infinity : decision.delay))
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

const pause = (millis: number): Effect.Effect<void> =>
  millis === Infinity ? Effect.never : millis > 0 ? Effect.sleep(millis) : Effect.void

/**
 * Plays the script of a stream chunk by chunk, as they are asked for. When the reader leaves before it is complete, the
 * books say so.
 */
const play = (
  { open, state }: RunningServer,
  { id, script }: Extract<Exchange.Decision, { readonly _tag: "Stream" }>,
  breakOff: Effect.Effect<never, Disconnected>
): Stream.Stream<Uint8Array, Disconnected> =>
  Stream.unwrap(Effect.gen(function*() {
    const steps = script[Symbol.iterator]()
    let isOver = false
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
    const pull: Pull.Pull<Array.NonEmptyReadonlyArray<Uint8Array>, Disconnected> = Effect.suspend(() => {
      const step = steps.next()
      if (step.done === true) {
        isOver = true
        return Cause.done()
      }
      switch (step.value._tag) {
        case "Bytes":
          isOver ||= step.value.complete
          return Effect.succeed(Array.of(step.value.bytes))
        case "Wait":
          return Effect.andThen(pause(step.value.millis), pull)
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

const makeClient = (handled: Handled): HttpClient.HttpClient =>
  HttpClient.make((request) =>
    handled.pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromClientRequest(request)),
      Effect.map((response) => HttpServerResponse.toClientResponse(response, { request })),
      Effect.catchTag("Disconnected", () =>
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({ request, description: "The emulator broke the connection" })
        }))
    )
  )

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
