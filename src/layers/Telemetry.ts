/**
 * What is told of calls to tracers and meters, for all that is given a layer.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { changed, CurrentTelemetry } from "../services/Telemetry.ts"
import type { Settings } from "../services/Telemetry.ts"

export * from "../services/Telemetry.ts"

/**
 * Says what is told of the calls of a program that is given this layer; what is left out is as it was.
 *
 * **Example** (The trace context travels with all calls of a program)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { OpenRouter, Telemetry } from "effect-openrouter"
 *
 * const main = Layer.merge(OpenRouter.layerFetch, Telemetry.layer({ propagation: true }))
 * ```
 *
 * @since 0.1.0
 */
export const layer = (settings: Partial<Settings>): Layer.Layer<never> =>
  Layer.fresh(Layer.effect(CurrentTelemetry, Effect.map(CurrentTelemetry, (outer) => changed(outer, settings))))
