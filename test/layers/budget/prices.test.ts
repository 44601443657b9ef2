import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Option, Result } from "effect"
import { Admission, Budget, Input, Model, OpenRouter, Prices, Usd } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import * as Meter from "../client/meter.ts"
import { ask, askFor, atT0, emulated, failure, json, model, ok, scripted, sent } from "../client/support.ts"

const { Reply } = Emulator

const paths = Effect.flatMap(
  Emulator.Emulator,
  ({ requests }) => Effect.map(requests, (all) => all.map(({ path }) => path))
)

const listed = json({
  data: [
    { id: model, pricing: { prompt: "0.000001", completion: "0.000002" } },
    { id: "openrouter/auto", pricing: { prompt: "-1", completion: "-1" } }
  ]
})

describe("the prices of a client", () => {
  it.effect("are asked for once, at the first budgeted call, for all that wait", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.deepStrictEqual((yield* paths).filter((path) => path.endsWith("/models")), [])
      yield* Effect.forEach(Array.from({ length: 20 }), () => ask(), { concurrency: "unbounded" }).pipe(
        Budget.limit("100")
      )
      yield* Budget.limit(ask(), "100")
      assert.strictEqual((yield* paths).filter((path) => path.endsWith("/models")).length, 1)
    }).pipe(Effect.provide(emulated())))

  it.effect("are asked for outside of the caller's admissions and middlewares", () =>
    Effect.gen(function*() {
      const wrapped: Array<string> = []
      const { seen } = yield* Meter.metered(
        ask().pipe(
          Budget.limit("1"),
          OpenRouter.withMiddleware((service) => ({
            ...service,
            call: (endpoint) => {
              wrapped.push(endpoint.name)
              return service.call(endpoint)
            }
          }))
        )
      )
      assert.deepStrictEqual(seen.map(({ attempt }) => attempt.call.name), ["respond"])
      assert.deepStrictEqual(wrapped, [])
    }).pipe(Effect.provide(emulated())))

  it.effect("that cannot be had are unknown, the call goes on, and it is said once a minute", () => {
    const lines: Array<string> = []
    const listening = Logger.layer([Logger.make(({ message }) => void lines.push(String([message].flat()[0])))])
    return Effect.gen(function*() {
      yield* atT0
      yield* Budget.limit(Effect.all([ask(), ask()]), "1")
      assert.deepStrictEqual((yield* sent).map(({ method }) => method), ["GET", "POST", "POST"])
      assert.deepStrictEqual(lines, [
        "the prices of the models could not be loaded, so budgets go by what calls cost"
      ])
      yield* TestClock.adjust("1 minute")
      yield* Budget.limit(ask(), "1")
      assert.strictEqual((yield* sent).length, 5)
    }).pipe(Effect.provide([scripted([failure(404), ok(), ok(), listed, ok()]), listening]))
  })

  it.effect("are asked for again after an hour, and nobody waits for that", () =>
    Effect.gen(function*() {
      yield* atT0
      yield* Budget.limit(ask(), "1")
      yield* TestClock.adjust("1 hour")
      yield* Budget.limit(ask(), "1")
      yield* Budget.limit(ask(), "1")
      assert.deepStrictEqual((yield* sent).map(({ method }) => method), ["GET", "POST", "GET", "POST", "POST"])
    }).pipe(Effect.provide(scripted([listed, ok(), listed, ok()]))))

  it.effect("are waited for ten seconds at most, and who leaves takes them away from nobody", () =>
    Effect.gen(function*() {
      yield* atT0
      const first = yield* Effect.forkChild(Budget.limit(ask(), "1"), { startImmediately: true })
      const second = yield* Effect.forkChild(Budget.limit(ask(), "1"), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(second)
    }).pipe(Effect.provide(emulated({
      rules: [{ when: ({ path }) => path.endsWith("/models"), reply: Reply.hang() }]
    }))))

  it.effect("are not asked for where the program gives some", () =>
    Effect.gen(function*() {
      const estimate = yield* Prices.estimate({ model: "a/b", input: "", maxOutputTokens: 100 })
      assert.strictEqual(String(estimate), "$1.00")
      const refused = yield* Effect.flip(Budget.limit(OpenRouter.respond({ model: "a/b", input: "" }), "1"))
      assert.strictEqual(refused._tag, "BudgetExceeded")
      assert.deepStrictEqual(yield* paths, [])
    }).pipe(
      Effect.provide([Prices.layerTable({ "a/b": { prompt: "0", completion: "0.01" } }), emulated()])
    ))

  it.effect("of a test client are unknown, unless it is given models", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* Prices.estimate({ model, input: "Hello" }))
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))

  it.effect("of a model that chooses another one are none", () =>
    Effect.gen(function*() {
      yield* atT0
      assert.isUndefined(yield* Prices.estimate({ model: "openrouter/auto", input: "Hello" }))
      assert.isDefined(yield* Prices.estimate({ model, input: "Hello" }))
      // It may be any of them.
      assert.isUndefined(yield* Prices.estimate({ model, models: ["openrouter/auto"], input: "Hello" }))
      assert.isUndefined(yield* Prices.estimate({ input: "Hello" }))
    }).pipe(Effect.provide(scripted([listed]))))
})

