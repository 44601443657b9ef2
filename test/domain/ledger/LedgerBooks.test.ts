import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, DateTime, Effect, Random, Schema } from "effect"
import { CostLedger, Costs, Usd } from "effect-openrouter"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { LedgerBooks } from "../../../src/domain/ledger/LedgerBooks.ts"

const costingUsd = (cost: Usd.Usd): Costs.Costs =>
  Costs.ofUsage({ inputTokens: 10, outputTokens: 5, cost }, { failed: false, billed: true })

const costing = (cost: number): Costs.Costs => costingUsd(Usd.fromNumber(cost))

const milli = (thousandths: number): Usd.Usd => Usd.fromDecimal(BigDecimal.make(BigInt(thousandths), 3))

const free = costing(0)

/** Says of a tree whether each scope is at least the sum of what is in it. */
const isSound = (report: CostLedger.ScopeReport): boolean => {
  const inner = report.scopes.reduce<CostLedger.Figures>(CostLedger.sum, CostLedger.zero)
  return inner.calls <= report.calls && inner.savedCalls <= report.savedCalls &&
    Usd.isLessThanOrEqualTo(inner.cost, report.cost) && report.scopes.every(isSound) &&
    (report.inside ?? []).every(isSound)
}

const count = (report: CostLedger.ScopeReport): number =>
  [...report.scopes, ...report.inside ?? []].reduce((sum, scope) => sum + 1 + count(scope), 0)

const find = (report: CostLedger.ScopeReport, ...path: ReadonlyArray<string>): CostLedger.ScopeReport | undefined =>
  path.reduce<CostLedger.ScopeReport | undefined>(
    (scope, name) => [...scope?.scopes ?? [], ...scope?.inside ?? []].find((inner) => inner.name === name),
    report
  )

describe("the size of books", () => {
  it("is a number: compared with what is none they would be without bound", () => {
    for (const most of [Number.NaN, -1]) {
      for (const option of ["maxScopes", "maxTagValues", "maxUnknownCalls"]) {
        assert.throws(() => new LedgerBooks({ [option]: most }), RangeError)
      }
    }
  })
})

