import { assert, describe, it } from "@effect/vitest"
import {
  Clock,
  type Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  ManagedRuntime,
  Schedule,
  Scope,
  Stream
} from "effect"
import { Admission, Deadlines, OpenRouter, type OpenRouterError, RetryPolicy, Transport } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import * as S from "../stream/support.ts"
import * as Meter from "./meter.ts"
import { apiKey, ask, askFor, emulated, served, t0 } from "./support.ts"

const { Reply } = Emulator

const streamOf = (model: string) => Stream.runDrain(OpenRouter.stream({ model, input: "Hello" }))

type Call = Effect.Effect<unknown, OpenRouterError.OpenRouterError, OpenRouter.OpenRouter>

const hang = askFor("emulator/hang")

const stream = Stream.runDrain(OpenRouter.stream(S.request))

/** How a call ended, and how many seconds after its beginning, by the clock of the caller. */
const timed = <A, E extends { readonly _tag: string }, R>(call: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const begun = yield* Clock.currentTimeMillis
    const exit = yield* Effect.exit(call)
    const seconds = ((yield* Clock.currentTimeMillis) - begun) / 1000
    return [yield* Effect.match(exit, { onFailure: phaseOf, onSuccess: () => "answered" }), seconds] as const
  })

const phaseOf = (error: { readonly _tag: string; readonly phase?: string }): string =>
  error._tag === "TimedOut" ? error.phase ?? "" : error._tag

const ending = <A, E extends { readonly _tag: string }, R>(call: Effect.Effect<A, E, R>) => Meter.patiently(timed(call))

describe("deadlines refine", () => {
  it.effect("those outside: what is left out stays as it is", () =>
    Effect.gen(function*() {
      const inside = Deadlines.with({ idle: "3 seconds", firstEvent: undefined })
      const outside = Deadlines.with({ firstEvent: "5 seconds", idle: "1 minute", response: "7 seconds" })
      assert.deepStrictEqual(yield* ending(outside(inside(streamOf("emulator/stream-stall")))), ["idle", 3])
      assert.deepStrictEqual(yield* ending(outside(inside(streamOf("emulator/stream-stall-0")))), ["firstEvent", 5])
      assert.deepStrictEqual(yield* ending(outside(inside(hang))), ["response", 7])
      assert.deepStrictEqual(yield* ending(outside(streamOf("emulator/stream-stall"))), ["idle", 60])
    }).pipe(Effect.provide(emulated())))

  it.effect("and hold for a part of a program only, also of a stream", () =>
    Effect.gen(function*() {
      const inside = OpenRouter.stream({ model: "emulator/stream-stall", input: "Hello" }).pipe(
        Deadlines.with({ idle: "3 seconds" })
      )
      assert.deepStrictEqual(yield* ending(Stream.runDrain(inside)), ["idle", 3])
      assert.deepStrictEqual(yield* ending(streamOf("emulator/stream-stall")), ["idle", 120])
    }).pipe(Effect.provide(emulated())))

  it.effect("the timeout of the layer, which refines the default", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ending(hang), ["response", 30])
      assert.deepStrictEqual(yield* ending(Deadlines.with(hang, { idle: "1 second" })), ["response", 30])
      assert.deepStrictEqual(yield* ending(Deadlines.with(hang, { response: "10 seconds" })), ["response", 10])
      assert.deepStrictEqual(yield* ending(Deadlines.with(hang, { response: "1 hour" })), ["response", 3600])
      assert.deepStrictEqual(yield* ending(streamOf("emulator/hang")), ["firstEvent", 120])
    }).pipe(Effect.provide(
      OpenRouter.layer({ apiKey, timeout: "30 seconds" }).pipe(Layer.provide(Emulator.layerHttpClient()))
    )))

  it.effect("and say how long they were", () =>
    Effect.gen(function*() {
      const error = yield* Meter.patiently(Effect.flip(Deadlines.with(hang, { response: "90 seconds" })))
      if (error._tag !== "TimedOut") return assert.fail(error._tag)
      assert.isTrue(error.duration !== undefined && Duration.toSeconds(error.duration) === 90)
      assert.include(error.message, "1m 30s")
    }).pipe(Effect.provide(emulated())))

  it.effect("hold for plain endpoints, embeddings, objects, and a test client", () =>
    Effect.gen(function*() {
      const soon = Deadlines.with({ response: "2 seconds" })
      assert.deepStrictEqual(yield* ending(soon(OpenRouter.models())), ["response", 2])
      const test = OpenRouterTest.layer(() => Effect.never)
      assert.deepStrictEqual(yield* ending(soon(ask())).pipe(Effect.provide(test)), ["response", 2])
    }).pipe(Effect.provide(emulated({ rules: [{ when: { path: "/models" }, reply: Reply.hang() }] }))))
})

