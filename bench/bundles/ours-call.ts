import * as OpenRouter from "effect-openrouter/OpenRouter"
import * as Effect from "effect/Effect"

const program = OpenRouter.respond({ model: "openai/gpt-5", input: "Describe the town square." })
program.pipe(Effect.provide(OpenRouter.layerFetch), Effect.runPromise).then((answer) => console.log(answer.text))
