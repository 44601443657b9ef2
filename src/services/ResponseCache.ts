/**
 * What a part of a program wants of the response cache, see `ResponseCache.layer`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Program from "./Program.ts"

export { numbered, sample } from "./Sampling.ts"

/**
 * What calls want of the cache.
 *
 * @since 0.1.0
 */
export interface Settings {
  /**
   * - `"use"`: answer from the cache, else ask and keep the answer; the default.
   * - `"refresh"`: ask, and keep the answer in place of the one that is kept.
   * - `"off"`: ask, and keep nothing. Equal calls in flight are not shared.
   */
  readonly mode: "use" | "refresh" | "off"
  /** How old an answer may be, and how long a new one is kept. Default: as the layer says. */
  readonly timeToLive?: Duration.Input | undefined
}

const defaults: Settings = { mode: "use" }

/**
 * What the calls of the running program want of the cache.
 *
 * @since 0.1.0
 */
export const CurrentResponseCache: Context.Reference<Settings> = /* @__PURE__ */ Context.Reference<Settings>(
  "effect-openrouter/ResponseCache",
  { defaultValue: () => defaults }
)

const withSettings: {
  (settings: Partial<Settings>): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, settings: Partial<Settings>): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, settings: Partial<Settings>): Program.Within<P> =>
    Program.update(self, CurrentResponseCache, (outer) => ({
      mode: settings.mode ?? outer.mode,
      timeToLive: settings.timeToLive ?? outer.timeToLive
    }))
)

export {
  /**
   * Says what all calls of an effect or a stream want of the cache; what is left out is as outside.
   *
   * **Example** (A new answer in place of the one that is kept)
   *
   * ```ts
   * import { OpenRouter, ResponseCache } from "effect-openrouter"
   *
   * const anew = OpenRouter.respond({ model: "openai/gpt-5", input: "What is new in Bern?" }).pipe(
   *   ResponseCache.with({ mode: "refresh", timeToLive: "10 minutes" })
   * )
   * ```
   *
   * @since 0.1.0
   */
  withSettings as with
}