describe("the total deadline", () => {
  it.effect("is that of the whole call, attempts and waits between them included", () =>
    Effect.gen(function*() {
      const attempts = ask().pipe(Deadlines.with({ response: "10 seconds", total: "25 seconds" }))
      const again = RetryPolicy.fromSchedule(Schedule.spaced("1 second"))
      // Attempts from 0 to 10, from 11 to 21, and from 22 on.
      const { exit, seen } = yield* Meter.patiently(Meter.metered(timed(RetryPolicy.with(attempts, again))))
      assert.deepStrictEqual(yield* exit, ["total", 25])
      assert.deepStrictEqual(seen.map(({ attempt }) => (attempt.startedAt - t0) / 1000), [0, 11, 22])
      assert.deepStrictEqual(Meter.words(seen), ["TimedOut", "TimedOut", "TimedOut"])
    }).pipe(Effect.provide(emulated({ rules: [{ reply: Reply.hang() }] }))))

  it.effect.each([["a call", Effect.asVoid(ask())], ["a stream", stream]] as const)(
    "ends a wait for the next attempt with the error before it: %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const slow = RetryPolicy.with(RetryPolicy.fromSchedule(Schedule.spaced("1 minute")))
        const { exit, seen } = yield* Meter.patiently(
          Meter.metered(timed(slow(Deadlines.with(call, { total: "90 seconds" }))))
        )
        assert.deepStrictEqual(yield* exit, ["ServerError", 90])
        assert.deepStrictEqual(Meter.words(seen), ["ServerError", "ServerError"])
      }).pipe(Effect.provide(emulated({ rules: [{ reply: Reply.failure(500) }] })))
  )

  it.effect("makes no call wait for a reset that comes after it", () =>
    Effect.gen(function*() {
      const { exit, seen } = yield* Meter.patiently(
        Meter.metered(timed(Deadlines.with(ask(), { total: "90 seconds" })))
      )
      assert.deepStrictEqual(yield* exit, ["RateLimited", 0])
      assert.deepStrictEqual(Meter.words(seen), ["RateLimited"])
    }).pipe(Effect.provide(emulated({ rules: [{ reply: Reply.failure(429, { retryAfter: "100 seconds" }) }] }))))

  it.effect("counts the time in which the consumer of a stream is busy; the others do not", () =>
    Effect.gen(function*() {
      const busy = OpenRouter.streamOutcome(S.request, () => Effect.sleep("1 minute"))
      const soon = { firstEvent: "2 seconds", idle: "2 seconds" } as const
      const seconds = S.eventCount * 60 + (S.eventCount - 1)
      assert.deepStrictEqual(yield* ending(Deadlines.with(busy, { ...soon, total: "1 hour" })), ["answered", seconds])
      // The fifth event keeps the consumer busy until 4 * 61 + 60 seconds; then it is noticed.
      assert.deepStrictEqual(yield* ending(Deadlines.with(busy, { ...soon, total: "5 minutes" })), ["total", 304])
    }).pipe(Effect.provide(emulated(S.saying({ eventDelay: "1 second" })))))

  it.effect.each([["a call", Effect.asVoid(ask())], ["a stream", stream]] as const)(
    "that is over already costs nothing: nothing is sent, and nobody is asked: %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const { exit, seen } = yield* Meter.metered(timed(Deadlines.with(call, { total: 0 })))
        assert.deepStrictEqual(yield* exit, ["total", 0])
        assert.deepStrictEqual(seen, [])
        assert.deepStrictEqual(yield* (yield* Emulator.Emulator).requests, [])
      }).pipe(Effect.provide(emulated()))
  )

  it.effect.each([["a call", Effect.asVoid(ask())], ["a stream", stream]] as const)(
    "that passes while an admission cannot be stopped any more keeps the request from leaving: %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const slow: Admission.Admission = {
          stage: "wait",
          admit: () => Effect.as(Effect.uninterruptible(Effect.sleep("1 minute")), () => Effect.void)
        }
        const { admission, seen } = Meter.make("reserve")
        const late = Deadlines.with(call, { total: "10 seconds" }).pipe(Admission.with(slow), Admission.with(admission))
        assert.deepStrictEqual(yield* ending(late), ["total", 60])
        assert.deepStrictEqual(Meter.words(seen), ["not sent: TimedOut"])
        assert.deepStrictEqual(yield* (yield* Emulator.Emulator).requests, [])
      }).pipe(Effect.provide(emulated()))
  )
})

