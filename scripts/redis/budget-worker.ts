/**
 * A process that spends from a budget which it shares with others: `node budget-worker.ts OPTIONS`. It says when it
 * is ready, makes its calls at once when it is told to, tells what came of them, and ends with its parent.
 */
import { Effect, Result, Schema } from "effect"
import { Budget, OpenRouter } from "effect-openrouter"
import { once } from "node:events"
import { layers, Spending } from "./budget-layers.ts"
import type { Spent } from "./budget-layers.ts"

const { apiUrl, budget: name, calls, limit, model, redisUrl } = Schema.decodeUnknownSync(
  Schema.fromJsonString(Spending)
)(process.argv[2])

const main = Effect.gen(function*() {
  const budget = yield* Budget.shared(name, limit, { maxWait: "20 seconds" })
  const results = yield* Effect.forEach(
    Array.from({ length: calls }, (_, index) => index),
    (index) =>
      Effect.result(OpenRouter.respond({ model, input: `Call ${index} of ${process.pid}`, maxOutputTokens: 60 })),
    { concurrency: "unbounded" }
  ).pipe(budget.run)
  const tags = results.flatMap((result) => Result.isFailure(result) ? [result.failure._tag] : ["answered"])
  return {
    sent: tags.filter((tag) => tag === "answered" || tag === "Incomplete").length,
    refused: tags.filter((tag) => tag === "BudgetExceeded").length
  } satisfies Spent
})

process.on("disconnect", () => process.exit(0))
// Who starts first must not have spent all before the other one is there.
process.send?.({ ready: true })
await once(process, "message")
process.send?.(await Effect.runPromise(Effect.provide(main, layers(redisUrl, apiUrl))))
