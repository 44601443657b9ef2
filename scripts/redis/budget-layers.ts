/** What the processes that share a budget have in common. */
import { NodeRedis } from "@effect/platform-node"
import { Layer, Logger, Redacted, Schema } from "effect"
import { Budget, OpenRouter, Prices, RateGate } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"

/** What a process is told to spend. */
export const Spending = Schema.Struct({
  redisUrl: Schema.String,
  apiUrl: Schema.String,
  budget: Schema.String,
  limit: Schema.String,
  calls: Schema.Int,
  model: Schema.String
})

export type Spending = typeof Spending.Type

/** What came of it. */
export const Spent = Schema.Struct({ sent: Schema.Int, refused: Schema.Int })

export type Spent = typeof Spent.Type

/** So long a reservation outlives its process. */
export const leaseMillis = 1500

/** A client and the store; Redis's client says a lot while it cannot connect. */
export const layers = (redisUrl: string, apiUrl: string) =>
  Layer.mergeAll(
    OpenRouter.layer({ apiKey: Redacted.make("sk-or-test"), apiUrl }).pipe(
      Layer.provide(RateGate.none),
      Layer.provide(DispatchHttpClient.layer)
    ),
    Budget.layerRedis({ lease: leaseMillis, timeout: "500 millis" }).pipe(
      Layer.provide(NodeRedis.layer({ url: redisUrl, disableOfflineQueue: true }))
    ),
    Prices.layerTable({
      "openai/gpt-5": { prompt: "0.00000125", completion: "0.00001" },
      "emulator/hang": { prompt: "0", completion: "0.0001" },
      "emulator/slow-1500": { prompt: "0", completion: "0.0001" }
    })
  ).pipe(Layer.provideMerge(Logger.layer([])))
