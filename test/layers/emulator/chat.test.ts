import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, Effect, type Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { at, dataOf, eventsOf, model, post, sse, textOf } from "./support.ts"

const { Reply } = Emulator

const chat = "/chat/completions"

type Body = { readonly [key: string]: Schema.Json }

const json = (body: Body, path = chat) => Effect.flatMap(post(body, path), (response) => response.json)

const chunks = (body: Body) => Effect.flatMap(sse(body, chat), eventsOf)

const question = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "Who lives in the town?" }] }
]

const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
  }
}

const tools = [weather, { type: "function", function: { name: "time" } }]

const twoCalls = Reply.answer({
  calls: [{ name: "weather", arguments: { city: "Bern" } }, { name: "time", arguments: {} }]
})

/** What the deltas of the only choice say in a field. */
const said = (all: ReadonlyArray<unknown>, field: string) =>
  all.map((chunk) => at(chunk, `choices.0.delta.${field}`) ?? "").join("")

const finishes = (
  all: ReadonlyArray<unknown>
) => [...new Set(all.map((chunk) => at(chunk, "choices.0.finish_reason")).filter((reason) => reason !== null))]

describe("chat completions", () => {
  it.effect("are the answers of the other endpoint in another spelling, for the same price", () =>
    Effect.gen(function*() {
      const answer = yield* json({ model, messages: question, max_tokens: 4000 })
      const input = [
        { type: "message", role: "system", content: "Be brief." },
        { type: "message", role: "user", content: [{ type: "input_text", text: "Who lives in the town?" }] }
      ]
      const other = yield* json({ model, input }, "/responses")
      assert.strictEqual(at(answer, "choices.0.message.content"), textOf(at(other, "output")))
      assert.strictEqual(at(answer, "object"), "chat.completion")
      assert.strictEqual(at(answer, "model"), model)
      assert.match(String(at(answer, "id")), /^gen-/)
      assert.strictEqual(at(answer, "choices.0.message.role"), "assistant")
      assert.strictEqual(at(answer, "choices.0.finish_reason"), "stop")
      assert.deepStrictEqual(
        ["prompt_tokens", "completion_tokens", "total_tokens", "cost"].map((name) => at(answer, `usage.${name}`)),
        ["input_tokens", "output_tokens", "total_tokens", "cost"].map((name) => at(other, `usage.${name}`))
      )
      assert.isAbove(Number(at(answer, "usage.cost")), 0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("are in the books, with their generation", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const answers = [
        yield* json({ model, messages: question }),
        (yield* chunks({ model, messages: question })).at(-1)
      ]
      const costs = answers.map((answer) => Number(at(answer, "usage.cost")))
      const { calls, total } = yield* emulator.ledger
      assert.strictEqual(calls, 2)
      assert.closeTo(Number(BigDecimal.format(total)), costs.reduce((a, b) => a + b), 1e-12)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("come in chunks that say the same", () =>
    Effect.gen(function*() {
      const whole = yield* json({ model, messages: question })
      const text = yield* sse({ model, messages: question }, chat)
      assert.match(text, /^: OPENROUTER PROCESSING\n\n/)
      assert.notMatch(text, /^event:/m)
      assert.strictEqual(dataOf(text).at(-1), "[DONE]")
      const all = yield* eventsOf(text)
      for (const chunk of all) {
        assert.strictEqual(at(chunk, "object"), "chat.completion.chunk")
        assert.strictEqual(at(chunk, "id"), at(all[0], "id"))
        assert.strictEqual(at(chunk, "choices.0.delta.role"), "assistant")
      }
      assert.isAbove(all.length, 5)
      assert.strictEqual(said(all, "content"), at(whole, "choices.0.message.content"))
      assert.deepStrictEqual(finishes(all), ["stop"])
      assert.deepStrictEqual(at(all.at(-1), "usage"), at(whole, "usage"))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("call tools, whole and in pieces, and read their results", () =>
    Effect.gen(function*() {
      const first = yield* json({ model, messages: question, tools })
      const calls = [
        { index: 0, type: "function", function: { name: "weather", arguments: "{\"city\":\"Bern\"}" } },
        { index: 1, type: "function", function: { name: "time", arguments: "{}" } }
      ]
      const idOf = (index: number) => String(at(first, `choices.0.message.tool_calls.${index}.id`))
      assert.deepStrictEqual(
        at(first, "choices.0.message.tool_calls"),
        calls.map((call) => ({ ...call, id: idOf(call.index) }))
      )
      assert.strictEqual(at(first, "choices.0.finish_reason"), "tool_calls")
      assert.isNull(at(first, "choices.0.message.content"))

      const all = yield* chunks({ model, messages: question, tools })
      const pieces = all.flatMap((chunk) => {
        const calls = at(chunk, "choices.0.delta.tool_calls")
        return Array.isArray(calls) ? calls : []
      })
      for (const { function: asked, index } of calls) {
        const own = pieces.filter((piece) => at(piece, "index") === index)
        assert.strictEqual(at(own[0], "id"), idOf(index))
        assert.strictEqual(at(own[0], "function.name"), asked.name)
        assert.strictEqual(own.map((piece) => at(piece, "function.arguments")).join(""), asked.arguments)
      }
      assert.deepStrictEqual(finishes(all), ["tool_calls"])

      const messages = [
        ...question,
        { role: "assistant", content: null, tool_calls: calls.map((call) => ({ ...call, id: idOf(call.index) })) },
        ...calls.map(({ index }) => ({ role: "tool", tool_call_id: idOf(index), content: `result ${index}` }))
      ]
      const second = yield* json({ model: "emulator/echo", messages, tools })
      assert.strictEqual(
        at(second, "choices.0.message.content"),
        "Be brief.\nWho lives in the town?\nweather {\"city\":\"Bern\"}\ntime {}\nresult 0\nresult 1"
      )
    }).pipe(Effect.provide(Emulator.layerHttpClient({ rules: [{ when: { model }, reply: twoCalls }] }))))

  it.effect("must call what is chosen", () =>
    Effect.gen(function*() {
      for (const tool_choice of ["required", { type: "function", function: { name: "weather" } }]) {
        const answer = yield* json({ model, messages: question, tools: [weather], tool_choice })
        const call = at(answer, "choices.0.message.tool_calls.0.function")
        assert.strictEqual(at(call, "name"), "weather")
        assert.isString(at(JSON.parse(String(at(call, "arguments"))), "city"))
      }
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("have the form that is asked for", () =>
    Effect.gen(function*() {
      const schema = {
        type: "object",
        properties: { age: { type: "integer", minimum: 3, maximum: 3 } },
        required: ["age"]
      }
      const response_format = { type: "json_schema", json_schema: { name: "person", strict: true, schema } }
      const answer = yield* json({ model, messages: question, response_format })
      assert.strictEqual(at(answer, "choices.0.message.content"), "{\"age\":3}")
      const free = yield* json({ model, messages: question, response_format: { type: "json_object" } })
      assert.isObject(JSON.parse(String(at(free, "choices.0.message.content"))))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("say why they end", () =>
    Effect.gen(function*() {
      const ends = yield* Effect.forEach(["incomplete", "content-filter", "refusal", "failed-server"], (name) =>
        Effect.map(json({ model: `emulator/${name}`, messages: question }), (answer) => [
          at(answer, "choices.0.finish_reason"),
          at(answer, "choices.0.message.refusal"),
          at(answer, "choices.0.error.code")
        ]))
      assert.deepStrictEqual(ends, [
        ["length", null, undefined],
        ["content_filter", null, undefined],
        ["stop", "I will not help with that.", undefined],
        ["error", null, 500]
      ])
      const cut = yield* json({ model, messages: question, max_completion_tokens: 3 })
      assert.deepStrictEqual(
        [at(cut, "choices.0.finish_reason"), at(cut, "usage.completion_tokens")],
        ["length", 3]
      )
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("think aloud", () =>
    Effect.gen(function*() {
      for (const more of [{ reasoning: { effort: "low" } }, { reasoning_effort: "low" }]) {
        const answer = yield* json({ model, messages: question, ...more })
        const thought = at(answer, "choices.0.message.reasoning")
        assert.isString(thought)
        assert.strictEqual(at(answer, "choices.0.message.reasoning_details.0.summary"), thought)
        assert.isAbove(Number(at(answer, "usage.completion_tokens_details.reasoning_tokens")), 0)
        assert.strictEqual(said(yield* chunks({ model, messages: question, ...more }), "reasoning"), thought)
      }
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("break off in a chunk that says so, as the stream of the other endpoint does", () =>
    Effect.gen(function*() {
      const all = yield* chunks({ model, messages: question })
      assert.strictEqual(at(all.at(-1), "error.message"), "The provider broke off.")
      assert.deepStrictEqual(finishes(all), ["error"])
      assert.strictEqual(all.filter((chunk) => at(chunk, "choices.0.delta.content") !== "").length, 2)
    }).pipe(
      Effect.provide(Emulator.layerHttpClient({
        stream: { ending: { _tag: "Error", form: "nested-then-failed", after: 2 }, unknownEvents: 1 }
      }))
    ))

  it.effect("pass the same key, limits, rules and credits", () =>
    Effect.gen(function*() {
      const statuses = yield* Effect.forEach(
        ["emulator/status-503", "emulator/no-credits", "emulator/error-in-200", model, model, model],
        (model) => Effect.map(post({ model, messages: question }, chat), ({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [503, 402, 200, 418, 200, 429])
      const limited = yield* post({ model, messages: question }, chat)
      assert.strictEqual(limited.headers["x-ratelimit-remaining"], "0")
      assert.strictEqual(at(yield* limited.json, "error.code"), 429)
      const known = yield* post({ model, input: "Hello" }, "/responses")
      assert.strictEqual(known.status, 429)
    }).pipe(
      Effect.provide(Emulator.layerHttpClient({
        rateLimit: { requests: 2, window: "1 minute", models: [model] },
        rules: [{ when: { model }, times: 1, reply: Reply.failure(418) }]
      }))
    ))

  it.effect("are cached if that is asked for", () =>
    Effect.gen(function*() {
      const handler = Emulator.handler()
      const ask = (stream: boolean) =>
        Effect.promise(async () => {
          const response = await handler(
            new Request("http://emulator/api/v1/chat/completions", {
              method: "POST",
              headers: { authorization: "Bearer any", "x-openrouter-cache": "true" },
              body: JSON.stringify({ model, messages: question, stream })
            })
          )
          return [response.headers.get("x-openrouter-cache-status"), await response.text()] as const
        })
      for (const stream of [false, true]) {
        const [miss, first] = yield* ask(stream)
        const [hit, again] = yield* ask(stream)
        assert.deepStrictEqual([miss, hit], ["MISS", "HIT"])
        const answers = stream
          ? [yield* eventsOf(first), yield* eventsOf(again)]
          : [[JSON.parse(first)], [JSON.parse(again)]]
        const texts = answers.map((all) => said(all, "content") + String(at(all[0], "choices.0.message.content")))
        assert.strictEqual(texts[0], texts[1])
        const [paid, free] = answers.map((all) => Number(at(all.at(-1), "usage.cost")))
        assert.isAbove(paid ?? 0, 0)
        assert.strictEqual(free, 0)
        assert.notStrictEqual(at(answers[0]?.[0], "id"), at(answers[1]?.[0], "id"))
      }
    }))

  it.effect.each<readonly [string, Body]>([
    ["messages", {}],
    ["messages", { messages: "Hello" }],
    ["messages", { messages: [] }],
    ["messages[0]", { messages: ["Hello"] }],
    ["messages[0].role", { messages: [{ role: "function", content: "Hello" }] }],
    ["messages[0].content", { messages: [{ role: "user" }] }],
    ["messages[0].content", { messages: [{ role: "user", content: 1 }] }],
    ["messages[0].content[1]", { messages: [{ role: "user", content: [{ type: "text", text: "a" }, "b"] }] }],
    ["messages[0].content[0].text", { messages: [{ role: "user", content: [{ type: "text" }] }] }],
    ["messages[1].tool_call_id", { messages: [...question.slice(0, 1), { role: "tool", content: "4" }] }],
    ["messages[0].tool_calls[0]", { messages: [{ role: "assistant", tool_calls: [{ id: "call_1" }] }] }],
    ["messages[0].tool_calls[0].function", {
      messages: [{ role: "assistant", tool_calls: [{ id: "call_1", function: { name: "weather", arguments: {} } }] }]
    }],
    ["response_format.type", { messages: question, response_format: { type: "xml" } }],
    ["response_format.json_schema.name", {
      messages: question,
      response_format: { type: "json_schema", json_schema: { schema: {} } }
    }],
    ["response_format.json_schema.schema", {
      messages: question,
      response_format: { type: "json_schema", json_schema: { name: "a" } }
    }],
    ["tools[1].function.name", { messages: question, tools: [weather, { type: "function", function: {} }] }],
    ["tool_choice", { messages: question, tool_choice: "required" }],
    ["max_tokens", { messages: question, max_tokens: 0 }],
    ["max_completion_tokens", { messages: question, max_completion_tokens: "many" }],
    ["temperature", { messages: question, temperature: 3 }]
  ])("turn away a wrong '%s'", ([field, body]) =>
    Effect.gen(function*() {
      const response = yield* post({ model, ...body }, chat)
      assert.strictEqual(response.status, 400)
      assert.include(String(at(yield* response.json, "error.message")), `'${field}'`)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("are what is meant where the method or the path is wrong", () =>
    Effect.gen(function*() {
      const wrong = yield* post({ model }, "/completions")
      assert.include(String(at(yield* wrong.json, "error.message")), "Did you mean POST /api/v1/chat/completions?")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})
