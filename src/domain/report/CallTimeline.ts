/**
 * When calls ran: one by one, or where there are too many, how many were under way.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type * as LedgerEntry from "../ledger/LedgerEntry.ts"
import * as CallSums from "./CallSums.ts"

/**
 * How calls are drawn: answered, answered without an answer or failed, interrupted or of unknown end, saved.
 *
 * @since 0.1.0
 */
export type Kind = 0 | 1 | 2 | 3

/**
 * A call as numbers, to keep a page small.
 *
 * @since 0.1.0
 */
export type Call = readonly [
  /** When it came: milliseconds since the first one. */
  at: number,
  /** How long it waited for a budget or a rate limit, in milliseconds. */
  waited: number,
  /** How long it ran, in milliseconds. */
  ran: number,
  kind: Kind,
  attempt: number,
  /** Its place in `outcomes`. */
  outcome: number,
  /** Its place in `places`. */
  place: number,
  /** Its place in `models`. */
  model: number,
  cost: string,
  /** The place in `calls` of the attempt that it repeats, or -1. */
  repeats: number
]

/**
 * The calls of a page over time.
 *
 * @since 0.1.0
 */
export interface CallTimeline {
  /** Epoch milliseconds, of the first call. */
  readonly from: number
  /** Milliseconds from the first call to the last end. */
  readonly span: number
  /** How many there are of each kind. */
  readonly kinds: readonly [answered: number, failed: number, interrupted: number, saved: number]
  /** How many had to wait. */
  readonly waited: number
  /** How many repeat an attempt. */
  readonly repeated: number
  readonly outcomes: ReadonlyArray<string>
  readonly places: ReadonlyArray<string>
  readonly models: ReadonlyArray<string>
  /** In the order in which they came; empty where there are too many to draw each. */
  readonly calls: ReadonlyArray<Call>
  /** Where there are too many: for each kind, and at last for those that waited, how many there were in each part of the time. */
  readonly bins: ReadonlyArray<ReadonlyArray<number>>
}

const binCount = 600

/**
 * How a call is drawn.
 *
 * @since 0.1.0
 */
export const kindOf = ({ costs, outcome }: LedgerEntry.Entry): Kind => {
  if (outcome === "Saved") return 3
  if (outcome === "Interrupted" || outcome === "Died") return 2
  return costs.failures > 0 ? 1 : 0
}

/** Names, each of which gets a number. */
class Names {
  readonly all: Array<string> = []
  readonly #numbers = new Map<string, number>()

  numberOf(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const number = this.all.push(name) - 1
    this.#numbers.set(name, number)
    return number
  }
}

/**
 * Finds the attempts that others repeat. A ledger does not say which they are, so the latest one of the same place, model and
 * number before is taken.
 */
class Attempts {
  readonly #ended = new Map<string, Array<{ readonly index: number; readonly end: number }>>()

  /** The index of the attempt that this one repeats, or -1. Calls have to come in their order. */
  repeatedBy(entry: LedgerEntry.Entry, index: number, at: number, end: number): number {
    const { attempt = 1 } = entry
    const name = JSON.stringify([entry.scopes, entry.model, entry.call])
    const before = attempt > 1 ? this.#ended.get(`${attempt - 1} ${name}`) : undefined
    // Times are rounded to milliseconds.
    const found = before?.findLastIndex((earlier) => earlier.end <= at + 2) ?? -1
    const repeated = found < 0 ? undefined : before?.splice(found, 1)[0]
    if (entry.costs.failures > 0) {
      const mine = `${attempt} ${name}`
      const ended = this.#ended.get(mine) ?? []
      ended.push({ index, end })
      this.#ended.set(mine, ended)
    }
    return repeated?.index ?? -1
  }
}

/** How many were under way in each part of the time. */
const binsOf = (
  entries: ReadonlyArray<LedgerEntry.Entry>,
  start: number,
  span: number
): ReadonlyArray<ReadonlyArray<number>> => {
  const rows = Array.from({ length: 5 }, () => Array.from({ length: binCount }, () => 0))
  const binOf = (time: number) =>
    span === 0 ? 0 : Math.min(binCount - 1, Math.max(0, Math.floor((time - start) / span * binCount)))
  const add = (row: Array<number> | undefined, from: number, to: number) => {
    if (row === undefined) return
    for (let bin = binOf(from); bin <= binOf(to); bin++) row[bin] = (row[bin] ?? 0) + 1
  }
  for (const entry of entries) {
    const came = CallSums.cameAt(entry)
    const sent = came + CallSums.millis(entry.waited)
    add(rows[kindOf(entry)], sent, DateTime.toEpochMillis(entry.time))
    if (sent > came) add(rows[4], came, sent)
  }
  return rows
}

/**
 * The timeline of these bookings.
 *
 * @since 0.1.0
 */
export const make = (entries: ReadonlyArray<LedgerEntry.Entry>, maxCalls: number): CallTimeline => {
  const came = entries.map((entry) => ({ entry, came: CallSums.cameAt(entry) })).toSorted((a, b) => a.came - b.came)
  const from = came[0]?.came ?? 0
  const span = entries.reduce((span, { time }) => Math.max(span, DateTime.toEpochMillis(time) - from), 0)
  const kinds: [number, number, number, number] = [0, 0, 0, 0]
  for (const entry of entries) kinds[kindOf(entry)]++
  const isMany = entries.length > maxCalls
  const [outcomes, places, models, attempts] = [new Names(), new Names(), new Names(), new Attempts()]
  const calls = isMany ? [] : came.map(({ came, entry }, index): Call => {
    const at = came - from
    return [
      at,
      CallSums.millis(entry.waited),
      CallSums.millis(entry.duration),
      kindOf(entry),
      entry.attempt ?? 1,
      outcomes.numberOf(entry.outcome),
      places.numberOf(CallSums.placeOf(entry)),
      models.numberOf(CallSums.shortened(entry.servedModel ?? entry.model ?? "")),
      CallSums.costOf(entry),
      attempts.repeatedBy(entry, index, at, DateTime.toEpochMillis(entry.time) - from)
    ]
  })
  return {
    from,
    span,
    kinds,
    waited: entries.filter(({ waited }) => CallSums.millis(waited) > 0).length,
    repeated: entries.filter(({ attempt = 1 }) => attempt > 1).length,
    outcomes: outcomes.all,
    places: places.all,
    models: models.all,
    calls,
    bins: isMany ? binsOf(entries, from, span) : []
  }
}