describe("the deadline between events", () => {
  /** A stream that says these things at these seconds. */
  const speaking = (...said: ReadonlyArray<readonly [second: number, text: string]>) =>
    OpenRouter.layerTransport.pipe(Layer.provide(Layer.succeed(
      Transport.Transport,
      Transport.make(() =>
        Effect.succeed(Transport.answer({
          body: Stream.fromIterable(said).pipe(
            Stream.mapEffect(([second, text], index) =>
              Effect.as(Effect.sleep((second - (said[index - 1]?.[0] ?? 0)) * 1000), text)
            ),
            Stream.encodeText
          )
        }))
      )
    )))

  const keepAlive = S.data({ type: "keepalive" })

  const limits = Deadlines.with({ firstEvent: "10 seconds", idle: "10 seconds" })

  const kept = (from: number, text: string) => Array.from({ length: 100 }, (_, n) => [from + n + 1, text] as const)

  it.effect.each([["events", keepAlive], ["comments", ": OPENROUTER PROCESSING\n\n"]] as const)(
    "is not fed by keep-alive %s",
    ([_, text]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(
          yield* ending(limits(stream)).pipe(
            Effect.provide(speaking([1, S.created], [5, S.delta("Once")], ...kept(5, text)))
          ),
          ["idle", 15]
        )
        assert.deepStrictEqual(
          yield* ending(limits(stream)).pipe(Effect.provide(speaking(...kept(0, text)))),
          ["firstEvent", 10]
        )
      })
  )

  it.effect("is fed by everything else, stages and unknown events included", () =>
    Effect.gen(function*() {
      const layer = speaking(
        [9, S.created],
        [18, S.data({ type: "response.of_tomorrow" })],
        [27, S.delta("Once")],
        [36, S.completed("Once")]
      )
      assert.deepStrictEqual(yield* Effect.provide(ending(limits(stream)), layer), ["answered", 36])
    }))

  it.effect("passes although the last event came in pieces", () =>
    Effect.gen(function*() {
      const half = S.delta("upon").slice(0, 30)
      const layer = speaking([1, S.created], [2, S.delta("Once")], [9, half])
      const open = Effect.provide(ending(limits(stream)), Layer.merge(layer, Layer.empty))
      assert.deepStrictEqual(yield* open, ["StreamInterrupted", 9])
      const silent = speaking([1, S.created], [2, S.delta("Once")], [9, half], [10_000, ""])
      assert.deepStrictEqual(yield* Effect.provide(ending(limits(stream)), silent), ["idle", 12])
    }))
})

