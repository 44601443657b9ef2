import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { OpenRouter } from "@openrouter/sdk"
import { Effect, Layer, Schedule, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import OpenAI, { APIError, RateLimitError } from "openai"
import type { ResponseStreamParams } from "openai/lib/responses/ResponseStream"

class SdkError extends Schema.TaggedError<SdkError>()("SdkError", { cause: Schema.Unknown }) {}

const served = Emulator.layerServer().pipe(Layer.provideMerge(NodeHttpServer.layerTest))

const baseUrl = HttpServer.addressFormattedWith((address) =>
  Effect.succeed(`${address.replace("0.0.0.0", "127.0.0.1").replace("[::]", "127.0.0.1")}/api/v1`)
)

const schema = {
  type: "object",
  properties: { mood: { type: "string", enum: ["calm", "angry"] }, age: { type: "integer", minimum: 1, maximum: 99 } },
  required: ["mood", "age"],
  additionalProperties: false
}

const Person = Schema.fromJsonString(Schema.Struct({ mood: Schema.Literals(["calm", "angry"]), age: Schema.Int }))

const model = "openai/gpt-5"

describe("the openai package", () => {
  const client = Effect.map(baseUrl, (baseURL) => new OpenAI({ baseURL, apiKey: "test", maxRetries: 0 }))

  it.live("gets a plain answer", () =>
    Effect.gen(function*() {
      const openai = yield* client
      const response = yield* Effect.promise(() => openai.responses.create({ model, input: "Hello" }))
      assert.strictEqual(response.status, "completed")
      assert.isAbove(response.output_text.length, 20)
      const { total } = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.isAbove(Number(total.value), 0)
    }).pipe(Effect.provide(served)))

  it.live("gets a structured answer", () =>
    Effect.gen(function*() {
      const openai = yield* client
      const response = yield* Effect.promise(() =>
        openai.responses.parse({
          model,
          input: [{ role: "user", content: "Who is Bob?" }],
          text: { format: { type: "json_schema", name: "person", schema, strict: true } }
        })
      )
      yield* Schema.decodeEffect(Person)(response.output_text)
    }).pipe(Effect.provide(served)))

  it.live("gets a call of a function", () =>
    Effect.gen(function*() {
      const openai = yield* client
      const response = yield* Effect.promise(() =>
        openai.responses.create({
          model,
          input: "Who is Bob?",
          tools: [{ type: "function", name: "look_up", parameters: schema, strict: true }],
          tool_choice: "required"
        })
      )
      const [item] = response.output
      yield* Schema.decodeEffect(Person)(item?.type === "function_call" ? item.arguments : "")
    }).pipe(Effect.provide(served)))

  it.live("reads a stream event by event", () =>
    Effect.gen(function*() {
      const openai = yield* client
      const types = new Set<string>()
      let text = ""
      let final = ""
      yield* Effect.promise(async () => {
        const stream = await openai.responses.create({ model, input: "Hello", stream: true })
        for await (const event of stream) {
          types.add(event.type)
          if (event.type === "response.output_text.delta") text += event.delta
          if (event.type === "response.completed") final = JSON.stringify(event.response.output)
        }
      })
      assert.isAbove(text.length, 20)
      assert.include(final, JSON.stringify(text))
      assert.isTrue(types.has("response.created") && types.has("response.completed"))
      assert.strictEqual(yield* Emulator.Emulator.use((emulator) => emulator.openRequests), 0)
    }).pipe(Effect.provide(served)))

  const shapes: ReadonlyArray<readonly [name: string, body: ResponseStreamParams, types: ReadonlyArray<string>]> = [
    ["text", { model, input: "Hello" }, ["message"]],
    ["reasoning", { model, input: "Hello", reasoning: { effort: "low" } }, ["reasoning", "message"]],
    ["a refusal", { model: "emulator/refusal", input: "Hello" }, ["message"]],
    ["unknown items", { model: "emulator/unknown-item", input: "Hello" }, ["emulator:novelty", "message"]],
    ["a call", {
      model,
      input: "Hello",
      tools: [{ type: "function", name: "look_up", parameters: schema, strict: true }],
      tool_choice: "required"
    }, ["function_call"]],
    ["noise", { model: "emulator/stream-noise", input: "Hello" }, ["message"]],
    ["single bytes", { model: "emulator/stream-bytes-1", input: "Hello" }, ["message"]],
    ["items by turns", { model: "emulator/stream-interleaved", input: "Hello" }, ["message", "message"]]
  ]

  it.live.each(shapes)("gathers a stream into a response: %s", ([, body, types]) =>
    Effect.gen(function*() {
      const openai = yield* client
      const response = yield* Effect.promise(() => openai.responses.stream(body).finalResponse())
      assert.strictEqual(response.status, "completed")
      assert.deepStrictEqual(response.output.map((item) => String(item.type)), types)
      assert.isAbove(response.usage?.output_tokens ?? 0, 0)
    }).pipe(Effect.provide(served)))

  it.live("sees a failure inside of a stream", () =>
    Effect.gen(function*() {
      const openai = yield* client
      for (const name of ["stream-reset", "stream-error-nested"]) {
        const error = yield* Effect.flip(Effect.tryPromise({
          try: async () => {
            const stream = await openai.responses.create({ model: `emulator/${name}`, input: "Hello", stream: true })
            for await (const _ of stream);
          },
          catch: (cause) => new SdkError({ cause })
        }))
        assert.instanceOf(error.cause, Error)
      }
    }).pipe(Effect.provide(served)))

  it.live("that leaves a stream ends it", () =>
    Effect.gen(function*() {
      const openai = yield* client
      yield* Effect.promise(async () => {
        const stream = await openai.responses.create({ model: "emulator/stream-stall", input: "Hello", stream: true })
        for await (const event of stream) if (event.type === "response.output_text.delta") break
      })
      const emulator = yield* Emulator.Emulator
      yield* emulator.ledger.pipe(
        Effect.flatMap(({ cancelled }) => cancelled === 1 ? Effect.void : Effect.fail("not yet")),
        Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 100 })
      )
      assert.strictEqual(yield* emulator.openRequests, 0)
    }).pipe(Effect.provide(served)))

  it.live("gets embeddings", () =>
    Effect.gen(function*() {
      const openai = yield* client
      const { data, usage } = yield* Effect.promise(() =>
        openai.embeddings.create({ model: "openai/text-embedding-3-small", input: ["Hello", "Bye"], dimensions: 16 })
      )
      assert.deepStrictEqual(data.map(({ embedding }) => embedding.length), [16, 16])
      assert.strictEqual(usage.prompt_tokens, 3)
    }).pipe(Effect.provide(served)))

  it.live("gets a 429", () =>
    Effect.gen(function*() {
      const openai = yield* client
      const error = yield* Effect.flip(Effect.tryPromise({
        try: () => openai.responses.create({ model: "emulator/status-429", input: "Hello" }),
        catch: (cause) => new SdkError({ cause })
      }))
      assert.instanceOf(error.cause, RateLimitError)
    }).pipe(Effect.provide(served)))
})

