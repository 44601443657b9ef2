import { Effect, Fiber } from "effect"
import { CostLedger, type OpenRouter, type OpenRouterError } from "effect-openrouter"
import { TestClock } from "effect/testing"
import * as C from "../layers/client/support.ts"

/** How a call ended, however long it waited, and what a ledger has booked for it. */
export const booked = <A, E extends OpenRouterError.OpenRouterError | OpenRouter.UnansweredCalls, R>(
  call: Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    yield* C.atT0
    const ledger = yield* CostLedger.make()
    const fiber = yield* Effect.forkChild(Effect.exit(ledger.run(call)), { startImmediately: true })
    yield* TestClock.adjust("1 hour")
    const exit = yield* Fiber.join(fiber)
    return { exit, report: yield* ledger.report }
  })
