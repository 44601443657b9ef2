import { Effect } from "effect"
import { OpenRouter } from "effect-openrouter"

export const program = OpenRouter.respond({ model: "x-ai/grok-4", input: "Hello" })
export const running = () => program.pipe(Effect.provide(OpenRouter.layerFetch), Effect.runPromise)
