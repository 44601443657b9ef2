/** What is left of a story: tables for people, a document for machines. */
import { CostLedger, Usd } from "effect-openrouter"
import type { Story } from "./Town.ts"

/** A story, and what the emulator charged for it if it was told there. */
export interface Told extends Story {
  readonly charged?: Usd.Usd
}

/** True unless the emulator's books say something else than the ledger. */
export const isExact = ({ charged, costs }: Told) => charged === undefined || Usd.equals(charged, costs.cost)

/** Tables of the costs. */
export const toText = (told: Told): string => {
  const { charged, costs } = told
  const tables = costs.calls === 0 ? [] : ["tick", "phase", "character and place"]
  const lines = tables.map((tag) => `\nCosts by ${tag}\n${CostLedger.toTable(CostLedger.by(costs, tag))}`)
  const verdict = isExact(told) ? "the same to the last digit" : "NOT THE SAME"
  if (charged !== undefined) {
    lines.push(`\nledger ${costs.cost}, emulator ${charged}: ${verdict}`)
  }
  return lines.join("\n")
}

/** Why the story ended early, if it did. */
export const endOf = ({ stoppedBy }: Told): string | undefined =>
  stoppedBy === undefined ? undefined : `\nStopped by ${stoppedBy._tag}: ${stoppedBy.message}`

/**
 * The story as JSON, the same for the same seed.
 *
 * Only what was paid is told of the costs: calls and failures count each attempt, and how many meet a rate limit is a
 * matter of timing. (So is the call at which credits run out, once calls have waited: they go on in any order.)
 */
export const toJson = ({ charged, costs, stoppedBy, ticks }: Told): string =>
  JSON.stringify(
    {
      ticks,
      costs: CostLedger.toJson(costs),
      charged: charged === undefined ? undefined : Usd.toText(charged),
      stopped: stoppedBy === undefined ? undefined : { by: stoppedBy._tag, message: stoppedBy.message }
    },
    (key, value) => key === "calls" || key === "failures" ? undefined : value,
    2
  )
