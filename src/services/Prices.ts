/**
 * What models cost, and what a request will cost at most.
 *
 * Budgets need prices before a call is sent. Every client has those of its own: it asks `GET /models` at the first budgeted
 * call, once for all that wait for it and outside of their admissions and middlewares, and again after an hour. Where that
 * fails the prices are unknown, the call goes on, and after a minute the next one asks again. A program that knows its prices
 * gives them (`Prices.with`, `Prices.layerTable`), and nothing is asked.
 *
 * The estimate of a request is the highest price of all models that may answer it, for
 *
 * - its input: one token for two bytes of what the model reads, as JSON, or what a tokenizer of your own counts
 *   ({@link withTokenizer}); at the price of writing to the cache where that is higher, because it is the provider who
 *   decides what is written; an image as 4,096 tokens and one image
 * - its answer: `maxOutputTokens`, or the budget's `outputTokens` (4,096)
 * - the request, the images and the web searches that it asks for
 *
 * So it is what the call costs at most, as long as it sets `maxOutputTokens`, has no server tools and no files by URL, and is
 * not answered by a provider or at a service tier that costs more than the price in the list.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as PriceTable from "../domain/budget/PriceTable.ts"
import * as Nanos from "../domain/money/Nanos.ts"
import type * as Usd from "../domain/money/Usd.ts"
import type { CreateResponse } from "../domain/request/CreateResponse.ts"
import * as RequestSize from "../domain/request/RequestSize.ts"
import * as Tokens from "../domain/request/Tokens.ts"
import { CurrentDefaults, filled } from "./Defaults.ts"
import { OpenRouter } from "./OpenRouter.ts"
import * as PriceSource from "./PriceSource.ts"
import * as Program from "./Program.ts"

export type { ModelPrices, Prices } from "../domain/budget/PriceTable.ts"

/**
 * Prices by model; made by {@link table}, or by a client.
 *
 * @since 0.1.0
 */
export type Table = PriceTable.PriceTable

/**
 * The price list of a client.
 *
 * @since 0.1.0
 */
export interface List {
  /** What is known; absent until it was asked for. */
  readonly table: Table | undefined
  /** True if they should be asked for, at this instant in epoch milliseconds. */
  readonly isDue: (now: number) => boolean
  /** Asks for them, if nobody does already. Waits only where none are known; absent where they cannot be had. */
  readonly load: Effect.Effect<Table | undefined>
}

/**
 * Where the prices of a client come from.
 *
 * @since 0.1.0
 */
export interface Source {
  /** Asks an endpoint of the client, outside of all middlewares. */
  readonly call: OpenRouter["Service"]["call"]
  /** What was asked for so far: put here by the first budget, kept for the others. */
  list?: List | undefined
}

/**
 * The prices that the running program gives; `undefined` for those of its client.
 *
 * @since 0.1.0
 */
export const CurrentPrices: Context.Reference<Table | undefined> = /* @__PURE__ */ Context.Reference<Table | undefined>(
  "effect-openrouter/Prices",
  { defaultValue: () => undefined }
)

/**
 * Counts the tokens of a request's input without its images. It is asked for each attempt under a budget. What is no number of
 * tokens, such as `NaN` or less than nothing, is a defect.
 *
 * @since 0.1.0
 */
export type Tokenizer = (request: CreateResponse) => number

/**
 * The tokenizer of the running program; `undefined` for one token for two bytes.
 *
 * @since 0.1.0
 */
export const CurrentTokenizer: Context.Reference<Tokenizer | undefined> = /* @__PURE__ */ Context.Reference<
  Tokenizer | undefined
>(
  "effect-openrouter/Prices/Tokenizer",
  { defaultValue: () => undefined }
)

/**
 * A table of prices in US dollars, per token unless the name says otherwise. Throws a `RangeError` for what is no amount.
 *
 * @since 0.1.0
 */
export const table: (prices: PriceTable.Prices) => Table = PriceTable.make

/**
 * The prices in a list of models, such as one of `OpenRouter.models` that was kept. Sentinels (-1) are no prices.
 *
 * @since 0.1.0
 */
