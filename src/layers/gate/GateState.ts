/**
 * What a gate knows, for people and programs that look at it.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type { Limiter } from "../../domain/gate/Limiter.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import type { LimitState } from "../../services/RateGate.ts"
import type { Lane } from "./Lane.ts"
import type { Lanes } from "./Lanes.ts"
import type { Turn } from "./Turns.ts"

/**
 * The limits about which something is known, or for which somebody waits. `ahead`: of the clock by which it is told.
 *
 * @since 0.1.0
 */
export const of = <T extends Turn>(lanes: Lanes<T>, now: number, ahead: number): ReadonlyArray<LimitState> => {
  const all = Array.from(lanes)
  const inFlight = (holds: (lane: Lane<T>) => boolean): number =>
    all.reduce((sum, lane) => holds(lane) ? sum + lane.inFlight : sum, 0)
  const models = all.filter((lane) => lane.isOfModel || isNotable(lane.limiter, lane.turns.size)).map((lane) => ({
    ...learned(lane.limiter, now, ahead),
    account: lane.account,
    reach: lane.isOfModel ? "model" as const : "endpoints" as const,
    waiting: lane.turns.size,
    inFlight: lane.inFlight,
    ...Wire.compact({ model: lane.model })
  }))
  const shared = Array.from(lanes.shared()).filter(({ shared }) => isNotable(shared.limit, 0)).map((
    { account, reach, shared }
  ) => ({
    ...learned(shared.limit, now, ahead),
    account,
    reach,
    waiting: shared.waiting,
    inFlight: inFlight((lane) => lane.free === shared || lane.whole === shared)
  }))
  const known = lanes.known.map(({ limit, waiting }) => ({
    reach: "known" as const,
    model: limit.model,
    isDown: false,
    waiting,
    inFlight: limit.inFlight,
    changes: [],
    ...Wire.compact({ limit: limit.requests, window: limit.requests === undefined ? undefined : limit.window })
  }))
  return [...models, ...shared, ...known]
}

const isNotable = (limiter: Limiter, waiting: number): boolean => waiting > 0 || limiter.changes.length > 0

const learned = (limiter: Limiter, now: number, ahead: number) => {
  const until = Math.max(limiter.heldUntil(now), limiter.downtime.readyAt(now))
  return {
    isDown: limiter.downtime.isOn,
    changes: limiter.changes.map(({ at, reason }) => ({ at: DateTime.makeUnsafe(at - ahead), reason })),
    ...Wire.compact({
      closedUntil: until > now ? DateTime.makeUnsafe(until - ahead) : undefined,
      reason: limiter.because?._tag,
      limit: limiter.window.limit,
      window: limiter.window.length === undefined ? undefined : Duration.millis(limiter.window.length),
      remaining: limiter.isClosed(now) ? undefined : limiter.window.remaining(now),
      rate: limiter.pace.rate === Infinity ? undefined : limiter.pace.rate
    })
  }
}