describe("the chat of the openai package", () => {
  const client = Effect.map(
    baseUrl,
    (baseURL) => new OpenAI({ baseURL, apiKey: "test", maxRetries: 1 }).chat.completions
  )
  const messages: ReadonlyArray<OpenAI.ChatCompletionMessageParam> = [{ role: "user", content: "Who is Bob?" }]

  it.live("gets a plain answer, and what it took", () =>
    Effect.gen(function*() {
      const chat = yield* client
      const { choices, usage } = yield* Effect.promise(() => chat.create({ model, messages: [...messages] }))
      assert.isAbove(choices[0]?.message.content?.length ?? 0, 20)
      assert.strictEqual(choices[0]?.finish_reason, "stop")
      const { accounts } = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.strictEqual(usage?.completion_tokens, accounts[0]?.outputTokens)
    }).pipe(Effect.provide(served)))

  it.live("gathers a stream, text and calls", () =>
    Effect.gen(function*() {
      const chat = yield* client
      const whole = yield* Effect.promise(() => chat.create({ model, messages: [...messages] }))
      const streamed = yield* Effect.promise(() =>
        chat.stream({ model, messages: [...messages], stream_options: { include_usage: true } }).finalChatCompletion()
      )
      assert.strictEqual(streamed.choices[0]?.message.content, whole.choices[0]?.message.content)
      assert.deepStrictEqual(streamed.usage, whole.usage)
    }).pipe(Effect.provide(served)))

  it.live("runs tools until there is an answer", () =>
    Effect.gen(function*() {
      const chat = yield* client
      const asked: Array<string> = []
      const answer = yield* Effect.promise(() =>
        chat.runTools({
          model: "emulator/echo",
          messages: [...messages],
          tools: [{
            type: "function",
            function: {
              name: "look_up",
              description: "Looks somebody up.",
              parameters: schema,
              function: (args: string) => {
                asked.push(args)
                return "a baker"
              }
            }
          }]
        }).finalContent()
      )
      assert.strictEqual(asked.length, 1)
      yield* Schema.decodeEffect(Person)(asked[0] ?? "")
      assert.match(answer ?? "", /a baker$/)
    }).pipe(
      Effect.provide(
        Emulator.layerServer({
          rules: [{
            when: ({ text }) => !text.includes("a baker"),
            reply: Emulator.Reply.toolCall("look_up", { mood: "calm", age: 40 })
          }]
        }).pipe(Layer.provideMerge(NodeHttpServer.layerTest))
      )
    ))

  it.live("gets a structured answer", () =>
    Effect.gen(function*() {
      const chat = yield* client
      const { choices } = yield* Effect.promise(() =>
        chat.parse({
          model,
          messages: [...messages],
          response_format: { type: "json_schema", json_schema: { name: "person", schema, strict: true } }
        })
      )
      yield* Schema.decodeUnknownEffect(Schema.toType(Person))(choices[0]?.message.parsed)
    }).pipe(Effect.provide(served)))

  it.live("tries again after a refusal, and throws what it should", () =>
    Effect.gen(function*() {
      const chat = yield* client
      const again = yield* Effect.promise(() => chat.create({ model: "emulator/flaky-429", messages: [...messages] }))
      assert.strictEqual(again.choices[0]?.finish_reason, "stop")
      const error = yield* Effect.flip(Effect.tryPromise({
        try: () => chat.create({ model: "emulator/no-credits", messages: [...messages] }),
        catch: (cause) => new SdkError({ cause })
      }))
      assert.strictEqual(error.cause instanceof APIError ? error.cause.status : error.cause, 402)
    }).pipe(Effect.provide(served)))
})

