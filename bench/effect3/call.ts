import { OpenRouterClient } from "@effect/ai-openrouter"
import { FetchHttpClient } from "@effect/platform"
import { Config, Effect, Layer } from "effect"

const layer = OpenRouterClient.layerConfig({ apiKey: Config.redacted("OPENROUTER_API_KEY") }).pipe(
  Layer.provide(FetchHttpClient.layer)
)
const program = Effect.gen(function*() {
  const client = yield* OpenRouterClient.OpenRouterClient
  const answer = yield* client.createChatCompletion({
    model: "openai/gpt-5",
    messages: [{ role: "user", content: "Describe the town square." }]
  })
  yield* Effect.log(answer.choices[0]?.message.content)
})
program.pipe(Effect.provide(layer), Effect.runPromise)
