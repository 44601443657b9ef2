/**
 * What is left of the budgets that have a name, as a metric.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Nanos from "../domain/money/Nanos.ts"
import * as Usd from "../domain/money/Usd.ts"
import { CurrentTelemetry } from "./Telemetry.ts"

/**
 * Records what is left of a budget, in dollars: its limit less what is spent of it.
 *
 * A registry keeps every series for ever, so budgets of users and keys have none: they may be many.
 *
 * @since 0.1.0
 */
export type Recorder = (limitNanos: number, spentNanos: number) => Effect.Effect<void>

/**
 * Makes the recorder of a budget.
 *
 * @since 0.1.0
 */
export const recorder = (name: string): Recorder => {
  const remaining = Metric.gauge("openrouter.budget.remaining", {
    description: "What is left of a budget: its limit less what is spent",
    attributes: { "openrouter.budget.name": name, unit: "{USD}" }
  })
  return (limitNanos, spentNanos) =>
    Effect.flatMap(
      CurrentTelemetry,
      ({ metrics }) =>
        metrics
          ? Metric.update(remaining, Usd.toNumber(Nanos.toUsd(Math.max(limitNanos - spentNanos, 0))))
          : Effect.void
    )
}
