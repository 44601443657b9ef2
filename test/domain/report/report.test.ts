import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import { CostLedger, Costs, Report, Usd } from "effect-openrouter"
import { performance } from "node:perf_hooks"
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

const sumOf = (box: CallChart.Box, at: 0 | 1 | 2 | 3 | 4): number => box.s.reduce((sum, inner) => sum + inner.f[at], 0)

describe("a report", () => {
  const lines = [...calls(300), { _tag: "Dropped", count: 4 } as const]
  const report = CostLedger.reportOf(lines)
  const chart = CallChart.make(lines)

  it("has the totals of the ledger", () => {
    const totals = new Map(chart.totals)
    assert.deepStrictEqual(
      ["Cost", "Calls", "Failed", "Of unknown cost", "Tokens in", "Tokens out", "Entries missing"].map((name) =>
        totals.get(name)
      ),
      [
        String(report.cost),
        String(report.calls),
        String(report.failures),
        String(report.unknown),
        String(report.inputTokens),
        String(report.outputTokens),
        "4"
      ]
    )
  })

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
    assert.strictEqual(chart.models.reduce((sum, [, calls]) => sum + calls, 0), 300)
    const cost = chart.outcomes.map(([, , cost]) => Usd.make(cost.slice(1))).reduce(Usd.sum, Usd.zero)
    assert.isTrue(Usd.equals(cost, report.cost))
    assert.strictEqual(chart.calls.length, 300)
    assert.isTrue(chart.calls.every(([at, waited, ran]) => at >= 0 && at + waited + ran <= chart.span))
    assert.strictEqual(chart.failedCount, report.failures)
    const dear = chart.dearest.map(({ cost }) => Number(cost.slice(1)))
    assert.deepStrictEqual(dear, dear.toSorted((a, b) => b - a))
  })

  it("does not count what was saved among the dearest, and takes what has no time", () => {
    const [first] = calls(1)
    if (first?._tag !== "Entry") return assert.fail("no entry")
    const { duration: _, waited: _w, ...bare } = first
    const chart = CallChart.make([{ ...bare, outcome: "Saved", costs: Costs.zero, cost: Usd.make("5") }])
    assert.deepStrictEqual([chart.dearest, chart.span, new Map(chart.totals).get("Saved")], [[], 0, "$5.00"])
    assert.deepStrictEqual(CallChart.make([]).calls, [])
    assert.include(Report.toHtml([]), "<h1>Calls</h1>")
  })

  it("sums up over time what is too much to draw", () => {
    const chart = CallChart.make(calls(500), { maxCalls: 499 })
    assert.deepStrictEqual([chart.calls.length, chart.bins.length], [0, 5])
    assert.isAbove(chart.bins.flat().reduce((sum, count) => sum + count, 0), 500)
    assert.strictEqual(CallChart.make(calls(500), { maxCalls: 500 }).calls.length, 500)
  })
})

describe("a page", () => {
  it("is one file that loads nothing, and lets no name become a part of it", () => {
    const evil = "</script><img src=x onerror=alert(1)>"
    const [first] = calls(1)
    if (first?._tag !== "Entry") return assert.fail("no entry")
    const page = Report.toHtml([{ ...first, scopes: [evil] }], { title: evil })
    assert.notInclude(page, "<img")
    assert.notMatch(page, /(src|href)=["']?(https?:)?\/\//)
    assert.include(page, "default-src 'none'")
    assert.include(page, "\\u003c/script>")
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
