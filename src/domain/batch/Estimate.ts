/**
 * What many requests will cost, as far as it can be told before they are sent.
 *
 * | figure | input | answer |
 * |---|---|---|
 * | `high` | as a budget counts it: one token for two bytes | `maxOutputTokens`, or 4,096 |
 * | `likely` | half of that, which is what English text has | what the program expects, or 500; `maxOutputTokens` at most |
 * | `low` | a third of it | a quarter of the likely one |
 *
 * What a tokenizer counts is exact, and the same in all three. All three are at the highest price of the models that a request may
 * go to.
 *
 * @since 0.1.0
 */
import type { PriceTable } from "../budget/PriceTable.ts"
import type { InvalidRequest } from "../error/OpenRouterError.ts"
import * as Nanos from "../money/Nanos.ts"
import type * as Usd from "../money/Usd.ts"
import type { CreateResponse } from "../request/CreateResponse.ts"
import * as RequestSize from "../request/RequestSize.ts"
import * as Tokens from "../request/Tokens.ts"
import * as Wire from "../wire/Wire.ts"

/**
 * A figure that is not known exactly.
 *
 * @since 0.1.0
 */
export interface Range<A> {
  readonly low: A
  readonly likely: A
  readonly high: A
}

/**
 * A request that would not be sent, and whose it is.
 *
 * @since 0.1.0
 */
export interface Invalid {
  readonly index: number
  readonly error: InvalidRequest
}

/**
 * What a batch is expected to be.
 *
 * @since 0.1.0
 */
export interface Estimate {
  /** Requests that would be sent, one for each item. */
  readonly calls: number
  /** Requests that would not be sent. */
  readonly invalid: number
  /** The first hundred of them. */
  readonly invalidRequests: ReadonlyArray<Invalid>
  readonly inputTokens: Range<number>
  readonly outputTokens: Range<number>
  /** Of all calls whose price is known. Without the fees of server tools and of what is behind a URL. */
  readonly cost: Range<Usd.Usd>
  /** Calls whose price is not known. */
  readonly unpriced: number
  /** What the key and the account may still spend, the lesser of the two; absent where nothing limits them or nobody may know. */
  readonly available?: Usd.Usd
  /** Whether that is enough for the high figure; absent without `available`, or where a price is not known. */
  readonly isEnough?: boolean
}

const listed = 100

const expectedTokens = 500

/** Sums of the three figures. */
class Sums {
  low = 0
  likely = 0
  high = 0

  add(low: number, likely: number, high: number): void {
    this.low += low
    this.likely += likely
    this.high += high
  }

  range<A>(f: (sum: number) => A): Range<A> {
    return { low: f(this.low), likely: f(this.likely), high: f(this.high) }
  }
}

/** Billionths of a dollar, whole ones. */
const toUsd = (nanos: number): Usd.Usd => Nanos.toUsd(Math.ceil(nanos))

/**
 * Adds up the requests of one batch.
 *
 * @since 0.1.0
 */
export class EstimateBook {
  readonly #table: PriceTable | undefined
  readonly #tokenizer: ((request: CreateResponse) => number) | undefined
  #calls = 0
  #unpriced = 0
  #invalid = 0
  readonly #invalidRequests: Array<Invalid> = []
  readonly #input = new Sums()
  readonly #output = new Sums()
  readonly #nanos = new Sums()

  constructor(table: PriceTable | undefined, tokenizer: ((request: CreateResponse) => number) | undefined) {
    this.#table = table
    this.#tokenizer = tokenizer
  }

  /** Takes note of a request that would not be sent. */
  refuse(index: number, error: InvalidRequest): void {
    this.#invalid++
    if (this.#invalidRequests.length < listed) this.#invalidRequests.push({ index, error })
  }

  /** Takes note of a request whose answer is expected to have so many tokens. */
  add(request: CreateResponse, expected: number | undefined): void {
    this.#calls++
    const size = RequestSize.of(request, this.#tokenizer?.(request))
    const most = size.inputTokens
    const isCounted = this.#tokenizer !== undefined
    const inputs = isCounted
      ? [most, most, most] as const
      : [Math.ceil(most / 3), Math.ceil(most / 2), most] as const
    const longest = request.maxOutputTokens ?? Math.max(Tokens.defaultOutputTokens, expected ?? 0)
    const usual = Math.min(longest, expected ?? expectedTokens)
    const outputs = [Math.ceil(usual / 4), usual, longest] as const
    this.#input.add(...inputs)
    this.#output.add(...outputs)
    const nanosOf = (inputTokens: number, outputTokens: number) =>
      this.#table?.estimate(request, () => ({ ...size, inputTokens }), outputTokens)
    const high = nanosOf(inputs[2], outputs[2])
    if (high === undefined) this.#unpriced++
    else this.#nanos.add(nanosOf(inputs[0], outputs[0]) ?? 0, nanosOf(inputs[1], outputs[1]) ?? 0, high)
  }

  /** All of it; `available` is what may be spent. */
  estimate(available: Usd.Usd | undefined): Estimate {
    const cost = this.#nanos.range(toUsd)
    const isEnough = available === undefined || this.#unpriced > 0
      ? undefined
      : this.#nanos.high <= Nanos.floor(available)
    return {
      calls: this.#calls,
      invalid: this.#invalid,
      invalidRequests: this.#invalidRequests.slice(),
      inputTokens: this.#input.range((sum) => sum),
      outputTokens: this.#output.range((sum) => sum),
      cost,
      unpriced: this.#unpriced,
      ...Wire.compact({ available, isEnough })
    }
  }
}
