import { assert, describe, it } from "@effect/vitest"
import { Deferred, type Duration, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { CostLedger, ResponseCache } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { Persistence } from "effect/persistence"
import { TestClock } from "effect/testing"
import { ask, breakable } from "./support.ts"

/** A client that gives another text each time, behind a cache that keeps nothing in memory. */
const counting = <E, R>(
  store: Layer.Layer<Persistence.BackingPersistence, E, R>,
  options: ResponseCache.Options = {}
) => {
  let answers = 0
  return ResponseCache.layer({ store, capacity: 0, ...options }).pipe(
    Layer.provide(OpenRouterTest.layer(() => String(++answers)))
  )
}

const text = (input: string) => Effect.map(ask(input), ({ text }) => text)

/** Runs an effect and has time pass while it is running; by default as much as a store is waited for. */
const whileTimePasses = <A, E, R>(self: Effect.Effect<A, E, R>, duration: Duration.Input = "1 second") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    yield* TestClock.adjust(duration)
    return yield* Fiber.join(fiber)
  })

/** What was logged, as the messages. */
const logged = () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => {
    lines.push(Array.isArray(message) ? String(message[0]) : String(message))
  })
  return { lines, layer: Logger.layer([logger]) }
}

describe("a store", () => {
  it.effect("answers without memory, and is not asked for what is being written", () =>
    Effect.gen(function*() {
      const { answers, layer } = yield* breakable
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* Effect.forEach(["a", "a", "b", "a"], text), ["1", "1", "2", "1"])
      }).pipe(Effect.provide(counting(layer)))
      assert.strictEqual(answers.size, 2)
    }))

  it.effect.each(["fails", "hangs", "lost"] as const)(
    "that %s from the start costs no answer",
    (mood) =>
      Effect.gen(function*() {
        const { answers, is, layer } = yield* breakable
        const { layer: logger, lines } = logged()
        yield* is(mood)
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(counting(layer), scope)
        yield* Effect.gen(function*() {
          assert.strictEqual(yield* whileTimePasses(text("a")), "1")
          // Left alone, it costs no time either.
          assert.strictEqual(yield* text("a"), "2")
          yield* is("fine")
          yield* TestClock.adjust("11 seconds")
          assert.deepStrictEqual([yield* text("a"), yield* text("a")], ["3", "3"])
          yield* whileTimePasses(Scope.close(scope, Exit.void), "5 seconds")
        }).pipe(Effect.provideContext(context), Effect.provide(logger))
        assert.strictEqual(answers.size, 1)
        assert.deepStrictEqual(lines, [
          "the store of the response cache does not work; calls go on without it",
          "the store of the response cache is back"
        ])
      })
  )

  it.effect.each(["fails", "hangs"] as const)(
    "that %s in the middle of a call loses no paid answer",
    (mood) =>
      Effect.gen(function*() {
        const { is, layer } = yield* breakable
        let answers = 0
        const client = OpenRouterTest.layer(({ input }) =>
          Effect.as(input === "b" ? is(mood) : Effect.void, String(++answers))
        )
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(
          Layer.provide(ResponseCache.layer({ store: layer, capacity: 0 }), client),
          scope
        )
        yield* Effect.gen(function*() {
          assert.strictEqual(yield* text("a"), "1")
          // It breaks between the reading and the writing: what is written is lost, and the answer is not.
          assert.strictEqual(yield* text("b"), "2")
          const [answer, report] = yield* CostLedger.measured(whileTimePasses(text("a")))
          assert.deepStrictEqual([answer, report.calls], ["3", 1])
          yield* whileTimePasses(Scope.close(scope, Exit.void), "5 seconds")
        }).pipe(Effect.provideContext(context))
      })
  )

  it.effect("that hangs is waited for once and not by each call", () =>
    Effect.gen(function*() {
      const { asked, is, layer } = yield* breakable
      yield* is("hangs")
      yield* Effect.gen(function*() {
        yield* whileTimePasses(text("a"))
        const before = yield* asked
        yield* Effect.forEach(Array.from({ length: 100 }, (_, index) => `call ${index}`), text)
        assert.isAtMost((yield* asked) - before, 1)
      }).pipe(Effect.provide(counting(layer)))
    }))

  it.effect("that cannot be opened costs no answer, and is opened later", () =>
    Effect.gen(function*() {
      let attempts = 0
      const { layer } = yield* breakable
      const late = Layer.unwrap(
        Effect.suspend(() => ++attempts === 1 ? Effect.fail("not there yet") : Effect.succeed(layer))
      )
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* text("a"), "1")
        yield* TestClock.adjust("11 seconds")
        assert.deepStrictEqual([yield* text("a"), yield* text("a")], ["2", "2"])
      }).pipe(Effect.provide(counting(late)))
      assert.strictEqual(attempts, 2)
    }))

  it.effect("that takes long to open delays a call by no more than the timeout", () =>
    Effect.gen(function*() {
      const open = yield* Deferred.make<void>()
      const { answers, layer } = yield* breakable
      yield* Effect.gen(function*() {
        const first = yield* Effect.forkChild(text("a"), { startImmediately: true })
        yield* TestClock.adjust("200 millis")
        assert.strictEqual(yield* Fiber.join(first), "1")
        // One has waited for it; others do not, and what they are answered with is kept when it is there.
        assert.strictEqual(yield* text("b"), "2")
        yield* Deferred.succeed(open, undefined)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(answers.size, 2)
        assert.deepStrictEqual([yield* text("a"), yield* text("b")], ["1", "2"])
      }).pipe(
        Effect.provide(
          counting(Layer.unwrap(Effect.as(Deferred.await(open), layer)), { readTimeout: "200 millis" })
        )
      )
    }))

  it.effect("that never opens delays one call, and no end of the program for longer than a write may take", () =>
    Effect.gen(function*() {
      const { layer: logger, lines } = logged()
      const scope = yield* Scope.make()
      const never: Layer.Layer<Persistence.BackingPersistence> = Layer.unwrap(Effect.never)
      const context = yield* Layer.buildWithScope(counting(never), scope)
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* whileTimePasses(text("a")), "1")
        assert.deepStrictEqual(yield* Effect.forEach(["b", "c"], text), ["2", "3"])
        yield* whileTimePasses(Scope.close(scope, Exit.void), "5 seconds")
      }).pipe(Effect.provideContext(context), Effect.provide(logger))
      assert.lengthOf(lines, 1)
    }))

  it.effect("takes what was asked last before its layer is gone", () =>
    Effect.gen(function*() {
      const { answers, layer } = yield* breakable
      const slow = Layer.effect(
        Persistence.BackingPersistence,
        Effect.map(Persistence.BackingPersistence, (backing) => ({
          make: (id: string) =>
            Effect.map(backing.make(id), (store) => ({
              ...store,
              set: (...args: Parameters<typeof store.set>) => Effect.delay(store.set(...args), "2 seconds")
            }))
        }))
      ).pipe(Layer.provide(layer))
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(counting(slow), scope)
      yield* Effect.provideContext(text("a"), context)
      assert.strictEqual(answers.size, 0)
      yield* whileTimePasses(Scope.close(scope, Exit.void), "2 seconds")
      assert.strictEqual(answers.size, 1)
    }))

  it.effect("whose clock is ahead makes no answer younger than the moment when it is read", () =>
    Effect.gen(function*() {
      const { answers, layer } = yield* breakable
      yield* Effect.gen(function*() {
        yield* text("a")
        yield* Effect.yieldNow
        for (const [key, answer] of answers) answers.set(key, { ...answer, storedAt: 1e15 })
      }).pipe(Effect.provide(counting(layer)))
      yield* Effect.gen(function*() {
        const answer = yield* ask("a")
        assert.deepStrictEqual([answer.text, answer.cache?.age], ["1", 0])
        answers.clear()
        yield* TestClock.adjust("59 minutes")
        assert.strictEqual(yield* text("a"), "1")
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* text("a"), "new")
      }).pipe(Effect.provide(
        ResponseCache.layer({ store: layer }).pipe(Layer.provide(OpenRouterTest.layer(() => "new")))
      ))
    }))

  it.effect("whose answers this version cannot read has none", () =>
    Effect.gen(function*() {
      const { answers, layer } = yield* breakable
      yield* Effect.gen(function*() {
        yield* text("a")
        yield* Effect.yieldNow
        for (const key of answers.keys()) answers.set(key, { storedAt: "long ago", outcome: { _tag: "Completed" } })
        assert.strictEqual(yield* text("a"), "2")
      }).pipe(Effect.provide(counting(layer)))
    }))
})
