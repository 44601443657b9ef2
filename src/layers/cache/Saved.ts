/**
 * The end of calls that were not made, because their answer was there or on its way.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as CallCost from "../../domain/error/CallCost.ts"
import { TimedOut } from "../../domain/error/OpenRouterError.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as Costs from "../../domain/outcome/Costs.ts"
import * as Outcome from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as CostLedger from "../../services/CostLedger.ts"
import { CurrentDeadlines } from "../../services/Deadlines.ts"

const modelOf = ({ model, models }: CreateResponse): string | undefined => model ?? models?.[0]

/**
 * Books an outcome as saved for a call that was not made, and gives it as one that cost nothing.
 *
 * @since 0.1.0
 */
export const reused = (
  outcome: Outcome.Outcome,
  request: CreateResponse,
  call: "respond" | "stream",
  cache: Parameters<typeof Outcome.reused>[1]
): Effect.Effect<Outcome.Outcome> =>
  Effect.as(
    CostLedger.recordSaved({
      cost: outcome.cost,
      call,
      model: modelOf(request),
      generationId: outcome.generationId
    }),
    Outcome.reused(outcome, cache)
  )

/**
 * The end of a call that somebody else has made, for one that would have been equal.
 *
 * @since 0.1.0
 */
export const followed = (
  exit: Exit.Exit<Outcome.Outcome, RequestError>,
  request: CreateResponse
): Effect.Effect<Outcome.Outcome, RequestError> => {
  if (Exit.isSuccess(exit)) return reused(exit.value, request, "respond", { by: "SingleFlight", age: 0 })
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (error === undefined) return exit
  const saved = CostLedger.recordSaved({
    cost: Costs.charged(Costs.ofError(error)),
    call: "respond",
    model: modelOf(request),
    generationId: error.generationId
  })
  return Effect.andThen(saved, Effect.fail(CallCost.withCallCost(error, Usd.zero)))
}

/**
 * Puts the `total` deadline of the program on a wait for somebody else's call, whose own deadlines may be longer.
 *
 * @since 0.1.0
 */
export const inTime =
  (fiber: Fiber.Fiber<unknown, unknown>, request: CreateResponse) =>
  <A>(wait: Effect.Effect<A>): Effect.Effect<A, TimedOut> => {
    const { total } = fiber.getRef(CurrentDeadlines)
    return total === undefined || Duration.toMillis(total) === Infinity ? wait : Effect.timeoutOrElse(wait, {
      duration: total,
      orElse: () =>
        Effect.fail(
          new TimedOut({
            phase: "total",
            duration: total,
            message: `the call was not over within ${Duration.format(total)}`,
            attempts: 0,
            ...Wire.compact({ model: modelOf(request) })
          })
        )
    })
  }