export const fromModels: (models: Parameters<typeof PriceTable.fromModels>[0]) => Table = PriceTable.fromModels

const withPrices: {
  (prices: Table | PriceTable.Prices): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, prices: Table | PriceTable.Prices): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, prices: Table | PriceTable.Prices): Program.Within<P> => {
    const given = tableOf(prices)
    return Program.update(self, CurrentPrices, () => given)
  }
)

const isTable = (prices: Table | PriceTable.Prices): prices is Table => prices instanceof PriceTable.PriceTable

/**
 * A table of what may be one.
 *
 * @internal
 */
export const tableOf = (prices: Table | PriceTable.Prices): Table => isTable(prices) ? prices : table(prices)

export {
  /**
   * Gives the prices to an effect or a stream, in place of those of the client.
   *
   * @since 0.1.0
   */
  withPrices as with
}

/**
 * Counts the input of all requests of an effect or a stream with a tokenizer.
 *
 * @since 0.1.0
 */
export const withTokenizer: {
  (tokenizer: Tokenizer): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, tokenizer: Tokenizer): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, tokenizer: Tokenizer): Program.Within<P> =>
    Program.update(self, CurrentTokenizer, () => tokenizer)
)

/**
 * What a request costs at most, in billionths of a dollar; `undefined` without a price.
 *
 * @internal
 */
export const nanosOf = (
  table: Table | undefined,
  request: CreateResponse | undefined,
  tokenizer: Tokenizer | undefined,
  outputTokens: number
): number | undefined =>
  table === undefined || request === undefined
    ? undefined
    : table.estimate(
      request,
      () => RequestSize.of(request, counted(request, tokenizer)),
      // A server may refuse one below 0, but a budget has no more room for it.
      Math.max(0, request.maxOutputTokens ?? outputTokens)
    )

/** What no request has would give a budget room, or break its books. */
const counted = (request: CreateResponse, tokenizer: Tokenizer | undefined): number | undefined => {
  const tokens = tokenizer?.(request)
  if (tokens === undefined || tokens >= 0 && tokens < Infinity) return tokens
  throw new RangeError(`Prices.withTokenizer: the tokenizer has counted ${tokens} tokens`)
}

const known = (list: List): Effect.Effect<Table | undefined> =>
  Effect.flatMap(
    Clock.currentTimeMillis,
    (now) => list.isDue(now) ? list.load : Effect.succeed(list.table)
  )

/**
 * The prices of the running program: those that it gives, or those of its client.
 *
 * @internal
 */
export const tableInUse: Effect.Effect<Table | undefined, never, OpenRouter> = /* @__PURE__ */ Effect.gen(function*() {
  const { prices } = yield* OpenRouter
  const given = yield* CurrentPrices
  return given ?? (prices === undefined ? undefined : yield* known(PriceSource.listOf(prices)))
})

/**
 * What a request costs at most, by the rule of this module; `undefined` where the price of one of its models is not known.
 *
 * Fields that it leaves out are filled in by the defaults of the program. The prices are the program's, or the client's.
 *
 * **Example** (A question before an expensive call)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { OpenRouter, Prices } from "effect-openrouter"
 *
 * const request = { model: "openai/gpt-5", input: "Tell me everything.", maxOutputTokens: 100_000 }
 *
 * const program = Prices.estimate(request).pipe(
 *   Effect.tap((most) => Console.log(most === undefined ? "costs something" : `costs ${most} at most`)),
 *   Effect.andThen(OpenRouter.respond(request))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const estimate = (
  request: CreateResponse,
  options?: {
    /** Tokens of the answer of a request without `maxOutputTokens`. Default 4,096. */
    readonly outputTokens?: number | undefined
  }
): Effect.Effect<Usd.Usd | undefined, never, OpenRouter> =>
  Effect.gen(function*() {
    const nanos = nanosOf(
      yield* tableInUse,
      filled(request, yield* CurrentDefaults),
      yield* CurrentTokenizer,
      options?.outputTokens ?? Tokens.defaultOutputTokens
    )
    return nanos === undefined ? undefined : Nanos.toUsd(nanos)
  })
