import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Schedule, Scope } from "effect"
import { Budget, CostLedger, Deadlines, OpenRouter, Prices, ResponseCache, SingleFlight, Usd } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { emulated, model, served } from "../client/support.ts"
import { ask, once, requests } from "./support.ts"

const { Reply } = Emulator

/** What shares calls in flight: by itself, or as a part of a cache. */
const sharing = [
  ["single flight", SingleFlight.layer],
  ["a cache", ResponseCache.layer({ capacity: 0 })]
] as const

/** A client whose answers wait at a gate, and how many of them were asked for and taken back. */
const gated = Effect.gen(function*() {
  const open = yield* Deferred.make<void>()
  const asked = yield* Deferred.make<void>()
  let begun = 0
  let interrupted = 0
  const client = OpenRouterTest.layer(() =>
    Deferred.succeed(asked, undefined).pipe(
      Effect.andThen(Effect.sync(() => begun++)),
      Effect.andThen(Deferred.await(open)),
      Effect.onInterrupt(() => Effect.sync(() => interrupted++)),
      Effect.as(OpenRouterTest.answer({ text: "Hi", usage: { cost: Usd.make("0.10") } }))
    )
  )
  return {
    client,
    asked: Deferred.await(asked),
    open: Deferred.succeed(open, undefined),
    begun: Effect.sync(() => begun),
    interrupted: Effect.sync(() => interrupted)
  }
})

