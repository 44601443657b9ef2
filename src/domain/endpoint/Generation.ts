/**
 * What OpenRouter recorded of a call, by its generation id.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { context } from "../error/ErrorContext.ts"
import * as Hidden from "../error/Hidden.ts"
import type { ModelUnavailable } from "../error/OpenRouterError.ts"
import * as Figure from "../money/Figure.ts"
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
  totalCost: Figure.cost,
  usage: Figure.cost,
  /** Less than nothing where the cache was written. */
  cacheDiscount: optional(Figure.amount),
  upstreamInferenceCost: Figure.cost,
  isByok: optional(Schema.Boolean),
  model: optional(Schema.String),
  providerName: optional(Schema.String),
  /** As the server writes it. */
  createdAt: optional(Schema.String),
  tokensPrompt: Figure.count,
  tokensCompletion: Figure.count,
  nativeTokensPrompt: Figure.count,
  nativeTokensCompletion: Figure.count,
  nativeTokensReasoning: Figure.count,
  nativeTokensCached: Figure.count,
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
 * There is no record of this generation: not yet, not any more, or it never was.
 *
 * @since 0.1.0
 */
export class GenerationNotFound extends Hidden.withResponse(
  Schema.TaggedError<GenerationNotFound>("effect-openrouter/GenerationNotFound")("GenerationNotFound", {
    ...context,
    /** The id that was asked for. */
    id: Schema.String
  })
) {
  readonly isRetryable = false
}

/**
 * What the general error of a 404 means to who asked for this generation.
 *
 * @since 0.1.0
 */
export const notFound = (id: string, { message, ...error }: ModelUnavailable): GenerationNotFound => {
  const { _tag, fallbackModels: _, isRetryable: _r, reason: _reason, ...known } = error
  return new GenerationNotFound({ ...known, message, id })
}

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
