import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, Effect } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest } from "effect/http"
import { at, post } from "./support.ts"

const get = (path: string) =>
  HttpClientRequest.get(`http://emulator/api/v1${path}`).pipe(
    HttpClientRequest.bearerToken("test"),
    HttpClient.execute
  )

const read = (path: string) => Effect.flatMap(get(path), (response) => response.json)

const lengthOf = (value: unknown) => Array.isArray(value) ? value.length : -1

describe("the documents about models", () => {
  it.effect("agree with each other", () =>
    Effect.gen(function*() {
      const models = yield* read("/models")
      assert.deepStrictEqual(yield* read("/models/user"), models)
      assert.strictEqual(at(yield* read("/models/count"), "data.count"), lengthOf(at(models, "data")))
      const list = at(models, "data")
      for (const model of Array.isArray(list) ? list : []) {
        const endpoints = yield* read(String(at(model, "links.details")).replace("/api/v1", ""))
        assert.strictEqual(at(endpoints, "data.id"), at(model, "id"))
        assert.strictEqual(at(endpoints, "data.endpoints.0.pricing.prompt"), at(model, "pricing.prompt"))
        assert.strictEqual(
          at(endpoints, "data.endpoints.0.provider_name"),
          at(yield* read("/providers"), "data.0.name")
        )
      }
      assert.strictEqual(at(yield* read("/models/a%2Fb/endpoints"), "data.id"), "a/b")
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices: { "a/b": { prompt: "1", completion: "2" } } }))))

  it.effect("know no other models", () =>
    Effect.gen(function*() {
      for (const path of ["/models/no/body/endpoints", "/models/toString/endpoints", "/models/%/endpoints", "/model"]) {
        assert.strictEqual((yield* get(path)).status, 404)
      }
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("embeddings", () => {
  const embed = (input: string | ReadonlyArray<string>, extra: { readonly [key: string]: string | number } = {}) =>
    Effect.flatMap(post({ model: "a/embed", input, ...extra }, "/embeddings"), (response) => response.json)

  const vector = (input: string) => Effect.map(embed(input), (body) => numbers(at(body, "data.0.embedding")))

  const numbers = (value: unknown) => Array.isArray(value) ? value.map(Number) : []

  const dot = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) =>
    a.reduce((sum, number, index) => sum + number * (b[index] ?? 0), 0)

  const prices = { "a/embed": { prompt: "0.00000002", completion: "0" } }

  it.effect("are the same for the same text, and near for texts that share words", () =>
    Effect.gen(function*() {
      const bridge = yield* vector("The miller watches the bridge")
      assert.deepStrictEqual(yield* vector("The miller watches the bridge"), bridge)
      assert.strictEqual(bridge.length, 64)
      assert.closeTo(dot(bridge, bridge), 1, 1e-6)
      const near = dot(bridge, yield* vector("The baker watches the bridge"))
      const far = dot(bridge, yield* vector("Completely unrelated words appear here"))
      assert.isAbove(near, far + 0.2)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("are charged exactly", () =>
    Effect.gen(function*() {
      const body = yield* embed(["aaaa", "bbbbbbbb"], { dimensions: 8 })
      assert.strictEqual(lengthOf(at(body, "data.1.embedding")), 8)
      assert.strictEqual(at(body, "usage.prompt_tokens"), 3)
      assert.strictEqual(at(body, "usage.cost"), 0.00000006)
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.strictEqual(BigDecimal.toNumberUnsafe(ledger.total), 0.00000006)
      assert.strictEqual(at(yield* read(`/generation?id=${String(at(body, "id"))}`), "data.total_cost"), 0.00000006)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices }))))

  it.effect("can be single precision in base64", () =>
    Effect.gen(function*() {
      const text = String(at(yield* embed("Hello", { encoding_format: "base64" }), "data.0.embedding"))
      const bytes = Buffer.from(text, "base64")
      const decoded = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4))
      assert.deepStrictEqual(decoded, yield* vector("Hello"))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("have the same gate as responses", () =>
    Effect.gen(function*() {
      const status = (body: { readonly [key: string]: string | number | ReadonlyArray<string> }) =>
        Effect.map(post(body, "/embeddings"), (response) => response.status)
      assert.strictEqual(yield* status({ model: "a/b" }), 400)
      assert.strictEqual(yield* status({ model: "a/b", input: [] }), 400)
      assert.strictEqual(yield* status({ model: "a/b", input: "x", dimensions: 0 }), 400)
      assert.strictEqual(yield* status({ model: "a/b", input: "x", encoding_format: "int8" }), 400)
      assert.strictEqual(yield* status({ model: "nobody", input: "x" }), 400)
      assert.strictEqual(yield* status({ model: "emulator/status-503", input: "x" }), 503)
      assert.strictEqual(yield* status({ model: "a/ruled", input: "x" }), 529)
      assert.strictEqual(yield* status({ model: "emulator/flaky-500", input: "x" }), 500)
      assert.strictEqual(yield* status({ model: "emulator/flaky-500", input: "x" }), 200)
      assert.strictEqual(yield* status({ model: "a/b", input: "x" }), 200)
      assert.strictEqual(yield* status({ model: "a/b", input: "x" }), 429)
    }).pipe(Effect.provide(Emulator.layerHttpClient({
      rateLimit: { requests: 1, window: "1 minute", models: ["a/b"] },
      rules: [{ when: { path: "/embeddings", model: "a/ruled" }, reply: Emulator.Reply.failure(529) }]
    }))))
})