describe("a deadline of infinity", () => {
  it.effect("is none: there is nothing to wait for", () =>
    Effect.gen(function*() {
      const none = Deadlines.with({
        response: Duration.infinity,
        firstEvent: Duration.infinity,
        idle: Duration.infinity,
        total: Duration.infinity
      })
      const calls = [Effect.asVoid(hang), streamOf("emulator/hang"), streamOf("emulator/stream-silence")]
      const fibers = yield* Effect.forEach(calls, (call) => Effect.forkChild(none(call), { startImmediately: true }))
      yield* TestClock.adjust("400 days")
      assert.deepStrictEqual(fibers.map((fiber) => fiber.pollUnsafe()), [undefined, undefined, undefined])
      yield* Fiber.interruptAll(fibers)
      assert.strictEqual(yield* (yield* Emulator.Emulator).openRequests, 0)
    }).pipe(Effect.provide(emulated())))

  it.effect("may be the only one of them", () =>
    Effect.gen(function*() {
      const patient = Deadlines.with({ response: Infinity, total: "2 hours" })
      assert.deepStrictEqual(yield* ending(patient(hang)), ["total", 7200])
    }).pipe(Effect.provide(emulated())))

  it.effect("further away than a timer can be set is kept", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(timed(Deadlines.with(hang, { response: "40 days" })), {
        startImmediately: true
      })
      yield* TestClock.adjust("50 days")
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["response", 40 * 24 * 3600])
    }).pipe(Effect.provide(emulated())))
})

describe("the clock of a deadline", () => {
  /** A client that was made under the live clock. */
  const client = Effect.acquireRelease(
    Effect.sync(() => ManagedRuntime.make(emulated())),
    (runtime) => runtime.disposeEffect
  ).pipe(Effect.flatMap((runtime) => runtime.contextEffect))

  const under =
    (context: Context.Context<OpenRouter.OpenRouter>) => <A, E>(self: Effect.Effect<A, E, OpenRouter.OpenRouter>) =>
      Effect.provide(self, Layer.merge(Layer.succeedContext(context), TestClock.layer()), { local: true })

  const silences: ReadonlyArray<readonly [string, Call, string, number]> = [
    ["a call", hang, "response", 600],
    ["a stream that does not begin", streamOf("emulator/hang"), "firstEvent", 120],
    ["a stream that stalls", streamOf("emulator/stream-silence"), "idle", 120]
  ]

  it.live.each(silences)("is the caller's: %s", ([_, call, phase, seconds]) =>
    Effect.gen(function*() {
      const context = yield* client
      assert.deepStrictEqual(yield* under(context)(ending(call)), [phase, seconds])
    }).pipe(Effect.scoped))

  it.live("is that of each caller, where callers have clocks of their own", () =>
    Effect.gen(function*() {
      const context = yield* client
      const soon = Deadlines.with(hang, { response: "50 millis" })
      const standing = yield* Effect.forkChild(under(context)(timed(soon)), { startImmediately: true })
      const running = yield* Effect.forkChild(under(context)(ending(soon)), { startImmediately: true })
      const [word] = yield* Effect.provide(timed(soon), context)
      assert.strictEqual(word, "response")
      assert.deepStrictEqual(yield* Fiber.join(running), ["response", 0.05])
      assert.isUndefined(standing.pollUnsafe())
      yield* Fiber.interrupt(standing)
    }).pipe(Effect.scoped))
})

describe("a deadline that passes", () => {
  /** Gives the connection back only after five seconds. */
  const reluctant = (log: Array<string>) =>
    OpenRouter.layerTransport.pipe(Layer.provide(Layer.sync(Transport.Transport, () => {
      const closing = Effect.andThen(Effect.sleep("5 seconds"), Effect.sync(() => void log.push("closed")))
      return Transport.make(({ headers }) =>
        headers["accept"] === "text/event-stream"
          ? Effect.succeed(Transport.answer({
            body: Stream.concat(Stream.encodeText(Stream.make(S.created + S.delta("Once"))), Stream.never).pipe(
              Stream.ensuring(closing)
            )
          }))
          : Effect.ensuring(Effect.never, closing)
      )
    })))

  const calls: ReadonlyArray<readonly [string, Call, string]> = [["a call", ask(), "response"], [
    "a stream",
    stream,
    "idle"
  ]]

  it.effect.each(calls)(
    "is told when the connection is closed, and not before: %s",
    ([_, call, phase]) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const told = Deadlines.with(call, { response: "10 seconds", idle: "10 seconds" }).pipe(
          Effect.tapError(() => Effect.sync(() => void log.push("told")))
        )
        const { exit, seen } = yield* Meter.patiently(Meter.metered(timed(told))).pipe(Effect.provide(reluctant(log)))
        assert.deepStrictEqual(yield* exit, [phase, 15])
        assert.deepStrictEqual(log, ["closed", "told"])
        assert.deepStrictEqual(Meter.words(seen), ["TimedOut"])
      })
  )

  it.effect("keeps the text so far", () =>
    Effect.gen(function*() {
      const error = yield* Meter.patiently(Effect.flip(stream))
      assert.deepStrictEqual([phaseOf(error), error.partialText], ["idle", S.delivered(3)])
    }).pipe(Effect.provide(emulated(S.saying({ ending: { _tag: "Stall", after: { deltas: 3 } } })))))

  it.effect("is none if the caller is interrupted before", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(Meter.metered(
        Effect.timeoutOption(Deadlines.with(hang, { response: "10 seconds" }), "9 seconds")
      ))
      assert.deepStrictEqual(Meter.words(seen), ["interrupted"])
    }).pipe(Effect.provide(emulated())))
})

