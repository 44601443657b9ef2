import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, Effect, Exit, Fiber, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest } from "effect/http"

const Usage = Schema.Struct({ id: Schema.String, usage: Schema.Struct({ cost: Schema.Finite }) })
const Key = Schema.Struct({ data: Schema.Struct({ label: Schema.String, usage: Schema.Finite }) })
const Credits = Schema.Struct({
  data: Schema.Struct({ total_credits: Schema.Finite, total_usage: Schema.Finite })
})
const Models = Schema.Struct({
  data: Schema.Array(Schema.Struct({
    id: Schema.String,
    pricing: Schema.Struct({ prompt: Schema.String, completion: Schema.String })
  }))
})
const Generation = Schema.Struct({
  data: Schema.Struct({ id: Schema.String, total_cost: Schema.Finite, model: Schema.String })
})

const post = (model: string, input: string, key = "key-a") =>
  HttpClientRequest.post("http://emulator/api/v1/responses").pipe(
    HttpClientRequest.bearerToken(key),
    HttpClientRequest.bodyJsonUnsafe({ model, input }),
    HttpClient.execute
  )

const ask = (model: string, input: string, key?: string) =>
  post(model, input, key).pipe(
    Effect.flatMap((response) => response.json),
    Effect.flatMap(Schema.decodeUnknownEffect(Usage))
  )

const get = <A>(path: string, schema: Schema.Codec<A>, key = "key-a") =>
  HttpClientRequest.get(`http://emulator/api/v1${path}`).pipe(
    HttpClientRequest.bearerToken(key),
    HttpClient.execute,
    Effect.flatMap((response) => response.json),
    Effect.flatMap(Schema.decodeUnknownEffect(schema))
  )

const prices: Emulator.PriceTable = {
  "a/odd": { prompt: "0.00000013", completion: "0.0000000007" },
  "a/long": { prompt: "0.123456789012345678", completion: "0.1" },
  "a/dollar": { prompt: "1", completion: "0" }
}

describe("the ledger", () => {
  it.effect("is the exact sum of the costs that were sent, under concurrency", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const calls = Array.from({ length: 400 }, (_, index) => index)
      const answers = yield* Effect.forEach(
        calls,
        (index) => ask(index % 2 === 0 ? "a/odd" : "a/long", `question ${index}`, index % 3 === 0 ? "key-a" : "key-b"),
        { concurrency: 50 }
      )
      const sum = BigDecimal.sumAll(answers.map(({ usage }) => BigDecimal.fromNumberUnsafe(usage.cost)))
      const ledger = yield* emulator.ledger
      assert.strictEqual(BigDecimal.format(ledger.total), BigDecimal.format(sum))
      assert.strictEqual(ledger.calls, 400)
      assert.strictEqual(ledger.accounts.length, 4)
      assert.strictEqual(
        BigDecimal.format(BigDecimal.sumAll(ledger.accounts.map(({ cost }) => cost))),
        BigDecimal.format(ledger.total)
      )
      assert.deepStrictEqual(ledger.accounts.map(({ key, model }) => `${key} ${model}`), [
        "key-a a/long",
        "key-a a/odd",
        "key-b a/long",
        "key-b a/odd"
      ])
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices, credits: "100000" }))))

  it.effect("agrees with what the server says about key, credits, models and generations", () =>
    Effect.gen(function*() {
      const mine = yield* ask("a/odd", "Hello")
      const other = yield* ask("a/odd", "Hello", "key-b")
      const key = yield* get("/key", Key)
      assert.deepStrictEqual(key.data, { label: "key-a", usage: mine.usage.cost })
      const credits = yield* get("/credits", Credits)
      assert.strictEqual(credits.data.total_credits, 100)
      assert.strictEqual(credits.data.total_usage, mine.usage.cost + other.usage.cost)
      const generation = yield* get(`/generation?id=${mine.id}`, Generation)
      assert.deepStrictEqual(generation.data, { id: mine.id, total_cost: mine.usage.cost, model: "a/odd" })
      const models = yield* get("/models", Models)
      assert.deepStrictEqual(models.data.find(({ id }) => id === "a/odd")?.pricing, prices["a/odd"])
      assert.isAbove(models.data.length, 5)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices }))))

  it.effect("shortens long keys", () =>
    Effect.gen(function*() {
      yield* ask("a/odd", "Hello", "sk-or-v1-0123456789abcdef")
      const { accounts } = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.strictEqual(accounts[0]?.key, "sk-or-v1-...def")
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices }))))

  it.effect("has no entry for errors, but one for answers that got lost", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      for (const model of ["emulator/status-502", "emulator/failed", "emulator/html", "emulator/error-in-200"]) {
        yield* post(model, "Hello")
      }
      yield* Effect.exit(post("emulator/disconnect", "Hello"))
      assert.strictEqual((yield* emulator.ledger).calls, 0)
      for (const model of ["emulator/refusal", "emulator/incomplete", "emulator/empty", "emulator/no-usage"]) {
        yield* post(model, "Hello")
      }
      assert.strictEqual((yield* emulator.ledger).calls, 4)
      yield* emulator.addRule({ when: { model: "a/odd" }, reply: Emulator.Reply.disconnect({ billed: true }) })
      yield* emulator.addRule({ when: { model: "a/long" }, reply: Emulator.Reply.hang({ billed: true }) })
      assert.strictEqual(Exit.isFailure(yield* Effect.exit(post("a/odd", "Hello"))), true)
      const fiber = yield* Effect.forkChild(post("a/long", "Hello"), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* emulator.ledger).calls, 6)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices }))))
})

describe("credits", () => {
  it.effect("run out, and a free model still answers when nothing is left", () =>
    Effect.gen(function*() {
      // Four characters are one token, so each question costs exactly one dollar.
      const statuses = yield* Effect.forEach(
        ["aaaa", "bbbb", "cccc"],
        (input) => Effect.map(post("a/dollar", input), ({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [200, 200, 402])
      const { remaining, total } = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.strictEqual(BigDecimal.format(total), "2")
      assert.strictEqual(BigDecimal.format(remaining), "0")
      const refused = yield* post("a/dollar", "dddd")
      assert.include(yield* refused.text, `"limit_source":"openrouter_credits"`)
      assert.strictEqual((yield* post("a/thing:free", "eeee")).status, 200)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices, credits: "2" }))))

  it.effect("below zero stop free models too", () =>
    Effect.gen(function*() {
      yield* post("a/dollar", "aaaabbbb")
      assert.strictEqual((yield* post("a/thing:free", "eeee")).status, 402)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices, credits: "1.5" }))))

  it.effect("that are no number are a defect of the options", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Emulator.make({ credits: "much" }))
      assert.strictEqual(Exit.isFailure(exit), true)
    }))
})
