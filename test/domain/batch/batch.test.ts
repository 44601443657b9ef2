import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Result } from "effect"
import { Batch, CostLedger, OpenRouterError, Usd } from "effect-openrouter"
import { ProgressBook } from "../../../src/domain/batch/Progress.ts"
import * as ResultLine from "../../../src/domain/batch/ResultLine.ts"
import { WorkQueue } from "../../../src/domain/batch/WorkQueue.ts"

describe("the queue of a batch", () => {
  const taken = (queue: WorkQueue<string>) => {
    const all = []
    for (let entry = queue.take(); entry !== undefined; entry = queue.take()) all.push(entry)
    return all
  }

  it("gives items in order, with their places, across pieces", () => {
    const queue = new WorkQueue<string>(Infinity, undefined)
    queue.add(["a", "b"])
    assert.deepStrictEqual(taken(queue).map(({ index, item }) => [index, item]), [[0, "a"], [1, "b"]])
    assert.isTrue(queue.isUsedUp)
    queue.add(["c"])
    assert.deepStrictEqual(taken(queue).map(({ index, item }) => [index, item]), [[2, "c"]])
  })

  it("holds back those whose key is busy, and gives them in their order", () => {
    const queue = new WorkQueue<string>(Infinity, (item) => item === "free" ? undefined : item[0])
    queue.add(["a1", "a2", "b1", "free", "a3"])
    const [a1, b1, free] = taken(queue)
    assert.deepStrictEqual([a1?.item, b1?.item, free?.item], ["a1", "b1", "free"])
    if (a1 === undefined || b1 === undefined || free === undefined) return
    assert.isUndefined(queue.finish(free))
    const a2 = queue.finish(a1)
    assert.strictEqual(a2?.item, "a2")
    const a3 = a2 && queue.finish(a2)
    assert.strictEqual(a3?.item, "a3")
    assert.isUndefined(a3 && queue.finish(a3))
    queue.add(["a4"])
    assert.deepStrictEqual(taken(queue).map(({ item }) => item), ["a4"])
  })

  it("counts what waits for its key as open", () => {
    const queue = new WorkQueue<string>(3, () => "same")
    queue.add(["a", "b", "c", "d"])
    assert.deepStrictEqual(taken(queue).map(({ item }) => item), ["a"])
    assert.isTrue(queue.isFull)
    assert.isFalse(queue.isUsedUp)
    queue.givenOut(1)
    assert.deepStrictEqual(taken(queue), [])
    assert.isTrue(queue.isUsedUp)
  })

  it("takes an item that is undefined for what it is", () => {
    const queue = new WorkQueue<undefined>(Infinity, undefined)
    queue.add([undefined, undefined])
    assert.strictEqual(queue.take()?.index, 0)
    assert.strictEqual(queue.take()?.index, 1)
    assert.isUndefined(queue.take())
  })
})

