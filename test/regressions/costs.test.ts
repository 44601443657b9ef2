import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Schema, Stream } from "effect"
import {
  CostLedger,
  Costs,
  Generation,
  Model,
  OpenRouter,
  OpenRouterError,
  RetryPolicy,
  Usage,
  Usd
} from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import * as C from "../layers/client/support.ts"
import * as S from "../layers/stream/support.ts"
import * as Booked from "./booked.ts"

/** What the ledger has booked for a call, and how the call ended. */
const booked = <A, E extends OpenRouterError.OpenRouterError | OpenRouter.UnansweredCalls, R>(
  call: Effect.Effect<A, E, R>
) =>
  Effect.map(Booked.booked(call), ({ exit, report: { calls, cost, unknown } }) => ({
    exit,
    spent: { calls, unknown, cost: Usd.toText(cost) }
  }))

const errorOf = <A>(
  exit: Exit.Exit<A, OpenRouterError.OpenRouterError | OpenRouter.UnansweredCalls>
): OpenRouterError.OpenRouterError | OpenRouter.UnansweredCalls => Option.getOrThrow(Exit.findErrorOption(exit))

const text = (amount: Usd.Usd | undefined) => amount === undefined ? undefined : Usd.toText(amount)

const once = RetryPolicy.with(RetryPolicy.none)

const streamed = Stream.runDrain(OpenRouter.stream(S.request))

const failedWith = (usage: Schema.Json, output: Schema.Json = []): C.Reply =>
  C.ok({ status: "failed", output, usage, error: { code: "server_error", message: "m" }, error_type: "server" })

const inBand = S.data({ type: "error", code: "server_error", message: "m" })

const at = { item_id: "i", output_index: 0, sequence_number: 1 }

describe("what had begun is unknown", () => {
  const begun: ReadonlyArray<readonly [string, object]> = [
    ["a text", { type: "response.output_text.delta", content_index: 0, delta: "Once", ...at }],
    ["reasoning", { type: "response.reasoning_text.delta", content_index: 0, delta: "Hm", ...at }],
    ["a summary", { type: "response.reasoning_summary_text.delta", summary_index: 0, delta: "Hm", ...at }],
    ["a refusal", { type: "response.refusal.delta", content_index: 0, delta: "No", ...at }],
    ["a call", { type: "response.function_call_arguments.delta", delta: "{", ...at }],
    ["a call of a custom tool", { type: "response.custom_tool_call_input.delta", delta: "x", ...at }],
    ["a search", { type: "response.web_search_call.searching", ...at }],
    ["an image", { type: "response.image_generation_call.generating", ...at }],
    ["an item", { type: "response.output_item.added", item: { type: "reasoning", id: "i", summary: [] }, ...at }]
  ]

  it.effect.each(begun)(
    "#1 a stream that fails in-band after %s, without usage",
    ([_, event]) =>
      Effect.gen(function*() {
        const { exit, spent } = yield* booked(once(streamed))
        assert.strictEqual(errorOf(exit)._tag, "ServerError")
        assert.deepStrictEqual(spent, { calls: 1, unknown: 1, cost: "0" })
      }).pipe(Effect.provide(S.answering([S.sse([S.created, S.data(event), inBand, S.done])])))
  )

  it.effect.each(begun)("#1 all in one piece of the body: %s", ([_, event]) =>
    Effect.gen(function*() {
      const failed = S.data({
        type: "response.failed",
        response: { status: "failed", output: [], error: { code: "server_error", message: "m" } }
      })
      const { spent } = yield* booked(once(streamed)).pipe(
        Effect.provide(S.answering([S.sse([S.created + S.data(event) + failed])]))
      )
      assert.deepStrictEqual(spent, { calls: 1, unknown: 1, cost: "0" })
    }))

  it.effect("#1 a stream that fails in-band before its first piece is free", () =>
    Effect.gen(function*() {
      const { spent } = yield* booked(once(streamed))
      assert.deepStrictEqual(spent, { calls: 1, unknown: 0, cost: "0" })
    }).pipe(Effect.provide(S.answering([S.sse([S.created, inBand, S.done])]))))

  it.effect.each(
    [
      ["reasoning", [{ type: "reasoning", id: "r", summary: [] }]],
      ["a call", [{ type: "function_call", id: "f", call_id: "c", name: "go", arguments: "{}" }]]
    ] as const
  )("#1 a failed response with %s and without usage", ([_, output]) =>
    Effect.gen(function*() {
      const { spent } = yield* booked(once(C.ask()))
      assert.deepStrictEqual(spent, { calls: 1, unknown: 1, cost: "0" })
    }).pipe(Effect.provide(C.scripted([failedWith(null, [...output])]))))
})

