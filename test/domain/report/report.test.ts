import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Stream } from "effect"
import { CostLedger, Costs, Report, Usd } from "effect-openrouter"
import { performance } from "node:perf_hooks"
import * as Town from "../../../scripts/pages/calls.ts"
import * as CallChart from "../../../src/domain/report/CallChart.ts"

const outcomes = ["Completed", "Completed", "Completed", "Refused", "RateLimited", "Interrupted"]

/** A town of calls, the same each time. */
const calls = (count: number): ReadonlyArray<CostLedger.Line> =>
  Array.from({ length: count }, (_, n): CostLedger.Entry => {
    const outcome = outcomes[n % outcomes.length] ?? ""
    const cost = outcome === "Interrupted" ? undefined : Usd.make(`0.000${n % 97}`)
    return {
      _tag: "Entry",
      id: String(n),
      time: DateTime.makeUnsafe(1_800_000_000_000 + n * 20 + n % 7 * 400),
      scopes: ["run", `tick ${n % 10}`, `character ${n % 30}`],
      tags: { phase: n % 2 === 0 ? "plan" : "act" },
      call: "respond",
      model: n % 3 === 0 ? "openai/gpt-5" : "openai/gpt-5-mini",
      outcome,
      attempt: n % 11 === 0 ? 2 : 1,
      duration: Duration.millis(300 + n % 13 * 100),
      waited: Duration.millis(n % 5 * 50),
      generationId: `gen-${n}`,
      costs: {
        ...Costs.zero,
        calls: 1,
        failures: n % outcomes.length > 2 ? 1 : 0,
        unknown: cost === undefined ? 1 : 0,
        cost: cost ?? Usd.zero,
        inputTokens: 10 + n % 3,
        outputTokens: 20
      },
      ...(cost === undefined ? {} : { cost })
    }
  })

/** The cells of a table of a page. */
const rowsOf = (page: string, id: string): ReadonlyArray<ReadonlyArray<string>> => {
  const body = new RegExp(`<table id="${id}".*?<tbody>(.*?)</tbody>`, "s").exec(page)?.[1] ?? ""
  return Array.from(
    body.matchAll(/<tr[^>]*>(.*?)<\/tr>/gs),
    ([, row = ""]) =>
      Array.from(row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs), ([, cell = ""]) => cell.replaceAll(/<[^>]*>/g, ""))
  )
}

const sumOf = (box: CallChart.Box, at: 0 | 1 | 2 | 3 | 4): number => box.s.reduce((sum, inner) => sum + inner.f[at], 0)