describe("calls that outlive the layer of their client", () => {
  const calls: ReadonlyArray<readonly [string, Call, string, number]> = [
    ["a call keeps its deadline", hang, "response", 600],
    ["a stream keeps its deadline", streamOf("emulator/stream-silence"), "idle", 120],
    ["a call gets its answer", askFor("emulator/slow-60000"), "answered", 60],
    ["a stream gets its end", streamOf("emulator/stream-slow-1000"), "answered", 10]
  ]

  it.effect.each(calls)("%s", ([_, call, word, seconds]) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(emulated(), scope)
      const fiber = yield* Effect.forkChild(Effect.provide(timed(call), context), { startImmediately: true })
      yield* TestClock.adjust("500 millis")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 hour")
      const [ended, after] = yield* Fiber.join(fiber)
      assert.strictEqual(ended, word)
      if (word !== "answered") assert.strictEqual(after, seconds)
    }))

  it.effect("and calls that begin after it", () =>
    Effect.gen(function*() {
      const context = yield* Effect.scoped(Layer.build(emulated()))
      assert.deepStrictEqual(yield* Effect.provide(ending(hang), context), ["response", 600])
    }))
})

describe("nothing is left", () => {
  const soon = Deadlines.with({ response: "20 millis", firstEvent: "20 millis", idle: "20 millis" })

  const rows: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, OpenRouter.OpenRouter>]> = [
    ["an answer", ask()],
    ["a stream", stream],
    ["a stream left early", Stream.runDrain(Stream.take(OpenRouter.stream(S.request), 2))],
    ["a call that is too late", soon(hang)],
    ["a stream that does not begin", soon(streamOf("emulator/hang"))],
    ["a stream that stalls", soon(streamOf("emulator/stream-silence"))],
    ["a call that is interrupted", Effect.timeoutOption(hang, "20 millis")],
    ["a stream that is interrupted", Effect.timeoutOption(streamOf("emulator/stream-silence"), "20 millis")],
    [
      "a wait that is interrupted",
      Effect.timeoutOption(Deadlines.with(askFor("emulator/status-503"), { total: "1 hour" }), "20 millis")
    ]
  ]

  it.live.each(rows)(
    "no fiber and no timer that keeps a process alive, after %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length
        const before = timers()
        const [, fibers] = yield* S.countingFibers(call)
        yield* S.eventually("no fiber is left", Effect.sync(() => fibers.count === 0))
        yield* S.eventually("no timer is left", Effect.sync(() => timers() <= before))
        assert.strictEqual(yield* (yield* Emulator.Emulator).openRequests, 0)
      }).pipe(Effect.provide(emulated()))
  )

  it.live.each(["fetch", "dispatch"] as const)("nor a request on the server: %s", (over) =>
    Effect.gen(function*() {
      for (const [name, call] of rows) {
        const [, fibers] = yield* S.countingFibers(call)
        yield* S.eventually(`no fiber is left: ${name}`, Effect.sync(() => fibers.count === 0))
        const { openRequests } = yield* Emulator.Emulator
        yield* S.eventually(`no request is left: ${name}`, Effect.map(openRequests, (open) => open === 0))
      }
    }).pipe(Effect.provide(served({}, over))))
})
