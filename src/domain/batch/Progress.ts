/**
 * How far a batch is.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type { Figures } from "../ledger/ScopeReport.ts"
import * as Wire from "../wire/Wire.ts"

/**
 * How many items had which outcome: `Success`, the tag of an error (`Failure` where it has none), `NotStarted`, and `Skipped` for
 * those that were there already.
 *
 * @since 0.1.0
 */
export interface Outcomes {
  readonly [outcome: string]: number
}

/**
 * How far a batch is at one moment, and at its end what became of it.
 *
 * @since 0.1.0
 */
export interface Progress {
  /** How many items there are; absent where nobody knows, as for a stream. */
  readonly total?: number
  /** How many are under way. */
  readonly running: number
  /** How many have ended in whatever way, skipped ones and those that were not started included. */
  readonly ended: number
  readonly outcomes: Outcomes
  /** What all calls of the batch have cost so far, each attempt counted, and what was saved. */
  readonly costs: Figures
  readonly startedAt: DateTime.Utc
  readonly elapsed: Duration.Duration
  /** Items that ended a second, of late; in the last progress over the whole time. Skipped and not started ones do not count. */
  readonly perSecond: number
  /** When it will have ended, at this rate; absent where that is not known. */
  readonly endsAt?: DateTime.Utc
  /** True of the last one. */
  readonly isOver: boolean
}

const skipped = "Skipped"

const notStarted = "NotStarted"

const success = "Success"

/** The rate is that of this many milliseconds, as far back as there was a look. */
const rateMillis = 30_000

/**
 * Counts how the items of one batch end. It belongs to that batch and changes with each item.
 *
 * @since 0.1.0
 */
export class ProgressBook {
  total: number | undefined
  running = 0
  readonly #startedAt: number
  readonly #outcomes = new Map<string, number>()
  #worked = 0
  #ended = 0
  /** Earlier looks, oldest first. */
  #looks: ReadonlyArray<{ readonly at: number; readonly worked: number }>

  constructor(startedAt: number, total: number | undefined) {
    this.#startedAt = startedAt
    this.total = total
    this.#looks = [{ at: startedAt, worked: 0 }]
  }

  /** Takes note of an item that ended after it was started; its outcome is `Success` unless it failed. */
  worked(outcome: string = success): void {
    this.running--
    this.#worked++
    this.#add(outcome, 1)
  }

  /** Takes note of items that were there already. */
  skipped(count = 1): void {
    if (count > 0) this.#add(skipped, count)
  }

  /** Takes note of an item that was not started. */
  notStarted(): void {
    this.#add(notStarted, 1)
  }

  #add(outcome: string, count: number): void {
    this.#ended += count
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + count)
  }

  /** How far it is at this instant. */
  look(now: number, costs: Figures, isOver: boolean): Progress {
    const elapsed = Math.max(0, now - this.#startedAt)
    const perSecond = isOver ? rateOf(this.#worked, elapsed) : this.#rateNow(now)
    const left = this.total === undefined ? undefined : Math.max(0, this.total - this.#ended)
    const endsAt = isOver || left === undefined || perSecond === 0
      ? undefined
      : DateTime.makeUnsafe(Math.round(now + left / perSecond * 1000))
    return {
      ...Wire.compact({ total: this.total, endsAt }),
      running: this.running,
      ended: this.#ended,
      outcomes: Object.fromEntries(this.#outcomes),
      costs,
      startedAt: DateTime.makeUnsafe(this.#startedAt),
      elapsed: Duration.millis(elapsed),
      perSecond,
      isOver
    }
  }

  #rateNow(now: number): number {
    const looks = this.#looks.filter(({ at }, index, all) => {
      const next = all[index + 1]
      // The last one before the time that counts is where it begins.
      return next === undefined || next.at > now - rateMillis || at > now - rateMillis
    })
    this.#looks = [...looks, { at: now, worked: this.#worked }]
    const [first] = looks
    return first === undefined ? 0 : rateOf(this.#worked - first.worked, now - first.at)
  }
}

const rateOf = (count: number, millis: number): number => millis <= 0 ? 0 : count / millis * 1000

/**
 * How many items have failed.
 *
 * @since 0.1.0
 */
export const failed = ({ outcomes }: Progress): number =>
  Object.entries(outcomes).reduce(
    (sum, [outcome, count]) => outcome === success || outcome === skipped || outcome === notStarted ? sum : sum + count,
    0
  )
