/** `@effect/ai-openrouter` on Effect 3, as its own documentation uses it. */
import { OpenRouterClient, OpenRouterLanguageModel } from "@effect/ai-openrouter"
import * as LanguageModel from "@effect/ai/LanguageModel"
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer, Redacted, Schema, Stream } from "effect"
import assert from "node:assert"
import { apiKey, apiUrl, check, done, used } from "./checks.mjs"

const client = OpenRouterClient.layer({ apiKey: Redacted.make(apiKey), apiUrl }).pipe(
  Layer.provide(FetchHttpClient.layer)
)

const run = (effect, slug = "openai/gpt-5") =>
  effect.pipe(Effect.provide(OpenRouterLanguageModel.model(slug)), Effect.provide(client), Effect.runPromise)

const prompt = "Who lives in the town?"

let text = ""

await check("a text", async () => {
  const answer = await run(LanguageModel.generateText({ prompt }))
  assert.ok(answer.text.length > 20)
  assert.strictEqual(answer.finishReason, "stop")
  text = answer.text
  used(answer.usage.outputTokens)
})

await check("the same text as a stream", async () => {
  const parts = await run(Stream.runCollect(LanguageModel.streamText({ prompt })))
  const all = [...parts]
  const pieces = all.filter(({ type }) => type === "text-delta").map(({ delta }) => delta)
  assert.ok(pieces.length > 3)
  assert.strictEqual(pieces.join(""), text)
  used(all.find(({ type }) => type === "finish").usage.outputTokens)
})

const Weather = Tool.make("weather", {
  description: "Tells the weather of a city.",
  parameters: { city: Schema.String },
  success: Schema.String
})

const toolkit = Toolkit.make(Weather)

const handlers = toolkit.toLayer({ weather: ({ city }) => Effect.succeed(`sunny in ${city}`) })

await check("a tool and its result", async () => {
  const answer = await run(
    LanguageModel.generateText({ prompt: "How is the weather?", toolkit }).pipe(Effect.provide(handlers))
  )
  assert.strictEqual(answer.finishReason, "tool-calls")
  assert.deepStrictEqual(answer.toolResults.map(({ result }) => result), ["sunny in Bern"])
  used(answer.usage.outputTokens)
})

await check("a tool in a stream", async () => {
  const parts = await run(
    Stream.runCollect(LanguageModel.streamText({ prompt: "How is the weather?", toolkit })).pipe(
      Effect.provide(handlers)
    )
  )
  const all = [...parts]
  assert.deepStrictEqual(
    all.filter(({ type }) => type === "tool-result").map(({ result }) => result),
    ["sunny in Bern"]
  )
  used(all.find(({ type }) => type === "finish").usage.outputTokens)
})

await check("a structured answer", async () => {
  const schema = Schema.Struct({ mood: Schema.Literal("calm", "angry"), age: Schema.Int })
  const answer = await run(LanguageModel.generateObject({ prompt: "Who is Bob?", schema, objectName: "person" }))
  assert.ok(Schema.is(schema)(answer.value))
  used(answer.usage.outputTokens)
})

await check("another try after a 429", async () => {
  const answer = await run(
    LanguageModel.generateText({ prompt: "Hello" }).pipe(Effect.retry({ times: 1 })),
    "emulator/flaky-429"
  )
  assert.ok(answer.text.length > 0)
  used(answer.usage.outputTokens)
})

await check("errors with their status", async () => {
  for (const [slug, status] of [["emulator/no-credits", 402], ["emulator/status-503", 503]]) {
    const error = await run(Effect.flip(LanguageModel.generateText({ prompt: "Hello" })), slug)
    assert.strictEqual(error._tag, "HttpResponseError")
    assert.strictEqual(error.response.status, status)
  }
})

await check("an answer that was cut", async () => {
  const answer = await run(LanguageModel.generateText({ prompt: "Hello" }), "emulator/incomplete")
  assert.strictEqual(answer.finishReason, "length")
  used(answer.usage.outputTokens)
})

done()
