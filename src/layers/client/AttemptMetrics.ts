/**
 * The metrics of attempts: an admission of each client, asked last, that only looks.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import type * as Admission from "../../services/Admission.ts"
import { CurrentTelemetry } from "../../services/Telemetry.ts"
import type { CallMetrics } from "./CallMetrics.ts"
import * as GenAi from "./GenAi.ts"

/**
 * Makes the admission that counts attempts by how they ended, and measures how long streamed ones take to begin.
 *
 * @since 0.1.0
 */
export const make = (metrics: CallMetrics): Admission.Admission => ({
  stage: "observe",
  admit: ({ call }) =>
    Effect.withFiber((fiber) => {
      const { metrics: isOn, outer } = fiber.getRef(CurrentTelemetry)
      if (!isOn) return unseen
      const { context } = fiber
      return Exit.succeed((ended) => {
        if (ended._tag === "NotSent") return Exit.void
        const series = metrics.of(GenAi.kindOf(call), undefined)
        series.attempted(errorTypeOf(ended.exit, call.request !== undefined), context)
        if (ended.firstOutputAt !== undefined && outer !== "metrics") {
          series.began((ended.firstOutputAt - ended.sentAt) / 1000, context)
        }
        return Exit.void
      })
    })
})

const unseen: Exit.Exit<Admission.Settle> = Exit.succeed(() => Exit.void)

/** The empty text if it was answered as asked. */
const errorTypeOf = (exit: Exit.Exit<unknown, OpenRouterError>, isAnswer: boolean): string => {
  if (Exit.isSuccess(exit)) {
    const tag = isAnswer && Predicate.hasProperty(exit.value, "_tag") ? exit.value._tag : undefined
    return typeof tag === "string" && tag !== "Completed" ? tag : ""
  }
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  return error?._tag ?? (Cause.hasInterruptsOnly(exit.cause) ? "Interrupted" : "Died")
}
