import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema, Stream } from "effect"
import {
  Budget,
  CostLedger,
  type CreateResponse,
  OpenRouter,
  type OpenRouterError,
  type Outcome,
  Usage,
  Usd
} from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { emulated, final, model, ok, scripted, sent } from "../client/support.ts"

const Intention = Schema.Struct({ action: Schema.String, hours: Schema.Int })

const asked = { model, input: "What does Bob want?", schema: Intention }

const fits = `{"action":"go","hours":2}`

const misfit = `{"action":"go","hours":"two"}`

const calling = ok({ output: [{ type: "function_call", call_id: "c", name: "look", arguments: "{}" }] })

const says = (text: string, cost = 0.25) =>
  ok({
    output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text }] }],
    usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5, cost }
  })

const saying = (...texts: ReadonlyArray<string>) => final(scripted(texts.map((text) => says(text))))

const bodies = Effect.map(sent, (sent) => sent.map(({ body }): Schema.Json => JSON.parse(body)))

const dollars = (amount: Usd.Usd | undefined) => amount === undefined ? undefined : Usd.toText(amount)

describe("an answer that only calls functions", () => {
  it.effect("is UnansweredCalls, with the calls, the response and the cost", () =>
    Effect.gen(function*() {
      const error = yield* OpenRouter.respondObject(asked).pipe(
        Effect.as(undefined),
        Effect.catchTag("UnansweredCalls", Effect.succeed)
      )
      assert.deepStrictEqual(error?.functionCalls.map(({ name }) => name), ["look"])
      assert.lengthOf(error?.response?.output ?? [], 1)
      assert.strictEqual(dollars(error?.cost), "0.00002")
      assert.isFalse(error?.isRetryable)
      assert.notProperty(JSON.parse(JSON.stringify(error)), "response")
    }).pipe(Effect.provide(final(scripted([calling])))))

  it.effect("is so in a stream, and is not asked again", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Stream.runDrain(OpenRouter.streamObject({ ...asked, reask: { times: 2 } }))
      )
      assert.strictEqual(error._tag, "UnansweredCalls")
      assert.lengthOf(yield* OpenRouterTest.calls, 1)
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.answer({
      output: [{ type: "function_call", callId: "c", name: "look", arguments: "{}" }]
    })))))
})

describe("outcomeObject", () => {
  it.effect("has the value of an answer that fits", () =>
    Effect.gen(function*() {
      const { error, outcome, repaired, value } = yield* OpenRouter.outcomeObject(asked)
      assert.deepStrictEqual(value, Option.some({ action: "go", hours: 2 }))
      assert.strictEqual(outcome._tag, "Completed")
      assert.deepStrictEqual([error, repaired], [undefined, []])
    }).pipe(Effect.provide(saying(fits))))

  it.effect.each(
    [
      ["InvalidOutput", says(misfit), "Completed"],
      ["UnansweredCalls", calling, "Completed"],
      ["Incomplete", ok({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }), "Incomplete"]
    ] as const
  )("says with %s why there is none", ([tag, reply, outcome]) =>
    Effect.gen(function*() {
      const ended = yield* OpenRouter.outcomeObject(asked)
      assert.deepStrictEqual([ended.outcome._tag, ended.error?._tag, ended.value], [outcome, tag, Option.none()])
    }).pipe(Effect.provide(final(scripted([reply])))))
})

