/**
 * What the emulated models cost, in exact decimals.
 *
 * Costs travel as JSON numbers, so none of them has more than 15 significant digits: that is the most which every decimal
 * keeps on its way through a binary floating point number and back.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"

/**
 * The price of one token in USD, as decimal text such as `"0.00000125"`.
 *
 * @since 0.1.0
 */
export interface TokenPrice {
  readonly prompt: string
  readonly completion: string
}

/**
 * Prices by model slug.
 *
 * @since 0.1.0
 */
export interface PriceTable {
  readonly [model: string]: TokenPrice
}

/**
 * The models that the emulator lists when nothing else is asked for. The numbers are round, not anybody's price list.
 *
 * @since 0.1.0
 */
export const prices: PriceTable = {
  "openai/gpt-5": { prompt: "0.00000125", completion: "0.00001" },
  "openai/gpt-5-mini": { prompt: "0.00000025", completion: "0.000002" },
  "openai/gpt-4o": { prompt: "0.0000025", completion: "0.00001" },
  "anthropic/claude-sonnet-4.5": { prompt: "0.000003", completion: "0.000015" },
  "google/gemini-2.5-flash": { prompt: "0.0000003", completion: "0.0000025" },
  "deepseek/deepseek-chat": { prompt: "0.00000027", completion: "0.0000011" },
  "meta-llama/llama-3.3-70b-instruct:free": { prompt: "0", completion: "0" }
}

/**
 * The price of a model that is in no table: 1 USD per million prompt tokens, 2 USD per million completion tokens.
 *
 * @since 0.1.0
 */
export const fallback: TokenPrice = { prompt: "0.000001", completion: "0.000002" }

const free: TokenPrice = { prompt: "0", completion: "0" }

/**
 * The price of a model: its own entry, else nothing for a `:free` variant, else the entry without the variant, else
 * {@link fallback}.
 *
 * @since 0.1.0
 */
export const find = (table: PriceTable, model: string): TokenPrice => {
  const own = table[model]
  if (own !== undefined) return own
  if (model.endsWith(":free")) return free
  return table[model.replace(/:[a-z]+$/, "")] ?? fallback
}

/**
 * True if the table has an entry for a model, or for the one of which it is a variant.
 *
 * @since 0.1.0
 */
export const isListed = (table: PriceTable, model: string): boolean =>
  Object.hasOwn(table, model) || Object.hasOwn(table, model.replace(/:[a-z]+$/, ""))

/**
 * What one call costs in USD. `total` is the sum of the two parts.
 *
 * @since 0.1.0
 */
export interface Charge {
  readonly input: BigDecimal.BigDecimal
  readonly output: BigDecimal.BigDecimal
  readonly total: BigDecimal.BigDecimal
}

/**
 * The charge for a number of tokens.
 *
 * Throws when a price is no decimal number.
 *
 * @since 0.1.0
 */
export const charge = (price: TokenPrice, inputTokens: number, outputTokens: number): Charge => {
  const cost = (perToken: string, tokens: number) =>
    BigDecimal.multiply(BigDecimal.fromStringUnsafe(perToken), BigDecimal.fromBigInt(BigInt(tokens)))
  const input = shorten(cost(price.prompt, inputTokens))
  const output = shorten(cost(price.completion, outputTokens))
  return { input, output, total: shorten(BigDecimal.sum(input, output)) }
}

/**
 * Nothing charged.
 *
 * @since 0.1.0
 */
export const nothing: Charge = {
  input: BigDecimal.fromBigInt(0n),
  output: BigDecimal.fromBigInt(0n),
  total: BigDecimal.fromBigInt(0n)
}

const significantDigits = 15

const shorten = (amount: BigDecimal.BigDecimal): BigDecimal.BigDecimal => {
  const normal = BigDecimal.normalize(amount)
  const digits = String(normal.value < 0n ? -normal.value : normal.value).length
  return digits <= significantDigits
    ? normal
    : BigDecimal.normalize(
      BigDecimal.round(normal, { scale: normal.scale - (digits - significantDigits), mode: "half-even" })
    )
}

/**
 * The JSON number of an amount. Exact for every {@link Charge}; sums may carry more digits than a JSON number can.
 *
 * @since 0.1.0
 */
export const toWire = (amount: BigDecimal.BigDecimal): number => BigDecimal.toNumberUnsafe(amount)