describe("a cost beside an error", () => {
  const usage = { input_tokens: 3, output_tokens: 2, cost: 0.25 }
  const error = { code: 502, message: "bad gateway" }

  it.effect.each(
    [
      ["beside it", C.json({ error, usage }, 502)],
      ["in it", C.json({ error: { ...error, usage } }, 502)],
      ["of a 400", C.json({ error: { code: 400, message: "m" }, usage }, 400)],
      ["of a bare error in a 200", C.json({ error, usage }, 200)]
    ] as const
  )("#2 is booked, and is on the error: %s", ([_, reply]) =>
    Effect.gen(function*() {
      const { exit, spent } = yield* booked(C.ask())
      const error = errorOf(exit)
      assert.deepStrictEqual([text(error.cost), error.usage?.outputTokens], ["0.25", 2])
      assert.deepStrictEqual(spent, { calls: 1, unknown: 0, cost: "0.25" })
    }).pipe(Effect.provide(C.scripted([reply]))))

  it.effect("#2 also of a request for a stream", () =>
    Effect.gen(function*() {
      const { exit, spent } = yield* booked(streamed)
      assert.strictEqual(text(errorOf(exit).cost), "0.25")
      assert.deepStrictEqual(spent, { calls: 1, unknown: 0, cost: "0.25" })
    }).pipe(Effect.provide(C.scripted([C.json({ error, usage }, 502)]))))

  it.effect("#2 a usage without a cost is unknown", () =>
    Effect.gen(function*() {
      const { spent } = yield* booked(once(C.ask()))
      assert.deepStrictEqual(spent, { calls: 1, unknown: 1, cost: "0" })
    }).pipe(Effect.provide(C.scripted([C.json({ error, usage: { output_tokens: 2 } }, 502)]))))
})