describe("decodeObject", () => {
  it.effect("decodes an outcome again, with the same or another schema, and sends nothing", () =>
    Effect.gen(function*() {
      const outcome = yield* OpenRouter.outcome({ model, input: "Hi" })
      assert.deepStrictEqual((yield* OpenRouter.decodeObject(Intention, outcome)).value, { action: "go", hours: 2 })
      const Action = Schema.Struct({ action: Schema.String })
      assert.deepStrictEqual((yield* OpenRouter.decodeObject(Action, outcome)).value, { action: "go" })
      const error = yield* Effect.flip(OpenRouter.decodeObject(Schema.Struct({ name: Schema.String }), outcome))
      assert.strictEqual(error._tag, "InvalidOutput")
      assert.strictEqual(dollars(error.cost), "0.25")
      assert.lengthOf(yield* sent, 1)
    }).pipe(Effect.provide(saying(fits))))

  it.effect("fails with what an outcome is that is no answer", () =>
    Effect.gen(function*() {
      const outcome: Outcome.Outcome = { _tag: "Empty", response: { status: "completed", output: [] }, attempts: 1 }
      const error = yield* Effect.flip(OpenRouter.decodeObject(Intention, outcome))
      assert.strictEqual(error._tag, "EmptyCompletion")
    }))

  it.effect("decodes a text, and tells what was repaired", () =>
    Effect.gen(function*() {
      const text = `Sure: ${fits}`
      const { repaired, value } = yield* OpenRouter.decodeObject(Intention, text)
      assert.deepStrictEqual([value, repaired], [{ action: "go", hours: 2 }, [{ _tag: "SurroundingText" }]])
      const error = yield* Effect.flip(OpenRouter.decodeObject(Intention, text, { repair: false }))
      assert.strictEqual(error._tag, "InvalidOutput")
      if (error._tag === "InvalidOutput") assert.strictEqual(error.text, text)
    }))

  it.effect("takes any JSON where the schema does", () =>
    Effect.map(
      OpenRouter.decodeObject(Schema.Unknown, `{"a":[1]}`),
      ({ value }) => assert.deepStrictEqual(value, { a: [1] })
    ))
})

describe("repair", () => {
  const fenced = "```json\n{\"action\":\"go\",\"hours\":2,}\n```"

  it.effect("is told in the answer", () =>
    Effect.gen(function*() {
      const { repaired, value } = yield* OpenRouter.respondObject(asked)
      assert.deepStrictEqual(value, { action: "go", hours: 2 })
      assert.deepStrictEqual(repaired.map(({ _tag }) => _tag), ["CodeFence", "TrailingComma"])
    }).pipe(Effect.provide(saying(fenced))))

  it.effect("can be turned off", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.respondObject({ ...asked, repair: false }))
      assert.strictEqual(error._tag, "InvalidOutput")
      const streamed = yield* Effect.flip(Stream.runDrain(OpenRouter.streamObject({ ...asked, repair: false })))
      assert.strictEqual(streamed._tag, "InvalidOutput")
    }).pipe(Effect.provide(OpenRouterTest.layer(fenced))))

  it.effect("lets a stream begin behind thoughts and fences", () =>
    Effect.gen(function*() {
      const parts = yield* Stream.runCollect(OpenRouter.streamObject(asked))
      assert.deepStrictEqual(parts[1], { _tag: "Partial", value: { action: "" } })
      const last = parts.at(-1)
      assert.deepStrictEqual(last?._tag === "Complete" ? last.answer.repaired.map(({ _tag }) => _tag) : [], [
        "ThinkBlock",
        "CodeFence",
        "TrailingComma"
      ])
    }).pipe(Effect.provide(final(emulated({
      rules: [{ reply: Emulator.Reply.text(`<think>{"action": 1}</think>\n${fenced}`) }]
    })))))
})

describe("the request", () => {
  const providers = (
    request: Pick<CreateResponse.CreateResponse, "provider">,
    defaults: Pick<CreateResponse.CreateResponse, "provider">
  ) =>
    Effect.gen(function*() {
      yield* OpenRouter.withDefaults(OpenRouter.respondObject({ ...asked, ...request }), defaults)
      const [call] = yield* OpenRouterTest.calls
      return call?.provider
    }).pipe(Effect.provide(OpenRouterTest.layer({ action: "go", hours: 2 })))

  it.effect("asks only endpoints that keep to the shape, unless it or its defaults say otherwise", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* providers({}, {}), { requireParameters: true })
      assert.deepStrictEqual(yield* providers({ provider: { order: ["x"] } }, {}), {
        order: ["x"],
        requireParameters: true
      })
      assert.deepStrictEqual(yield* providers({}, { provider: { order: ["y"] } }), {
        order: ["y"],
        requireParameters: true
      })
      const no = { provider: { requireParameters: false } }
      assert.deepStrictEqual(yield* providers(no, {}), { requireParameters: false })
      assert.deepStrictEqual(yield* providers({}, no), { requireParameters: false })
    }))
})

