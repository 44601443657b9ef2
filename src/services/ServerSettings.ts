/**
 * What a part of a program asks of OpenRouter besides its requests: its response cache, and how a request was routed.
 *
 * Both are headers in `OpenRouter.CurrentHeaders`, so they come before those of the layer and end with their part of the
 * program.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import { withHeaders } from "./Defaults.ts"
import type { Headers } from "./Defaults.ts"
import type * as Program from "./Program.ts"

/**
 * What OpenRouter's response cache is to do.
 *
 * @since 0.1.0
 */
export interface ServerCache {
  /** How long new answers are kept: from a second to a day. Default: as the layer says, else 5 minutes. */
  readonly timeToLive?: Duration.Input | undefined
  /** Whether what is kept of this request is forgotten first, so that the model is asked. Default false. */
  readonly clear?: boolean | undefined
}

/**
 * Has equal requests answered from OpenRouter's own response cache, free of charge, or (`false`) not.
 *
 * It works for all who use the same key, and keeps every answer with the status 200, also one that failed or is empty:
 * `clear` gets rid of it. A hit is sent and counts as a call that cost nothing; the outcome's `cache` says so. A
 * `timeToLive` that OpenRouter does not take makes the call fail with `InvalidRequest`. `ResponseCache` keeps answers on
 * this side and sends nothing.
 *
 * **Example** (An hour for a part of a program, and one call without)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 *
 * const ask = OpenRouter.respond({ model: "openai/gpt-5", input: "Describe the town square." })
 *
 * const program = Effect.all([ask, OpenRouter.withServerCache(ask, false)]).pipe(
 *   OpenRouter.withServerCache({ timeToLive: "1 hour" })
 * )
 * ```
 *
 * @since 0.1.0
 */
export const withServerCache: {
  (cache: ServerCache | boolean): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, cache: ServerCache | boolean): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, cache: ServerCache | boolean): Program.Within<P> =>
    withHeaders(self, headersOf(cache))
)

const headersOf = (cache: ServerCache | boolean): Headers => {
  if (typeof cache === "boolean") return { "x-openrouter-cache": String(cache) }
  const { clear, timeToLive } = cache
  return {
    "x-openrouter-cache": "true",
    ...(timeToLive === undefined ? {} : { "x-openrouter-cache-ttl": String(cacheSeconds(timeToLive)) }),
    ...(clear === undefined ? {} : { "x-openrouter-cache-clear": String(clear) })
  }
}

/**
 * Whole seconds; `NaN` for what is no duration.
 *
 * @since 0.1.0
 */
export const cacheSeconds = (input: Duration.Input): number =>
  Option.match(Duration.fromInput(input), {
    onNone: () => NaN,
    onSome: (duration) => Math.round(Duration.toSeconds(duration))
  })

/**
 * True for a number of seconds that OpenRouter keeps answers for.
 *
 * @since 0.1.0
 */
export const isCacheTtl = (seconds: number): boolean => seconds >= 1 && seconds <= maxCacheSeconds

const maxCacheSeconds = 86_400

/**
 * Asks for `response.openrouterMetadata`, which says how each request was routed, or (`false`) does not.
 *
 * @since 0.1.0
 */
export const withRouterMetadata: {
  (enabled: boolean): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, enabled: boolean): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, enabled: boolean): Program.Within<P> =>
    withHeaders(self, { "x-openrouter-metadata": enabled ? "enabled" : "disabled" })
)
