import { assert, describe, it } from "@effect/vitest"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { JobBook } from "../../../src/domain/batch/JobBook.ts"

const collectGarbage = (): void => {
  setFlagsFromString("--expose-gc")
  const gc: unknown = runInNewContext("gc")
  if (typeof gc === "function") gc()
}

const heap = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const intent = (hash: string, names: ReadonlyArray<string>) => ({
  _tag: "Intent" as const,
  hash,
  digest: hash,
  model: "a/b",
  at: 0,
  names
})

describe("what is remembered of batches", () => {
  it("is found by the newest batch that a request is in", () => {
    const book = new JobBook()
    book.note(intent("1", ["a", "b"]))
    book.note({ _tag: "Released", hash: "1", names: ["a"] })
    assert.isUndefined(book.having("a"))
    book.note(intent("2", ["a"]))
    assert.strictEqual(book.having("a")?.intent.hash, "2")
    book.note({ _tag: "Dropped", hash: "1" })
    assert.strictEqual(book.having("a")?.intent.hash, "2")
    assert.isUndefined(book.having("b"))
  })

  it("needs no memory for what was dropped", () => {
    const book = new JobBook()
    assert.isUndefined(book.having("nothing"))
    const run = (from: number) => {
      for (let batch = from; batch < from + 200; batch++) {
        book.note(intent(`${batch}`, Array.from({ length: 1000 }, (_, n) => `${batch}-${n}`)))
        book.note({ _tag: "Dropped", hash: `${batch}` })
      }
    }
    run(0)
    const before = heap()
    run(200)
    assert.isBelow(heap() - before, 2e6)
    assert.strictEqual(book.known.length, 0)
  })
})
