/**
 * What a page shows of the calls of a program: totals, costs by scope, calls over time, the dearest and the failed ones.
 *
 * All figures are those of a ledger: sums are exact, as decimal text. Nothing that was asked or answered is in it.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as LedgerBooks from "../ledger/LedgerBooks.ts"
import type * as LedgerEntry from "../ledger/LedgerEntry.ts"
import type * as LedgerReport from "../ledger/LedgerReport.ts"
import type { ScopeReport } from "../ledger/ScopeReport.ts"
import * as Usd from "../money/Usd.ts"

/**
 * How calls are drawn: answered, answered without an answer or failed, interrupted or of unknown end, saved.
 *
 * @since 0.1.0
 */
export type Kind = 0 | 1 | 2 | 3

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
}

/**
 * A call in a table.
 *
 * @since 0.1.0
 */
export interface Row {
  /** Milliseconds since the first call. */
  readonly at: number
  readonly scope: string
  readonly model: string
  readonly outcome: string
  readonly cost: string
  readonly ms: number | null
  readonly id: string
}

/**
 * The document of a page.
 *
 * @since 0.1.0
 */
export interface CallChart {
  readonly title: string
  /** ISO 8601, of the first call. */
  readonly from: string
  /** Milliseconds from the first call to the last end. */
  readonly span: number
  readonly totals: ReadonlyArray<readonly [name: string, value: string]>
  readonly scopes: Box
  readonly models: ReadonlyArray<readonly [model: string, calls: number, cost: string]>
  readonly outcomes: ReadonlyArray<readonly [outcome: string, calls: number, cost: string]>
  /**
   * Of each call, as far as they are drawn one by one: when it came, how long it waited, how long it ran (milliseconds), its kind,
   * which attempt it was, and its place in `outcomes`.
   */
  readonly calls: ReadonlyArray<
    readonly [at: number, waited: number, ran: number, kind: Kind, attempt: number, outcome: number]
  >
  /** Where there are too many: calls that were under way in each part of the time, by kind. */
  readonly bins: ReadonlyArray<ReadonlyArray<number>>
  readonly dearest: ReadonlyArray<Row>
  readonly failed: ReadonlyArray<Row>
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
  /** How many scopes are told apart; the least used others are summed up as `(other)`. Default 2,000. */
  readonly maxScopes?: number | undefined
}

const binCount = 400

const listed = 100

const boxOf = (scope: ScopeReport): Box => ({
  n: scope.name,
  c: Usd.toNumber(scope.cost),
  t: String(scope.cost),
  f: [scope.calls, scope.failures, scope.unknown, scope.inputTokens, scope.outputTokens],
  s: scope.scopes.toSorted((a, b) => Usd.Order(b.cost, a.cost)).map(boxOf)
})

const kindOf = ({ costs, outcome }: LedgerEntry.Entry): Kind => {
  if (outcome === "Saved") return 3
  if (outcome === "Interrupted" || outcome === "Died") return 2
  return costs.failures > 0 ? 1 : 0
}

const millis = (duration: Duration.Duration | undefined): number =>
  duration === undefined ? 0 : Math.max(0, Math.round(Duration.toMillis(duration)))

/** When it came: before it waited. */
const cameAt = (entry: LedgerEntry.Entry): number =>
  DateTime.toEpochMillis(entry.time) - millis(entry.duration) - millis(entry.waited)

const rowOf = (entry: LedgerEntry.Entry, start: number): Row => ({
  at: cameAt(entry) - start,
  scope: entry.scopes.join(" › "),
  model: entry.servedModel ?? entry.model ?? "",
  outcome: entry.outcome,
  cost: entry.cost === undefined ? "unknown" : String(entry.cost),
  ms: entry.duration === undefined ? null : millis(entry.duration),
  id: entry.generationId ?? ""
})

interface Sum {
  calls: number
  cost: Usd.Usd
}

const sumsBy = (
  entries: ReadonlyArray<LedgerEntry.Entry>,
  nameOf: (entry: LedgerEntry.Entry) => string | undefined
): ReadonlyArray<readonly [name: string, calls: number, cost: string]> => {
  const sums = new Map<string, Sum>()
  for (const entry of entries) {
    const name = nameOf(entry)
    if (name === undefined) continue
    const sum = sums.get(name) ?? { calls: 0, cost: Usd.zero }
    sums.set(name, { calls: sum.calls + 1, cost: Usd.sum(sum.cost, entry.costs.cost) })
  }
  return Array.from(sums, ([name, sum]) => [name, sum] as const)
    .toSorted(([, a], [, b]) => Usd.Order(b.cost, a.cost) || b.calls - a.calls)
    .map(([name, { calls, cost }]) => [name, calls, String(cost)])
}

