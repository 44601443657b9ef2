/**
 * Calls summed up by a name, and the calls of a table.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as LedgerEntry from "../ledger/LedgerEntry.ts"
import * as Usd from "../money/Usd.ts"
import * as Costs from "../outcome/Costs.ts"

/**
 * What the bookings of one name come to.
 *
 * @since 0.1.0
 */
export interface Sum {
  readonly name: string
  /** Bookings: attempts, and what was saved or recorded. */
  readonly bookings: number
  readonly calls: number
  readonly failures: number
  readonly unknown: number
  /** As people read it; what is unknown is not in it. */
  readonly cost: string
  /** The part of the cost of all, from 0 to 1. */
  readonly share: number
}

/**
 * A call in a table.
 *
 * @since 0.1.0
 */
export interface Row {
  /** When it came, epoch milliseconds. */
  readonly came: number
  readonly scope: string
  readonly model: string
  readonly outcome: string
  readonly attempt: number
  readonly cost: string
  /** Milliseconds from its sending to its end. */
  readonly ran: number | undefined
  readonly id: string
}

/**
 * A name that is not longer than a page has room for.
 *
 * @since 0.1.0
 */
export const shortened = (name: string): string => name.length > 120 ? `${name.slice(0, 119).trimEnd()}…` : name

/**
 * Whole milliseconds; nothing is 0.
 *
 * @since 0.1.0
 */
export const millis = (duration: Duration.Duration | undefined): number =>
  duration === undefined ? 0 : Math.max(0, Math.round(Duration.toMillis(duration)))

/**
 * When a call came, before it waited: epoch milliseconds.
 *
 * @since 0.1.0
 */
export const cameAt = (entry: LedgerEntry.Entry): number =>
  DateTime.toEpochMillis(entry.time) - millis(entry.duration) - millis(entry.waited)

/**
 * The scopes of a call in one text.
 *
 * @since 0.1.0
 */
export const placeOf = ({ scopes }: LedgerEntry.Entry): string => scopes.map(shortened).join(" › ")

/**
 * What a call cost, as people read it.
 *
 * @since 0.1.0
 */
export const costOf = (entry: LedgerEntry.Entry): string => entry.cost === undefined ? "unknown" : String(entry.cost)

/**
 * The bookings, where what became known later (`Reconciled`) is a part of the call that it is about.
 *
 * @since 0.1.0
 */
export const corrected = (entries: ReadonlyArray<LedgerEntry.Entry>): ReadonlyArray<LedgerEntry.Entry> => {
  const corrections = new Map<string, LedgerEntry.Entry>()
  for (const entry of entries) {
    if (entry.outcome === "Reconciled" && entry.generationId !== undefined) corrections.set(entry.generationId, entry)
  }
  if (corrections.size === 0) return entries
  const whole = entries.map((entry) => {
    const id = entry.generationId
    if (id === undefined || entry.costs.unknown <= 0) return entry
    const correction = corrections.get(id)
    if (correction === undefined) return entry
    corrections.delete(id)
    const costs = Costs.sum(entry.costs, correction.costs)
    return costs.unknown === 0 ? { ...entry, costs, cost: costs.cost } : { ...entry, costs }
  })
  // What is about a call that is not here stays by itself.
  return whole.filter((entry) =>
    entry.outcome !== "Reconciled" || entry.generationId === undefined ||
    corrections.get(entry.generationId) === entry
  )
}

/** So many names are told apart; the rest is one sum. */
const named = 100

interface Counts {
  readonly bookings: number
  readonly costs: Costs.Costs
}

const none: Counts = { bookings: 0, costs: Costs.zero }

const plus = (self: Counts, that: Counts): Counts => ({
  bookings: self.bookings + that.bookings,
  costs: Costs.sum(self.costs, that.costs)
})

/**
 * The sums of each name, the dearest first. They add up to the whole.
 *
 * @since 0.1.0
 */
export const sumsBy = (
  entries: ReadonlyArray<LedgerEntry.Entry>,
  nameOf: (entry: LedgerEntry.Entry) => string
): ReadonlyArray<Sum> => {
  const byName = new Map<string, Counts>()
  for (const entry of entries) {
    const name = nameOf(entry)
    byName.set(name, plus(byName.get(name) ?? none, { bookings: 1, costs: entry.costs }))
  }
  const sorted = Array.from(byName).toSorted(([, a], [, b]) =>
    Usd.Order(b.costs.cost, a.costs.cost) || b.bookings - a.bookings
  )
  const rest = sorted.slice(named).reduce((sum, [, counts]) => plus(sum, counts), none)
  const shown = rest.bookings === 0 ? sorted : [...sorted.slice(0, named), ["(other)", rest] as const]
  const all = Usd.toNumber(Usd.sumAll(shown.map(([, { costs }]) => costs.cost)))
  return shown.map(([name, { bookings, costs }]) => ({
    name: shortened(name),
    bookings,
    calls: costs.calls,
    failures: costs.failures,
    unknown: costs.unknown,
    cost: String(costs.cost),
    share: all > 0 ? Math.min(1, Math.max(0, Usd.toNumber(costs.cost) / all)) : 0
  }))
}

/**
 * A call as a row.
 *
 * @since 0.1.0
 */
export const rowOf = (entry: LedgerEntry.Entry): Row => ({
  came: cameAt(entry),
  scope: placeOf(entry),
  model: shortened(entry.servedModel ?? entry.model ?? ""),
  outcome: entry.outcome,
  attempt: entry.attempt ?? 1,
  cost: costOf(entry),
  ran: entry.duration === undefined ? undefined : millis(entry.duration),
  id: entry.generationId ?? ""
})