describe("asking again", () => {
  it.effect("is off by default", () =>
    Effect.gen(function*() {
      yield* Effect.flip(OpenRouter.respondObject(asked))
      assert.lengthOf(yield* sent, 1)
    }).pipe(Effect.provide(saying(misfit, fits))))

  it.effect("has only the last answer and what is wrong with it in its context; the costs are summed", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const answer = yield* ledger.run(OpenRouter.respondObject({
        ...asked,
        reask: { times: 3, with: ({ issue }) => `No: ${issue}` }
      }))
      assert.deepStrictEqual(answer.value, { action: "go", hours: 2 })
      assert.strictEqual(answer.attempts, 3)
      assert.deepStrictEqual([dollars(answer.cost), dollars(answer.callCost)], ["0.25", "0.75"])
      assert.strictEqual(Usd.toText((yield* ledger.report).cost), "0.75")
      const inputs = (yield* bodies).map((body) =>
        typeof body === "object" && body !== null && "input" in body ? body.input : 0
      )
      const again = (text: string, said: string) => [
        { role: "user", content: asked.input },
        { role: "assistant", content: text },
        { role: "user", content: said }
      ]
      assert.deepStrictEqual(inputs, [
        asked.input,
        again(misfit, `No: Expected number\n  at ["hours"]`),
        again("no JSON", `No: the answer is not JSON: Unexpected token 'o', "no JSON" is not valid JSON`)
      ])
    }).pipe(Effect.provide(saying(misfit, "no JSON", fits))))

  it.effect("ends with the last answer when it was often enough", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.respondObject({ ...asked, reask: { times: 2 } }))
      assert.strictEqual(error._tag, "InvalidOutput")
      assert.deepStrictEqual([dollars(error.callCost), error.attempts], ["0.75", 3])
      assert.lengthOf(yield* sent, 3)
    }).pipe(Effect.provide(saying(misfit))))

  it.effect("may be for some answers only", () =>
    Effect.gen(function*() {
      const reask = { times: 5, when: (error: OpenRouterError.InvalidOutput) => error.text !== "no JSON" }
      const error = yield* Effect.flip(OpenRouter.respondObject({ ...asked, reask }))
      assert.deepStrictEqual(error._tag === "InvalidOutput" ? error.text : error._tag, "no JSON")
      assert.lengthOf(yield* sent, 2)
    }).pipe(Effect.provide(saying(misfit, "no JSON", fits))))

  it.effect("fails as the call that asks again does, with the costs of all", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.respondObject({ ...asked, reask: { times: 1 } }))
      assert.strictEqual(error._tag, "Incomplete")
      assert.strictEqual(dollars(error.callCost), "0.25002")
    }).pipe(Effect.provide(
      final(scripted([says(misfit), ok({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } })]))
    )))

  const costly = OpenRouterTest.answer({
    text: misfit,
    usage: Usage.Usage.make({ inputTokens: 1, outputTokens: 1, totalTokens: 2, cost: Usd.make("0.5") })
  })

  it.effect("ends with the answer that was paid for when the budget says no", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        OpenRouter.respondObject({ ...asked, reask: { times: 9 } }).pipe(Budget.limit("0.4"))
      )
      assert.strictEqual(error._tag, "InvalidOutput")
      assert.lengthOf(yield* OpenRouterTest.calls, 1)
      const streamed = yield* Stream.runDrain(OpenRouter.streamObject({ ...asked, reask: { times: 9 } })).pipe(
        Budget.limit("0.4"),
        Effect.flip
      )
      assert.strictEqual(streamed._tag, "InvalidOutput")
    }).pipe(Effect.provide(OpenRouterTest.layer(costly))))

  it.effect("of a stream begins anew", () =>
    Effect.gen(function*() {
      const parts = yield* Stream.runCollect(OpenRouter.streamObject({ ...asked, reask: { times: 1 } }))
      const last = parts.at(-1)
      assert.deepStrictEqual(last?._tag === "Complete" ? last.answer.value : undefined, { action: "go", hours: 2 })
      assert.strictEqual(last?._tag === "Complete" ? last.answer.attempts : 0, 2)
      assert.lengthOf(parts.filter((part) => part._tag === "Complete"), 1)
      assert.lengthOf(yield* OpenRouterTest.calls, 2)
    }).pipe(Effect.provide(OpenRouterTest.layer([misfit, fits]))))
})
