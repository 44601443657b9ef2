import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Batch, type CreateResponse, OpenRouter, Prices, type Usd } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { emulated } from "../client/support.ts"

const model = "openai/gpt-5"

const prices = Prices.layerTable({ [model]: { prompt: "0.001", completion: "0.01" } })

const test = OpenRouterTest.layer("never asked", {
  endpoints: { "/key": { data: { limit_remaining: 5 } }, "/credits": { data: { total_credits: 100, total_usage: 60 } } }
})

/** Twelve bytes, so six tokens at most. */
const request = (input: string): CreateResponse.CreateResponse => ({ model, input, maxOutputTokens: 100 })

const text = "123456789012"

const figures = ({ high, likely, low }: Batch.Range<number | Usd.Usd>) => [low, likely, high].map(String)

describe("Batch.estimate", () => {
  it.effect("tells calls, tokens and costs, and whether there is enough", () =>
    Effect.gen(function*() {
      const estimate = yield* Batch.estimate([text, text], request, { outputTokens: 40 })
      assert.deepStrictEqual([estimate.calls, estimate.invalid, estimate.unpriced], [2, 0, 0])
      assert.deepStrictEqual(figures(estimate.inputTokens), ["4", "6", "12"])
      assert.deepStrictEqual(figures(estimate.outputTokens), ["20", "80", "200"])
      assert.deepStrictEqual(figures(estimate.cost), ["$0.204", "$0.806", "$2.012"])
      assert.strictEqual(`${estimate.available}`, "$5.00")
      assert.isTrue(estimate.isEnough)
      const many = yield* Batch.estimate(Stream.fromIterable(Array.from({ length: 6 }, () => text)), request)
      assert.strictEqual(many.calls, 6)
      assert.isFalse(many.isEnough)
    }).pipe(Effect.provide([test, prices])))

  it.effect("agrees with what a budget reserves", () =>
    Effect.gen(function*() {
      const { cost } = yield* Batch.estimate([text], request)
      assert.strictEqual(`${cost.high}`, `${yield* Prices.estimate(request(text))}`)
      const { maxOutputTokens: _, ...open } = request(text)
      assert.strictEqual(
        `${(yield* Batch.estimate([open], (open) => open)).cost.high}`,
        `${yield* Prices.estimate(open)}`
      )
    }).pipe(Effect.provide([test, prices])))

  it.effect("counts with the program's tokenizer and defaults, and with an expectation for each item", () =>
    Effect.gen(function*() {
      const estimate = yield* Batch.estimate([1, 2], (n) => ({ input: `${n}` }), { outputTokens: (n) => n * 1000 })
        .pipe(
          Prices.withTokenizer(() => 7),
          OpenRouter.withDefaults({ model, maxOutputTokens: 1500 })
        )
      assert.deepStrictEqual(figures(estimate.inputTokens), ["14", "14", "14"])
      assert.deepStrictEqual(figures(estimate.outputTokens), ["625", "2500", "3000"])
    }).pipe(Effect.provide([test, prices])))

  it.effect("lists requests that would not be sent, and counts those without a price", () =>
    Effect.gen(function*() {
      const estimate = yield* Batch.estimate(
        [text, "", "other"],
        (input) => input === "" ? { model } : input === "other" ? { model: "other/model", input } : request(input)
      )
      assert.deepStrictEqual([estimate.calls, estimate.invalid, estimate.unpriced], [2, 1, 1])
      assert.deepStrictEqual(
        estimate.invalidRequests.map(({ error, index }) => [index, error._tag, error.field]),
        [[1, "InvalidRequest", "input"]]
      )
      assert.isUndefined(estimate.isEnough)
    }).pipe(Effect.provide([test, prices])))

  it.effect("asks the account, and no model", () =>
    Effect.gen(function*() {
      const estimate = yield* Batch.estimate([text], request)
      assert.strictEqual(`${estimate.available}`, "$0.01")
      assert.strictEqual(estimate.unpriced, 0)
      assert.isFalse(estimate.isEnough === undefined)
      const { requests } = yield* Emulator.Emulator
      const paths = (yield* requests).map(({ path }) => path)
      assert.isFalse(paths.some((path) => path.includes("responses")))
    }).pipe(Effect.provide(emulated({ credits: "0.01" }))))
})
