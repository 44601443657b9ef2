/**
 * What `effect-openrouter batch` says before and after: the estimate, and how it compares to what was spent.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Estimate, Range } from "../../domain/batch/Estimate.ts"
import { failed } from "../../domain/batch/Progress.ts"
import { toTable } from "../../domain/batch/ProgressText.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import type { Summary } from "../Batch.ts"
import * as Table from "./Table.ts"

const rangeText = ({ high, likely, low }: Range<unknown>): string => `about ${likely} (${low} to ${high})`

const invalidText = ({ invalid, invalidRequests }: Estimate): string | undefined => {
  const [first] = invalidRequests
  return invalid === 0 ? undefined : `${invalid} that cannot be sent; the first: ${first?.error.message ?? ""}`
}

/**
 * An estimate for people.
 *
 * @since 0.1.0
 */
export const estimate = (estimate: Estimate, there: number): string =>
  Table.pairs([
    ["calls", estimate.calls],
    ["there already", there > 0 ? there : undefined],
    ["invalid", invalidText(estimate)],
    ["tokens in", rangeText(estimate.inputTokens)],
    ["tokens out", rangeText(estimate.outputTokens)],
    ["cost", estimate.unpriced === estimate.calls && estimate.calls > 0 ? "unknown" : rangeText(estimate.cost)],
    ["of unknown price", estimate.unpriced > 0 ? `${estimate.unpriced} calls, which are not in the cost` : undefined],
    ["may be spent", estimate.available],
    [
      "enough",
      estimate.isEnough === undefined ? undefined : estimate.isEnough ? "yes, for the most" : "not for the most"
    ]
  ])

const rangeJson = <A, B>({ high, likely, low }: Range<A>, f: (value: A) => B): Range<B> => ({
  low: f(low),
  likely: f(likely),
  high: f(high)
})

/**
 * An estimate for machines.
 *
 * @since 0.1.0
 */
export const estimateJson = (estimate: Estimate, there: number) => ({
  calls: estimate.calls,
  there,
  invalid: estimate.invalid,
  unpriced: estimate.unpriced,
  inputTokens: estimate.inputTokens,
  outputTokens: estimate.outputTokens,
  cost: rangeJson(estimate.cost, Usd.toText),
  ...Wire.compact({
    available: estimate.available === undefined ? undefined : Usd.toText(estimate.available),
    isEnough: estimate.isEnough
  })
})

const percent = (part: number, whole: number): string => whole === 0 ? "" : `, ${Math.round(part / whole * 100)} %`

const compared = (estimate: Estimate, { costs }: Summary): string =>
  Table.make(
    [{ name: "" }, { name: "estimated", isFigure: true }, { name: "was" }],
    [
      [
        "tokens in",
        String(estimate.inputTokens.likely),
        `${costs.inputTokens}${percent(costs.inputTokens, estimate.inputTokens.likely)}`
      ],
      [
        "tokens out",
        String(estimate.outputTokens.likely),
        `${costs.outputTokens}${percent(costs.outputTokens, estimate.outputTokens.likely)}`
      ],
      estimate.unpriced > 0 ? ["cost", "unknown", `${costs.cost}`] : [
        "cost",
        String(estimate.cost.likely),
        `${costs.cost}${percent(Usd.toNumber(costs.cost), Usd.toNumber(estimate.cost.likely))}`
      ]
    ]
  )

/**
 * A summary for people, compared to the estimate if there was one.
 *
 * @since 0.1.0
 */
export const summary = (summary: Summary, estimate: Estimate | undefined): string =>
  estimate === undefined || estimate.calls === 0 || summary.costs.calls === 0
    ? toTable(summary)
    : `${toTable(summary)}\n\n${compared(estimate, summary)}`

/**
 * A summary for machines.
 *
 * @since 0.1.0
 */
export const summaryJson = (summary: Summary, estimate: Estimate | undefined) => {
  const { costs } = summary
  return {
    items: summary.ended,
    failed: failed(summary),
    outcomes: summary.outcomes,
    calls: costs.calls,
    unknown: costs.unknown,
    cost: Usd.toText(costs.cost),
    savedCalls: costs.savedCalls,
    saved: Usd.toText(costs.saved),
    inputTokens: costs.inputTokens,
    outputTokens: costs.outputTokens,
    seconds: Duration.toSeconds(summary.elapsed),
    ...(estimate !== undefined && { estimate: estimateJson(estimate, summary.outcomes["Skipped"] ?? 0) }),
    ...(summary.stopped !== undefined && { stoppedBy: summary.stopped.stoppedBy ?? summary.stopped.reason })
  }
}
