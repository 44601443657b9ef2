import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CostLedger, Usd } from "effect-openrouter"
import { OpenRouterEmbeddingModel } from "effect-openrouter/ai"
import { EmbeddingModel, Model } from "effect/ai"
import { emulated, failure, json, once, scripted, sent, ungated } from "../client/support.ts"
import { at } from "../emulator/support.ts"
import { bodies, own } from "./support.ts"

const name = "openai/text-embedding-3-small"

const vectors = (...places: ReadonlyArray<number>) =>
  json({
    object: "list",
    model: name,
    data: places.map((index) => ({ object: "embedding", index, embedding: [index, 0.5] })),
    usage: { prompt_tokens: 7.2, total_tokens: 7, cost: 0.001 }
  })

const provider = (...replies: Parameters<typeof scripted>[0]) =>
  OpenRouterEmbeddingModel.model(name, { dimensions: 2, user: "u1" }).pipe(
    Layer.provideMerge(ungated(scripted(replies))),
    Layer.merge(once)
  )

const embedding = EmbeddingModel.EmbeddingModel

describe("an embedding model", () => {
  it.effect("gives a vector for each text, in their order", () =>
    Effect.gen(function*() {
      const model = yield* embedding
      const { embeddings, usage } = yield* model.embedMany(["a", "b", "c"])
      assert.deepStrictEqual(embeddings.map(({ vector }) => vector), [[0, 0.5], [1, 0.5], [2, 0.5]])
      assert.strictEqual(usage.inputTokens, 7)
      assert.deepStrictEqual(yield* bodies, [{ model: name, dimensions: 2, user: "u1", input: ["a", "b", "c"] }])
      assert.strictEqual(yield* EmbeddingModel.Dimensions, 2)
      assert.strictEqual(yield* Model.ProviderName, "openrouter")
      assert.strictEqual(yield* Model.ModelName, name)
    }).pipe(Effect.provide(provider(vectors(2, 0, 1)))))

  it.effect("asks once for calls that are made at the same time, and once for each scope and setting", () =>
    Effect.gen(function*() {
      const model = yield* embedding
      const [_, together] = yield* CostLedger.measured(
        Effect.all([model.embed("a"), model.embed("b")], { concurrency: "unbounded" })
      )
      assert.strictEqual(together.calls, 1)
      yield* Effect.all([
        model.embed("a").pipe(CostLedger.scope("ann")),
        model.embed("b").pipe(CostLedger.scope("bob")),
        OpenRouterEmbeddingModel.withConfigOverride(model.embed("c"), { user: "u2" })
      ], { concurrency: "unbounded" })
      const inputs = (yield* bodies).map((body) => [body["input"], body["user"]])
      assert.deepStrictEqual(inputs.slice(0, 1), [[["a", "b"], "u1"]])
      assert.sameDeepMembers(inputs.slice(1), [[["a"], "u1"], [["b"], "u1"], [["c"], "u2"]])
    }).pipe(Effect.provide(provider(vectors(0, 1), vectors(0)))))

  it.effect("books a request where it was made, with ledgers beside one another", () =>
    Effect.gen(function*() {
      const model = yield* embedding
      const reports = yield* Effect.all([
        CostLedger.measured(model.embed("a")),
        CostLedger.measured(model.embed("b")),
        CostLedger.measured(model.embed("c").pipe(CostLedger.scope("x")))
      ], { concurrency: "unbounded" })
      assert.deepStrictEqual(reports.map(([_, { calls }]) => calls), [1, 1, 1])
      yield* Effect.all(["a", "b"].map((text) => model.embed(text).pipe(CostLedger.scope("x"))), {
        concurrency: "unbounded"
      })
      assert.strictEqual((yield* bodies).length, 4)
    }).pipe(Effect.provide(provider(vectors(0), vectors(0), vectors(0), vectors(0, 1)))))

  it.effect("fails with the errors of effect/ai, their cost kept", () =>
    Effect.gen(function*() {
      const model = yield* embedding
      const limited = yield* Effect.flip(model.embed("a"))
      assert.strictEqual(limited.module, "OpenRouterEmbeddingModel")
      assert.strictEqual(limited.reason._tag, "RateLimitError")
      const [short, { cost }] = yield* CostLedger.measured(Effect.flip(model.embedMany(["a", "b"])))
      assert.strictEqual(short.reason._tag, "InvalidResponseError")
      assert.strictEqual(at(own(short.reason), "cost"), "0.001")
      assert.strictEqual(Usd.toNumber(cost), 0.001)
      assert.strictEqual((yield* sent).length, 2)
    }).pipe(Effect.provide(provider(failure(429), vectors(0)))))

  it.effect("works over the emulator, and the ledger books what it says", () =>
    Effect.gen(function*() {
      const model = yield* embedding
      const [answer, report] = yield* CostLedger.measured(model.embedMany(["the baker", "the mayor"]))
      assert.strictEqual(answer.embeddings.length, 2)
      assert.isFalse(Usd.isZero(report.cost))
    }).pipe(Effect.provide(
      OpenRouterEmbeddingModel.layer({ model: name }).pipe(Layer.provideMerge(emulated()))
    )))
})