describe.each(sharing)("%s", (_, layer) => {
  it.effect("makes one request of 1,000 equal calls in flight, and books the others as saved", () =>
    Effect.gen(function*() {
      const { begun, client, open } = yield* gated
      const all = Effect.all(Arr.makeBy(1000, () => ask()), { concurrency: "unbounded" })
      const fiber = yield* Effect.forkChild(
        CostLedger.measured(all).pipe(Effect.provide(Layer.provide(layer, client)))
      )
      yield* TestClock.adjust("1 second")
      yield* open
      const [answers, report] = yield* Fiber.join(fiber)
      assert.strictEqual(yield* begun, 1)
      assert.deepStrictEqual([report.calls, String(report.cost), String(report.saved)], [1, "$0.10", "$99.90"])
      const own = answers.filter(({ cache }) => cache === undefined)
      assert.lengthOf(own, 1)
      assert.deepStrictEqual([own[0]?.attempts, String(own[0]?.cost)], [1, "$0.10"])
      const others = answers.filter(({ cache }) => cache?.by === "SingleFlight")
      assert.lengthOf(others, 999)
      assert.isTrue(others.every(({ attempts, cost }) => attempts === 0 && cost !== undefined && Usd.isZero(cost)))
    }))

  it.effect("goes on when its starter leaves, and books the cost where it was started", () =>
    Effect.gen(function*() {
      const { asked, begun, client, interrupted, open } = yield* gated
      yield* Effect.gen(function*() {
        const starters = yield* CostLedger.make()
        const starter = yield* Effect.forkChild(starters.run(ask()))
        yield* asked
        const follower = yield* Effect.forkChild(CostLedger.measured(ask()), { startImmediately: true })
        yield* Fiber.interrupt(starter)
        yield* open
        const [answer, report] = yield* Fiber.join(follower)
        assert.deepStrictEqual([answer.text, report.calls, String(report.saved)], ["Hi", 0, "$0.10"])
        assert.deepStrictEqual([yield* begun, yield* interrupted], [1, 0])
        const { calls, cost } = yield* starters.report
        assert.deepStrictEqual([calls, String(cost)], [1, "$0.10"])
      }).pipe(Effect.provide(Layer.provide(layer, client)))
    }))

  it.effect("is interrupted when the last one leaves, who waits for that, and begins anew for the next", () =>
    Effect.gen(function*() {
      const { asked, begun, client, interrupted, open } = yield* gated
      yield* Effect.gen(function*() {
        const fibers = yield* Effect.forEach(
          [1, 2, 3],
          () => Effect.forkChild(ask(), { startImmediately: true })
        )
        yield* asked
        yield* Effect.forEach(fibers.slice(1), Fiber.interrupt)
        assert.strictEqual(yield* interrupted, 0)
        yield* Effect.forEach(fibers, Fiber.interrupt)
        assert.strictEqual(yield* interrupted, 1)
        const next = yield* Effect.forkChild(ask(), { startImmediately: true })
        yield* open
        assert.strictEqual((yield* Fiber.join(next)).text, "Hi")
        assert.strictEqual(yield* begun, 2)
      }).pipe(Effect.provide(Layer.provide(layer, client)))
    }))

  it.effect("lets the next one lead where nothing was sent", () =>
    Effect.gen(function*() {
      const { begun, client, open } = yield* gated
      yield* open
      const prices = Prices.layerTable({ [model]: { prompt: "0", completion: "0.01" } })
      const poor = Effect.flip(OpenRouter.respond({ model, input: "Hello", maxOutputTokens: 30 })).pipe(
        Budget.limit("0.10")
      )
      const rich = OpenRouter.respond({ model, input: "Hello", maxOutputTokens: 30 }).pipe(Budget.limit("1"))
      const [error, a, b] = yield* Effect.all([poor, rich, rich], { concurrency: "unbounded" }).pipe(
        Effect.provide([Layer.provide(layer, client), prices])
      )
      assert.deepStrictEqual([error._tag, a.text, b.text], ["BudgetExceeded", "Hi", "Hi"])
      assert.strictEqual(yield* begun, 1)
    }))

  it.effect("passes the lead on where its next owner leaves, and wakes nobody else", () =>
    Effect.gen(function*() {
      const { begun, client, open } = yield* gated
      const prices = Prices.layerTable({ [model]: { prompt: "0", completion: "0.01" } })
      const request = OpenRouter.respond({ model, input: "Hello", maxOutputTokens: 30 })
      yield* Effect.gen(function*() {
        const poor = yield* Effect.forkChild(Effect.flip(Budget.limit(request, "0.10")), { startImmediately: true })
        const fibers = yield* Effect.forEach(
          Arr.makeBy(10, (index) => index),
          () => Effect.forkChild(request, { startImmediately: true })
        )
        // The next one is told that it is its turn, and is gone.
        yield* Fiber.join(poor)
        yield* Effect.forEach(fibers.slice(0, 3), Fiber.interrupt)
        yield* open
        const answers = yield* Effect.forEach(fibers.slice(3), Fiber.join)
        assert.isTrue(answers.every(({ text }) => text === "Hi"))
        assert.isAtMost(yield* begun, 2)
      }).pipe(Effect.provide([Layer.provide(layer, client), prices]))
    }))

  it.effect("gives each its own refusal where all are refused", () =>
    Effect.gen(function*() {
      const { begun, client } = yield* gated
      const prices = Prices.layerTable({ [model]: { prompt: "0", completion: "0.01" } })
      const poor = Effect.flip(
        OpenRouter.respond({ model, input: "Hello", maxOutputTokens: 30 }).pipe(Budget.limit("0.10"))
      )
      const errors = yield* Effect.all(Arr.makeBy(300, () => poor), { concurrency: "unbounded" }).pipe(
        Effect.provide([Layer.provide(layer, client), prices])
      )
      assert.isTrue(errors.every(({ _tag }) => _tag === "BudgetExceeded"))
      assert.strictEqual(yield* begun, 0)
    }))

  it.effect("shares an error that the server said, and keeps it from nobody who comes later", () =>
    Effect.gen(function*() {
      const errors = yield* Effect.all(Arr.makeBy(20, () => Effect.flip(ask())), { concurrency: "unbounded" })
      assert.isTrue(errors.every(({ _tag }) => _tag === "ServerError"))
      assert.strictEqual(yield* requests, 1)
      assert.strictEqual((yield* ask()).cache, undefined)
      assert.strictEqual(yield* requests, 2)
    }).pipe(
      once,
      Effect.provide(Layer.provideMerge(layer, emulated({ rules: [{ times: 1, reply: Reply.failure(500) }] })))
    ))

  it.effect("keeps the total deadline of one who only follows", () =>
    Effect.gen(function*() {
      const { asked, client, interrupted, open } = yield* gated
      yield* Effect.gen(function*() {
        const starter = yield* Effect.forkChild(ask())
        yield* asked
        const follower = yield* Effect.forkChild(Effect.flip(Deadlines.with(ask(), { total: "5 seconds" })), {
          startImmediately: true
        })
        yield* TestClock.adjust("5 seconds")
        const error = yield* Fiber.join(follower)
        assert.strictEqual(error._tag === "TimedOut" ? error.phase : error._tag, "total")
        yield* open
        assert.strictEqual((yield* Fiber.join(starter)).text, "Hi")
        assert.strictEqual(yield* interrupted, 0)
      }).pipe(Effect.provide(Layer.provide(layer, client)))
    }))

  it.effect("shares nothing of what differs, of counted calls, and where it is told not to", () =>
    Effect.gen(function*() {
      const { begun, client, open } = yield* gated
      const together = (...calls: ReadonlyArray<typeof one>) => Effect.all(calls, { concurrency: "unbounded" })
      const one = ask()
      const fiber = yield* Effect.forkChild(
        Effect.all([
          together(ask("a"), ask("b")),
          ResponseCache.numbered(together(ask("c"), ask("c"))),
          together(ResponseCache.sample(ask("d"), "1"), ResponseCache.sample(ask("d"), "2")),
          SingleFlight.with(together(ask("e"), ask("e")), { share: false })
        ], { concurrency: "unbounded" }).pipe(Effect.provide(Layer.provide(layer, client)))
      )
      yield* TestClock.adjust("1 second")
      yield* open
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* begun, 8)
    }))

  it.effect("leaves no fiber behind when its layer is gone", () =>
    Effect.gen(function*() {
      const { asked, client, interrupted } = yield* gated
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Layer.provide(layer, client), scope)
      const fiber = yield* Effect.forkChild(Effect.provideContext(ask(), context))
      yield* asked
      yield* Scope.close(scope, Exit.void)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      assert.strictEqual(yield* interrupted, 1)
      assert.isDefined(Context.getOrUndefined(context, OpenRouter.OpenRouter))
    }))
})

