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
 * | `emulator/slow-<ms>` | an answer after so many milliseconds, of nine digits at most |
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
 * `POST /batches` takes requests for half the price; `batchTime` says how long they take, and these models what happens to a batch of
 * theirs. With `-once` at its end it happens to the first one only.
 *
 * | model | batch |
 * |---|---|
 * | `emulator/batch-rejected` | fails when it is checked |
 * | `emulator/batch-failed`, `-expired`, `-cancelled` | ends so after half of its lines |
 * | `emulator/batch-partly` | every third line is an error |
 * | `emulator/batch-shuffled`, `-double`, `-missing`, `-malformed` | lines out of order, there twice, not there, or broken |
 * | `emulator/batch-costless` | only the batch as a whole tells what it cost |
 * | `emulator/batch-lost`, `-unlisted` | it is accepted and the connection breaks; the second is in no list either |
 *
 * A generation is billed when it starts, streamed or not: a caller who leaves before the end is charged all the same.
 * Streams are made as they are read, in the caller's fiber or at the pace of the socket, and end with their reader.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as BigDecimal from "effect/BigDecimal"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Exchange from "../../domain/emulator/Exchange.ts"
import * as Ledger from "../../domain/emulator/Ledger.ts"
import { type Options, toConfig } from "../../domain/emulator/Options.ts"
import * as Outage from "../../domain/emulator/Outage.ts"
import * as Quota from "../../domain/emulator/Quota.ts"
import * as RateWindow from "../../domain/emulator/RateWindow.ts"
import * as Rule from "../../domain/emulator/Rule.ts"
import { Emulator } from "../../services/testing/Emulator.ts"
import * as Serving from "./emulator/Serving.ts"

export type { ReceivedRequest } from "../../domain/emulator/Exchange.ts"
export type { Account, Ledger } from "../../domain/emulator/Ledger.ts"
export type { Options, RateLimit } from "../../domain/emulator/Options.ts"
export type { Outage } from "../../domain/emulator/Outage.ts"
export type { PriceTable, TokenPrice } from "../../domain/emulator/Price.ts"
export { freeLimits } from "../../domain/emulator/Quota.ts"
export type { Limit, LimitScope, RateLimitHint } from "../../domain/emulator/Quota.ts"
export type { WindowTraffic } from "../../domain/emulator/RateWindow.ts"
/**
 * What a rule answers with: text, calls, failures, damage, delays.
 *
 * @since 0.1.0
 */
export * as Reply from "../../domain/emulator/Reply.ts"
export type { Call, Condition, Rule } from "../../domain/emulator/Rule.ts"
export type { Ending, ErrorEnding, ErrorForm, KeepAlive, Position, Streaming } from "../../domain/emulator/Streaming.ts"
export * from "../../services/testing/Emulator.ts"

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
    const server = yield* Serving.start(config)
    const { now, open, sockets, state } = server
    const change = (f: (state: Exchange.State, now: number) => Partial<Exchange.State>) =>
      Effect.flatMap(now, (instant) => Ref.update(state, (current) => ({ ...current, ...f(current, instant) })))
    return Emulator.of({
      app: Serving.app(server),
      client: Serving.client(server),
      handler: Serving.handler(server, yield* Effect.context<never>()),
      ledger: Effect.map(Ref.get(state), ({ books, credits }) => Ledger.toLedger(books, credits)),
      traffic: Effect.map(Ref.get(state), ({ windows }) => RateWindow.traffic(windows)),
      requests: Effect.map(Ref.get(state), ({ requests }) => requests),
      openRequests: Ref.get(open),
      openConnections: Effect.sync(() => Array.countBy(Array.fromIterable(sockets), Serving.isOpen)),
      addRule: (rule) => change(({ rules }) => ({ rules: [...rules, Rule.counted(rule)] })),
      setLimits: (limits) => change(() => ({ quotas: Quota.make(limits, config.rateLimitHint) })),
      setOutages: (outages) => change((_, instant) => ({ outages: Outage.plan(outages, instant) })),
      addCredits: (usd) =>
        change(({ credits }) => ({ credits: BigDecimal.sum(credits, BigDecimal.fromStringUnsafe(usd)) })),
      advance: (by) => Serving.advance(server, Duration.toMillis(by)),
      reset: change(({ ahead }, instant) => Exchange.initial(config, instant - ahead))
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

/**
 * An emulator as a function, for tools that intercept `fetch` and for programs without Effect. Where the connection is to
 * break it rejects with a `TypeError`, as `fetch` does.
 *
 * **Example** (A `fetch` that needs no network)
 *
 * ```ts
 * import { Emulator } from "effect-openrouter/testing"
 *
 * const handler = Emulator.handler({ seed: 7 })
 *
 * globalThis.fetch = (input, init) => handler(new Request(input, init))
 * ```
 *
 * @since 0.1.0
 */
export const handler = (options?: Options): (request: globalThis.Request) => Promise<globalThis.Response> =>
  Effect.runSync(make(options)).handler
