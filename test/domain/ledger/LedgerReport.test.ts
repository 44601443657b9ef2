import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import { CostLedger, Costs, Usd } from "effect-openrouter"

const { zero } = CostLedger

const figures = (calls: number, cost: string): CostLedger.Figures => ({ ...zero, calls, cost: Usd.make(cost) })

const scope = (
  name: string,
  calls: number,
  cost: string,
  ...scopes: ReadonlyArray<CostLedger.ScopeReport>
): CostLedger.ScopeReport => ({ name, ...figures(calls, cost), scopes })

const report: CostLedger.Report = {
  version: 1,
  ...scope(
    "total",
    12,
    "1.2345",
    scope("tick 1", 2, "0.0000001", scope("Ann", 1, "0"), scope("Bob", 1, "0.0000001")),
    scope("tick 2", 3, "1", scope("Bob", 2, "0.7"), scope("(other)", 1, "0.3"))
  ),
  failures: 2,
  unknown: 1,
  inputTokens: 1200,
  outputTokens: 34,
  tags: [scope("user", 5, "0.9", scope("u-1", 1, "0.1"), scope("(other)", 1, "0.6"), scope("u-2", 3, "0.2"))],
  unknownCalls: [{
    generationId: "gen-1",
    time: DateTime.makeUnsafe(1_790_000_000_000),
    scopes: ["tick 1", "Ann"],
    tags: { user: "u-1" },
    model: "openai/gpt-5",
    costs: { ...Costs.zero, calls: 1, unknown: 1 }
  }],
  folded: 3,
  dropped: 0
}

const namesOf = ({ scopes }: CostLedger.ScopeReport) =>
  scopes.map(({ calls, cost, name }) => `${name} ${calls} ${cost}`)

describe("a report", () => {
  it("is JSON, and so is what it gives by tag and by name", () => {
    for (const part of [report, CostLedger.by(report, "user"), CostLedger.byName(report)]) {
      const json = JSON.parse(JSON.stringify(CostLedger.toJson(part)))
      assert.strictEqual(json.cost, "1.2345")
      assert.deepStrictEqual(
        json.scopes.map(({ name }: { readonly name: string }) => name),
        part.scopes.map(({ name }) => name)
      )
      assert.strictEqual("unknownCalls" in json, part === report)
    }
    assert.deepStrictEqual(Schema.decodeSync(CostLedger.FromJson)(JSON.stringify(CostLedger.toJson(report))), report)
  })

  it("is a table", () => {
    assert.deepStrictEqual(CostLedger.toTable(report).split("\n"), [
      "scope        calls  failed  unknown  tokens in  tokens out        cost",
      "total           12       2        1       1200          34  $1.2345000",
      "  tick 1         2       0        0          0           0  $0.0000001",
      "    Ann          1       0        0          0           0  $0.0000000",
      "    Bob          1       0        0          0           0  $0.0000001",
      "  tick 2         3       0        0          0           0  $1.0000000",
      "    Bob          2       0        0          0           0  $0.7000000",
      "    (other)      1       0        0          0           0  $0.3000000"
    ])
    assert.strictEqual(CostLedger.toTable({ ...report, scopes: [] }).split("\n").at(-1)?.slice(-9), "  $1.2345")
    assert.strictEqual(CostLedger.toTable(scope("none", 0, "0")).split("\n").at(-1)?.slice(-7), "  $0.00")
    assert.strictEqual(CostLedger.toTable(report, { depth: 1 }).split("\n").length, 4)
    assert.strictEqual(CostLedger.toTable(report, { depth: 0 }).split("\n").length, 2)
  })

  it("is a table with what was saved, if anything was, and with what is inside of sums", () => {
    const ticks = {
      ...scope("run", 1, "0.1", scope("tick 1", 1, "0.1")),
      saved: Usd.make("0.25"),
      savedCalls: 2,
      inside: [scope("Ann", 1, "0.1")]
    }
    assert.deepStrictEqual(CostLedger.toTable(ticks).split("\n"), [
      "scope       calls  failed  unknown  tokens in  tokens out   cost  saved calls  saved",
      "run             1       0        0          0           0  $0.10            2  $0.25",
      "  tick 1        1       0        0          0           0  $0.10            0  $0.00",
      "  (inside)",
      "    Ann         1       0        0          0           0  $0.10            0  $0.00"
    ])
    assert.strictEqual(CostLedger.toTable(ticks, { depth: 1 }).split("\n").length, 4)
  })

  it("is JSON with exact amounts and a version", () => {
    const json = JSON.parse(JSON.stringify(CostLedger.toJson(report)))
    assert.strictEqual(json.version, 1)
    assert.strictEqual(json.cost, "1.2345")
    assert.strictEqual(json.scopes[0].scopes[1].cost, "0.0000001")
    assert.strictEqual(json.unknownCalls[0].time, "2026-09-21T14:13:20.000Z")
  })

  it.effect("survives a round trip; another version does not", () =>
    Effect.gen(function*() {
      const text = yield* Schema.encodeEffect(CostLedger.FromJson)(report)
      const read = yield* Schema.decodeEffect(CostLedger.FromJson)(text)
      const untimed = ({ unknownCalls, ...rest }: CostLedger.Report) => ({
        ...rest,
        unknownCalls: unknownCalls.map(({ time, ...call }) => ({ ...call, time: DateTime.toEpochMillis(time) }))
      })
      assert.deepStrictEqual(untimed(read), untimed(report))
      assert.strictEqual(yield* Schema.encodeEffect(CostLedger.FromJson)(read), text)
      const later = text.replace(`"version":1`, `"version":2`)
      assert.strictEqual((yield* Effect.flip(Schema.decodeEffect(CostLedger.FromJson)(later)))._tag, "SchemaError")
    }))

  it("tells by tag, the most expensive first, and what has no tag", () => {
    const byUser = CostLedger.by(report, "user")
    assert.deepStrictEqual([byUser.name, byUser.calls, `${byUser.cost}`], ["user", 12, "$1.2345"])
    assert.deepStrictEqual(namesOf(byUser), ["u-2 3 $0.20", "u-1 1 $0.10", "(other) 1 $0.60", "(untagged) 7 $0.3345"])
    assert.deepStrictEqual(namesOf(report.tags.length === 1 ? CostLedger.by("tier")(report) : byUser), [
      "(untagged) 12 $1.2345"
    ])
    const tagged = { ...report, tags: [{ ...report, name: "all", scopes: [scope("x", 12, "1.2345")] }] }
    assert.deepStrictEqual(namesOf(CostLedger.by(tagged, "all")), ["x 12 $1.2345"])
  })

  it("tells by name, across parents", () => {
    assert.deepStrictEqual(namesOf(CostLedger.byName(report)), [
      "tick 2 3 $1.00",
      "Bob 3 $0.7000001",
      "tick 1 2 $0.0000001",
      "Ann 1 $0.00",
      "(other) 1 $0.30"
    ])
  })

  it("counts a call once under a name that is nested in itself", () => {
    const nested = { ...report, scopes: [scope("a", 2, "1", scope("b", 2, "1", scope("a", 1, "0.5")))] }
    assert.deepStrictEqual(namesOf(CostLedger.byName(nested)), ["a 2 $1.00", "b 2 $1.00"])
  })
})
