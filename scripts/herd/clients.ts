/** The clients that are compared: with their gate, without it, and with Effect's own limiter in the place of it. */
import { Effect, Layer, Redacted } from "effect"
import { OpenRouter, RateGate } from "effect-openrouter"
import { HttpClient } from "effect/http"
import { RateLimiter } from "effect/persistence"
import type { Scenario } from "./scenarios.ts"

/** One column of the comparison. */
export interface Client {
  readonly name: string
  /** Whether it can be run for a scenario. */
  readonly suits: (scenario: Scenario) => boolean
  readonly layer: (
    scenario: Scenario,
    apiUrl: string | undefined
  ) => Layer.Layer<OpenRouter.OpenRouter, never, HttpClient.HttpClient>
}

const options = (apiUrl: string | undefined): OpenRouter.Options => ({ apiKey: Redacted.make("herd"), apiUrl })

/** The client as it comes. */
export const gated: Client = {
  name: "gate",
  suits: () => true,
  layer: (_, apiUrl) => OpenRouter.layer(options(apiUrl))
}

/** The client without its gate: each call learns of the limit by itself. */
export const ungated: Client = {
  name: "no gate",
  suits: () => true,
  layer: (_, apiUrl) => Layer.provide(OpenRouter.layer(options(apiUrl)), RateGate.none)
}

/**
 * Effect's limiter below the client, in the place of its gate. It has to be told a limit beforehand, and knows of one. A
 * refusal is repeated by the limiter, however often.
 */
const limiter = (name: string, limitOf: (limit: ToldLimit) => number): Client => ({
  name,
  suits: ({ herds }) => herds.length === 1 && herds[0]?.limit !== undefined,
  layer: ({ herds }, apiUrl) =>
    Layer.unwrap(Effect.map(RateLimiter.RateLimiter, (limiter) =>
      OpenRouter.layer({
        ...options(apiUrl),
        transformClient: (client) => {
          const limit = herds[0]?.limit
          return limit === undefined ? client : HttpClient.withRateLimiter(client, {
            limiter,
            key: "herd",
            limit: limitOf(limit),
            window: limit.window
          }).pipe(HttpClient.transformResponse(Effect.catchTag("RateLimiterError", Effect.die)))
        }
      }))).pipe(
        Layer.provide(RateGate.none),
        Layer.provide(RateLimiter.layer),
        Layer.provide(RateLimiter.layerStoreMemory)
      )
})

interface ToldLimit {
  readonly requests: number
}

/** The limiter that was told the server's limit. */
export const informed: Client = limiter("withRateLimiter, limit known", ({ requests }) => requests)

/** The limiter that was told a limit which the server does not keep: ten times too high. */
export const uninformed: Client = limiter("withRateLimiter, limit unknown", ({ requests }) => 10 * requests)

/** All columns; the first is the one that has to keep the bars. */
export const clients: ReadonlyArray<Client> = [gated, ungated, informed, uninformed]