describe("a report", () => {
  const lines = [...calls(300), { _tag: "Dropped", count: 4 } as const]
  const report = CostLedger.reportOf(lines)
  const chart = CallChart.make(lines)

  it("has the figures of the ledger for each scope", () => {
    const same = (box: CallChart.Box, scope: CostLedger.ScopeReport): void => {
      assert.deepStrictEqual([box.t, ...box.f], [
        String(scope.cost),
        scope.calls,
        scope.failures,
        scope.unknown,
        scope.inputTokens,
        scope.outputTokens
      ])
      assert.strictEqual(box.s.length, scope.scopes.length)
      for (const inner of scope.scopes) {
        const found = box.s.find(({ n }) => n === inner.name)
        if (found === undefined) return assert.fail(`${inner.name} is missing`)
        same(found, inner)
      }
    }
    same(chart.scopes, report)
    assert.strictEqual(sumOf(chart.scopes, 0), report.calls)
  })

  it("has each model, outcome and call", () => {
    const costOf = (sums: typeof chart.models) =>
      sums.map(({ cost }) => Usd.make(cost.slice(1))).reduce(Usd.sum, Usd.zero)
    for (const sums of [chart.models, chart.outcomes]) {
      assert.isTrue(Usd.equals(costOf(sums), report.cost))
      assert.deepStrictEqual(
        [
          sums.reduce((sum, { calls }) => sum + calls, 0),
          sums.reduce((sum, { failures }) => sum + failures, 0),
          sums.reduce((sum, { unknown }) => sum + unknown, 0)
        ],
        [report.calls, report.failures, report.unknown]
      )
    }
    const { calls, span } = chart.timeline
    assert.strictEqual(calls.length, 300)
    assert.isTrue(calls.every(([at, waited, ran]) => at >= 0 && at + waited + ran <= span))
    assert.deepStrictEqual(calls.map(([at]) => at), calls.map(([at]) => at).toSorted((a, b) => a - b))
    assert.deepStrictEqual(chart.timeline.kinds, [150, 100, 50, 0])
    assert.strictEqual(chart.failedCount, report.failures)
    const dear = chart.dearest.map(({ cost }) => Number(cost.slice(1)))
    assert.deepStrictEqual(dear, dear.toSorted((a, b) => b - a))
  })

  it("does not count what was saved among the dearest, and takes what has no time", () => {
    const [first] = calls(1)
    if (first?._tag !== "Entry") return assert.fail("no entry")
    const { duration: _, waited: _w, ...bare } = first
    const chart = CallChart.make([{ ...bare, outcome: "Saved", costs: Costs.zero, cost: Usd.make("5") }])
    assert.deepStrictEqual([chart.dearest, chart.timeline.span, String(chart.totals.saved)], [[], 0, "$5.00"])
    assert.deepStrictEqual(CallChart.make([]).timeline.calls, [])
  })

  it("joins an attempt to the one that it repeats", () => {
    const attempt = (attempt: number, end: number, name: string): CostLedger.Entry => ({
      _tag: "Entry",
      id: `${attempt} ${end}`,
      time: DateTime.makeUnsafe(end),
      scopes: [name],
      tags: {},
      model: "a/b",
      outcome: attempt === 3 ? "Completed" : "ServerError",
      attempt,
      duration: Duration.millis(100),
      costs: { ...Costs.zero, calls: 1, failures: attempt === 3 ? 0 : 1 }
    })
    // As they are booked: by their ends. Ann and Bob are asked at the same time, and Ann twice at once.
    const { timeline } = CallChart.make([
      attempt(1, 1100, "Ann"),
      attempt(1, 1110, "Ann"),
      attempt(1, 1120, "Bob"),
      attempt(2, 1500, "Bob"),
      attempt(2, 1600, "Ann"),
      attempt(2, 1650, "Ann"),
      attempt(3, 2000, "Ann")
    ])
    assert.deepStrictEqual(
      timeline.calls.map((call) => call[9]),
      [-1, -1, -1, 2, 1, 0, 5]
    )
    assert.strictEqual(timeline.repeated, 4)
  })

  it("keeps names short, and so many models and scopes apart as a page has room for", () => {
    const [first] = calls(1)
    if (first?._tag !== "Entry") return assert.fail("no entry")
    const long = "long ".repeat(100)
    const lines = Array.from({ length: 300 }, (_, n) => ({ ...first, model: `${n} ${long}`, scopes: [`${n} ${long}`] }))
    const chart = CallChart.make(lines, { maxScopes: 50 })
    const report = CostLedger.reportOf(lines)
    assert.strictEqual(chart.models.length, 101)
    assert.isBelow(chart.scopes.s.length, 52)
    assert.strictEqual(chart.models.reduce((sum, { calls }) => sum + calls, 0), 300)
    assert.strictEqual(sumOf(chart.scopes, 0), report.calls)
    assert.isBelow(Math.max(...chart.models.map(({ name }) => name.length)), 121)
    assert.isBelow(Report.toHtml(lines).length, 400_000)
  })

  it("sums up over time what is too much to draw", () => {
    const chart = CallChart.make(calls(500), { maxCalls: 499 })
    assert.deepStrictEqual([chart.timeline.calls.length, chart.timeline.bins.length], [0, 5])
    assert.isAbove(chart.timeline.bins.flat().reduce((sum, count) => sum + count, 0), 500)
    assert.strictEqual(CallChart.make(calls(500), { maxCalls: 500 }).timeline.calls.length, 500)
  })
})