describe("single flight without a cache", () => {
  it.effect("leaves nobody waiting who comes when its layer is gone", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Layer.provide(SingleFlight.layer, OpenRouterTest.layer("Hi")), scope)
      yield* Scope.close(scope, Exit.void)
      const fiber = yield* Effect.forkChild(Effect.provideContext(ask(), context))
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
    }))

  it.effect("keeps nothing", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* ask()
      assert.strictEqual(yield* requests, 2)
    }).pipe(Effect.provide(Layer.provideMerge(SingleFlight.layer, emulated()))))
})

describe.each(["fetch", "dispatch"] as const)("a shared call over %s", (over) => {
  const layer = Layer.provideMerge(SingleFlight.layer, Layer.orDie(served({}, over)))

  it.live("is one request, and closes its connection when the last one leaves", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const answers = yield* Effect.all(Arr.makeBy(50, () => ask()), { concurrency: "unbounded" })
      assert.strictEqual(new Set(answers.map(({ text }) => text)).size, 1)
      assert.strictEqual(yield* requests, 1)

      const hanging = OpenRouter.respond({ model: "emulator/hang", input: "Hello" })
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(hanging))
      yield* Effect.repeat(emulator.openRequests, { until: (open) => open === 1, schedule: Schedule.spaced(10) })
      yield* Fiber.interruptAll(fibers)
      yield* Effect.repeat(emulator.openRequests, { until: (open) => open === 0, schedule: Schedule.spaced(10) })
      assert.strictEqual(yield* requests, 2)
    }).pipe(Effect.provide(layer)))
})
