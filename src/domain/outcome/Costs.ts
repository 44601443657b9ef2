/**
 * What calls cost: figures that add up.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { OpenRouterError } from "../error/OpenRouterError.ts"
import type { Usage } from "../money/Usage.ts"
import { upstreamCost } from "../money/Usage.ts"
import * as Usd from "../money/Usd.ts"
import type { Outcome } from "./Outcome.ts"

const figures = {
  /** Requests that were sent, each attempt counted. */
  calls: Schema.Int,
  /**
   * Those of them that gave no answer: errors, refusals, truncated and empty answers, interruptions. An answer that did
   * not have the asked shape (`InvalidOutput`) is an answer here.
   */
  failures: Schema.Int,
  /** Those whose cost is not known: interrupted, cut off, or answered without a cost. */
  unknown: Schema.Int,
  /** What OpenRouter charged for all calls whose cost is known. */
  cost: Usd.Usd,
  /** What providers bill besides, for calls made with your own provider keys. */
  upstreamCost: Usd.Usd,
  inputTokens: Schema.Finite,
  cachedTokens: Schema.Finite,
  outputTokens: Schema.Finite,
  reasoningTokens: Schema.Finite
}

/**
 * Sums over calls.
 *
 * @since 0.1.0
 */
export const Costs = Schema.Struct(figures)

/**
 * @since 0.1.0
 */
export interface Costs extends Schema.Schema.Type<typeof Costs> {}

/**
 * No calls.
 *
 * @since 0.1.0
 */
export const zero: Costs = {
  calls: 0,
  failures: 0,
  unknown: 0,
  cost: Usd.zero,
  upstreamCost: Usd.zero,
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0
}

/**
 * The sums of both.
 *
 * @since 0.1.0
 */
export const sum = (self: Costs, that: Costs): Costs => ({
  calls: self.calls + that.calls,
  failures: self.failures + that.failures,
  unknown: self.unknown + that.unknown,
  cost: Usd.sum(self.cost, that.cost),
  upstreamCost: Usd.sum(self.upstreamCost, that.upstreamCost),
  inputTokens: self.inputTokens + that.inputTokens,
  cachedTokens: self.cachedTokens + that.cachedTokens,
  outputTokens: self.outputTokens + that.outputTokens,
  reasoningTokens: self.reasoningTokens + that.reasoningTokens
})

/**
 * What is left of `self` without `that`, which is part of it.
 *
 * @since 0.1.0
 */
export const subtract = (self: Costs, that: Costs): Costs => ({
  calls: self.calls - that.calls,
  failures: self.failures - that.failures,
  unknown: self.unknown - that.unknown,
  cost: Usd.subtract(self.cost, that.cost),
  upstreamCost: Usd.subtract(self.upstreamCost, that.upstreamCost),
  inputTokens: self.inputTokens - that.inputTokens,
  cachedTokens: self.cachedTokens - that.cachedTokens,
  outputTokens: self.outputTokens - that.outputTokens,
  reasoningTokens: self.reasoningTokens - that.reasoningTokens
})

/**
 * What one call cost by its usage; `billed` says whether an absent cost is unknown or none.
 *
 * @since 0.1.0
 */
export const ofUsage = (
  usage: Usage | undefined,
  known: { readonly failed: boolean; readonly billed: boolean }
): Costs => ({
  calls: 1,
  failures: known.failed ? 1 : 0,
  unknown: known.billed && usage?.cost === undefined ? 1 : 0,
  cost: usage?.cost ?? Usd.zero,
  upstreamCost: (usage === undefined ? undefined : upstreamCost(usage)) ?? Usd.zero,
  inputTokens: usage?.inputTokens ?? 0,
  cachedTokens: usage?.inputTokensDetails?.cachedTokens ?? 0,
  outputTokens: usage?.outputTokens ?? 0,
  reasoningTokens: usage?.outputTokensDetails?.reasoningTokens ?? 0
})

/**
 * What an answered call cost.
 *
 * @since 0.1.0
 */
export const ofOutcome = (outcome: Outcome): Costs =>
  ofUsage(outcome.usage, { failed: outcome._tag !== "Completed", billed: true })

/**
 * What a failed attempt cost; nothing is booked for a request that was never sent.
 *
 * An HTTP error is not billed. A connection that broke after the request was sent, a deadline of ours and an unreadable
 * answer may be: their cost is unknown.
 *
 * @since 0.1.0
 */
export const ofError = (error: OpenRouterError): Costs => {
  switch (error._tag) {
    case "BudgetExceeded":
      return zero
    case "InvalidRequest":
      if (error.origin === "local") return zero
      break
    case "InvalidApiKey":
      if (error.status === undefined) return zero
      break
    case "ConnectionFailed":
      return ofUsage(error.usage, { failed: true, billed: error.phase !== "connecting" })
    case "TimedOut":
    case "MalformedResponse":
    case "StreamInterrupted":
      return ofUsage(error.usage, { failed: true, billed: true })
  }
  const wasBegun = error.status === 200 && (error.usage !== undefined || error.partialText !== undefined)
  return ofUsage(error.usage, { failed: true, billed: wasBegun })
}

/**
 * An attempt that was interrupted after it was sent: the provider may have billed it.
 *
 * @since 0.1.0
 */
export const interrupted: Costs = ofUsage(undefined, { failed: true, billed: true })
