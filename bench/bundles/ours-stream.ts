import * as OpenRouter from "effect-openrouter/OpenRouter"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const program = OpenRouter.streamText({ model: "openai/gpt-5", input: "Describe the town square." }).pipe(
  Stream.runForEach((text) => Console.log(text))
)
program.pipe(Effect.provide(OpenRouter.layerFetch), Effect.runPromise)
