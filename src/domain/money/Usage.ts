/**
 * What a response used, and what it cost.
 *
 * Every part is optional: providers leave parts out, and an absent figure is not a zero. Costs and tokens are read from
 * numbers and from decimal text; one that no bill has, such as a negative one, is none, and so unknown.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import * as Figure from "./Figure.ts"
import * as Usd from "./Usd.ts"

const optional = Schema.optionalKey

/**
 * How `cost` came about; `upstreamInferenceCost` is what the provider itself charged.
 *
 * @since 0.1.0
 */
export const CostDetails = Wire.LazyStruct(() => ({
  upstreamInferenceCost: Figure.cost,
  upstreamInferenceInputCost: Figure.cost,
  upstreamInferenceOutputCost: Figure.cost,
  serverToolCost: Figure.cost
}))

/**
 * @since 0.1.0
 */
export interface CostDetails extends Schema.Schema.Type<typeof CostDetails> {}

const usage = () => ({
  inputTokens: Figure.count,
  inputTokensDetails: optional(Wire.Struct({
    cachedTokens: Figure.count,
    cacheWriteTokens: Figure.count
  })),
  outputTokens: Figure.count,
  outputTokensDetails: optional(Wire.Struct({ reasoningTokens: Figure.count })),
  totalTokens: Figure.count,
  cost: Figure.cost,
  isByok: optional(Schema.Boolean),
  costDetails: optional(CostDetails),
  serverToolUseDetails: optional(Wire.Struct({
    toolCallsRequested: Figure.count,
    toolCallsExecuted: Figure.count,
    webSearchRequests: Figure.count
  }))
})

/**
 * The schema of {@link Usage}, by name.
 *
 * @since 0.1.0
 */
export interface UsageSchema extends Wire.LazyStruct<ReturnType<typeof usage>> {}

/**
 * Tokens, cost and server tool counts of one response.
 *
 * `cost` is what OpenRouter charged. With your own provider key (`isByok`) that is only OpenRouter's fee: the provider
 * bills `costDetails.upstreamInferenceCost` besides, see {@link upstreamCost}.
 *
 * @since 0.1.0
 */
export const Usage: UsageSchema = Wire.LazyStruct(usage, {}, { identifier: "Usage" })

/**
 * @since 0.1.0
 */
export interface Usage extends Schema.Schema.Type<typeof Usage> {}

/**
 * What the provider bills besides `usage.cost`: the upstream cost of a call made with your own provider key.
 *
 * @since 0.1.0
 */
export const upstreamCost = (usage: Usage): Usd.Usd | undefined =>
  usage.isByok === true ? usage.costDetails?.upstreamInferenceCost : undefined

/**
 * The number of tokens in all: as reported, or the sum of what is known.
 *
 * @since 0.1.0
 */
export const totalTokens = (usage: Usage): number =>
  usage.totalTokens ?? (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0)

/**
 * True if the response cost nothing, for instance because it came from the response cache.
 *
 * @since 0.1.0
 */
export const isFree = (usage: Usage): boolean => usage.cost !== undefined && Usd.isZero(usage.cost)
