/**
 * The client over undici, the HTTP implementation behind Node's `fetch`, for a quarter of its CPU per call.
 *
 * Needs the optional peer dependency `@effect/platform-node`.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Layer from "effect/Layer"
import type { OpenRouter } from "../../services/OpenRouter.ts"
import type { RateGate } from "../../services/RateGate.ts"
import { layerConfig } from "../OpenRouter.ts"
import * as DispatchHttpClient from "./DispatchHttpClient.ts"

/**
 * `OpenRouter.layerConfig` over undici: nothing else is needed.
 *
 * @since 0.1.0
 */
export const layerUndici: Layer.Layer<OpenRouter | RateGate, Config.ConfigError> = layerConfig().pipe(
  Layer.provide(DispatchHttpClient.layer)
)
