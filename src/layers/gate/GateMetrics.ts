/**
 * What a gate counts.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

const waitingCalls = Metric.gauge("openrouter.rate_gate.waiting", {
  description: "Calls that wait at the rate gate now",
  attributes: { unit: "{call}" }
})

const closings = Metric.counter("openrouter.rate_gate.closings", {
  description: "How often the rate gate closed, by the error that closed it",
  incremental: true,
  attributes: { unit: "{closing}" }
})

/**
 * Counts a call among those that wait, as long as it does.
 *
 * @since 0.1.0
 */
export const waiting = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(Metric.modify(waitingCalls, 1), () => self, () => Metric.modify(waitingCalls, -1))

/**
 * Counts that a limit closed.
 *
 * @since 0.1.0
 */
export const closed = (tag: string): Effect.Effect<void> =>
  Metric.update(Metric.withAttributes(closings, { "error.type": tag }), 1)
