/**
 * The books of one ledger: sums by scope and by tag, and the calls whose cost is unknown. Entries are not kept.
 *
 * Like the trees in it they belong to one ledger and change with each call.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Costs from "../outcome/Costs.ts"
import * as Wire from "../wire/Wire.ts"
import type * as LedgerEntry from "./LedgerEntry.ts"
import type * as LedgerReport from "./LedgerReport.ts"
import { type Booked, ScopeTree } from "./ScopeTree.ts"

/**
 * How large books may become, and what they begin with. A size that is no number is a defect.
 *
 * @since 0.1.0
 */
export interface Options {
  /** The name of the outermost scope. Default: that of `from`, else `total`. */
  readonly name?: string | undefined
  /** How many scopes are told apart; beyond that the least used ones are summed up as `(other)`. Default 10,000. */
  readonly maxScopes?: number | undefined
  /** How many values of tags are told apart, of all tags together. Default 10,000. */
  readonly maxTagValues?: number | undefined
  /** How many calls with unknown cost are listed; further ones are only counted. Default 1,000. */
  readonly maxUnknownCalls?: number | undefined
  /** What was booked before, such as the report of a run that is continued. */
  readonly from?: LedgerReport.Report | undefined
}

/**
 * Sums up what is booked.
 *
 * @since 0.1.0
 */
export class LedgerBooks {
  readonly #scopes: ScopeTree
  readonly #tags: ScopeTree
  readonly #unknown = new Map<string, LedgerReport.UnknownCall>()
  readonly #maxUnknown: number
  #dropped = 0

  constructor({ from, maxScopes = 10_000, maxTagValues = 10_000, maxUnknownCalls = 1000, name }: Options = {}) {
    for (const [option, most] of Object.entries({ maxScopes, maxTagValues, maxUnknownCalls })) {
      // Compared with what is no number they would be without bound.
      if (!(most >= 0)) throw new RangeError(`CostLedger: ${option} is ${most}; it is a number from 0`)
    }
    this.#scopes = new ScopeTree(name ?? from?.name ?? "total", maxScopes, from?.folded)
    this.#tags = new ScopeTree("tags", maxTagValues)
    this.#maxUnknown = maxUnknownCalls
    if (from === undefined) return
    this.#scopes.restore(from)
    // The outermost scope of tags has no figures: a call has any number of tags.
    for (const tag of from.tags) this.#tags.restore({ ...tag, name: "tags", scopes: [tag] })
    for (const call of from.unknownCalls) this.#list(call)
    this.#dropped = from.dropped
  }

  /** Books what an attempt cost, or what was saved. Scopes before `depth` are outside of the ledger. */
  book(
    scopes: ReadonlyArray<string>,
    depth: number,
    summed: ReadonlyArray<number> | undefined,
    tags: LedgerEntry.Place["tags"],
    booked: Booked
  ): void {
    this.#scopes.book(scopes, depth, summed, booked)
    for (const name in tags) this.#tags.book([name, tags[name] ?? ""], 0, undefined, booked)
  }

  /** Lists a call whose cost is unknown. */
  list(
    generationId: string,
    place: LedgerEntry.Place,
    call: { readonly model: string | undefined; readonly endedAt: number; readonly costs: Costs.Costs }
  ): void {
    const { costs, endedAt, model } = call
    this.#list({ generationId, time: DateTime.makeUnsafe(endedAt), ...place, costs, ...Wire.compact({ model }) })
  }

  #list(call: LedgerReport.UnknownCall): void {
    if (this.#unknown.size < this.#maxUnknown && !this.#unknown.has(call.generationId)) {
      this.#unknown.set(call.generationId, call)
    }
  }

  /** Replaces what is booked of a listed call by what it really cost; gives the call with the difference as its costs. */
  correct(generationId: string, costs: Costs.Costs): LedgerReport.UnknownCall | undefined {
    const call = this.#unknown.get(generationId)
    if (call === undefined || costs.unknown > 0) return undefined
    // It stays the call, and the failure, that it was.
    const { calls, failures } = call.costs
    const difference = Costs.subtract({ ...costs, calls, failures }, call.costs)
    this.#correct(generationId, call, difference)
    return { ...call, costs: difference }
  }

  #correct(generationId: string, { scopes, summed, tags }: LedgerEntry.Place, difference: Costs.Costs): void {
    this.#unknown.delete(generationId)
    this.#scopes.correct(scopes, summed, difference)
    for (const name in tags) this.#tags.correct([name, tags[name] ?? ""], undefined, difference)
  }

  /** Takes an entry of another ledger in. */
  add(line: LedgerEntry.Line): void {
    if (line._tag === "Dropped") {
      this.#dropped += line.count
      return
    }
    const { costs, generationId, outcome, scopes, summed, tags } = line
    if (outcome === "Reconciled" && generationId !== undefined) return this.#correct(generationId, line, costs)
    this.book(scopes, 0, summed, tags, outcome === "Saved" ? { saved: line.cost } : costs)
    if (costs.unknown > 0 && generationId !== undefined) {
      const { model, time } = line
      this.#list({ generationId, time, ...placeOf(line), costs, ...Wire.compact({ model }) })
    }
  }

  /** What was booked so far. */
  report(): LedgerReport.Report {
    return {
      version: 1,
      ...this.#scopes.report(),
      tags: this.#tags.report().scopes,
      unknownCalls: Array.from(this.#unknown.values()),
      folded: this.#scopes.folded + this.#tags.folded,
      dropped: this.#dropped
    }
  }
}

const placeOf = ({ scopes, summed, tags }: LedgerEntry.Place): LedgerEntry.Place => ({
  scopes,
  tags,
  ...Wire.compact({ summed })
})

/**
 * The report of entries that were kept.
 *
 * @since 0.1.0
 */
export const reportOf = (lines: Iterable<LedgerEntry.Line>, options?: Options): LedgerReport.Report => {
  const books = new LedgerBooks(options)
  for (const line of lines) books.add(line)
  return books.report()
}
