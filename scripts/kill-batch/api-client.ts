/** Submits all requests as batches and waits for their answers; it says when it begins, and how many were answered at the end. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Redacted, Result } from "effect"
import { Batch, OpenRouter } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { requests, size } from "./api.ts"

const [file = "", apiUrl = ""] = process.argv.slice(2)

const client = OpenRouter.layer({ apiKey: Redacted.make("sk-or-kill"), apiUrl }).pipe(
  Layer.provide(DispatchHttpClient.layer)
)

const program = Effect.gen(function*() {
  const jobs = yield* Batch.jobs(file)
  // The emulator lists a batch as soon as it has it.
  const options = { jobs, maxRequests: size, every: "50 millis", settle: "100 millis" } as const
  process.send?.("begun")
  const handle = yield* Batch.submit(requests, options)
  const answers = yield* Batch.await(handle, { ...options, requests })
  return answers.filter(Result.isSuccess).length
}).pipe(Effect.scoped, Effect.provide([client, NodeServices.layer]))

process.send?.({ answered: await Effect.runPromise(program) })
process.disconnect()