describe("what is billed", () => {
  const billed = failedWith({ input_tokens: 3, output_tokens: 2, cost: 0.25 })
  const again = RetryPolicy.with(RetryPolicy.make({ times: 2, while: (error) => error.isRetryable }))

  it.effect("#3 is not bought again", () =>
    Effect.gen(function*() {
      const { exit, spent } = yield* booked(C.ask())
      const error = errorOf(exit)
      assert.strictEqual(error._tag, "ServerError")
      assert.deepStrictEqual([text(error.cost), text(error.callCost), error.attempts], ["0.25", "0.25", 1])
      assert.deepStrictEqual(spent, { calls: 1, unknown: 0, cost: "0.25" })
    }).pipe(Effect.provide(C.scripted([billed, C.ok()]))))

  it.effect("#3 nor is it by a stream", () =>
    Effect.gen(function*() {
      const { exit, spent } = yield* booked(streamed)
      assert.deepStrictEqual([text(errorOf(exit).cost), text(errorOf(exit).callCost)], ["0.25", "0.25"])
      assert.deepStrictEqual(spent, { calls: 1, unknown: 0, cost: "0.25" })
    }).pipe(Effect.provide(S.answering([
      S.sse([
        S.created,
        S.data({
          type: "response.failed",
          response: {
            id: "gen-2",
            status: "failed",
            output: [],
            usage: { cost: 0.25 },
            error: { code: "server_error", message: "m" }
          }
        })
      ]),
      S.sse([S.created, S.completed("Once")])
    ]))))

  it.effect("#3 nor is what the provider bills", () =>
    Effect.gen(function*() {
      const { spent } = yield* booked(C.ask())
      assert.strictEqual(spent.calls, 1)
    }).pipe(Effect.provide(C.scripted([
      failedWith({ cost: 0, is_byok: true, cost_details: { upstream_inference_cost: 1 } }),
      C.ok()
    ]))))

  it.effect("#3 what was free is tried again", () =>
    Effect.gen(function*() {
      const { exit, spent } = yield* booked(C.ask())
      assert.deepStrictEqual(Exit.isSuccess(exit) && [text(exit.value.cost), text(exit.value.callCost)], [
        "0.00002",
        "0.00002"
      ])
      assert.strictEqual(spent.calls, 2)
    }).pipe(Effect.provide(C.scripted([failedWith({ cost: 0 }), C.ok()]))))

  it.effect("#3 `callCost` is that of all attempts, `cost` of the last: an answer", () =>
    Effect.gen(function*() {
      const { exit } = yield* booked(again(C.ask()))
      assert.deepStrictEqual(
        Exit.isSuccess(exit) && [text(exit.value.cost), text(exit.value.callCost), exit.value.attempts],
        ["0.00002", "0.25002", 3]
      )
    }).pipe(Effect.provide(C.scripted([billed, C.failure(503), C.ok()]))))

  it.effect("#3 an error", () =>
    Effect.gen(function*() {
      const { exit, spent } = yield* booked(again(C.ask()))
      assert.deepStrictEqual([text(errorOf(exit).cost), text(errorOf(exit).callCost)], ["0.25", "0.75"])
      assert.strictEqual(spent.cost, "0.75")
    }).pipe(Effect.provide(C.scripted([billed]))))

  it.effect("#3 an error of HTTP, which keeps what it knows", () =>
    Effect.gen(function*() {
      const error = errorOf((yield* booked(again(C.ask()))).exit)
      assert.deepStrictEqual([text(error.cost), text(error.callCost), error._tag], [undefined, "0.25", "AccessDenied"])
      assert.deepStrictEqual([error.message, error.status, error.attempts], ["status 403", 403, 2])
    }).pipe(Effect.provide(C.scripted([billed, C.failure(403)]))))

  it.effect("#3 a paid answer that is none", () =>
    Effect.gen(function*() {
      const error = errorOf((yield* booked(again(C.ask()))).exit)
      assert.strictEqual(error._tag, "Incomplete")
      assert.deepStrictEqual([text(error.cost), text(error.callCost)], ["0.00002", "0.25002"])
      assert.strictEqual(error.response?.output.length, 1)
    }).pipe(Effect.provide(C.scripted([billed, C.ok({ status: "incomplete" })]))))

  it.effect("#3 an unknown failure, as an outcome and as an error", () =>
    Effect.gen(function*() {
      const { exit } = yield* booked(again(OpenRouter.outcome({ model: C.model, input: "Hello" })))
      const outcome = Exit.isSuccess(exit) ? exit.value : undefined
      assert.deepStrictEqual([outcome?._tag, text(outcome?.callCost)], ["Failed", "0.25002"])
      assert.strictEqual(outcome?._tag === "Failed" ? text(outcome.error.callCost) : undefined, "0.25002")
    }).pipe(Effect.provide(C.scripted([
      billed,
      C.ok({ status: "failed", error: { code: "moon", message: "m" }, error_type: "moon" })
    ]))))

  it.effect("#3 an answer of the wrong shape", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ action: Schema.String })
      const error = errorOf(
        (yield* booked(again(OpenRouter.respondObject({ model: C.model, input: "Hello", schema })))).exit
      )
      assert.deepStrictEqual([error._tag, text(error.callCost)], ["InvalidOutput", "0.25002"])
    }).pipe(Effect.provide(C.scripted([billed, C.ok()]))))

  it.effect("#3 a stream", () =>
    Effect.gen(function*() {
      const free = () => new globalThis.Response("{}", { status: 503 })
      const costly = () => new globalThis.Response(JSON.stringify({ error: {}, usage: { cost: 0.5 } }), { status: 502 })
      const call = again(OpenRouter.streamOutcome(S.request, () => Effect.void))
      const cut = S.answering([costly, free, S.sse([S.created, S.delta("Once")])])
      const whole = S.answering([costly, free, S.sse([S.created, S.completed("Once")])])
      const answered = (yield* booked(call).pipe(Effect.provide(whole))).exit
      assert.deepStrictEqual(
        Exit.isSuccess(answered) && [text(answered.value.cost), text(answered.value.callCost)],
        ["0.25", "0.75"]
      )
      const error = errorOf((yield* booked(call).pipe(Effect.provide(cut))).exit)
      // Nobody knows what the last attempt cost.
      assert.deepStrictEqual([error._tag, error.callCost, error.attempts], ["StreamInterrupted", undefined, 3])
    }))

  it.effect("#3 with an attempt of unknown cost it is unknown", () =>
    Effect.gen(function*() {
      const { exit, spent } = yield* booked(again(C.ask()))
      assert.deepStrictEqual(Exit.isSuccess(exit) && [text(exit.value.cost), exit.value.callCost], [
        "0.00002",
        undefined
      ])
      assert.deepStrictEqual(spent, { calls: 2, unknown: 1, cost: "0.00002" })
    }).pipe(Effect.provide(C.scripted([C.failure(504), C.ok()]))))

  it.effect("#3 one attempt alone has its own, the error of a test client what it was given", () =>
    Effect.gen(function*() {
      const answer = yield* C.ask()
      assert.strictEqual(text(answer.callCost), "0.3")
      const error = yield* Effect.flip(C.ask())
      assert.deepStrictEqual([text(error.callCost)], ["7"])
    }).pipe(Effect.provide(OpenRouterTest.layer([
      OpenRouterTest.answer({ text: "Hi", usage: { cost: Usd.make("0.3") } }),
      new OpenRouterError.ServerError({ message: "m", callCost: Usd.make("7") })
    ]))))
})

