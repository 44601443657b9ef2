/** The AI SDK with its provider for OpenRouter, as its own documentation uses it. */
import { createOpenRouter } from "@openrouter/ai-sdk-provider"
import { APICallError, generateText, Output, RetryError, stepCountIs, streamText, tool } from "ai"
import assert from "node:assert"
import { z } from "zod"
import { apiKey, apiUrl, check, done, used } from "./checks.mjs"

const openrouter = createOpenRouter({ apiKey, baseURL: apiUrl })
const model = openrouter.chat("openai/gpt-5")

const costOf = ({ openrouter }) => openrouter.usage.cost

let text = ""

await check("a text", async () => {
  const answer = await generateText({ model, instructions: "Be brief.", prompt: "Who lives in the town?" })
  assert.ok(answer.text.length > 20)
  assert.strictEqual(answer.finishReason, "stop")
  assert.ok(costOf(answer.providerMetadata) > 0)
  text = answer.text
  used(answer.usage.outputTokens)
})

await check("the same text as a stream", async () => {
  const answer = streamText({ model, instructions: "Be brief.", prompt: "Who lives in the town?" })
  const pieces = await Array.fromAsync(answer.textStream)
  assert.ok(pieces.length > 3)
  assert.strictEqual(pieces.join(""), text)
  assert.strictEqual(await answer.finishReason, "stop")
  used((await answer.usage).outputTokens)
})

const weather = tool({
  description: "Tells the weather of a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`
})

await check("a tool and its result", async () => {
  const answer = await generateText({
    model,
    prompt: "How is the weather?",
    tools: { weather },
    stopWhen: stepCountIs(3)
  })
  assert.strictEqual(answer.steps[0].toolResults[0].output, "sunny in Bern")
  assert.strictEqual(answer.text, "It is sunny.")
  used(answer.totalUsage?.outputTokens ?? answer.usage.outputTokens)
})

await check("a tool in a stream", async () => {
  const answer = streamText({ model, prompt: "How is the weather?", tools: { weather }, stopWhen: stepCountIs(3) })
  const pieces = await Array.fromAsync(answer.textStream)
  assert.strictEqual(pieces.join(""), "It is sunny.")
  used((await answer.totalUsage).outputTokens)
})

await check("a structured answer", async () => {
  const schema = z.object({ mood: z.enum(["calm", "angry"]), age: z.number().int().min(18).max(99) })
  const answer = await generateText({ model, prompt: "Who is Bob?", output: Output.object({ schema }) })
  assert.deepStrictEqual(schema.parse(answer.output), answer.output)
  used(answer.usage.outputTokens)
})

await check("another try after a 429", async () => {
  const answer = await generateText({ model: openrouter.chat("emulator/flaky-429"), prompt: "Hello", maxRetries: 2 })
  assert.ok(answer.text.length > 0)
  used(answer.usage.outputTokens)
})

await check("errors with their status", async () => {
  for (const [slug, status] of [["emulator/no-credits", 402], ["emulator/status-503", 503]]) {
    const error = await generateText({ model: openrouter.chat(slug), prompt: "Hello", maxRetries: 0 }).then(
      () => undefined,
      (error) => RetryError.isInstance(error) ? error.lastError : error
    )
    assert.ok(APICallError.isInstance(error), String(error))
    assert.strictEqual(error.statusCode, status)
  }
})

await check("an answer that was cut", async () => {
  const answer = await generateText({ model: openrouter.chat("emulator/incomplete"), prompt: "Hello" })
  assert.strictEqual(answer.finishReason, "length")
  used(answer.usage.outputTokens)
})

done()
