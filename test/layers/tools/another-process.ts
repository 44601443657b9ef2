// A process of its own, which resumes the run that is in its first argument with the decisions that are in its second.
import { Console, Effect, Redacted, Schema } from "effect"
import { Tools } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { Tool, Toolkit } from "effect/ai"

const toolkit = Toolkit.make(Tool.make("pay", {
  parameters: Schema.Struct({ eur: Schema.Int }),
  success: Schema.String,
  needsApproval: true
}))

const handlers = toolkit.toLayer({ pay: ({ eur }) => Effect.succeed(`paid ${eur} in another process`) })

const program = Effect.gen(function*() {
  const [pending, decisions] = yield* Effect.all([
    Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(Tools.Pending)))(process.argv[2] ?? ""),
    Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(Schema.Array(Tools.Decision))))(process.argv[3] ?? "")
  ])
  const secret = Redacted.make("shared")
  const run = yield* Tools.run({ model: "openai/gpt-5", toolkit, resume: { pending, decisions }, secret })
  yield* Console.log(JSON.stringify([run.text, run.transcript, run.costs.calls]))
})

await program.pipe(Effect.provide([handlers, OpenRouterTest.layer("Done.")]), Effect.runPromise)
