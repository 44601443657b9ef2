/** The town without a network: OpenRouter's emulator runs in-process, with its limits and its books. */
import { Clock, Effect, Layer, Redacted } from "effect"
import { OpenRouter, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import * as Town from "./Town.ts"

export interface Options extends Town.Options {
  /** Another seed, another story. */
  readonly seed: number
  /** USD of the account, as decimal text. */
  readonly credits: string
}

/** Tells a story, and what the emulator charged for it by its own books. */
export const run = Effect.fn("Emulated.run")(function*(options: Options) {
  // Limits count by the seconds of the clock: who starts with one meets them at the same calls each time.
  yield* Effect.sleep(1000 - (yield* Clock.currentTimeMillis) % 1000)
  const story = yield* Town.sayingWaits(Town.run(options), options.say)
  const { total } = yield* Emulator.Emulator.use(({ ledger }) => ledger)
  return { ...story, charged: Usd.fromDecimal(total) }
}, (effect, options) => Effect.provide(effect, layer(options)))

/** The limit of the account does not grow with the town. */
export const requestsPerSecond = 60

const layer = ({ credits, seed }: Options) =>
  OpenRouter.layer({ apiKey: Redacted.make("town") }).pipe(Layer.provideMerge(Emulator.layerHttpClient({
    seed,
    credits,
    latency: "40 millis",
    rateLimit: { requests: requestsPerSecond, window: "1 second" },
    rules: [
      // The first thing that Bram is asked, and what Celia is asked first in tick 2: each is asked twice per tick.
      { when: { textIncludes: "You are Bram," }, nth: 1, reply: Emulator.Reply.refusal() },
      { when: { textIncludes: "You are Celia," }, nth: 3, reply: Emulator.Reply.incomplete() }
    ]
  })))
