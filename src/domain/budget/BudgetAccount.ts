/**
 * The books of one budget: what is spent, what is reserved for calls that run, and what the calls of a model cost on average.
 *
 * Decisions are made in whole billionths of a dollar: limits are rounded down, spending and estimates up. `spent` is exact.
 *
 * @since 0.1.0
 */
import * as Nanos from "../money/Nanos.ts"
import * as Usd from "../money/Usd.ts"
import type { Costs } from "../outcome/Costs.ts"
import * as Period from "./Period.ts"

/** Calls of unknown cost that can be corrected; older ones stay counted at their estimate. */
const maxListed = 1000

/** Models whose mean cost is known. */
const maxModels = 100

/**
 * Whether a call may go: there is room, only what is reserved stands in the way, or what is spent does.
 *
 * @since 0.1.0
 */
export type Room = "free" | "full" | "spent"

/**
 * What is held for one call.
 *
 * @since 0.1.0
 */
export interface Reservation {
  readonly nanos: number
  /** The number of the period in which it was made. */
  readonly period: number
}

/**
 * The money of an attempt: what OpenRouter charged, and what a provider bills besides for a key of your own.
 *
 * @since 0.1.0
 */
export const moneyOf = ({ cost, upstreamCost }: Costs): Usd.Usd =>
  Usd.isZero(upstreamCost) ? cost : Usd.sum(cost, upstreamCost)

/**
 * The books of one budget. All numbers are billionths of a dollar, and all instants epoch milliseconds.
 *
 * @since 0.1.0
 */
export class BudgetAccount {
  readonly limit: Usd.Usd
  readonly limitNanos: number
  readonly per: Period.Period | undefined
  /** What is spent, what is unknown among it. */
  spent: Usd.Usd = Usd.zero
  spentNanos = 0
  unknownNanos = 0
  reservedNanos = 0
  /** Counts the periods that have begun. */
  period = 0
  /** When the period ends. */
  endsAt: number
  /** A clock that is earlier than this was wrong when the period began, by more than a whole one. */
  #plausibleFrom = -Infinity
  #means: Map<string, { nanos: number; calls: number }> | undefined
  /** What is counted for calls of unknown cost, by their generation ids. */
  #listed: Map<string, number> | undefined

  constructor(limit: Usd.Usd, per: Period.Period | undefined) {
    this.limit = limit
    this.limitNanos = Nanos.floor(limit)
    this.per = per
    this.endsAt = per === undefined ? Infinity : -Infinity
  }

  /**
   * Takes note of the time: a new period begins with nothing spent. True if one has begun. A clock that is set back a little
   * begins none, or there would be two budgets for one day.
   */
  isRenewed(now: number): boolean {
    const { per } = this
    if (per === undefined || now < this.endsAt && now >= this.#plausibleFrom) return false
    const { endsAt, startsAt } = Period.around(per, now)
    this.endsAt = endsAt
    this.#plausibleFrom = startsAt - (endsAt - startsAt)
    this.period++
    this.spent = Usd.zero
    this.spentNanos = 0
    this.unknownNanos = 0
    this.reservedNanos = 0
    this.#listed = undefined
    return true
  }

  /** True if nothing would be forgotten with it. */
  get isFresh(): boolean {
    return this.spentNanos === 0 && this.reservedNanos === 0
  }

  /** Whether a call may go that costs about so much; a call of which nothing is known waits until it is alone. */
  roomFor(estimate: number | undefined): Room {
    const left = this.limitNanos - this.spentNanos
    if (estimate === undefined) return left <= 0 ? "spent" : this.reservedNanos > 0 ? "full" : "free"
    if (estimate === 0 || estimate <= left - this.reservedNanos) return "free"
    return estimate <= left ? "full" : "spent"
  }

  /** Holds the estimate of a call, or all that is left for one of which nothing is known. */
  reserve(estimate: number | undefined): Reservation {
    const nanos = estimate ?? Math.max(0, this.limitNanos - this.spentNanos - this.reservedNanos)
    this.reservedNanos += nanos
    return { nanos, period: this.period }
  }

  /** Gives back what was held for a call that was not sent. */
  release({ nanos, period }: Reservation): void {
    if (period === this.period) this.reservedNanos -= nanos
  }

  /** Counts what a call cost in place of what was held for it; an unknown cost as what was held. */
  settle(reservation: Reservation, costs: Costs, known: {
    readonly model: string | undefined
    readonly generationId: string | undefined
    readonly isAnswered: boolean
  }): void {
    this.release(reservation)
    const money = moneyOf(costs)
    if (costs.unknown === 0) {
      const nanos = Nanos.ceil(money)
      if (nanos > 0 || known.isAnswered) this.learn(known.model, nanos)
      // A call counts for the period in which it was sent.
      if (reservation.period === this.period) this.#spend(money)
      return
    }
    if (reservation.period !== this.period) return
    const nanos = Math.max(reservation.nanos, Nanos.ceil(money))
    this.unknownNanos += nanos
    this.#spend(Nanos.toUsd(nanos))
    if (known.generationId !== undefined) this.#list(known.generationId, nanos)
  }

  /** Counts what a call cost that was paid for before. */
  count(model: string | undefined, money: Usd.Usd): void {
    this.learn(model, Nanos.ceil(money))
    this.#spend(money)
  }

  /** Puts what a call really cost in place of what is counted for it. False if none of this id is listed. */
  correct(generationId: string, costs: Costs): boolean {
    const nanos = this.#listed?.get(generationId)
    if (nanos === undefined || costs.unknown > 0) return false
    this.#listed?.delete(generationId)
    this.unknownNanos -= nanos
    this.#spend(Usd.subtract(moneyOf(costs), Nanos.toUsd(nanos)))
    return true
  }

  /** What calls of a model cost on average here. */
  meanOf(model: string | undefined): number | undefined {
    const mean = this.#means?.get(model ?? "")
    return mean === undefined ? undefined : Math.ceil(mean.nanos / mean.calls)
  }

  /** Takes note of what a call has cost. */
  learn(model = "", nanos: number): void {
    this.#means ??= new Map()
    const mean = this.#means.get(model)
    if (mean !== undefined) {
      mean.nanos += nanos
      mean.calls++
      return
    }
    if (this.#means.size >= maxModels) deleteFirst(this.#means)
    this.#means.set(model, { nanos, calls: 1 })
  }

  #spend(money: Usd.Usd): void {
    if (Usd.isZero(money)) return
    this.spent = Usd.sum(this.spent, money)
    this.spentNanos = Nanos.ceil(this.spent)
  }

  #list(generationId: string, nanos: number): void {
    this.#listed ??= new Map()
    if (this.#listed.size >= maxListed) deleteFirst(this.#listed)
    this.#listed.set(generationId, nanos)
  }
}

const deleteFirst = <K>(map: Map<K, unknown>): void => {
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
