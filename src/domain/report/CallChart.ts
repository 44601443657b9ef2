/**
 * What a page shows of the calls of a program: totals, costs by scope, calls over time, the dearest and the failed ones.
 *
 * All figures are those of a ledger: sums are exact, as decimal text. Nothing that was asked or answered is in it.
 *
 * @since 0.1.0
 */
import * as LedgerBooks from "../ledger/LedgerBooks.ts"
import type * as LedgerEntry from "../ledger/LedgerEntry.ts"
import type * as LedgerReport from "../ledger/LedgerReport.ts"
import type { ScopeReport } from "../ledger/ScopeReport.ts"
import * as Usd from "../money/Usd.ts"
import * as CallSums from "./CallSums.ts"
import * as CallTimeline from "./CallTimeline.ts"

/**
 * A scope with its figures; `c` is its cost in USD for widths, `t` the same as people read it.
 *
 * @since 0.1.0
 */
export interface Box {
  readonly n: string
  readonly c: number
  readonly t: string
  /** Calls, failures, calls of unknown cost, tokens in, tokens out. */
  readonly f: readonly [calls: number, failures: number, unknown: number, input: number, output: number]
  readonly s: ReadonlyArray<Box>
  /** What is inside of those `s` that keep their sum only, of all of them together. */
  readonly i?: ReadonlyArray<Box>
}

/**
 * The document of a page.
 *
 * @since 0.1.0
 */
export interface CallChart {
  readonly title: string
  readonly totals: LedgerReport.Report
  readonly scopes: Box
  readonly models: ReadonlyArray<CallSums.Sum>
  readonly outcomes: ReadonlyArray<CallSums.Sum>
  readonly timeline: CallTimeline.CallTimeline
  /** How many attempts and saved calls there are, drawn one by one or not. */
  readonly count: number
  readonly dearest: ReadonlyArray<CallSums.Row>
  readonly failed: ReadonlyArray<CallSums.Row>
  readonly failedCount: number
}

/**
 * How a page is made.
 *
 * @since 0.1.0
 */
export interface Options {
  /** Its title. Default `Calls`. */
  readonly title?: string | undefined
  /** How many calls are drawn one by one; more than that are drawn as sums over time. Default 20,000. */
  readonly maxCalls?: number | undefined
  /** How many scopes are told apart; the least used others are summed up as `(other)`. Default 10,000. */
  readonly maxScopes?: number | undefined
}

const listed = 100

/** A page goes no deeper: so many scopes inside of each other are a mistake, and would not fit into it. */
const deepest = 200

const boxOf = (scope: ScopeReport, depth = 0): Box => ({
  n: CallSums.shortened(scope.name),
  c: Usd.toNumber(scope.cost),
  t: String(scope.cost),
  f: [scope.calls, scope.failures, scope.unknown, scope.inputTokens, scope.outputTokens],
  s: boxesOf(scope.scopes, depth),
  ...(scope.inside === undefined || scope.inside.length === 0 ? {} : { i: boxesOf(scope.inside, depth) })
})

const boxesOf = (scopes: ReadonlyArray<ScopeReport>, depth: number): ReadonlyArray<Box> =>
  depth >= deepest
    ? []
    : scopes.toSorted((a, b) => Usd.Order(b.cost, a.cost) || b.calls - a.calls).map((scope) => boxOf(scope, depth + 1))

/**
 * The document of these bookings.
 *
 * @since 0.1.0
 */
export const make = (lines: Iterable<LedgerEntry.Line>, options: Options = {}): CallChart => {
  const all = Array.from(lines)
  const title = options.title ?? "Calls"
  const totals = LedgerBooks.reportOf(all, { name: title, maxScopes: options.maxScopes ?? 10_000 })
  const entries = CallSums.corrected(all.filter((line) => line._tag === "Entry"))
  // What was corrected or booked by hand took no time.
  const drawn = entries.filter(({ outcome }) => outcome !== "Reconciled" && outcome !== "Recorded")
  const failed = drawn.filter(({ costs }) => costs.failures > 0)
  return {
    title,
    totals,
    scopes: boxOf(totals),
    models: CallSums.sumsBy(entries, ({ model }) => model ?? "(no model)"),
    outcomes: CallSums.sumsBy(entries, ({ outcome }) => outcome),
    timeline: CallTimeline.make(drawn, options.maxCalls ?? 20_000),
    count: drawn.length,
    dearest: drawn.filter(({ cost, outcome }) => cost !== undefined && !Usd.isZero(cost) && outcome !== "Saved")
      .toSorted((a, b) => Usd.Order(b.costs.cost, a.costs.cost)).slice(0, listed).map(CallSums.rowOf),
    failed: failed.toSorted((a, b) => CallSums.cameAt(a) - CallSums.cameAt(b)).slice(0, listed).map(CallSums.rowOf),
    failedCount: failed.length
  }
}
