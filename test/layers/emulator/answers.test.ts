import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import { HttpClient, HttpClientRequest } from "effect/http"

const Part = Schema.Struct({
  type: Schema.String,
  text: Schema.optionalKey(Schema.String),
  refusal: Schema.optionalKey(Schema.String)
})

const Item = Schema.Struct({
  type: Schema.String,
  id: Schema.String,
  name: Schema.optionalKey(Schema.String),
  arguments: Schema.optionalKey(Schema.String),
  status: Schema.optionalKey(Schema.String),
  content: Schema.optionalKey(Schema.Array(Part))
})

/** A view of the response object of its own, independent of the client's schemas. */
const Answer = Schema.Struct({
  id: Schema.String,
  object: Schema.Literal("response"),
  status: Schema.String,
  model: Schema.String,
  incomplete_details: Schema.NullOr(Schema.Struct({ reason: Schema.String })),
  output: Schema.Array(Item),
  usage: Schema.Struct({
    input_tokens: Schema.Int,
    output_tokens: Schema.Int,
    total_tokens: Schema.Int,
    output_tokens_details: Schema.Struct({ reasoning_tokens: Schema.Int }),
    cost: Schema.Finite,
    is_byok: Schema.Literal(false)
  })
})

const post = (body: Schema.Json) =>
  HttpClientRequest.post("http://emulator/api/v1/responses").pipe(
    HttpClientRequest.bearerToken("test"),
    HttpClientRequest.bodyJsonUnsafe(body),
    HttpClient.execute
  )

const ask = (body: Schema.Json) =>
  post(body).pipe(Effect.flatMap((response) => response.json), Effect.flatMap(Schema.decodeUnknownEffect(Answer)))

const textOf = (answer: typeof Answer.Type) =>
  answer.output.flatMap((item) => item.content ?? []).map((part) => part.text ?? "").join("")

const model = "openai/gpt-5"