describe("scopes", () => {
  it("beyond the limit are folded by the least used, and the report says so", () => {
    const books = new LedgerBooks({ maxScopes: 8 })
    for (let n = 0; n < 5; n++) {
      for (let calls = 0; calls <= n; calls++) books.book([`often ${n}`], 0, undefined, {}, free)
    }
    for (let n = 0; n < 20; n++) books.book([`once ${n}`], 0, undefined, {}, costing(0.1))
    const report = books.report()
    for (let n = 2; n < 5; n++) assert.strictEqual(find(report, `often ${n}`)?.calls, n + 1)
    assert.strictEqual(find(report, "once 0"), undefined)
    assert.strictEqual(report.scopes.at(-1)?.name, "(other)")
    assert.strictEqual(report.calls, 35)
    assert.strictEqual(`${report.cost}`, "$2.00")
    assert.isAtMost(count(report), 8)
    assert.isAtLeast(report.folded, 17)
  })

  it("whose inner scopes are all folded are told as one, and may be folded themselves", () => {
    const books = new LedgerBooks({ maxScopes: 12 })
    for (let tick = 0; tick < 30; tick++) {
      for (let who = 0; who < 10; who++) books.book([`tick ${tick}`, "act", `who ${who}`], 0, undefined, {}, free)
    }
    const report = books.report()
    assert.strictEqual(report.calls, 300)
    assert.strictEqual(report.scopes.reduce((sum, { calls }) => sum + calls, 0), 300)
    assert.isAtMost(count(report), 12)
    assert.isTrue(isSound(report))
  })

  it("that a user named like the rest are no trap", () => {
    const books = new LedgerBooks({ maxScopes: 3 })
    for (let n = 0; n < 20; n++) books.book(["(other)", `a ${n}`, "(other)", "(other)"], 0, undefined, {}, free)
    assert.strictEqual(books.report().calls, 20)
    assert.isAtMost(count(books.report()), 7)
  })

  it.each([0, 1, 2])("are bounded by %i as well", (maxScopes) => {
    const books = new LedgerBooks({ maxScopes, maxTagValues: maxScopes })
    for (let n = 0; n < 50; n++) books.book([`a ${n % 7}`, `b ${n}`], 0, [n % 2], { user: `u ${n}` }, free)
    assert.strictEqual(books.report().calls, 50)
    assert.isAtMost(count(books.report()), 8)
  })

  it("that keep their sum only: 100 ticks of 3 x 330 scopes keep every total", () => {
    const books = new LedgerBooks({ name: "run" })
    const phases = ["intentions", "narration", "memory"]
    for (let tick = 1; tick <= 100; tick++) {
      for (const phase of phases) {
        for (let who = 0; who < 330; who++) {
          books.book([`tick ${tick}`, phase, `who ${who}`], 0, [0], {}, costingUsd(milli(who + 1000 * tick)))
        }
      }
    }
    const report = books.report()
    assert.strictEqual(report.folded, 0)
    assert.strictEqual(count(report), 100 + 3 + 990)
    assert.strictEqual(report.calls, 99_000)
    // 3 phases x (330 x tick + the sum of 0 to 329, in thousandths)
    for (let tick = 1; tick <= 100; tick++) {
      const spent = find(report, `tick ${tick}`)
      assert.deepStrictEqual([spent?.calls, spent?.cost], [
        990,
        milli(3 * (330_000 * tick + 54_285))
      ])
    }
    for (const phase of phases) {
      const spent = find(report, phase)
      assert.deepStrictEqual([spent?.calls, spent?.cost], [
        33_000,
        milli(330_000 * 5050 + 100 * 54_285)
      ])
    }
    const byName = CostLedger.byName(report)
    for (let who = 0; who < 330; who++) {
      const spent = find(byName, `who ${who}`)
      assert.deepStrictEqual([spent?.calls, spent?.cost], [
        300,
        milli(3 * 5_050_000 + 300 * who)
      ])
    }
  })

  it("that keep their sum only may be nested, and folded", () => {
    const books = new LedgerBooks({ name: "run" })
    for (let n = 0; n < 6; n++) books.book(["year", `day ${n}`, `hour ${n % 2}`, "Ann"], 0, [0, 1], {}, free)
    const report = books.report()
    assert.deepStrictEqual(report.scopes.map(({ calls, name }) => `${name} ${calls}`), ["year 6"])
    assert.deepStrictEqual(
      CostLedger.byName(report).scopes.map(({ calls, name }) => `${name} ${calls}`).filter((text) =>
        /Ann|hour/.test(text)
      ),
      ["Ann 6", "hour 0 3", "hour 1 3"]
    )
    const small = new LedgerBooks({ maxScopes: 5 })
    for (let n = 0; n < 50; n++) small.book([`tick ${n}`, `who ${n}`], 0, [0], {}, free)
    assert.strictEqual(small.report().calls, 50)
    assert.isAtMost(count(small.report()), 6)
  })
})