describe("an estimate", () => {
  const table = {
    a: {
      prompt: "0.001",
      completion: "0.002",
      inputCacheRead: "0.0001",
      inputCacheWrite: "0.00125",
      inputCacheWrite1h: "0.002",
      request: "0.5",
      image: "0.25",
      webSearch: "0.1"
    },
    b: { prompt: "0.000001", completion: "0.000004" },
    free: { prompt: "0", completion: "0" }
  }
  const dollars = (request: Parameters<typeof Prices.estimate>[0]) =>
    Effect.map(
      Prices.estimate({ maxOutputTokens: 100, ...request }).pipe(Prices.withTokenizer(() => 1000), Prices.with(table)),
      (most) => most === undefined ? "unknown" : String(most)
    ).pipe(Effect.provide(OpenRouterTest.layer("")))

  it.effect.each<readonly [string, Parameters<typeof Prices.estimate>[0], string]>([
    ["counts input at the price of the cache, the answer and the request", { model: "a", input: "x" }, "$1.95"],
    ["counts a cache of an hour where it is asked for", {
      model: "a",
      input: "x",
      cacheControl: { type: "ephemeral", ttl: "1h" }
    }, "$2.70"],
    ["counts images by number and by tokens, not by their data", {
      model: "a",
      input: [Input.user([Input.text("What?"), Input.image(`data:image/png;base64,${"A".repeat(100_000)}`)])]
    }, "$7.32"],
    ["counts a search of a plugin", { model: "a", input: "x", plugins: [{ id: "web" }] }, "$2.05"],
    ["counts the searches of a tool", {
      model: "a",
      input: "x",
      tools: [{ type: "openrouter:web_search", parameters: { maxUses: 3 } }]
    }, "$2.25"],
    ["takes the most expensive of the fallbacks", { model: "b", models: ["a"], input: "x" }, "$1.95"],
    ["takes a variant for its model", { model: "b:nitro", input: "x" }, "$0.0014"],
    ["of a free model is nothing", { model: "free", input: "x" }, "$0.00"],
    ["of a preset is not known", { model: "@preset/a", input: "x" }, "unknown"]
  ])("%s", ([_, request, expected]) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* dollars(request), expected)
    }))

  it.effect("counts one token for two bytes, and 4,096 for the answer", () =>
    Effect.gen(function*() {
      const prices = Prices.with({ m: { prompt: "1", completion: "0" } })
      const short = yield* prices(Prices.estimate({ model: "m", input: "" }))
      const long = yield* prices(Prices.estimate({ model: "m", input: "äöü".repeat(100) }))
      assert.strictEqual(String(Usd.subtract(long ?? Usd.zero, short ?? Usd.zero)), "$300.00")
      const answer = yield* Prices.with(Prices.estimate({ model: "m", input: "" }), {
        m: { prompt: "0", completion: "1" }
      })
      assert.strictEqual(String(answer), "$4096.00")
    }).pipe(Effect.provide(OpenRouterTest.layer(""))))

  it.effect("is what the budget reserves, with its outputTokens", () =>
    Effect.gen(function*() {
      const budget = yield* Budget.make("100", { outputTokens: 50 })
      const reserved: Array<string> = []
      yield* OpenRouter.respond({ model: "m", input: "" }).pipe(
        Admission.with({
          stage: "observe",
          admit: () =>
            Effect.as(Effect.tap(budget.reserved, (usd) => Effect.sync(() => reserved.push(String(usd)))), () =>
              Effect.void)
        }),
        budget.run,
        Prices.with({ m: { prompt: "0", completion: "1" } })
      )
      assert.deepStrictEqual(reserved, ["$50.00"])
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))

  it.effect("counts the prices of long prompts", () =>
    Effect.gen(function*() {
      const models = Result.getOrThrow(
        Model.models().read({
          status: 200,
          headers: {},
          text: JSON.stringify({
            data: [{
              id: "m",
              pricing: {
                prompt: "0.001",
                completion: "0.002",
                overrides: [{ min_prompt_tokens: 1000, prompt: "0.01", completion: "0.02" }]
              }
            }]
          })
        }, { attempts: 1, now: 0 })
      )
      const estimate = (tokens: number) =>
        Prices.estimate({ model: "m", input: "x", maxOutputTokens: 100 }).pipe(
          Prices.withTokenizer(() => tokens),
          Prices.with(Prices.fromModels(models)),
          Effect.map(String)
        )
      assert.strictEqual(yield* estimate(999), "$1.199")
      assert.strictEqual(yield* estimate(1000), "$12.00")
    }).pipe(Effect.provide(OpenRouterTest.layer(""))))

  it.effect("covers what the emulator charges", () =>
    Effect.gen(function*() {
      for (const one of ["openai/gpt-5", "openai/gpt-5-mini", "anthropic/claude-sonnet-4.5"]) {
        const request = { model: one, input: "Tell me about the town square, please.", maxOutputTokens: 200 }
        const { cost } = yield* OpenRouter.respond(request)
        const most = yield* Prices.estimate(request)
        assert.isTrue(Usd.isLessThanOrEqualTo(cost ?? Usd.zero, most ?? Usd.zero))
      }
      assert.isTrue(Option.isNone(yield* Effect.option(Effect.flip(askFor("openai/gpt-4o")))))
    }).pipe(Effect.provide(Layer.fresh(emulated()))))
})