const totalsOf = (report: LedgerReport.Report): CallChart["totals"] => [
  ["Cost", String(report.cost)],
  ["Calls", String(report.calls)],
  ["Failed", String(report.failures)],
  ["Of unknown cost", String(report.unknown)],
  ["Tokens in", String(report.inputTokens)],
  ["Cached", String(report.cachedTokens)],
  ["Tokens out", String(report.outputTokens)],
  ["Reasoning", String(report.reasoningTokens)],
  ...(Usd.isZero(report.upstreamCost) ? [] : [["Billed by providers", String(report.upstreamCost)] as const]),
  ...(report.savedCalls === 0
    ? []
    : [["Saved calls", String(report.savedCalls)] as const, ["Saved", String(report.saved)] as const]),
  ...(report.dropped === 0 ? [] : [["Entries missing", String(report.dropped)] as const])
]

/** How many were under way in each part of the time; the fifth row is of those that waited. */
const binsOf = (entries: ReadonlyArray<LedgerEntry.Entry>, start: number, span: number): CallChart["bins"] => {
  const rows = Array.from({ length: 5 }, () => Array.from({ length: binCount }, () => 0))
  const binOf = (time: number) =>
    span === 0 ? 0 : Math.min(binCount - 1, Math.max(0, Math.floor((time - start) / span * binCount)))
  const add = (row: ReadonlyArray<number> & Array<number>, from: number, to: number) => {
    for (let bin = binOf(from); bin <= binOf(to); bin++) row[bin] = (row[bin] ?? 0) + 1
  }
  for (const entry of entries) {
    const came = cameAt(entry)
    const sent = came + millis(entry.waited)
    const [row, waiting] = [rows[kindOf(entry)], rows[4]]
    if (row !== undefined) add(row, sent, DateTime.toEpochMillis(entry.time))
    if (waiting !== undefined && sent > came) add(waiting, came, sent)
  }
  return rows
}

/**
 * The document of these bookings.
 *
 * @since 0.1.0
 */
export const make = (lines: Iterable<LedgerEntry.Line>, options: Options = {}): CallChart => {
  const all = Array.from(lines)
  const title = options.title ?? "Calls"
  const report = LedgerBooks.reportOf(all, { name: title, maxScopes: options.maxScopes ?? 2000 })
  const entries = all.filter((line) => line._tag === "Entry")
  // What was corrected or booked by hand took no time.
  const drawn = entries.filter(({ outcome }) => outcome !== "Reconciled" && outcome !== "Recorded")
  const start = drawn.reduce((start, entry) => Math.min(start, cameAt(entry)), Infinity)
  const from = Number.isFinite(start) ? start : 0
  const span = drawn.reduce((span, { time }) => Math.max(span, DateTime.toEpochMillis(time) - from), 0)
  const outcomes = sumsBy(entries, ({ outcome }) => outcome)
  const placeOf = new Map(outcomes.map(([outcome], index) => [outcome, index]))
  const isMany = drawn.length > (options.maxCalls ?? 20_000)
  const failed = drawn.filter(({ costs }) => costs.failures > 0)
  return {
    title,
    from: DateTime.formatIso(DateTime.makeUnsafe(from)),
    span,
    totals: totalsOf(report),
    scopes: boxOf(report),
    models: sumsBy(entries, ({ model }) => model),
    outcomes,
    calls: isMany ? [] : drawn.map((entry) =>
      [
        cameAt(entry) - from,
        millis(entry.waited),
        millis(entry.duration),
        kindOf(entry),
        entry.attempt ?? 1,
        placeOf.get(entry.outcome) ?? 0
      ] as const
    ).toSorted(([a], [b]) => a - b),
    bins: isMany ? binsOf(drawn, from, span) : [],
    dearest: drawn.filter(({ cost, outcome }) => cost !== undefined && outcome !== "Saved")
      .toSorted((a, b) => Usd.Order(b.costs.cost, a.costs.cost)).slice(0, listed).map((entry) => rowOf(entry, from)),
    failed: failed.slice(0, listed).map((entry) => rowOf(entry, from)),
    failedCount: failed.length
  }
}