describe("books", () => {
  it.effect("keep every total, whatever is booked and however small they are", () =>
    Effect.gen(function*() {
      const total = BigDecimal.fromBigInt(0n)
      for (let run = 0; run < 60; run++) {
        const maxScopes = yield* Random.nextIntBetween(0, 30)
        const books = new LedgerBooks({ maxScopes, maxTagValues: maxScopes })
        let exact = total
        let saved = 0
        for (let n = 0; n < 200; n++) {
          const depth = yield* Random.nextIntBetween(0, 4)
          const names = yield* Effect.all(Array.from({ length: depth }, () => Random.nextIntBetween(0, 12)))
          const summed = names.flatMap((name, index) => (name + index) % 4 === 0 ? [index] : [])
          const cost = Number(`${yield* Random.nextIntBetween(0, 1_000_000)}e-${yield* Random.nextIntBetween(0, 20)}`)
          const tags = depth > 1 ? { user: `u ${names[0]}`, tier: `t ${names[1]}` } : { user: "nobody" }
          if (n % 9 === 0) {
            books.book(names.map(String), 0, summed, tags, { saved: n % 2 === 0 ? Usd.make("0.1") : undefined })
            saved++
          } else {
            books.book(names.map(String), 0, summed, tags, costing(cost))
            exact = BigDecimal.sum(exact, BigDecimal.fromStringUnsafe(String(cost)))
          }
        }
        const report = books.report()
        assert.deepStrictEqual(report.cost, Usd.fromDecimal(exact))
        assert.deepStrictEqual([report.calls, report.savedCalls], [200 - saved, saved])
        assert.isTrue(isSound(report))
        assert.deepStrictEqual(
          CostLedger.by(report, "user").scopes.reduce((sum, { calls }) => sum + calls, 0),
          report.calls
        )
        assert.isAtMost(count(report), Math.max(maxScopes, 2))
        // Going on from the report is the same as never having stopped.
        const again = new LedgerBooks({ from: report, maxScopes: 1000, maxTagValues: 1000 }).report()
        assert.deepStrictEqual(again, report)
      }
    }).pipe(Random.withSeed("books")), 30_000)

  it("correct where it was booked, or where that was folded to", () => {
    const costs = { ...costing(0), unknown: 1 }
    for (const maxScopes of [1000, 4]) {
      const books = new LedgerBooks({ maxScopes })
      for (let n = 0; n < 40; n++) {
        const place = { scopes: [`tick ${n}`, "act", "Ann"], summed: [1], tags: { user: `u ${n}` } }
        books.book(place.scopes, 0, place.summed, place.tags, costs)
        books.list(`gen-${n}`, place, { model: undefined, endedAt: 0, costs })
      }
      assert.isFalse(books.correct("gen-1", costs) !== undefined)
      for (let n = 0; n < 40; n++) assert.isDefined(books.correct(`gen-${n}`, costing(0.01)))
      assert.isUndefined(books.correct("gen-1", costing(0.01)))
      const report = books.report()
      assert.deepStrictEqual([report.calls, report.unknown, `${report.cost}`], [40, 0, "$0.40"])
      assert.deepStrictEqual(report.unknownCalls, [])
      assert.isTrue(isSound(report))
      const inner = report.scopes.reduce<CostLedger.Figures>(CostLedger.sum, CostLedger.zero)
      assert.deepStrictEqual([inner.calls, inner.unknown, `${inner.cost}`], [40, 0, "$0.40"])
      if (maxScopes === 1000) assert.strictEqual(`${find(report, "tick 7", "act")?.cost}`, "$0.01")
    }
  })

  it("list unknown calls up to a limit, and count them beyond", () => {
    const books = new LedgerBooks({ maxUnknownCalls: 3 })
    const costs = { ...costing(0), unknown: 1 }
    for (let n = 0; n < 5; n++) {
      books.book([], 0, undefined, {}, costs)
      books.list(`gen-${n}`, { scopes: [], tags: {} }, { model: "m", endedAt: n, costs })
    }
    const report = books.report()
    assert.strictEqual(report.unknown, 5)
    assert.deepStrictEqual(report.unknownCalls.map(({ generationId }) => generationId), ["gen-0", "gen-1", "gen-2"])
    assert.deepStrictEqual(report.unknownCalls[1]?.time, DateTime.makeUnsafe(1))
  })

  it("of 200,000 calls over 10,000 scopes are exact, and less than 8 MB", () => {
    setFlagsFromString("--expose-gc")
    const gc: unknown = runInNewContext("gc")
    const collect = () => {
      if (typeof gc === "function") gc()
      return process.memoryUsage().heapUsed
    }
    const calls = Array.from({ length: 97 }, (_, n) => costing(Number(`${13 * (n + 1)}e-7`)))
    const before = collect()
    const books = new LedgerBooks()
    let exact = 0n
    for (let n = 0; n < 200_000; n++) {
      const index = n % 97
      // Names are made anew for each call, as programs do.
      books.book([`character ${n % 10_000}`], 0, undefined, { phase: `phase ${n % 4}` }, calls[index] ?? free)
      exact += BigInt(13 * (index + 1))
    }
    const used = collect() - before
    assert.isBelow(used, 8_000_000)
    const report = books.report()
    assert.strictEqual(report.scopes.length, 10_000)
    assert.strictEqual(report.calls, 200_000)
    const total = BigDecimal.make(exact, 7)
    assert.isTrue(BigDecimal.equals(Usd.toDecimal(report.cost), total))
    const sum = BigDecimal.sumAll(report.scopes.map(({ cost }) => Usd.toDecimal(cost)))
    assert.isTrue(BigDecimal.equals(sum, total))
    assert.isTrue(
      BigDecimal.equals(
        BigDecimal.sumAll(CostLedger.by(report, "phase").scopes.map((_) => Usd.toDecimal(_.cost))),
        total
      )
    )
    assert.isTrue(Schema.is(CostLedger.Report)({ ...report, scopes: report.scopes.slice(0, 10) }))
  }, 30_000)
})
