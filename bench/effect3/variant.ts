/** `@effect/ai-openrouter` on Effect 3 over `fetch`; it uses the chat endpoint. */
import { OpenRouterClient } from "@effect/ai-openrouter"
import { FetchHttpClient } from "@effect/platform"
import { Effect, Fiber, Layer, ManagedRuntime, Redacted, Stream } from "effect"
import * as Fixtures from "../fixtures.ts"
import { apiKey, type Client, type Target } from "../variants/Client.ts"

const request = {
  model: Fixtures.request.model,
  messages: [
    { role: "system", content: Fixtures.request.instructions },
    { role: "user", content: Fixtures.request.input }
  ],
  max_completion_tokens: Fixtures.request.max_output_tokens,
  temperature: Fixtures.request.temperature
} as const

export const make = async (target: Target): Promise<Client> => {
  const runtime = ManagedRuntime.make(
    OpenRouterClient.layer({ apiKey: Redacted.make(apiKey), apiUrl: target.apiUrl }).pipe(
      Layer.provide(FetchHttpClient.layer),
      Layer.merge(Layer.setTracerEnabled(false))
    )
  )
  const client = await runtime.runPromise(OpenRouterClient.OpenRouterClient)
  const answered = Effect.flatMap(
    client.createChatCompletion(request),
    (answer) => answer.choices.length === 1 ? Effect.void : Effect.dieMessage("an answer has no choice")
  )
  const call: Effect.Effect<void, unknown> = target.expects === "answer"
    ? answered
    : Effect.flatMap(
      Effect.flip(answered),
      (error) =>
        "response" in error && error.response.status === 429
          ? Effect.void
          : Effect.dieMessage("an error does not say 429")
    )
  return {
    calls: ({ concurrency, count }) =>
      runtime.runPromise(Effect.forEach(Array.from({ length: count }), () => call, { concurrency, discard: true })),
    streams: async ({ concurrency, count }, onEvent) => {
      let characters = 0
      const stream = Stream.runForEach(client.createChatCompletionStream(request), (event) =>
        Effect.sync(() => {
          characters += event.choices[0]?.delta?.content?.length ?? 0
          onEvent()
        }))
      await runtime.runPromise(
        Effect.forEach(Array.from({ length: count }), () => stream, { concurrency, discard: true })
      )
      return characters
    },
    hold: (count) => {
      let answers = 0
      const one = Effect.tap(call, () => Effect.sync(() => answers++))
      const fiber = runtime.runFork(
        Effect.forEach(Array.from({ length: count }), () => one, { concurrency: "unbounded", discard: true })
      )
      return {
        answered: runtime.runPromise(Fiber.await(fiber)).then(() => answers),
        interrupt: async () => {
          await runtime.runPromise(Fiber.interrupt(fiber))
        }
      }
    }
  }
}
