import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Ref, Result } from "effect"
import { Batch, CostLedger, Journal, OpenRouter, ResponseCache, SingleFlight } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { apiKey, model, ungated } from "../client/support.ts"

const client = Layer.provideMerge(ungated(OpenRouter.layer({ apiKey })), Emulator.layerHttpClient())

const cached = ResponseCache.layer({}).pipe(Layer.provideMerge(client))

const times = Effect.flatMap(Emulator.Emulator, ({ requests }) => Effect.map(requests, ({ length }) => length))

/** Equal prompts of which each has an answer of its own: the emulator says the number of the request. */
const roll = OpenRouter.respond({ model, input: "Roll a die." }).pipe(Effect.map(({ generationId }) => generationId))

const textsOf = (results: ReadonlyArray<Result.Result<string | undefined, unknown>>) =>
  results.map((result) => Result.isSuccess(result) ? result.success : "failed")

describe("equal prompts", () => {
  it.effect("of a batch get answers of their own, and the same ones again from a cache", () =>
    Effect.gen(function*() {
      const batch = Effect.map(Batch.run(Array.from({ length: 300 }), () => roll), textsOf)
      const first = yield* batch
      assert.strictEqual(new Set(first).size, 300)
      assert.deepStrictEqual(yield* batch, first)
      assert.strictEqual(yield* times, 300)
    }).pipe(Effect.provide(cached)))

  it.effect("of a run with a journal too, also where it is taken up in the middle", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const seen = yield* Ref.make<ReadonlyArray<string | undefined>>([])
      const one = (n: number) =>
        CostLedger.scope(roll, `character ${n}`).pipe(Effect.tap((id) => Ref.update(seen, (all) => [...all, id])))
      const story = Effect.gen(function*() {
        const begun = yield* Effect.forEach([1, 2, 3], one)
        yield* Deferred.await(gate)
        return [...begun, ...yield* Effect.forEach([4, 5, 6], one)]
      }).pipe(Journal.resumable("story"))
      const fiber = yield* Effect.forkChild(story)
      while ((yield* Ref.get(seen)).length < 3) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      yield* Deferred.succeed(gate, undefined)
      const whole = yield* story
      assert.strictEqual(new Set(whole).size, 6)
      assert.strictEqual(yield* times, 6)
      // What the cache has serves another run, of which the journal knows nothing.
      yield* Journal.forget("story")
      assert.deepStrictEqual(yield* story, whole)
      assert.strictEqual(yield* times, 6)
    }).pipe(Effect.provide([cached, Journal.layerMemory])))

  it.effect("at once share a call with a journal on, where they are not told apart", () =>
    Effect.gen(function*() {
      const answers = yield* Effect.forEach(
        ["a", "b"],
        (name) => Journal.resumable(roll, name),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(answers).size, 1)
      assert.strictEqual(yield* times, 1)
    }).pipe(Effect.provide([SingleFlight.layer.pipe(Layer.provideMerge(client)), Journal.layerMemory])))
})