describe("a page", { timeout: 60_000 }, () => {
  it("is one file that loads nothing, and lets no name become a part of it", () => {
    const evil = "</script><img src=x onerror=alert(1)>"
    const [first] = calls(1)
    if (first?._tag !== "Entry") return assert.fail("no entry")
    const page = Report.toHtml(
      [{ ...first, scopes: [evil], outcome: evil, model: evil, generationId: evil }, {
        ...first,
        outcome: "constructor"
      }],
      { title: evil }
    )
    assert.notInclude(page, "<img")
    assert.notInclude(page, "native code")
    assert.notMatch(page, /(src|href)=["']?(https?:)?\/\//)
    assert.include(page, "default-src 'none'")
    assert.include(page, "\\u003c/script>")
  })

  /** What a figure says, as it is read. */
  const figure = (page: string, name: string): string | undefined =>
    new RegExp(`data-name="${name}">([^<]*)<`).exec(page)?.[1]

  it("says the figures of the ledger, also of what was unknown, saved, recorded and reconciled", async () => {
    const lines = Town.make(3000)
    const report = CostLedger.reportOf(lines)
    const page = Report.toHtml([...lines, { _tag: "Dropped", count: 4 }], { title: "All" })
    const counted = (n: number) => n.toLocaleString("en")
    const expected = {
      Cost: String(report.cost),
      Calls: counted(report.calls),
      Failed: counted(report.failures),
      Unknown: counted(report.unknown),
      "Tokens in": counted(report.inputTokens),
      Cached: counted(report.cachedTokens),
      "Tokens out": counted(report.outputTokens),
      Reasoning: counted(report.reasoningTokens),
      Saved: String(report.saved),
      "Saved calls": counted(report.savedCalls),
      "Entries missing": "4"
    }
    assert.deepStrictEqual(
      Object.fromEntries(Object.keys(expected).map((name) => [name, figure(page, name)])),
      expected
    )
    for (const part of [report.unknown, report.savedCalls, report.cachedTokens]) assert.isAbove(part, 0)
    // The tables add up to it, the parts that a reader has to add by hand included.
    for (const id of ["models", "outcomes"]) {
      const rows = rowsOf(page, id)
      const costs = rows.map(([, cost = ""]) => cost === "unknown" ? Usd.zero : Usd.make(cost.slice(1)))
      assert.isTrue(Usd.equals(Usd.sumAll(costs), report.cost), id)
    }
    const sum = (id: string, column: number) =>
      rowsOf(page, id).reduce((sum, row) => sum + Number(row[column]?.replaceAll(",", "")), 0)
    assert.deepStrictEqual([sum("models", 2), sum("models", 3), sum("models", 4), sum("outcomes", 3)], [
      report.calls,
      report.failures,
      report.unknown,
      report.unknown
    ])
    // A call that became known later costs what it cost.
    const outcomes = rowsOf(page, "outcomes").map(([name]) => name)
    assert.isTrue(outcomes.some((name) => name?.startsWith("Interrupted ")))
    assert.isFalse(outcomes.some((name) => name?.startsWith("Reconciled")))
    const again = await Effect.runPromise(CostLedger.fromEntries(Stream.fromIterable(lines)))
    assert.deepStrictEqual(again.cost, report.cost)
  })

  it("says so where nothing was booked, nothing charged, or nothing failed", () => {
    const empty = Report.toHtml([])
    assert.include(empty, "<h1>Calls</h1>")
    assert.include(empty, "No call was booked.")
    assert.deepStrictEqual([figure(empty, "Cost"), figure(empty, "Calls")], ["$0.00", "0"])
    const [first] = calls(1)
    if (first?._tag !== "Entry") return assert.fail("no entry")
    const free = Report.toHtml([{ ...first, cost: Usd.zero, costs: { ...first.costs, cost: Usd.zero } }])
    assert.include(free, "nothing was charged")
    assert.include(free, "None was charged for.")
    assert.include(free, "None failed.")
  })

  it("keeps its totals exact where there are too many calls to draw each, and is not larger for it", () => {
    const lines = Town.make(30_000)
    const page = Report.toHtml(lines)
    const report = CostLedger.reportOf(lines)
    assert.deepStrictEqual([figure(page, "Cost"), figure(page, "Calls")], [
      String(report.cost),
      report.calls.toLocaleString("en")
    ])
    assert.include(page, "are too many to draw each")
    assert.include(page, "All figures of this page count every call.")
    assert.isBelow(page.length, 1_500_000)
  })

  it("is small and quickly made with 10,000 calls", () => {
    const lines = calls(10_000)
    const start = performance.now()
    const page = Report.toHtml(lines)
    const took = performance.now() - start
    assert.isBelow(page.length, 2_000_000)
    assert.isBelow(took, 5000)
  })
})
