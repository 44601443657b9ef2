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
  /** Those whose cost is not known: interrupted, cut off, given up by a gateway, or answered without a cost. */
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
export const Costs = /* @__PURE__ */ Schema.Struct(figures)

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
 * What one call cost by its usage; `billed` says whether an absent cost is unknown or none. A negative cost, which no call
 * has, would lower the sums: it is unknown.
 *
 * @since 0.1.0
 */
export const ofUsage = (
  usage: Usage | undefined,
  known: { readonly failed: boolean; readonly billed: boolean }
): Costs => {
  const cost = possible(usage?.cost)
  return {
    calls: 1,
    failures: known.failed ? 1 : 0,
    unknown: cost === undefined && (known.billed || usage?.cost !== undefined) ? 1 : 0,
    cost: cost ?? Usd.zero,
    upstreamCost: (usage === undefined ? undefined : possible(upstreamCost(usage))) ?? Usd.zero,
    inputTokens: usage?.inputTokens ?? 0,
    cachedTokens: usage?.inputTokensDetails?.cachedTokens ?? 0,
    outputTokens: usage?.outputTokens ?? 0,
    reasoningTokens: usage?.outputTokensDetails?.reasoningTokens ?? 0
  }
}

const possible = (cost: Usd.Usd | undefined): Usd.Usd | undefined =>
  cost === undefined || Usd.isNegative(cost) ? undefined : cost

/**
 * What OpenRouter charged for all of it; `undefined` if the cost of any part is unknown.
 *
 * @since 0.1.0
 */
export const charged = (self: Costs): Usd.Usd | undefined => self.unknown === 0 ? self.cost : undefined

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
 * An error that came with a cost has that, whatever its status. Without one, an HTTP error is not billed, and neither is a
 * failure inside an answer that had not begun. Unknown is the cost of everything that the provider may have worked for:
 * an answer that had begun (text, reasoning, calls; `hasBegun` says that a stream had, where the error does not show it),
 * a connection that broke after the request was sent, a deadline of ours, a gateway that gave up (408, 504, 524 and their
 * kin), and an unreadable answer.
 *
 * @since 0.1.0
 */
export const ofError = (
  error: OpenRouterError,
  options: { readonly hasBegun?: boolean | undefined } = {}
): Costs => {
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
    case "ProviderTimeout":
    case "TimedOut":
    case "MalformedResponse":
    case "StreamInterrupted":
    case "Incomplete":
    case "GenerationFailed":
    case "EmptyCompletion":
      return ofUsage(error.usage, { failed: true, billed: true })
    case "InvalidOutput":
      return ofUsage(error.usage, { failed: false, billed: true })
  }
  const { partialText, response, status, usage } = error
  const hasBegun = options.hasBegun === true || partialText !== undefined || (response?.output.length ?? 0) > 0
  const isGivenUp = status !== undefined && givenUp.has(status)
  return ofUsage(usage, { failed: true, billed: usage !== undefined || hasBegun || isGivenUp })
}

/** The statuses of gateways that did not wait for the end, also those of Cloudflare and other proxies. */
const givenUp: ReadonlySet<number> = new Set([408, 499, 504, 520, 522, 524, 598, 599])

/**
 * An attempt that was interrupted after it was sent: the provider may have billed it.
 *
 * @since 0.1.0
 */
export const interrupted: Costs = ofUsage(undefined, { failed: true, billed: true })
