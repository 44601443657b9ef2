/** Runs the batch. It says so when as many items of this run have ended as it is told, and at its end. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Redacted, Stream } from "effect"
import { Batch, OpenRouter, RateGate } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { concurrency, Item } from "./lines.ts"

const [input = "", output = "", apiUrl = "", cache = "", enough = "1"] = process.argv.slice(2)

const ask = ({ prompt }: typeof Item.Type) =>
  Effect.map(OpenRouter.respond({ model: "openai/gpt-5", input: prompt }), ({ text }) => text)

const client = OpenRouter.layer({ apiKey: Redacted.make("sk-or-kill"), apiUrl }).pipe(
  // These 429 are about single lines: to hold back all others for each of them would take a minute.
  Layer.provide([DispatchHttpClient.layer, RateGate.none])
)

let isTold = false

const program = Batch.jsonl(input, output, ask, {
  input: Item,
  concurrency,
  progressEvery: "20 millis",
  onProgress: Stream.runForEach(({ outcomes }) =>
    Effect.sync(() => {
      if (isTold || (outcomes["Success"] ?? 0) < Number(enough)) return
      isTold = true
      process.send?.("begun")
    })
  )
}).pipe(
  OpenRouter.withHeaders(cache === "on" ? { "x-openrouter-cache": "true", "x-openrouter-cache-ttl": "3600" } : {}),
  Effect.provide([client, NodeServices.layer])
)

const summary = await Effect.runPromise(program)
process.send?.({ outcomes: summary.outcomes })
process.disconnect()