describe("a gateway that gave up", () => {
  it.effect.each([408, 499, 504, 520, 522, 524, 598, 599].map((status) => [status] as const))(
    "#4 %s: the provider may have gone on",
    ([status]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual((yield* booked(once(C.ask()))).spent, { calls: 1, unknown: 1, cost: "0" })
        assert.deepStrictEqual((yield* booked(once(streamed))).spent, { calls: 1, unknown: 1, cost: "0" })
      }).pipe(Effect.provide(C.scripted([C.failure(status)])))
  )

  it.effect("#4 the same in an answer", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* booked(once(C.ask()))).spent, { calls: 1, unknown: 1, cost: "0" })
    }).pipe(Effect.provide(C.scripted([C.json({ error: { code: 504, message: "m" } })]))))

  it.effect.each([400, 401, 402, 403, 404, 413, 429, 500, 502, 503, 529].map((status) => [status] as const))(
    "#4 %s is free",
    ([status]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual((yield* booked(once(C.ask()))).spent, { calls: 1, unknown: 0, cost: "0" })
      }).pipe(Effect.provide(C.scripted([C.failure(status)])))
  )
})

describe("a sentinel", () => {
  const names = [
    "prompt",
    "completion",
    "request",
    "image",
    "image_token",
    "image_output",
    "audio",
    "audio_output",
    "input_audio_cache",
    "web_search",
    "internal_reasoning",
    "input_cache_read",
    "input_cache_write",
    "input_cache_write_1h"
  ]

  const pricing = (price: Schema.Json) => Object.fromEntries(names.map((name) => [name, price]))

  const all: { readonly [key: string]: Schema.Json } = {
    id: "openrouter/auto",
    pricing: { ...pricing("-1"), request: -1, image: "0.5", audio: 0.25, overrides: [{ prompt: "-1", audio: "0.1" }] }
  }

  const checked = (found: Model.Pricing | undefined) => {
    assert.deepStrictEqual({ ...found, image: text(found?.image), audio: text(found?.audio), overrides: [] }, {
      image: "0.5",
      audio: "0.25",
      overrides: []
    })
    assert.deepStrictEqual(found?.overrides?.map((override) => [override.prompt, text(override.audio)]), [
      [undefined, "0.1"]
    ])
  }

  it.effect("#13 is no price, in every field: GET /models", () =>
    Effect.gen(function*() {
      for (const models of [yield* OpenRouter.models(), yield* OpenRouter.userModels]) checked(models[0]?.pricing)
    }).pipe(Effect.provide(C.scripted([C.json({ data: [all] })]))))

  it.effect("#13 the endpoints of a model", () =>
    Effect.gen(function*() {
      const { endpoints } = yield* OpenRouter.modelEndpoints("openrouter/auto")
      checked(endpoints[0]?.pricing)
    }).pipe(Effect.provide(C.scripted([C.json({ data: { id: "openrouter/auto", endpoints: [all] } })]))))

  it("#13 a model is decoded strictly, too; a price of nothing is a price", () => {
    checked(Schema.decodeUnknownSync(Model.Model)(all).pricing)
    const free = Schema.decodeUnknownSync(Model.Pricing)(pricing("0"))
    assert.strictEqual(Object.keys(free).length, names.length)
    assert.deepStrictEqual(Schema.encodeSync(Model.Pricing)(free), pricing("0"))
  })
})

