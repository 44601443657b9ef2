import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Layer, Semaphore, Stream } from "effect"
import { CostLedger, Deadlines, OpenRouter, StreamEvent, Transport } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient } from "effect/http"
import * as Meter from "../layers/client/meter.ts"
import { apiKey, ask, emulated, served } from "../layers/client/support.ts"
import * as S from "../layers/stream/support.ts"

const names = [
  "keepalive",
  "keep_alive",
  "keep-alive",
  "keepAlive",
  "response.keep_alive",
  "response.keepalive",
  "response.keep-alive",
  "ping",
  "response.ping",
  "heartbeat",
  "response.heartbeat"
]

const keepAlives: ReadonlyArray<readonly [string, string]> = [
  ...names.map((type) => [type, S.data({ type })] as const),
  ["ping with a number", S.data({ type: "ping", sequence_number: 7 })],
  ["an event: line alone", "event: ping\ndata: {}\n\n"],
  ["a word", "data: ping\n\n"]
]

/** How a call ended, and how many seconds after its beginning. */
const timed = <A, E extends { readonly _tag: string }, R>(call: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const begun = yield* Clock.currentTimeMillis
    const exit = yield* Effect.exit(call)
    const word = yield* Effect.match(exit, {
      onFailure: (error: { readonly _tag: string; readonly phase?: string }) => error.phase ?? error._tag,
      onSuccess: () => "answered"
    })
    return [word, ((yield* Clock.currentTimeMillis) - begun) / 1000] as const
  })

const ending = <A, E extends { readonly _tag: string }, R>(call: Effect.Effect<A, E, R>) => Meter.patiently(timed(call))

describe("an event that only keeps the connection busy", () => {
  /** A stream that says these things, and then one of them every 50 milliseconds. */
  const busy = (before: ReadonlyArray<string>, keepAlive: string) =>
    OpenRouter.layerTransport.pipe(Layer.provide(Layer.succeed(
      Transport.Transport,
      Transport.make(() =>
        Effect.succeed(Transport.answer({
          body: Stream.encodeText(Stream.concat(
            Stream.fromIterable(before),
            Stream.fromIterable(Array.from({ length: 10_000 }, () => keepAlive)).pipe(
              Stream.mapEffect((text) => Effect.delay(Effect.succeed(text), "50 millis"))
            )
          ))
        }))
      )
    )))

  const limits = Deadlines.with({ firstEvent: "300 millis", idle: "300 millis" })
  const stream = Stream.runDrain(OpenRouter.stream(S.request))

  it.effect.each(keepAlives)("#20 does not feed `firstEvent`: %s", ([_, text]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ending(limits(stream)), ["firstEvent", 0.3])
    }).pipe(Effect.provide(busy([], text))))

  it.effect.each(keepAlives)("#20 does not feed `idle`: %s", ([_, text]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ending(limits(stream)), ["idle", 0.3])
    }).pipe(Effect.provide(busy([S.created, S.delta("Once")], text))))

  it.effect("#20 nor does each pull of a consumer who takes longer than it takes to come", () =>
    Effect.gen(function*() {
      const slow = OpenRouter.streamOutcome(S.request, () => Effect.sleep("60 millis"))
      // Two events keep the consumer busy for 120 ms; after them it waits 300 ms in one piece.
      assert.deepStrictEqual(yield* ending(limits(slow)), ["idle", 0.42])
    }).pipe(Effect.provide(busy([S.created + S.delta("Once")], S.data({ type: "keepalive" })))))

  it.effect("#20 for an hour fills no memory and begins no answer", () =>
    Effect.gen(function*() {
      const patient = Deadlines.with({ firstEvent: "5 minutes" })
      assert.deepStrictEqual(yield* ending(patient(stream)), ["firstEvent", 300])
    }).pipe(Effect.provide(busy([], S.data({ type: "keepalive" })))))

  it.effect("#20 is delivered all the same, with the next one", () =>
    Effect.gen(function*() {
      const events = yield* Stream.runCollect(OpenRouter.stream(S.request))
      assert.deepStrictEqual(S.typesOf(events), ["created", "ping", "output_text.delta", "keepalive", "completed"])
    }).pipe(Effect.provide(S.answering([
      S.sse([
        S.created,
        S.data({ type: "ping" }),
        S.delta("Once"),
        S.data({ type: "keepalive" }),
        S.completed("Once"),
        S.done
      ])
    ]))))

  it("#20 is none that says something", () => {
    const others = [{ type: "response.of_tomorrow" }, { type: "response.ping_call.added" }, { shape: 1 }, "Once"]
    for (const json of others) assert.isFalse(StreamEvent.isKeepAlive(StreamEvent.decode(json)), JSON.stringify(json))
  })

  it.live.each(S.ways)("#20 over a socket: %s", (way) =>
    Effect.gen(function*() {
      const hundred = S.saying({ unknownEvents: 1, ending: { _tag: "Stall", after: { deltas: 3 } } })
      const error = yield* Effect.flip(Stream.runDrain(OpenRouter.stream(S.request))).pipe(
        Deadlines.with({ idle: "100 millis" }),
        Effect.provide(S.reached(way, hundred))
      )
      assert.deepStrictEqual([error._tag, error.partialText], ["TimedOut", S.delivered(3)])
    }))
})

