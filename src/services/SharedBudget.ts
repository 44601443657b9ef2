/**
 * A budget that several processes share: its books are in a store, and here is what this process knows besides.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Semaphore from "effect/Semaphore"
import { BudgetAccount, moneyOf } from "../domain/budget/BudgetAccount.ts"
import * as Period from "../domain/budget/Period.ts"
import * as Nanos from "../domain/money/Nanos.ts"
import type * as Usd from "../domain/money/Usd.ts"
import type { Costs } from "../domain/outcome/Costs.ts"
import type * as Admission from "./Admission.ts"
import type { Recorder } from "./BudgetMetrics.ts"
import type { Notice } from "./BudgetQueue.ts"
import type { BudgetStore, Claim, Figures } from "./BudgetStore.ts"

/**
 * What is known of a budget that refuses.
 *
 * @since 0.1.0
 */
export interface Known {
  readonly scope: string
  readonly limit: Usd.Usd
  readonly spent: Usd.Usd
  readonly unknown: Usd.Usd
  readonly reserved: Usd.Usd
  /** Epoch milliseconds; `Infinity` if it never begins anew. */
  readonly endsAt: number
}

const nothing: Figures = { spent: 0, unknown: 0, reserved: 0 }

/**
 * A budget that processes share.
 *
 * @since 0.1.0
 */
export class SharedBudget {
  readonly store: BudgetStore["Service"]
  readonly scope: string
  readonly limit: Usd.Usd
  readonly per: Period.Period | undefined
  readonly maxWaitMillis: number
  readonly outputTokens: number
  readonly #record: Recorder
  /** What calls cost on average; the rest of these books is not used. */
  readonly account: BudgetAccount
  readonly turn: Semaphore.Semaphore = Semaphore.makeUnsafe(1)
  readonly notices: ReadonlyArray<Notice>
  /** Which of them were told, and in which period. */
  told: { readonly key: string; count: number } = { key: "", count: 0 }
  #key = ""
  #startsAt = Infinity
  #endsAt = -Infinity

  constructor(store: BudgetStore["Service"], options: {
    readonly scope: string
    readonly limit: Usd.Usd
    readonly per: Period.Period | undefined
    readonly maxWaitMillis: number
    readonly outputTokens: number
    readonly record: Recorder
    readonly notices: (budget: SharedBudget) => ReadonlyArray<Notice>
  }) {
    this.store = store
    this.scope = options.scope
    this.limit = options.limit
    this.per = options.per
    this.maxWaitMillis = options.maxWaitMillis
    this.outputTokens = options.outputTokens
    this.#record = options.record
    this.account = new BudgetAccount(options.limit, undefined)
    this.notices = options.notices(this).toSorted((a, b) => a.at - b.at)
  }

  claim(amount: number | undefined, now: number): Claim {
    const key = this.keyAt(now)
    return {
      key,
      limit: this.account.limitNanos,
      amount,
      endsAt: this.per === undefined ? undefined : this.#endsAt
    }
  }

  /** Its key in the store; each period has one of its own. */
  keyAt(now: number): string {
    if (now < this.#endsAt && now >= this.#startsAt) return this.#key
    if (this.per === undefined) {
      this.#key = this.scope
      this.#startsAt = -Infinity
      this.#endsAt = Infinity
    } else {
      const { endsAt, startsAt } = Period.around(this.per, now)
      this.#key = `${this.scope}:${this.per}:${DateTime.formatIsoDateUtc(DateTime.makeUnsafe(startsAt))}`
      this.#startsAt = startsAt
      this.#endsAt = endsAt
    }
    return this.#key
  }

  known({ reserved, spent, unknown }: Figures): Known {
    return {
      scope: this.scope,
      limit: this.limit,
      spent: Nanos.toUsd(spent),
      unknown: Nanos.toUsd(unknown),
      reserved: Nanos.toUsd(reserved),
      endsAt: this.#endsAt
    }
  }

  /** The books now; absent while the store is away. */
  readonly read: Effect.Effect<Figures | undefined> = Effect.suspend(() =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => this.store.read(this.keyAt(now)))
  )

  correct(generationId: string, costs: Costs): Effect.Effect<boolean> {
    if (costs.unknown > 0) return Effect.succeed(false)
    const amount = Nanos.ceil(moneyOf(costs))
    return Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => this.store.correct(this.keyAt(now), generationId, amount)
    )
  }

  /** What is to be told, now that so much is spent. */
  due(key: string, spent: number): ReadonlyArray<Effect.Effect<void>> {
    if (this.told.key !== key) this.told = { key, count: 0 }
    const first = this.told.count
    let next = this.notices[first]
    while (next !== undefined && spent >= next.at) next = this.notices[++this.told.count]
    return [
      this.#record(this.account.limitNanos, spent),
      ...this.notices.slice(first, this.told.count).map(({ notify }) => notify)
    ]
  }
}

/**
 * What came of it for one call.
 *
 * @since 0.1.0
 */
export type Reserved =
  | {
    readonly _tag: "Granted"
    readonly settle: (model: string | undefined) => Admission.Settle
    readonly told: Effect.Effect<void>
  }
  | { readonly _tag: "Refused"; readonly figures: Known; readonly reason: "spent" | "reserved" | "store" }

/**
 * Runs it when it is its turn at all of them.
 *
 * @since 0.1.0
 */
export const inTurn = <A, E>(budgets: ReadonlyArray<SharedBudget>, self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  // By name, because two that wait for each other would wait for ever.
  budgets.toSorted((a, b) => a.scope < b.scope ? -1 : 1).reduceRight(
    (inner, { turn }) => turn.withPermits(1)(inner),
    self
  )

/**
 * Reserves in budgets that share a store, all or none.
 *
 * @since 0.1.0
 */
export const reserve = (
  budgets: ReadonlyArray<SharedBudget>,
  estimate: number | undefined,
  now: number
): Effect.Effect<Reserved> => {
  const [first] = budgets
  if (first === undefined) return Effect.die(new Error("no budget is shared"))
  const { store } = first
  const claims = budgets.map((budget) => budget.claim(estimate, now))
  return Effect.map(store.reserve(claims), ({ lease, verdict }): Reserved => {
    if (verdict._tag === "Away") return { _tag: "Refused", figures: first.known(nothing), reason: "store" }
    if (verdict._tag === "Refused") {
      const figures = (budgets[verdict.index] ?? first).known(verdict.figures)
      return { _tag: "Refused", figures, reason: verdict.isSpent ? "spent" : "reserved" }
    }
    const due = budgets.flatMap((budget, index) => budget.due(claims[index]?.key ?? "", verdict.spent[index] ?? 0))
    return {
      _tag: "Granted",
      told: due.length === 0 ? Exit.void : Effect.all(due, { discard: true }),
      settle: (model) => (ended) => {
        const costs = ended._tag === "Sent" ? ended.costs : undefined
        const money = costs === undefined ? 0 : Nanos.ceil(moneyOf(costs))
        const isUnknown = costs !== undefined && costs.unknown > 0
        if (costs !== undefined && !isUnknown && (money > 0 || Exit.isSuccess(ended.exit))) {
          for (const { account } of budgets) account.learn(model, money)
        }
        return store.settle(
          lease,
          claims.map(({ key }, index) => ({
            key,
            amount: isUnknown ? Math.max(money, verdict.amounts[index] ?? 0) : money,
            isUnknown,
            generationId: ended._tag === "Sent" ? ended.generationId : undefined
          }))
        )
      }
    }
  })
}
