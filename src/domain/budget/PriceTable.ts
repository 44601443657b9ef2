/**
 * What models cost, and what a request will cost at most by that.
 *
 * @since 0.1.0
 */
import type { Model, Pricing } from "../endpoint/Model.ts"
import * as Nanos from "../money/Nanos.ts"
import * as Usd from "../money/Usd.ts"
import type { CreateResponse } from "../request/CreateResponse.ts"
import type { RequestSize } from "../request/RequestSize.ts"
import * as Wire from "../wire/Wire.ts"

/**
 * The prices of a model as a program writes them: US dollars per token, per request, per image and per search.
 *
 * @since 0.1.0
 */
export interface ModelPrices {
  /** Per token of the input. */
  readonly prompt: Usd.Input
  /** Per token of the answer, reasoning included. */
  readonly completion: Usd.Input
  /** Per token that is read from the cache. */
  readonly inputCacheRead?: Usd.Input | undefined
  /** Per token that is written to the cache. */
  readonly inputCacheWrite?: Usd.Input | undefined
  readonly inputCacheWrite1h?: Usd.Input | undefined
  readonly internalReasoning?: Usd.Input | undefined
  readonly request?: Usd.Input | undefined
  readonly image?: Usd.Input | undefined
  readonly imageOutput?: Usd.Input | undefined
  readonly webSearch?: Usd.Input | undefined
  /** Per token of a sound. */
  readonly audio?: Usd.Input | undefined
}

/**
 * Prices by model, such as `openai/gpt-5`.
 *
 * @since 0.1.0
 */
export interface Prices {
  readonly [model: string]: ModelPrices
}

/** The most that a token can cost, in billionths of a dollar, which may have a fraction. */
interface TokenPrices {
  readonly input: number
  /** Where a cache is asked for that lasts an hour. */
  readonly inputLongCache: number
  readonly audio: number
  readonly output: number
}

/** The prices of one model. */
interface Known extends TokenPrices {
  readonly request: number
  readonly image: number
  readonly imageOutput: number
  readonly search: number
  /** Prices of long prompts. */
  readonly overrides: ReadonlyArray<TokenPrices & { readonly from: number }>
}

/**
 * Prices by model.
 *
 * @since 0.1.0
 */
export class PriceTable {
  readonly #known: ReadonlyMap<string, Known>

  /** For {@link make} and {@link fromModels} only. */
  constructor(known: ReadonlyMap<string, Known>) {
    this.#known = known
  }

  /** How many models have a price. */
  get size(): number {
    return this.#known.size
  }

  /**
   * The most that a request costs, in billionths of a dollar; `undefined` if the price of one of its models is not known. Its
   * size is asked for where there is a price only.
   */
  estimate(request: CreateResponse, sizeOf: () => RequestSize, outputTokens: number): number | undefined {
    const { model, models } = request
    if (models === undefined && model !== undefined) {
      const known = this.#find(model)
      return known === undefined ? undefined : Math.ceil(estimateOf(known, sizeOf(), outputTokens))
    }
    const all = this.#pricesOf(request)
    if (all === undefined) return undefined
    const size = sizeOf()
    return Math.ceil(all.reduce((most, known) => Math.max(most, estimateOf(known, size, outputTokens)), 0))
  }

  /** A request may be answered by any of its fallbacks. */
  #pricesOf({ model, models = [] }: CreateResponse): ReadonlyArray<Known> | undefined {
    const all = model === undefined ? models : [model, ...models]
    const found = all.flatMap((model) => this.#find(model) ?? [])
    return all.length > 0 && found.length === all.length ? found : undefined
  }

  /** A variant such as `:nitro` has the price of its model unless it is listed itself. */
  #find(model: string): Known | undefined {
    const known = this.#known.get(model)
    if (known !== undefined) return known
    const colon = model.lastIndexOf(":")
    return colon === -1 || model.includes("@") ? undefined : this.#known.get(model.slice(0, colon))
  }
}

/**
 * The prices that a list of models tells. A model without a price for the prompt or for the answer, such as one that chooses
 * another one, has none.
 *
 * @since 0.1.0
 */
export const fromModels = (models: ReadonlyArray<Model>): PriceTable => {
  const known = new Map<string, Known>()
  for (const { canonicalSlug, id, pricing } of models) {
    const prices = pricing === undefined ? undefined : knownOf(pricing)
    if (prices === undefined) continue
    known.set(id, prices)
    if (canonicalSlug !== undefined && !known.has(canonicalSlug)) known.set(canonicalSlug, prices)
  }
  return new PriceTable(known)
}

/**
 * The prices that a program gives. Throws a `RangeError` for one that is no amount.
 *
 * @since 0.1.0
 */
export const make = (prices: Prices): PriceTable => {
  const known = new Map<string, Known>()
  for (const [model, { completion, prompt, ...others }] of Object.entries(prices)) {
    const pricing = Object.entries({ completion, prompt, ...Wire.compact(others) }).map(
      ([name, price]) => [name, Usd.make(price)]
    )
    const found = knownOf(Object.fromEntries(pricing))
    if (found !== undefined) known.set(model, found)
  }
  return new PriceTable(known)
}

const nanosOf = (price: Usd.Usd | undefined): number =>
  price === undefined || Usd.isNegative(price) ? 0 : Nanos.ofPrice(price)

const isPrice = (price: Usd.Usd | undefined): boolean => price !== undefined && !Usd.isNegative(price)

const tokenPrices = (pricing: Omit<Pricing, "overrides">): TokenPrices => {
  const prompt = nanosOf(pricing.prompt)
  // Providers with explicit caches charge more for what they write there.
  const input = Math.max(prompt, nanosOf(pricing.inputCacheWrite), nanosOf(pricing.inputCacheRead))
  return {
    input,
    inputLongCache: Math.max(input, nanosOf(pricing.inputCacheWrite1h)),
    audio: Math.max(input, nanosOf(pricing.audio), nanosOf(pricing.inputAudioCache)),
    output: Math.max(nanosOf(pricing.completion), nanosOf(pricing.internalReasoning), nanosOf(pricing.audioOutput))
  }
}

const knownOf = (pricing: Pricing): Known | undefined =>
  isPrice(pricing.prompt) && isPrice(pricing.completion)
    ? {
      ...tokenPrices(pricing),
      request: nanosOf(pricing.request),
      image: nanosOf(pricing.image),
      imageOutput: nanosOf(pricing.imageOutput),
      search: nanosOf(pricing.webSearch),
      // What holds at some time of the day may hold by the time of the answer.
      overrides: (pricing.overrides ?? []).map((override) => ({
        ...tokenPrices(override),
        from: override.minPromptTokens ?? 0
      }))
    }
    : undefined

const estimateOf = (known: Known, size: RequestSize, outputTokens: number): number => {
  const { hasAudio, hasLongCache, images, imagesOut, inputTokens, searches } = size
  const most = (price: (prices: TokenPrices) => number): number => {
    let highest = price(known)
    for (const override of known.overrides) {
      if (inputTokens >= override.from) highest = Math.max(highest, price(override))
    }
    return highest
  }
  const input = most((prices) => hasAudio ? prices.audio : hasLongCache ? prices.inputLongCache : prices.input)
  return inputTokens * input + outputTokens * most((prices) => prices.output) + known.request +
    images * known.image + imagesOut * known.imageOutput + searches * known.search
}
