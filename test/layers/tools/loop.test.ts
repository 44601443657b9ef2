import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Tools } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { call, calls } from "./scripted.ts"

const Weather = Tool.make("weather", {
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const toolkit = Toolkit.make(Weather)

const handlers = toolkit.toLayer({ weather: ({ city }) => Effect.succeed(`sunny in ${city}`) })

describe("Tools.run", () => {
  it.effect("runs a call and gives the answer", () =>
    Effect.gen(function*() {
      const run = yield* Tools.run({ model: "m", input: "Bern?", toolkit })
      assert.strictEqual(run.text, "It is sunny.")
      const [, second] = yield* OpenRouterTest.calls
      console.log(JSON.stringify(second), run)
    }).pipe(
      Effect.provide(handlers),
      Effect.provide(OpenRouterTest.layer([calls(call("weather", { city: "Bern" })), "It is sunny."]))
    ))
})
