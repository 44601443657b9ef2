/**
 * One view of the rate limits for all fibers: a call that would be refused waits instead, and goes when its turn comes.
 *
 * Every client has a gate in memory, unless its layer is given another one (`RateGate.layer` with limits that are known
 * beforehand, `RateGate.layerRedis` for several processes, `RateGate.none`). In the way of a call it is an admission of the
 * stage `wait`, asked last: a wait is no attempt, costs no time of the response deadline, and holds what budgets reserved.
 *
 * - After a refusal all calls of the same model, of the free models, or of the key wait until the announced reset, as the
 *   answer's `limit_source` says. Then one goes first and the others follow, as many as the limit allows in each window.
 * - Without an announcement calls keep a pace that each burst of refusals cuts and time without them raises. A few refusals
 *   at random among many requests, as of a provider under load, cut nothing.
 * - A model that fails five times in a row is tried by one call at a time; the others wait until something is answered.
 * - Turns are by the time at which a call began, so a call that was refused goes before later ones.
 * - A call that would wait longer than its policy's `maxWait` for what is closed or used up fails at once, unsent, with the
 *   error that closed it; once a minute one is sent to see whether that still holds. Waiting one's turn while others get
 *   through is limited by the `total` deadline alone.
 *
 * What it learned is forgotten after ten quiet minutes. It knows at most 1,000 models.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Admission } from "./Admission.ts"

/**
 * Something that the gate learned about a limit.
 *
 * @since 0.1.0
 */
export interface Change {
  readonly at: DateTime.Utc
  /** In words. */
  readonly reason: string
}

/**
 * What is known about one limit.
 *
 * @since 0.1.0
 */
export interface LimitState {
  /**
   * What the limit holds for: one model (or one list of fallbacks), all free models, the whole key, the plain endpoints; or
   * `known` for a limit that was given beforehand. All but `model` and `known` are there once something was learned.
   */
  readonly reach: "model" | "free" | "account" | "endpoints" | "known"
  /** The model, with fallbacks joined by commas, or the pattern of a known limit. Absent for the other reaches. */
  readonly model?: string
  /** Whose limit it is, see `Admission.Call`. Absent for a known limit, which holds for all keys together. */
  readonly account?: string
  /**
   * Until when calls wait: for an announced reset, the next window, or the next try of what is down. Absent while it is open.
   */
  readonly closedUntil?: DateTime.Utc
  /** True while calls fail, and one at a time tries. */
  readonly isDown: boolean
  /** The tag of the error that closed it last. */
  readonly reason?: string
  /** Requests per window, as announced. */
  readonly limit?: number
  /** The length of a window, where two resets have told it. */
  readonly window?: Duration.Duration
  /** What is left of the window as this process counts it; absent while it is closed. */
  readonly remaining?: number
  /** Requests per second, where nothing is announced. */
  readonly rate?: number
  /** Calls that wait now and have to pass this limit, whichever of their limits keeps them. */
  readonly waiting: number
  /** Calls that were let through and have not ended. */
  readonly inFlight: number
  /** The last things that were learned, oldest first, at most 20. */
  readonly changes: ReadonlyArray<Change>
}

/**
 * The gate of a client.
 *
 * @since 0.1.0
 */
export class RateGate extends Context.Service<RateGate, {
  /** What the client asks before it sends; `undefined` if there is nothing to ask. */
  readonly admission: Admission | undefined
  /** What it knows now. */
  readonly state: Effect.Effect<ReadonlyArray<LimitState>>
  /** Forgets what it learned, of one model and the limits that it shares, or of everything; who waits goes on. */
  readonly reset: (model?: string) => Effect.Effect<void>
}>()("effect-openrouter/RateGate") {}

/**
 * What the gate of the client knows now.
 *
 * **Example** (Who waits for what)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { RateGate } from "effect-openrouter"
 *
 * const program = RateGate.state.pipe(
 *   Effect.map((limits) => limits.filter(({ waiting }) => waiting > 0)),
 *   Effect.flatMap(Effect.forEach(({ closedUntil, model, waiting }) => Console.log(model, waiting, closedUntil)))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const state: Effect.Effect<ReadonlyArray<LimitState>, never, RateGate> = RateGate.use(({ state }) => state)

/**
 * Forgets what the gate of the client learned, of one model and the limits that it shares with others (of the free models, of
 * the key), or of everything; who waits goes on.
 *
 * @since 0.1.0
 */
export const reset = (model?: string): Effect.Effect<void, never, RateGate> => RateGate.use(({ reset }) => reset(model))
