import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as BatchPlan from "../../../src/domain/batch/BatchPlan.ts"
import * as BatchResults from "../../../src/domain/batch/BatchResults.ts"
import { JobBook, type Line, toText } from "../../../src/domain/batch/JobBook.ts"
import type { CreateResponse } from "../../../src/domain/request/CreateResponse.ts"

const entry = (name: string, request: CreateResponse) => Result.getOrThrow(BatchPlan.entryOf(name, request))

const sizes = (parts: ReadonlyArray<BatchPlan.Part>) => parts.map(({ entries, model }) => [model, entries.length])

describe("a plan of batches", () => {
  it("keeps within requests and bytes, and models apart", () => {
    const entries = Array.from(
      { length: 10 },
      (_, n) => entry(String(n), { model: n % 2 === 0 ? "a/b" : "c/d", input: "ü".repeat(400) })
    )
    assert.deepStrictEqual(sizes(BatchPlan.split(entries)), [["a/b", 5], ["c/d", 5]])
    assert.deepStrictEqual(sizes(BatchPlan.split(entries, { maxRequests: 4 })), [["a/b", 4], ["c/d", 4], ["a/b", 1], [
      "c/d",
      1
    ]])
    const small = BatchPlan.split(entries, { maxBytes: 2000 })
    assert.deepStrictEqual(sizes(small).slice(0, 2), [["a/b", 2], ["c/d", 2]])
    for (const { entries } of small) {
      const bytes = entries.reduce((sum, { body }) => sum + new TextEncoder().encode(body).length, 0)
      assert.isAtMost(bytes, 2000)
    }
    // One that is too large by itself goes alone, and the server says so.
    assert.strictEqual(BatchPlan.split(entries, { maxBytes: 10 }).length, 10)
    assert.deepStrictEqual(BatchPlan.split([]), [])
  })

  it("keeps the formats of Google's models apart, and no others", () => {
    const asking = (model: string, name: string) =>
      entry(name, { model, input: "x", text: { format: { type: "json_schema", name, schema: { type: "object" } } } })
    const of = (model: string) => BatchPlan.split([asking(model, "one"), asking(model, "two"), asking(model, "one")])
    assert.deepStrictEqual(sizes(of("google/gemini-3-pro")), [["google/gemini-3-pro", 2], ["google/gemini-3-pro", 1]])
    assert.deepStrictEqual(sizes(of("openai/gpt-5")), [["openai/gpt-5", 3]])
  })

  it("knows the same requests again, and tells a later time apart", () => {
    const entries = [entry("0", { model: "a/b", input: "x" })]
    const digest = (time?: number) => BatchPlan.split(entries, {}, time).map(({ digest }) => digest)
    assert.deepStrictEqual(digest(), digest(0))
    assert.notDeepEqual(digest(), digest(1))
  })
})

describe("the lines of a batch", () => {
  it("are matched by their ids, and the best of several counts", () => {
    const body = { id: "gen-batch-1", status: "completed", output: [] }
    const lines = BatchResults.linesOf("abc", [
      { custom_id: "abc-1", error: { message: "no" } },
      { custom_id: "abc-0", response: { status_code: 200, body } },
      { custom_id: "abc-1", response: { status_code: 200, body } },
      { custom_id: "abc-1", response: null },
      { custom_id: "other-2", response: { status_code: 200, body } },
      { custom_id: "abc--1", response: { status_code: 200, body } },
      null,
      "torn"
    ])
    assert.deepStrictEqual(Array.from(lines.keys()).toSorted(), [0, 1])
    assert.strictEqual(lines.get(1)?.answer?.text, JSON.stringify(body))
    assert.isTrue(BatchResults.isOf("other", [{ custom_id: "other-2" }]))
    assert.isFalse(BatchResults.isOf("abc", [{ custom_id: "other-2" }]))
    assert.isUndefined(BatchResults.isOf("abc", ["torn"]))
  })
})

describe("the book of batches", () => {
  const intent = (hash: string, names: ReadonlyArray<string>): Line => ({
    _tag: "Intent",
    hash,
    digest: `digest of ${hash}`,
    model: "a/b",
    at: 1,
    names
  })

  it("is the same after it was read again", () => {
    const lines: ReadonlyArray<Line> = [
      intent("one", ["a", "b"]),
      { _tag: "Batch", hash: "one", id: "batch_1" },
      intent("two", ["c"]),
      { _tag: "Released", hash: "one", names: ["b"] },
      intent("three", ["d"]),
      { _tag: "Dropped", hash: "three" }
    ]
    const book = new JobBook()
    assert.deepStrictEqual(lines.map((line) => book.read(toText(line))), lines.map(() => undefined))
    assert.deepStrictEqual(book.known.map(({ id, intent }) => [intent.hash, id]), [["one", "batch_1"], [
      "two",
      undefined
    ]])
    assert.strictEqual(book.having("a")?.id, "batch_1")
    assert.isUndefined(book.having("b"))
    assert.deepStrictEqual([book.isReleased("a"), book.isReleased("b"), book.isReleased("d")], [false, true, false])
    assert.strictEqual(book.intents, 3)
    // It may be in a batch again.
    book.note(intent("four", ["b"]))
    assert.strictEqual(book.having("b")?.intent.hash, "four")
    assert.isString(book.read("{}"))
  })
})
