/**
 * Whether a part of a program shares its calls in flight, see `SingleFlight.layer`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { dual } from "effect/Function"
import * as Program from "./Program.ts"

export { numbered, sample } from "./Sampling.ts"

/**
 * Whether calls are shared.
 *
 * @since 0.1.0
 */
export interface Settings {
  /** False: each call is made, and no other one gets its answer. Default true. */
  readonly share: boolean
}

const defaults: Settings = { share: true }

/**
 * Whether the calls of the running program are shared with equal ones in flight, where something shares them.
 *
 * @since 0.1.0
 */
export const CurrentSingleFlight: Context.Reference<Settings> = /* @__PURE__ */ Context.Reference<Settings>(
  "effect-openrouter/SingleFlight",
  { defaultValue: () => defaults }
)

const withSettings: {
  (settings: Settings): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, settings: Settings): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, settings: Settings): Program.Within<P> =>
    Program.update(self, CurrentSingleFlight, () => settings)
)

export {
  /**
   * Says whether the calls of an effect or a stream are shared.
   *
   * @since 0.1.0
   */
  withSettings as with
}