describe("a limiter of the caller's in transformClient", () => {
  const calls = [["answers", Effect.asVoid(ask())], [
    "streams",
    Stream.runDrain(OpenRouter.stream(S.request))
  ]] as const

  it.effect.each(calls)(
    "#34 costs none of the response deadline: 60 %s, of which 4 are sent at a time",
    ([_, call]) =>
      Effect.gen(function*() {
        const limiter = yield* Semaphore.make(4)
        const layer = OpenRouter.layer({
          apiKey,
          timeout: "3 seconds",
          transformClient: HttpClient.transform(limiter.withPermit)
        }).pipe(Layer.provide(Emulator.layerHttpClient({ latency: "2 seconds" })))
        const [exits, spent] = yield* Meter.patiently(CostLedger.measured(
          Effect.all(Array.from({ length: 60 }, () => Effect.exit(call)), { concurrency: "unbounded" }).pipe(
            Deadlines.with({ firstEvent: "3 seconds" }),
            Effect.provide(layer)
          )
        ))
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 60)
        assert.deepStrictEqual([spent.calls, spent.failures, spent.unknown], [60, 0, 0])
      })
  )

  it.effect("#34 what is never sent is not booked", () =>
    Effect.gen(function*() {
      const layer = OpenRouter.layer({
        apiKey,
        timeout: "3 seconds",
        transformClient: HttpClient.transform((send) => Effect.delay(send, "1 hour"))
      }).pipe(Layer.provide(Emulator.layerHttpClient()))
      const [word, spent] = yield* Meter.patiently(CostLedger.measured(
        timed(ask()).pipe(Deadlines.with({ total: "1 minute" }), Effect.provide(layer))
      ))
      assert.deepStrictEqual([word, spent.calls], [["total", 60], 0])
    }))

  it.live.each(["fetch", "undici", "dispatch"] as const)("#34 over a socket: %s", (over) =>
    Effect.gen(function*() {
      const call = ask().pipe(Deadlines.with({ response: "800 millis" }))
      const answers = yield* Effect.all(Array.from({ length: 6 }, () => call), { concurrency: "unbounded" })
      assert.strictEqual(answers.length, 6)
    }).pipe(Effect.provide(
      served({ latency: "200 millis" }, over, HttpClient.transform(Semaphore.makeUnsafe(1).withPermit))
    )))
})

describe("a deadline inside of others", () => {
  it.effect("#35 leaves the outer total as it is, for an effect and for a stream", () =>
    Effect.gen(function*() {
      const outer = Deadlines.with({ total: "10 seconds" })
      const stream = OpenRouter.stream({ model: "emulator/stream-stall", input: "Hello" })
      const inner = Deadlines.with({ idle: "1 minute" })
      assert.deepStrictEqual(yield* ending(outer(Stream.runDrain(inner(stream)))), ["total", 10])
      assert.deepStrictEqual(yield* ending(Stream.runDrain(outer(inner(stream)))), ["total", 10])
      assert.deepStrictEqual(
        yield* ending(outer(Deadlines.with(ask(), { response: "1 minute", total: undefined }))),
        ["total", 10]
      )
    }).pipe(Effect.provide(emulated({
      rules: [{ when: (call) => call.model !== "emulator/stream-stall", reply: Emulator.Reply.hang() }]
    }))))

  it.effect("#35 and the outer idle, if only the total is set inside", () =>
    Effect.gen(function*() {
      const stream = Stream.runDrain(OpenRouter.stream({ model: "emulator/stream-stall", input: "Hello" }))
      const inner = Deadlines.with({ total: "1 hour" })
      assert.deepStrictEqual(yield* ending(inner(stream).pipe(Deadlines.with({ idle: "3 seconds" }))), ["idle", 3])
    }).pipe(Effect.provide(emulated())))
})
