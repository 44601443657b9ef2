/**
 * A program that is interrupted: calls in a journal, many at once, `node journaled.ts FILE URL CALLS`. It tells its parent
 * whenever a call has ended, and at the end that it is done.
 */
import { NodeFileSystem, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Redacted } from "effect"
import { Journal, OpenRouter } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import * as Plan from "./plan.ts"

const [file = "", apiUrl = "", calls = "0"] = process.argv.slice(2)

const tell = (message: object) => Effect.sync(() => void process.send?.(message))

let ended = 0

const ask = (n: number) =>
  Effect.andThen(
    OpenRouter.respond({ model: Plan.models[n % Plan.models.length] ?? "", input: Plan.questionOf(n) }),
    Effect.suspend(() => tell({ ended: ++ended }))
  )

const program = Effect.forEach(Array.from({ length: Number(calls) }, (_, n) => n), ask, {
  concurrency: 64,
  discard: true
}).pipe(
  Journal.resumable("soak"),
  Effect.andThen(tell({ done: true })),
  Effect.ensuring(Effect.sync(() => {
    // A channel to the parent would keep the process alive.
    if (process.connected) process.disconnect()
  })),
  Effect.provide(Layer.mergeAll(
    OpenRouter.layer({ apiKey: Redacted.make("sk-or-soak"), apiUrl }).pipe(Layer.provide(DispatchHttpClient.layer)),
    Layer.provide(Journal.layerFile(file), NodeFileSystem.layer)
  ))
)

NodeRuntime.runMain(program)