describe("a figure", () => {
  const usage = {
    input_tokens: "3",
    output_tokens: "2",
    total_tokens: "5",
    input_tokens_details: { cached_tokens: "1" },
    output_tokens_details: { reasoning_tokens: "1e0" },
    cost: "0.25",
    is_byok: true,
    cost_details: { upstream_inference_cost: "0.5" }
  }

  it.effect("#29 may be decimal text", () =>
    Effect.gen(function*() {
      const [answer, spent] = yield* CostLedger.measured(C.ask())
      assert.strictEqual(text(answer.cost), "0.25")
      assert.deepStrictEqual([text(spent.cost), text(spent.upstreamCost), spent.unknown], ["0.25", "0.5", 0])
      assert.deepStrictEqual(
        [spent.inputTokens, spent.outputTokens, spent.cachedTokens, spent.reasoningTokens],
        [3, 2, 1, 1]
      )
    }).pipe(Effect.provide(C.scripted([C.ok({ usage })]))))

  it.effect("#29 a negative one is unknown", () =>
    Effect.gen(function*() {
      const [answers, spent] = yield* CostLedger.measured(Effect.all([C.ask(), C.ask(), C.ask()]))
      assert.deepStrictEqual(answers.map(({ cost }) => text(cost)), ["0.25", undefined, undefined])
      assert.deepStrictEqual([text(spent.cost), spent.unknown, spent.outputTokens], ["0.25", 2, 2])
    }).pipe(Effect.provide(C.scripted([
      C.ok({ usage }),
      C.ok({ usage: { cost: -0.1, output_tokens: -5 } }),
      C.ok({ usage: { cost: "-0.1", cost_details: { upstream_inference_cost: -1 }, is_byok: true } })
    ]))))

  it.effect("#29 also in the last event of a stream", () =>
    Effect.gen(function*() {
      const { spent } = yield* booked(streamed)
      assert.deepStrictEqual(spent, { calls: 1, unknown: 1, cost: "0" })
    }).pipe(Effect.provide(S.answering([
      S.sse([S.created, S.completed("Once").replace(`"cost":0.25`, `"cost":-0.25`)])
    ]))))

  it.effect("#29 of the plain endpoints", () =>
    Effect.gen(function*() {
      const [embedded, spent] = yield* CostLedger.measured(OpenRouter.embeddings({ model: "a/b", input: "x" }))
      assert.deepStrictEqual([text(embedded.usage?.cost), embedded.usage?.promptTokens], ["0.25", 3])
      assert.deepStrictEqual([text(spent.cost), spent.unknown], ["0.25", 0])
      const [, minus] = yield* CostLedger.measured(OpenRouter.embeddings({ model: "a/b", input: "x" }))
      assert.deepStrictEqual([text(minus.cost), minus.unknown], ["0", 1])
      const credits = yield* OpenRouter.credits
      assert.deepStrictEqual([text(credits.totalCredits), text(credits.totalUsage)], ["1.5", "-2"])
    }).pipe(Effect.provide(C.scripted([
      C.json({ data: [], usage: { prompt_tokens: "3", cost: "0.25" } }),
      C.json({ data: [], usage: { cost: -1 } }),
      C.json({ data: { total_credits: "1.5", total_usage: -2 } })
    ]))))

  it("#29 schemas agree: text is read, a number is written", () => {
    const read = Schema.decodeUnknownSync(Usage.Usage)(usage)
    assert.deepStrictEqual(Schema.encodeSync(Usage.Usage)(read), {
      input_tokens: 3,
      output_tokens: 2,
      total_tokens: 5,
      input_tokens_details: { cached_tokens: 1 },
      output_tokens_details: { reasoning_tokens: 1 },
      cost: 0.25,
      is_byok: true,
      cost_details: { upstream_inference_cost: 0.5 }
    })
    assert.deepStrictEqual(Schema.decodeUnknownSync(Usage.Usage)({ cost: -1, input_tokens: -1, output_tokens: 0 }), {
      outputTokens: 0
    })
    const generation = Schema.decodeUnknownSync(Generation.Generation)({
      id: "g",
      total_cost: "0.5",
      cache_discount: -0.1,
      tokens_prompt: "7"
    })
    assert.deepStrictEqual(
      [text(generation.totalCost), text(generation.cacheDiscount), generation.tokensPrompt],
      ["0.5", "-0.1", 7]
    )
  })

  it("#29 a negative cost that was made by hand lowers no sum", () => {
    const costs = Costs.ofUsage({ cost: Usd.make("-1") }, { failed: false, billed: true })
    assert.deepStrictEqual([text(costs.cost), costs.unknown], ["0", 1])
  })
})
