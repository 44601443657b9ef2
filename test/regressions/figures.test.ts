import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Schema } from "effect"
import { Budget, CostLedger, OpenRouter, Prices, RateGate, Usage, Usd } from "effect-openrouter"
import { TestClock } from "effect/testing"
import * as C from "../layers/client/support.ts"

const prices = Prices.with({ [C.model]: { prompt: "0", completion: "0.01" } })

const ask = OpenRouter.respond({ model: C.model, input: "Hello", maxOutputTokens: 20 })

/** Figures that no bill has, as a server without sense may send them. */
const absurd = [
  { input_tokens: 1e308, output_tokens: 1e308, cost: 1e300 },
  { input_tokens: "1e999", output_tokens: "9e999", cost: "9e999" },
  { is_byok: true, cost_details: { upstream_inference_cost: 1e300 } }
]

describe("figures that no bill has", () => {
  for (const usage of absurd) {
    it.effect(`are unknown: ${JSON.stringify(usage)}`, () =>
      Effect.gen(function*() {
        const budget = yield* Budget.make("1", { per: "day" })
        const ledger = yield* CostLedger.make()
        const exits = yield* Effect.forEach(
          Array.from({ length: 6 }),
          () => Effect.exit(budget.run(ledger.run(prices(ask))))
        )
        assert.deepStrictEqual(
          exits.map((exit) => Exit.isSuccess(exit) ? exit._tag : Option.getOrThrow(Exit.findErrorOption(exit))._tag),
          ["Success", "Success", "Success", "Success", "Success", "BudgetExceeded"]
        )
        const { reserved, spent, unknown } = yield* budget.state
        assert.deepStrictEqual([spent, unknown, reserved].map(Usd.toText), ["1", "1", "0"])
        const report = yield* ledger.report
        assert.deepStrictEqual([report.unknown, Usd.toText(report.cost), report.inputTokens], [5, "0", 0])
        assert.deepStrictEqual(
          Schema.decodeUnknownSync(CostLedger.FromJson)(JSON.stringify(CostLedger.toJson(report))).unknown,
          5
        )
      }).pipe(Effect.provide(C.scripted([C.ok({ usage })]))))
  }

  it("are absent, in JSON and out of it", () => {
    const decode = Schema.decodeUnknownSync(Usage.Usage)
    for (const usage of absurd) {
      assert.deepStrictEqual(decode(usage), usage.is_byok === true ? { isByok: true, costDetails: {} } : {})
    }
    assert.deepStrictEqual(Schema.encodeSync(Usage.Usage)({ inputTokens: 1e308, cost: Usd.make("1e300") }), {})
    assert.deepStrictEqual(Usd.toText(decode({ cost: 1e6 }).cost ?? Usd.zero), "1000000")
  })

  it.effect("in a list of prices are no prices", () =>
    Effect.gen(function*() {
      const [answer] = yield* Effect.all([ask]).pipe(Budget.limit("1"))
      assert.strictEqual(answer.text, "Hi")
      assert.deepStrictEqual((yield* C.sent).map(({ method }) => method), ["GET", "POST"])
    }).pipe(Effect.provide(C.scripted([
      C.json({ data: [{ id: C.model, pricing: { prompt: "1e300", completion: "9e999" } }] }),
      C.ok()
    ]))))

  it.effect("leave a limit of tokens as it is", () =>
    Effect.gen(function*() {
      yield* C.atT0
      yield* ask
      yield* TestClock.adjust("2 minutes")
      const large = OpenRouter.respond({ model: C.model, input: "Hello", maxOutputTokens: 900 })
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(large, { startImmediately: true }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(fibers.map((fiber) => fiber.pollUnsafe() !== undefined), [true, false, false])
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* C.waits, [120_000, 60_000, 60_000])
    }).pipe(
      Effect.provide(
        C.scripted([C.ok({ usage: { input_tokens: 1e308, output_tokens: 1e308 } }), C.ok({ usage: {} })]).pipe(
          Layer.provide(RateGate.layer({ limits: [{ tokens: 1000 }] }))
        )
      )
    ))
})
