import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Deferred, Effect, Fiber } from "effect"
import { pageSize, StoredResults } from "../../../src/layers/workflow/StoredResults.ts"

const answered = (value: unknown) =>
  JSON.stringify({ _tag: "Success", value: { _tag: "Complete", exit: { _tag: "Success", value } } })

const row = (n: number, json = answered(n)) => ({
  id: String(n),
  asked: { name: `call ${n}`, attempt: 1 },
  answered: json
})

/** A store of so many finished activities, and after which ids pages of it were read. */
const storeOf = (count: number) => {
  const read: Array<string> = []
  const all = Arr.makeBy(count, (n) => row(n + 1))
  const results = new StoredResults((after) =>
    Effect.sync(() => {
      read.push(after)
      return all.slice(Number(after), Number(after) + pageSize)
    })
  )
  return { read, results }
}

describe("stored results", () => {
  it.effect("are read a page at a time, and each is given once", () =>
    Effect.gen(function*() {
      const { read, results } = storeOf(pageSize + 10)
      const found = yield* Effect.forEach(
        Arr.makeBy(pageSize + 10, (n) => n + 1),
        (n) => results.find(`call ${n}`, 1),
        { concurrency: 100 }
      )
      assert.deepStrictEqual(found, Arr.makeBy(pageSize + 10, (n) => ({ value: n + 1 })))
      assert.deepStrictEqual(read, ["0", String(pageSize)])
      assert.isUndefined(yield* results.find("call 1", 1))
    }))

  it.effect("are no more asked for when there are no more", () =>
    Effect.gen(function*() {
      const { read, results } = storeOf(1)
      assert.isUndefined(yield* results.find("new", 1))
      assert.isUndefined(yield* results.find("call 1", 2))
      assert.deepStrictEqual(yield* results.find("call 1", 1), { value: 1 })
      assert.lengthOf(read, 1)
    }))

  it.effect("do not fill the memory with what nobody asks for", () =>
    Effect.gen(function*() {
      const { read, results } = storeOf(10 * pageSize)
      yield* Effect.forEach(Arr.makeBy(50, (n) => n), (n) => results.find(`new ${n}`, 1), { concurrency: 10 })
      assert.lengthOf(read, 1)
    }))

  it.effect("are those of activities that succeeded; others are for the engine", () =>
    Effect.gen(function*() {
      const others = [
        { _tag: "Success", value: { _tag: "Suspended" } },
        { _tag: "Success", value: { _tag: "Complete", exit: { _tag: "Failure", cause: [] } } },
        { _tag: "Failure", cause: [] },
        null
      ]
      const results = new StoredResults(() => Effect.succeed(others.map((json, n) => row(n, JSON.stringify(json)))))
      for (const n of others.keys()) assert.isUndefined(yield* results.find(`call ${n}`, 1))
    }))

  it.effect("are missed where the store cannot be read, and not asked for again", () =>
    Effect.gen(function*() {
      let times = 0
      const results = new StoredResults(() =>
        Effect.suspend(() => {
          times++
          return Effect.fail("away")
        })
      )
      assert.isUndefined(yield* results.find("call 1", 1))
      assert.isUndefined(yield* results.find("call 1", 1))
      assert.strictEqual(times, 1)
    }))

  it.effect("let go of who is interrupted while a page is read", () =>
    Effect.gen(function*() {
      const page = yield* Deferred.make<void>()
      const results = new StoredResults(() => Effect.as(Deferred.await(page), [row(1)]))
      const first = yield* Effect.forkChild(results.find("call 1", 1), { startImmediately: true })
      const second = yield* Effect.forkChild(results.find("call 1", 1), { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(page, undefined)
      assert.deepStrictEqual(yield* Fiber.join(second), { value: 1 })
    }))
})
