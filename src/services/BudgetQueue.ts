/**
 * Those who wait for money, by the budgets that keep them.
 *
 * A call waits in the queues of exactly those budgets that keep it: because they are too full for it, or because one who came
 * before waits there. So the first in a queue is always one for whom its budget is too full, and whoever comes later has to
 * wait there too, but not at budgets that have room for those before.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { BudgetAccount, Reservation } from "../domain/budget/BudgetAccount.ts"
import type * as Usd from "../domain/money/Usd.ts"
import type { Recorder } from "./BudgetMetrics.ts"

/**
 * What is done when a part of a limit is spent.
 *
 * @since 0.1.0
 */
export interface Notice {
  /** Billionths of a dollar. */
  readonly at: number
  readonly notify: Effect.Effect<void>
}

/**
 * A budget of this process: its books, those who wait for it, and who is to be told.
 *
 * @since 0.1.0
 */
export class LocalBudget {
  readonly account: BudgetAccount
  readonly scope: string
  readonly maxWaitMillis: number
  readonly outputTokens: number
  /** Records what is left, where that is a metric. */
  readonly record: Recorder | undefined
  /** By their order of arrival. */
  readonly queue: Array<Waiter> = []
  /** By their amounts. */
  readonly #notices: ReadonlyArray<Notice>
  #told = 0
  #period = 0
  /** The last who came to wait. */
  arrivals = 0

  constructor(account: BudgetAccount, options: {
    readonly scope: string
    readonly maxWaitMillis: number
    readonly outputTokens: number
    readonly record: Recorder | undefined
    readonly notices: (budget: LocalBudget) => ReadonlyArray<Notice>
  }) {
    this.account = account
    this.scope = options.scope
    this.maxWaitMillis = options.maxWaitMillis
    this.outputTokens = options.outputTokens
    this.record = options.record
    this.#notices = options.notices(this).toSorted((a, b) => a.at - b.at)
  }

  get limit(): Usd.Usd {
    return this.account.limit
  }

  /** What is to be told now, once in each period. */
  get due(): ReadonlyArray<Effect.Effect<void>> {
    const { period, spentNanos } = this.account
    if (period !== this.#period) {
      this.#period = period
      this.#told = 0
    }
    const first = this.#told
    let notice = this.#notices[first]
    if (notice === undefined || spentNanos < notice.at) return none
    while (notice !== undefined && spentNanos >= notice.at) notice = this.#notices[++this.#told]
    return this.#notices.slice(first, this.#told).map(({ notify }) => notify)
  }

  /** True for one who comes after those who wait here; `undefined` is one who comes now. */
  bars(waiter: Waiter | undefined): boolean {
    const first = this.queue[0]
    return first !== undefined && first !== waiter && (waiter === undefined || first.arrival < waiter.arrival)
  }
}

const none: ReadonlyArray<Effect.Effect<void>> = []

/**
 * What is held for a call in each of its budgets, in their order.
 *
 * @since 0.1.0
 */
export type Held = ReadonlyArray<Reservation>

/**
 * One who waits.
 *
 * @since 0.1.0
 */
export interface Waiter {
  readonly budgets: ReadonlyArray<LocalBudget>
  readonly estimate: number | undefined
  /** Who came first has the lower one, at each budget; see {@link arrive}. */
  readonly arrival: number
  /** The budgets that keep it. */
  keptBy: ReadonlyArray<LocalBudget>
  /** Called once: with what it was given, or with the budget whose spending stands in the way. */
  readonly resume: (end: Held | LocalBudget) => void
}

/**
 * Reserves in all budgets at once, or tells which one is spent, or which ones keep the call. They have taken note of the time.
 *
 * @since 0.1.0
 */
export const reserve = (
  budgets: ReadonlyArray<LocalBudget>,
  estimate: number | undefined,
  waiter: Waiter | undefined
): { readonly held: Held } | { readonly spent: LocalBudget } | { readonly keptBy: ReadonlyArray<LocalBudget> } => {
  let keptBy: Array<LocalBudget> | undefined
  for (const budget of budgets) {
    const room = budget.account.roomFor(estimate)
    if (room === "spent") return { spent: budget }
    if (room === "full" || budget.bars(waiter)) {
      keptBy ??= []
      keptBy.push(budget)
    }
  }
  return keptBy === undefined
    ? { held: budgets.map(({ account }) => account.reserve(estimate)) }
    : { keptBy }
}

/**
 * The number of one who comes now, higher than those of all who came to any of the budgets before.
 *
 * @since 0.1.0
 */
export const arrive = (budgets: ReadonlyArray<LocalBudget>): number => {
  let last = 0
  for (const { arrivals } of budgets) last = Math.max(last, arrivals)
  for (const budget of budgets) budget.arrivals = last + 1
  return last + 1
}

/**
 * Puts one who waits into the queues of those who keep it.
 *
 * @since 0.1.0
 */
export const enqueue = (waiter: Waiter, keptBy: ReadonlyArray<LocalBudget>): void => {
  waiter.keptBy = keptBy
  for (const { queue } of keptBy) {
    let at = queue.length
    while (at > 0 && (queue[at - 1]?.arrival ?? 0) > waiter.arrival) at--
    queue.splice(at, 0, waiter)
  }
}

/** Takes one out of its queues; gives those in which it was the first. */
const dequeue = (waiter: Waiter): ReadonlyArray<LocalBudget> => {
  const led: Array<LocalBudget> = []
  for (const budget of waiter.keptBy) {
    const at = budget.queue.indexOf(waiter)
    if (at !== -1) budget.queue.splice(at, 1)
    if (at === 0) led.push(budget)
  }
  waiter.keptBy = []
  return led
}

/**
 * Takes one out who does not wait any more; those behind it may go.
 *
 * @since 0.1.0
 */
export const leave = (waiter: Waiter): void => pump(dequeue(waiter))

/**
 * Looks again at those who wait for budgets in which something has changed.
 *
 * @since 0.1.0
 */
export const pump = (changed: ReadonlyArray<LocalBudget>): void => {
  let isQuiet = true
  for (const { queue } of changed) if (queue.length > 0) isQuiet = false
  if (isQuiet) return
  const due = new Set(changed)
  const ended: Array<() => void> = []
  for (const budget of due) {
    // One that is met again while it is looked at is looked at once more.
    due.delete(budget)
    for (let first = budget.queue[0]; first !== undefined; first = budget.queue[0]) {
      const waiter = first
      const result = reserve(waiter.budgets, waiter.estimate, waiter)
      const led = dequeue(waiter)
      if ("keptBy" in result) {
        enqueue(waiter, result.keptBy)
      } else if ("held" in result) {
        ended.push(() => waiter.resume(result.held))
      } else {
        ended.push(() => waiter.resume(result.spent))
      }
      // Where another one is the first now, that one may go.
      for (const other of led) if (other !== budget && other.queue[0] !== waiter) due.add(other)
      if (budget.queue[0] === waiter) break
    }
  }
  // Last of all: whoever goes on may come back at once.
  for (const resume of ended) resume()
}
