import { Effect } from "effect"
import { OpenRouter, OpenRouterError } from "effect-openrouter"

export const program = OpenRouter.respond({ model: "x-ai/grok-4", input: "Hello" }).pipe(OpenRouterError.catchGroups({
  unavailable: () => Effect.succeed({ text: "Come back later." }),
  rejected: (error) => Effect.die(error),
  unfunded: () => Effect.succeed({ text: "Come back tomorrow." }),
  noAnswer: ({ partialText = "" }) => Effect.succeed({ text: partialText })
}))
export const running = () => program.pipe(Effect.provide(OpenRouter.layerFetch), Effect.runPromise)
