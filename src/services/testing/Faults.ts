/**
 * Faults on the way to the server: which ones there were.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Chosen } from "../../domain/emulator/FaultPlan.ts"

/**
 * A fault and the call that it befell.
 *
 * @since 0.1.0
 */
export type Injected = Pick<Chosen, "call" | "fault">

/**
 * Beside the `Transport`, a layer of faults provides what went wrong.
 *
 * @since 0.1.0
 */
export class Faults extends Context.Service<Faults, {
  /** The faults so far, oldest first; the newest 1,000 are kept. */
  readonly injected: Effect.Effect<ReadonlyArray<Injected>>
}>()("effect-openrouter/Faults") {}