describe("progress", () => {
  const costs = { ...CostLedger.zero, calls: 8, cost: Usd.make("0.04"), unknown: 1, inputTokens: 100, outputTokens: 20 }

  it("tells the rate of the last half minute, and when it will end by that", () => {
    const book = new ProgressBook(0, 1000)
    const ended = (count: number) => {
      for (let n = 0; n < count; n++) {
        book.running++
        book.worked()
      }
    }
    assert.strictEqual(book.look(0, CostLedger.zero, false).perSecond, 0)
    ended(100)
    const first = book.look(10_000, CostLedger.zero, false)
    assert.strictEqual(first.perSecond, 10)
    assert.strictEqual(first.endsAt && DateTime.toEpochMillis(first.endsAt), 100_000)
    for (let second = 11; second <= 60; second++) {
      ended(2)
      book.look(second * 1000, CostLedger.zero, false)
    }
    assert.strictEqual(book.look(60_000, CostLedger.zero, false).perSecond, 2)
    assert.closeTo(book.look(60_000, CostLedger.zero, true).perSecond, 200 / 60, 1e-9)
  })

  it("does not count what was skipped as work", () => {
    const book = new ProgressBook(0, 20)
    book.skipped(10)
    book.running++
    book.worked("Refused")
    book.notStarted()
    const progress = book.look(1000, costs, false)
    assert.deepStrictEqual(progress.outcomes, { Skipped: 10, Refused: 1, NotStarted: 1 })
    assert.deepStrictEqual([progress.ended, progress.perSecond], [12, 1])
    assert.strictEqual(progress.endsAt && DateTime.toEpochMillis(progress.endsAt), 9000)
  })

  const progress: Batch.Progress = {
    total: 2000,
    running: 64,
    ended: 250,
    outcomes: { Success: 240, Refused: 7, Incomplete: 3 },
    costs,
    startedAt: DateTime.makeUnsafe(0),
    elapsed: Duration.seconds(10),
    perSecond: 41.23,
    endsAt: DateTime.makeUnsafe(52_400),
    isOver: false
  }

  it("is a line, or a bar that fits the terminal", () => {
    assert.strictEqual(Batch.toLine(progress), "250/2000, 10 failed, $0.04 and 1 unknown, 41.2/s, 42s left")
    assert.strictEqual(
      Batch.toBar(progress),
      "[===                     ] 250/2000, 10 failed, $0.04 and 1 unknown, 41.2/s, 42"
    )
    assert.strictEqual(Batch.toBar(progress, { columns: 20 }).length, 19)
    const { endsAt: _, total: __, ...unknown } = progress
    assert.strictEqual(Batch.toBar(unknown), "250, 10 failed, $0.04 and 1 unknown, 41.2/s")
    const over = {
      ...unknown,
      isOver: true,
      elapsed: Duration.seconds(3723),
      outcomes: { Success: 240, NotStarted: 10 }
    }
    assert.strictEqual(Batch.toLine(over), "250, 10 not started, $0.04 and 1 unknown, 41.2/s, in 1h 2m")
    assert.strictEqual(Batch.toBar({ ...progress, total: 0, ended: 0 }).startsWith("0/0"), true)
  })

  it("is a table", () => {
    assert.strictEqual(
      Batch.toTable({ ...progress, isOver: true }),
      `
outcome     items    share
Success       240   96.0 %
Refused         7    2.8 %
Incomplete      3    1.2 %
total         250  100.0 %

8 calls cost $0.04 ($0.005 each), 1 of unknown cost
100 tokens in (0 cached), 20 out
10s, 41.2 items a second`.trim()
    )
    assert.include(
      Batch.toTable({ ...progress, ended: 0, outcomes: {}, costs: CostLedger.zero }),
      "0 calls cost $0.00\n"
    )
  })
})

describe("a line of the output", () => {
  it("has a head that is read again, and may get another index", () => {
    const line = Result.getOrThrow(ResultLine.ofValue("a", 3, { text: "yes" }))
    assert.strictEqual(line, `{"id":"a","index":3,"value":{"text":"yes"}}`)
    assert.deepStrictEqual(ResultLine.head(line), { id: "a", index: 3, isError: false, isTransient: false })
    assert.strictEqual(ResultLine.withIndex(line, 7), `{"id":"a","index":7,"value":{"text":"yes"}}`)
    assert.strictEqual(Result.getOrThrow(ResultLine.ofValue("a", 3, undefined)), `{"id":"a","index":3,"value":null}`)
    assert.isTrue(Result.isFailure(ResultLine.ofValue("a", 3, 1n)))
  })

  it.each(["", "{", "[]", "1", `{"id":"a"}`, `{"index":1}`, `{"id":1,"index":1}`])("is not %s", (line) => {
    assert.isUndefined(ResultLine.head(line))
  })

  it("says what an error was, without what may repeat the prompt", () => {
    const line = ResultLine.ofError("a", 0, new OpenRouterError.RateLimited({ message: "slow down", model: "x/y" }))
    assert.deepStrictEqual(ResultLine.head(line), { id: "a", index: 0, isError: true, isTransient: true })
    assert.include(line, `"_tag":"RateLimited"`)
    assert.include(line, `"model":"x/y"`)
    assert.strictEqual(
      ResultLine.ofError("a", 0, new Error("broken")),
      `{"id":"a","index":0,"error":{"_tag":"Failure","message":"broken"}}`
    )
    assert.strictEqual(
      ResultLine.ofError("a", 0, "broken"),
      `{"id":"a","index":0,"error":{"_tag":"Failure","message":"broken"}}`
    )
  })
})