describe("answers", () => {
  it.effect("are complete response objects", () =>
    Effect.gen(function*() {
      const response = yield* post({ model, input: "Hello", metadata: { run: "1" }, temperature: 0.3 })
      const body = yield* response.json
      assert.strictEqual(response.status, 200)
      assert.match(response.headers["content-type"] ?? "", /^application\/json/)
      const answer = yield* Schema.decodeUnknownEffect(Answer)(body)
      assert.strictEqual(response.headers["x-generation-id"], answer.id)
      assert.match(answer.id, /^gen-0-[0-9A-Za-z]{20}$/)
      assert.match(answer.output[0]?.id ?? "", /^msg_tmp_/)
      assert.isAbove(textOf(answer).length, 20)
      const fields = yield* Schema.decodeUnknownEffect(Schema.Record(Schema.String, Schema.Unknown))(body)
      for (
        const required
          of ("id object created_at model status completed_at output error incomplete_details temperature " +
            "top_p presence_penalty frequency_penalty instructions metadata tools tool_choice parallel_tool_calls")
            .split(" ")
      ) {
        assert.property(fields, required)
      }
      assert.deepStrictEqual(fields["metadata"], { run: "1" })
      assert.strictEqual(fields["temperature"], 0.3)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("depend on the content, not on the order or the number of requests", () =>
    Effect.gen(function*() {
      const inputs = ["one", "two", "three", "four"]
      const ordered = yield* Effect.forEach(inputs, (input) => ask({ model, input }))
      const reversed = yield* Effect.forEach(inputs.toReversed(), (input) => ask({ model, input }), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(ordered.map(textOf), reversed.map(textOf).toReversed())
      assert.strictEqual(new Set(ordered.map(textOf)).size, 4)
      assert.strictEqual(new Set([...ordered, ...reversed].map((answer) => answer.id)).size, 8)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("do not depend on who asks", () =>
    Effect.gen(function*() {
      const a = yield* ask({ model, input: "Hello" })
      const b = yield* ask({ model, input: "Hello", user: "bob", session_id: "s", metadata: { a: "b" } })
      assert.strictEqual(textOf(a), textOf(b))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("change with the seed", () =>
    Effect.gen(function*() {
      const say = (seed: number) =>
        ask({ model, input: "Hello" }).pipe(Effect.map(textOf), Effect.provide(Emulator.layerHttpClient({ seed })))
      assert.strictEqual(yield* say(1), yield* say(1))
      assert.notStrictEqual(yield* say(1), yield* say(2))
    }))

  it.effect("stop at max_output_tokens, and are the beginning of the longer answer", () =>
    Effect.gen(function*() {
      const whole = yield* ask({ model, input: "Hello" })
      const cut = yield* ask({ model, input: "Hello", max_output_tokens: 5 })
      assert.strictEqual(cut.status, "incomplete")
      assert.deepStrictEqual(cut.incomplete_details, { reason: "max_output_tokens" })
      assert.strictEqual(cut.usage.output_tokens, 5)
      assert.strictEqual(textOf(cut), textOf(whole).slice(0, 20))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("reason when asked to, and the tokens of that count first", () =>
    Effect.gen(function*() {
      const answer = yield* ask({ model, input: "Hello", reasoning: { effort: "low" } })
      assert.deepStrictEqual(answer.output.map((item) => item.type), ["reasoning", "message"])
      assert.isAbove(answer.usage.output_tokens_details.reasoning_tokens, 0)
      const starved = yield* ask({ model, input: "Hello", reasoning: { effort: "low" }, max_output_tokens: 4 })
      assert.strictEqual(starved.status, "incomplete")
      assert.deepStrictEqual(starved.output.map((item) => item.type), ["reasoning"])
      const silent = yield* ask({ model, input: "Hello", reasoning: { effort: "none" } })
      assert.deepStrictEqual(silent.output.map((item) => item.type), ["message"])
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("count four characters per token and charge the listed price", () =>
    Effect.gen(function*() {
      const answer = yield* ask({ model, instructions: "Be kind", input: "x".repeat(392) })
      assert.strictEqual(answer.usage.input_tokens, 100)
      assert.strictEqual(answer.usage.output_tokens, Math.ceil(textOf(answer).length / 4))
      assert.strictEqual(answer.usage.total_tokens, 100 + answer.usage.output_tokens)
      assert.strictEqual(answer.usage.cost, Number((100 * 0.3 + answer.usage.output_tokens * 0.7).toFixed(1)))
    }).pipe(Effect.provide(Emulator.layerHttpClient({ prices: { [model]: { prompt: "0.3", completion: "0.7" } } }))))

  it.effect("cost nothing for a free variant", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask({ model: "any/thing:free", input: "Hello" })).usage.cost, 0)
      assert.isAbove((yield* ask({ model: "any/thing:nitro", input: "Hello" })).usage.cost, 0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("structured answers", () => {
  const Intention = Schema.Struct({
    action: Schema.Literals(["walk", "talk", "trade"]),
    target: Schema.NullOr(Schema.String),
    urgency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10 })),
    steps: Schema.Array(Schema.Struct({ verb: Schema.NonEmptyString, cost: Schema.Finite }))
  })

  it.effect("satisfy the schema", () =>
    Effect.gen(function*() {
      const { codec, jsonSchema } = toCodecOpenAI(Intention)
      const format = yield* Schema.decodeUnknownEffect(Schema.Json)({
        type: "json_schema",
        name: "intention",
        strict: true,
        schema: jsonSchema
      })
      const decode = Schema.decodeEffect(Schema.fromJsonString(codec))
      const values = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, index) => `question ${index}`),
        (input) => ask({ model, input, text: { format } }).pipe(Effect.map(textOf), Effect.flatMap(decode))
      )
      assert.deepStrictEqual(new Set(values.map((value) => value.action)), new Set(["walk", "talk", "trade"]))
      assert.strictEqual(values.some((value) => value.target === null), true)
      assert.strictEqual(values.some((value) => value.target !== null), true)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("are an object for json_object", () =>
    Effect.gen(function*() {
      const answer = yield* ask({ model, input: "Hello", text: { format: { type: "json_object" } } })
      yield* Schema.decodeEffect(Schema.fromJsonString(Schema.JsonObject))(textOf(answer))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("function calls", () => {
  const tools = [
    {
      type: "function",
      name: "weather",
      parameters: {
        type: "object",
        properties: { city: { type: "string" }, days: { type: "integer", minimum: 1, maximum: 7 } },
        required: ["city", "days"],
        additionalProperties: false
      }
    },
    { type: "function", name: "clock", parameters: null }
  ]

  it.effect("are made when required", () =>
    Effect.gen(function*() {
      const answer = yield* ask({ model, input: "Rain?", tools, tool_choice: { type: "function", name: "weather" } })
      const [call] = answer.output
      assert.strictEqual(call?.type, "function_call")
      assert.strictEqual(call?.name, "weather")
      const Arguments = Schema.Struct({ city: Schema.String, days: Schema.Int })
      yield* Schema.decodeEffect(Schema.fromJsonString(Arguments))(call?.arguments ?? "")
      const any = yield* ask({ model, input: "Rain?", tools, tool_choice: "required" })
      assert.include(["weather", "clock"], any.output[0]?.name)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("are not made otherwise", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask({ model, input: "Rain?", tools })).output[0]?.type, "message")
      assert.strictEqual(
        (yield* ask({ model, input: "Rain?", tools, tool_choice: "none" })).output[0]?.type,
        "message"
      )
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("can be answered with their output", () =>
    Effect.gen(function*() {
      const first = yield* ask({ model, input: "Rain?", tools, tool_choice: "required" })
      const history = yield* Schema.decodeUnknownEffect(Schema.Array(Schema.Json))(first.output)
      const second = yield* ask({
        model,
        tools,
        input: [
          { role: "user", content: "Rain?" },
          { type: "function_call", call_id: "c1", name: "weather", arguments: "{}" },
          { type: "function_call_output", call_id: "c1", output: "rain" }
        ]
      })
      assert.strictEqual(history.length, 1)
      assert.strictEqual(second.output[0]?.type, "message")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("fallback models", () => {
  it.effect("answer when the first one fails", () =>
    Effect.gen(function*() {
      const answer = yield* ask({ models: ["unknown/model", "emulator/status-502", model], input: "Hello" })
      assert.strictEqual(answer.model, model)
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.deepStrictEqual(ledger.accounts.map((account) => account.model), [model])
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("end in the error of the last one", () =>
    Effect.gen(function*() {
      const response = yield* post({ model: "emulator/status-503", models: ["emulator/status-529"], input: "Hello" })
      assert.strictEqual(response.status, 529)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})
