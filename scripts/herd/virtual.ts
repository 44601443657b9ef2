/** Herds in-process, under a clock that jumps from one timer to the next. */
import { Effect, type Fiber, Layer } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import type { Client } from "./clients.ts"
import type { Books } from "./measure.ts"
import { patience, run } from "./run.ts"
import { optionsOf, type Scenario } from "./scenarios.ts"

/** An instant that looks like one: at the clock's zero, a reset would be told in seconds from now. */
const start = 1_790_000_000_000

const step = 1000

/** Everything here runs in fibers of one scheduler, which the clock waits for at every timer; so steps cost nothing. */
const pass = (fiber: Fiber.Fiber<void>, left = patience): Effect.Effect<void> =>
  Effect.suspend(() =>
    fiber.pollUnsafe() !== undefined || left <= 0
      ? Effect.void
      : Effect.andThen(TestClock.adjust(step), pass(fiber, left - step))
  )

/** The books of an emulator in this process. */
export const booksOf = (emulator: Emulator.Emulator["Service"]): Effect.Effect<Books> =>
  Effect.zipWith(emulator.ledger, emulator.traffic, ({ statuses }, traffic) => ({ statuses, traffic }))

/** Runs a scenario with a client; the whole run has a clock and a server of its own. */
export const runVirtual = (scenario: Scenario, client: Client) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(start)
    const emulator = yield* Emulator.make(optionsOf(scenario))
    const layer = client.layer(scenario, undefined).pipe(
      Layer.provide(Layer.succeed(HttpClient.HttpClient, emulator.client))
    )
    return yield* Effect.provide(run(scenario, (fiber) => pass(fiber), booksOf(emulator)), layer)
  }).pipe(Effect.provide(TestClock.layer()))
