import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Stream } from "effect"
import { CostLedger, Deadlines, OpenRouter, RetryPolicy, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import * as S from "./support.ts"

const { Reply } = Emulator

const spending = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.map(CostLedger.measured(Effect.exit(self)), ([, { calls, cost, failures, unknown }]) => ({
    calls,
    failures,
    unknown,
    cost: Usd.toText(cost)
  }))

const whole = S.answering([S.sse([S.created, S.delta("Once"), S.completed("Once"), S.done])])

const paid = { calls: 1, failures: 0, unknown: 0, cost: "0.25" }

describe("a call whose last event was delivered is settled with its cost", () => {
  it.effect("if the consumer then has enough", () =>
    Effect.gen(function*() {
      const stream = Stream.takeUntil(OpenRouter.stream(S.request), ({ type }) => type === "response.completed")
      assert.deepStrictEqual(yield* spending(Stream.runDrain(stream)), paid)
    }).pipe(Effect.provide(whole)))

  it.effect("if the consumer then fails", () =>
    Effect.gen(function*() {
      const call = OpenRouter.streamOutcome(
        S.request,
        ({ type }) => type === "response.completed" ? Effect.fail("full") : Effect.void
      )
      assert.deepStrictEqual(yield* spending(call), paid)
    }).pipe(Effect.provide(whole)))

  it.live("if it is then interrupted, while the connection is still open", () =>
    Effect.gen(function*() {
      const last = yield* Deferred.make<void>()
      const spent = yield* spending(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(OpenRouter.streamOutcome(
          S.request,
          ({ type }) => type === "response.completed" ? Deferred.succeed(last, undefined) : Effect.void
        ))
        yield* Deferred.await(last)
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(fiber)
      }))
      assert.deepStrictEqual({ ...spent, cost: spent.cost !== "0" }, { ...paid, cost: true })
    }).pipe(Effect.provide(S.reached(
      "in-process",
      S.saying({ ending: { _tag: "Stall", after: { events: S.eventCount }, comments: "none" } })
    ))))
})

describe("streamText gives the text that respond gives", () => {
  it.effect("if the server answers with one JSON body", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Stream.mkString(OpenRouter.streamText(S.request)), S.text)
    }).pipe(Effect.provide(S.reached("in-process", S.saying({ as: "json" })))))

  it.effect("if a delta was lost, as far as it can be told", () =>
    Effect.gen(function*() {
      const done = S.data({ type: "response.output_text.done", output_index: 0, content_index: 0, text: "Hello world" })
      const shown = (pieces: ReadonlyArray<string>) =>
        Stream.runCollect(OpenRouter.streamText(S.request)).pipe(
          Effect.provide(S.answering([S.sse([S.created, ...pieces, done, S.completed("Hello world"), S.done])]))
        )
      assert.deepStrictEqual(yield* shown([S.delta("Hel"), S.delta("world")]), ["Hel", "world"])
      assert.deepStrictEqual(yield* shown([S.delta("Hel")]), ["Hel", "lo world"])
    }))

  it.effect("if the text came without deltas", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Stream.mkString(OpenRouter.streamText(S.request)), "Once")
    }).pipe(Effect.provide(S.answering([S.sse([S.created, S.completed("Once"), S.done])]))))
})

function* repeated(first: string, piece: string, millis: number) {
  yield first
  for (const until = performance.now() + millis; performance.now() < until;) yield piece
}

/** Pieces that come without a pause, for one second. */
const flood = (first: string, piece: string) => S.answering([S.sse(repeated(first, piece, 1000))])

const soon = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const [took, exit] = yield* Effect.timed(Effect.exit(self))
    assert.isBelow(Duration.toMillis(took), 700, "milliseconds")
    return exit
  })

describe("a server that never pauses", () => {
  it.live("is held to the idle deadline although comments flood in", () =>
    soon(Stream.runDrain(OpenRouter.stream(S.request)).pipe(Deadlines.with({ idle: 100 }))).pipe(
      Effect.provide(flood(S.created + S.delta("Once"), ": keep-alive\n\n"))
    ))

  it.live("is held to the total deadline although deltas flood in", () =>
    soon(Stream.runDrain(OpenRouter.stream(S.request)).pipe(Deadlines.with({ total: 100 }))).pipe(
      Effect.provide(flood(S.created, S.delta("Once")))
    ))

  it.live("is left soon after the last event", () =>
    soon(Stream.runDrain(OpenRouter.stream(S.request))).pipe(
      Effect.provide(flood(S.created + S.completed("Once"), ": bye\n\n"))
    ))
})

describe("deadlines", () => {
  const big: Emulator.Options = {
    stream: { tokensPerDelta: 25_000 },
    rules: [{ reply: Reply.text("x".repeat(1_000_000)) }]
  }

  for (const way of ["fetch", "dispatch"] as const) {
    it.live(`do not count the consumer's time as the server's: ${way}`, () =>
      Effect.gen(function*() {
        const text = yield* OpenRouter.streamText(S.request).pipe(
          Stream.tap(() => Effect.sleep("120 millis")),
          Stream.mkString,
          Deadlines.with({ idle: "80 millis", firstEvent: "10 seconds" }),
          Effect.catchTag("TimedOut", ({ phase }) => Effect.succeed(phase))
        )
        assert.strictEqual(text.length, 1_000_000)
      }).pipe(Effect.provide(S.reached(way, big))))
  }

  it.effect("count the waits between attempts into the total", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Effect.exit(Stream.runDrain(OpenRouter.stream(S.request))).pipe(
          Deadlines.with({ total: "10 seconds" }),
          RetryPolicy.with(RetryPolicy.make({ base: "1 minute", cap: "1 minute", maxWait: "1 hour" }))
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("20 seconds")
      const isOver = fiber.pollUnsafe() !== undefined
      yield* Fiber.interrupt(fiber)
      assert.isTrue(isOver, "the call goes on beyond its total deadline")
    }).pipe(Effect.provide(S.reached("in-process", { rules: [{ reply: Reply.failure(503) }] }))))
})

describe("errors know", () => {
  it.live("the id of the generation of a stream that stalled, also if only the response told it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Stream.runDrain(OpenRouter.stream(S.request)).pipe(Deadlines.with({ idle: 50 }))
      )
      assert.deepStrictEqual([error._tag, error.partialText, error.generationId], ["TimedOut", "Once", "gen-2"])
    }).pipe(Effect.provide(S.answering([() =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode(S.created + S.delta("Once")))
        }),
        { headers: { "content-type": "text/event-stream" } }
      )]))))

  it.effect("the text before an event that is too large", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(OpenRouter.stream(S.request)))
      assert.deepStrictEqual([error._tag, error.partialText], ["MalformedResponse", "Once"])
    }).pipe(Effect.provide(S.answering([
      S.sse([S.created + S.delta("Once") + "data: " + "x".repeat(65 * 1024 * 1024)])
    ]))))
})
