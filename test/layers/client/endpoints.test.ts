import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { CostLedger, OpenRouter, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"

const layer = OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-any") }).pipe(
  Layer.provideMerge(Emulator.layerHttpClient())
)

describe("the emulator's", () => {
  it.effect("models have prices, and endpoints that serve them", () =>
    Effect.gen(function*() {
      const models = yield* OpenRouter.models()
      const [first] = models
      assert.isAbove(models.length, 0)
      assert.isTrue(first?.pricing?.prompt !== undefined)
      const { endpoints, id } = yield* OpenRouter.modelEndpoints(first?.id ?? "")
      assert.strictEqual(id, first?.id)
      assert.isAbove(endpoints.length, 0)
      assert.isTrue(endpoints.every((endpoint) => endpoint.providerName !== undefined))
      assert.lengthOf(yield* OpenRouter.userModels, models.length)
    }).pipe(Effect.provide(layer)))

  it.effect("providers have slugs", () =>
    Effect.gen(function*() {
      const providers = yield* OpenRouter.providers
      assert.isTrue(providers.length > 0 && providers.every(({ slug }) => slug !== ""))
    }).pipe(Effect.provide(layer)))

  it.effect("generations tell what a call cost", () =>
    Effect.gen(function*() {
      const { cost, generationId } = yield* OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" })
      const generation = yield* OpenRouter.generation(generationId ?? "")
      assert.strictEqual(generation.id, generationId)
      assert.isTrue(Usd.equals(generation.totalCost ?? Usd.zero, cost ?? Usd.zero))
    }).pipe(Effect.provide(layer)))

  it.effect("embeddings are vectors, and are booked", () =>
    Effect.gen(function*() {
      const [{ data, usage }, spent] = yield* CostLedger.measured(
        OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input: ["a river", "a mill"], dimensions: 8 })
      )
      assert.lengthOf(data, 2)
      assert.isTrue(data.every(({ embedding }) => embedding.length === 8))
      assert.strictEqual(spent.calls, 1)
      assert.isTrue(Usd.equals(spent.cost, usage?.cost ?? Usd.zero))
      assert.isTrue(Usd.equals(spent.cost, Usd.fromDecimal((yield* (yield* Emulator.Emulator).ledger).total)))
    }).pipe(Effect.provide(layer)))

  it.effect("requests are checked before they are sent", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.embeddings({ model: "", input: "a river" }))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.lengthOf(yield* (yield* Emulator.Emulator).requests, 0)
    }).pipe(Effect.provide(layer)))
})

describe("a list with an entry of the wrong shape", () => {
  it.effect("keeps the others, and a field of the wrong type is left out", () =>
    Effect.gen(function*() {
      const models = yield* OpenRouter.models({ category: "roleplay", limit: 3 })
      assert.deepStrictEqual(models.map(({ id, name }) => ({ id, name })), [
        { id: "a/b", name: "A" },
        { id: "c/d", name: undefined }
      ])
    }).pipe(
      Effect.provide(
        OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-any") }).pipe(
          Layer.provide(Emulator.layerHttpClient({
            rules: [{
              when: { path: "/models" },
              reply: Emulator.Reply.raw(
                JSON.stringify({ data: [{ id: "a/b", name: "A" }, {}, { id: "c/d", name: 7 }] })
              )
            }]
          }))
        )
      )
    ))
})