describe("the @openrouter/sdk package", () => {
  const client = Effect.map(
    baseUrl,
    (serverURL) => new OpenRouter({ serverURL, apiKey: "test", retryConfig: { strategy: "none" } })
  )

  it.live("gets a plain answer", () =>
    Effect.gen(function*() {
      const sdk = yield* client
      const response = yield* Effect.promise(() => sdk.responses.send({ responsesRequest: { model, input: "Hello" } }))
      assert.property(response, "output")
      if (!("output" in response)) return
      assert.strictEqual(response.status, "completed")
      assert.strictEqual(response.output[0]?.type, "message")
      const { total } = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.isAbove(response.usage?.cost ?? 0, 0)
      assert.isAbove(Number(total.value), 0)
    }).pipe(Effect.provide(served)))

  const streams: ReadonlyArray<readonly [model: string, last: string]> = [
    [model, "response.completed"],
    ["emulator/refusal", "response.completed"],
    ["emulator/incomplete", "response.incomplete"],
    ["emulator/failed", "response.failed"],
    ["emulator/stream-noise", "response.completed"],
    ["emulator/stream-bytes-7", "response.completed"],
    ["emulator/stream-error-flat", "error"]
  ]

  it.live.each(streams)("reads the stream of %s", ([model, last]) =>
    Effect.gen(function*() {
      const sdk = yield* client
      const types = yield* Effect.promise(async () => {
        const types: Array<string> = []
        const stream = await sdk.responses.send({
          responsesRequest: { model, input: "Hello", stream: true, reasoning: { effort: "low" } }
        })
        if ("output" in stream) return types
        for await (const event of stream) types.push(String(event.type))
        return types
      })
      assert.strictEqual(types[0], "response.created")
      assert.strictEqual(types.at(-1), last)
      assert.notInclude(types, "UNKNOWN")
    }).pipe(Effect.provide(served)))

  it.live("gets a structured answer", () =>
    Effect.gen(function*() {
      const sdk = yield* client
      const response = yield* Effect.promise(() =>
        sdk.responses.send({
          responsesRequest: {
            model,
            input: "Who is Bob?",
            reasoning: { effort: "low" },
            text: { format: { type: "json_schema", name: "person", schema, strict: true } }
          }
        })
      )
      assert.property(response, "output")
      if (!("output" in response)) return
      assert.deepStrictEqual(response.output.map((item) => item.type), ["reasoning", "message"])
      const text = /"text":"(\{.*?\})"/.exec(JSON.stringify(response.output[1]))?.[1] ?? ""
      yield* Schema.decodeEffect(Person)(text.replaceAll("\\\"", "\""))
    }).pipe(Effect.provide(served)))

  it.live("gets a 429", () =>
    Effect.gen(function*() {
      const sdk = yield* client
      const error = yield* Effect.flip(Effect.tryPromise({
        try: () => sdk.responses.send({ responsesRequest: { model: "emulator/status-429", input: "Hello" } }),
        catch: (cause) => new SdkError({ cause })
      }))
      assert.propertyVal(error.cause, "statusCode", 429)
      assert.propertyVal(error.cause, "name", "TooManyRequestsResponseError")
    }).pipe(Effect.provide(served)))

  it.live("reads the documents about the account", () =>
    Effect.gen(function*() {
      const sdk = yield* client
      const sent = yield* Effect.promise(() => sdk.responses.send({ responsesRequest: { model, input: "Hello" } }))
      assert.property(sent, "output")
      if (!("output" in sent)) return
      const generation = yield* Effect.promise(() => sdk.generations.getGeneration({ id: sent.id }))
      assert.strictEqual(generation.data.totalCost, sent.usage?.cost)
      const models = yield* Effect.promise(() => sdk.models.list())
      assert.isAbove(models.result.data.length, 5)
      const count = yield* Effect.promise(() => sdk.models.count())
      assert.strictEqual(count.data.count, models.result.data.length)
      const { data } = yield* Effect.promise(() => sdk.endpoints.list({ author: "openai", slug: "gpt-5" }))
      assert.strictEqual(data.endpoints[0]?.pricing.prompt, models.result.data[0]?.pricing.prompt)
      const providers = yield* Effect.promise(() => sdk.providers.list())
      assert.strictEqual(providers.data[0]?.name, data.endpoints[0]?.providerName)
      const credits = yield* Effect.promise(() => sdk.credits.getCredits())
      assert.strictEqual(credits.data.totalUsage, sent.usage?.cost)
      const key = yield* Effect.promise(() => sdk.apiKeys.getCurrentKeyMetadata())
      assert.strictEqual(key.data.usage, sent.usage?.cost)
    }).pipe(Effect.provide(served)))
})
