/** Hands requests in as batches and waits for their answers; says how they ended and what was booked for them. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Redacted, Result } from "effect"
import { Batch, CostLedger, OpenRouter } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"

const [file = "", apiUrl = ""] = process.argv.slice(2)

const models = ["openai/gpt-5", "anthropic/claude-sonnet-4.5"]

const requests = Array.from({ length: 60 }, (_, n) => ({ model: models[n % 2] ?? "", input: `Is ${n} a prime?` }))

const client = OpenRouter.layer({ apiKey: Redacted.make("sk-or-kill"), apiUrl }).pipe(
  Layer.provide(DispatchHttpClient.layer)
)

const program = Effect.gen(function*() {
  const jobs = yield* Batch.jobs(file)
  const options = { jobs, maxRequests: 10, every: 20, settle: 0 }
  return yield* Batch.await(yield* Batch.submit(requests, options), { ...options, requests })
}).pipe(Effect.scoped, CostLedger.measured, Effect.provide([client, NodeServices.layer]))

const [answers, spent] = await Effect.runPromise(program)
process.send?.({
  completed: answers.filter((answer) => Result.isSuccess(answer) && answer.success._tag === "Completed").length,
  cost: `${spent.cost}`
})
process.disconnect()
