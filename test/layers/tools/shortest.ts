import { Console, Effect, Schema } from "effect"
import { OpenRouter, Tools } from "effect-openrouter"
import { Tool, Toolkit } from "effect/ai"
const City = { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String }
const toolkit = Toolkit.make(Tool.make("weather", City))
const handlers = toolkit.toLayer({ weather: ({ city }) => Effect.succeed(`It is sunny in ${city}.`) })
const program = Tools.run({ model: "openai/gpt-5", input: "Do I need an umbrella in Bern?", toolkit })
program.pipe(Effect.flatMap(Console.log), Effect.provide([handlers, OpenRouter.layerFetch]), Effect.runPromise)
