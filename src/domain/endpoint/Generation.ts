/**
 * What OpenRouter recorded of a call, by its generation id.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Usd from "../money/Usd.ts"
import * as Costs from "../outcome/Costs.ts"
import * as Wire from "../wire/Wire.ts"
import * as Call from "./Call.ts"

const optional = Schema.optionalKey

/**
 * A recorded call. Right after the call it may not be there yet.
 *
 * @since 0.1.0
 */
export const Generation = Wire.LazyStruct(() => ({
  id: Schema.String,
  /** What OpenRouter charged. */
  totalCost: optional(Usd.FromNumber),
  usage: optional(Usd.FromNumber),
  cacheDiscount: optional(Usd.FromNumber),
  upstreamInferenceCost: optional(Usd.FromNumber),
  isByok: optional(Schema.Boolean),
  model: optional(Schema.String),
  providerName: optional(Schema.String),
  /** As the server writes it. */
  createdAt: optional(Schema.String),
  tokensPrompt: optional(Schema.Finite),
  tokensCompletion: optional(Schema.Finite),
  nativeTokensPrompt: optional(Schema.Finite),
  nativeTokensCompletion: optional(Schema.Finite),
  nativeTokensReasoning: optional(Schema.Finite),
  nativeTokensCached: optional(Schema.Finite),
  finishReason: optional(Schema.String),
  nativeFinishReason: optional(Schema.String),
  /** Milliseconds. */
  latency: optional(Schema.Finite),
  /** Milliseconds. */
  generationTime: optional(Schema.Finite),
  streamed: optional(Schema.Boolean),
  cancelled: optional(Schema.Boolean),
  upstreamId: optional(Schema.String),
  serviceTier: optional(Schema.String),
  sessionId: optional(Schema.String),
  requestId: optional(Schema.String),
  responseCacheSourceId: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface Generation extends Schema.Schema.Type<typeof Generation> {}

/**
 * What a recorded call cost: tokens as the model counts them, which is how they are billed.
 *
 * @since 0.1.0
 */
export const costs = (generation: Generation): Costs.Costs => ({
  ...Costs.zero,
  calls: 1,
  unknown: generation.totalCost === undefined ? 1 : 0,
  cost: generation.totalCost ?? Usd.zero,
  upstreamCost: (generation.isByok === true ? generation.upstreamInferenceCost : undefined) ?? Usd.zero,
  inputTokens: generation.nativeTokensPrompt ?? generation.tokensPrompt ?? 0,
  cachedTokens: generation.nativeTokensCached ?? 0,
  outputTokens: generation.nativeTokensCompletion ?? generation.tokensCompletion ?? 0,
  reasoningTokens: generation.nativeTokensReasoning ?? 0
})

const read = Call.reader(Generation, { from: "data" })

/**
 * `GET /generation`.
 *
 * @since 0.1.0
 */
export const generation = (id: string): Call.Call<Generation> => ({
  name: "generation",
  path: Call.withQuery("/generation", { id }),
  read
})
