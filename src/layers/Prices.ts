/**
 * Prices that a program knows, as a layer; see `services/Prices`.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as Prices from "../services/Prices.ts"

export * from "../services/Prices.ts"

/**
 * Gives prices to a program, so that budgets ask nobody for them. In US dollars, per token unless the name says otherwise.
 *
 * **Example** (A test, or a program without a way to `GET /models`)
 *
 * ```ts
 * import { Prices } from "effect-openrouter"
 *
 * const prices = Prices.layerTable({ "openai/gpt-5": { prompt: "0.00000125", completion: "0.00001" } })
 * ```
 *
 * @since 0.1.0
 */
export const layerTable = (table: Prices.Table | Prices.Prices): Layer.Layer<never> =>
  Layer.succeed(Prices.CurrentPrices, Prices.tableOf(table))
