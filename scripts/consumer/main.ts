/**
 * What a program of a user does with the packed package and nothing but `effect` beside it.
 *
 * `scripts/check-package.ts` compiles and runs this file in an empty project.
 */
import { Console, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { CostLedger, OpenRouter } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import * as Usd from "effect-openrouter/Usd"
import assert from "node:assert"

const model = "openai/gpt-5"

const Intention = Schema.Struct({ action: Schema.String, target: Schema.optionalKey(Schema.String) })

const program = Effect.gen(function*() {
  const answer = yield* OpenRouter.respond({ model, input: "Describe the town square." })
  assert.ok(answer.text.length > 0)

  const { value } = yield* OpenRouter.respondObject({ model, input: "What does Bob want?", schema: Intention })
  assert.strictEqual(typeof value.action, "string")

  const streamed = yield* OpenRouter.streamText({ model, input: "Describe the town square." }).pipe(Stream.mkString)
  assert.strictEqual(streamed, answer.text)

  const refusal = yield* OpenRouter.respond({ model: "emulator/refusal", input: "Describe the town square." }).pipe(
    Effect.map((answer) => answer.text),
    Effect.catchTags({
      RateLimited: (error) => Effect.succeed(String(error.resetAt)),
      PaymentRequired: (error) => Effect.succeed(String(error.limitSource)),
      Incomplete: (error) => Effect.succeed(error.partialText),
      Refused: (error) => Effect.succeed(error.refusal)
    })
  )
  assert.ok(refusal.length > 0)
})

const accounted = Effect.gen(function*() {
  const [, spent] = yield* CostLedger.measured(program)
  const emulator = yield* Emulator.Emulator
  const { total } = yield* emulator.ledger
  assert.ok(Usd.equals(spent.cost, Usd.fromDecimal(total)))
  yield* Console.log(`four calls cost ${spent.cost}`)
})

await accounted.pipe(
  Effect.provide(
    OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-any") }).pipe(Layer.provideMerge(Emulator.layerHttpClient()))
  ),
  Effect.runPromise
)
