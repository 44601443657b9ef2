/**
 * What a gate says in the log: one line when a limit closes for long or a model stays down, and one when that is up again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import type { Limiter } from "../../domain/gate/Limiter.ts"
import type { Lane } from "./Lane.ts"
import type { Turn } from "./Turns.ts"

/** What is shorter than this is not worth a line. */
const notableMillis = 5000

/**
 * What is to be said after a refusal or a failure; `undefined` if nothing, or if it was said.
 *
 * @since 0.1.0
 */
export const closed = <T extends Turn>(
  lane: Lane<T>,
  limiter: Limiter,
  now: number,
  { message }: OpenRouterError
): Effect.Effect<void> | undefined => {
  if (limiter.told !== undefined) return undefined
  const millis = limiter.heldUntil(now) - now
  if (millis > notableMillis) {
    limiter.told = limiter.downtime.isOn ? "down" : "closed"
    return Effect.logWarning(
      `the rate gate is closed for ${Math.round(millis / 1000)} s to ${named(lane, limiter)}: ${message}`
    )
  }
  if (!limiter.downtime.isOn || now - limiter.downtime.since < notableMillis) return undefined
  limiter.told = "down"
  return Effect.logWarning(`the rate gate tries ${named(lane, limiter)} by one call at a time: ${message}`)
}

/**
 * What is to be said when a limit is open again.
 *
 * @since 0.1.0
 */
export const opened = <T extends Turn>(lane: Lane<T>, limiter: Limiter): Effect.Effect<void> => {
  const { told } = limiter
  limiter.told = undefined
  return told === "down" ? Effect.logInfo(`the rate gate is open again to ${named(lane, limiter)}`) : Effect.void
}

const named = <T extends Turn>(lane: Lane<T>, limiter: Limiter): string => {
  if (limiter === lane.whole?.limit) return "all models of this key"
  if (limiter === lane.free?.limit) return "all free models"
  return lane.model ?? (lane.isOfModel ? "requests without a model" : "plain endpoints")
}
