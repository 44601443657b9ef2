import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Stream } from "effect"
import { CurrentNumbering, numbered, Numbering } from "../../../src/services/Sampling.ts"

describe("numbers of equal things", () => {
  it.effect("are the lowest that are free, whatever is taken and given back", () =>
    Effect.gen(function*() {
      const numbering = new Numbering()
      const taken = new Set<number>()
      for (let step = 0; step < 5000; step++) {
        const number = yield* Random.nextIntBetween(-15, 20)
        if (taken.delete(number)) numbering.giveBack("a", number)
        else {
          let lowest = 1
          while (taken.has(lowest)) lowest++
          assert.strictEqual(numbering.take("a"), lowest)
          taken.add(lowest)
        }
      }
    }).pipe(Random.withSeed("numbers")))

  it("are counted for each key", () => {
    const numbering = new Numbering()
    assert.deepStrictEqual(["a", "b", "a", "b", "a"].map((key) => numbering.take(key)), [1, 1, 2, 2, 3])
    numbering.giveBack("a", 2)
    numbering.giveBack("unknown", 1)
    assert.deepStrictEqual(["a", "b", "a"].map((key) => numbering.take(key)), [2, 3, 4])
  })

  it.effect("begin anew in each run, of an effect or a stream, and not inside of another one", () =>
    Effect.gen(function*() {
      const current = Effect.map(CurrentNumbering, (numbering) => numbering)
      assert.isUndefined(yield* current)
      const [a, b] = yield* Effect.all([numbered(current), numbered(current)])
      assert.notStrictEqual(a, b)
      const once = numbered(current)
      assert.notStrictEqual(yield* once, yield* once)
      const [c, d] = yield* numbered(Effect.all([current, numbered(current)]))
      assert.strictEqual(c, d)
      const streamed = numbered(Stream.fromEffect(current))
      const all = yield* Stream.runCollect(Stream.concat(streamed, streamed))
      assert.isDefined(all[0])
      assert.notStrictEqual(all[0], all[1])
    }))
})
