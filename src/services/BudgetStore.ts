/**
 * Where budgets are kept that several processes share. Amounts are whole billionths of a dollar.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/**
 * What a call wants of one budget.
 *
 * @since 0.1.0
 */
export interface Claim {
  /** The name of the budget, and of its period. */
  readonly key: string
  readonly limit: number
  /** Absent: nothing is known, so it takes all that is left, once it is alone. */
  readonly amount: number | undefined
  /** Epoch milliseconds at which its period ends. */
  readonly endsAt: number | undefined
}

/**
 * The books of a budget.
 *
 * @since 0.1.0
 */
export interface Figures {
  /** `unknown` included. */
  readonly spent: number
  readonly unknown: number
  readonly reserved: number
}

/**
 * What came of the claims of one call: all were granted, or one was refused, and then none was.
 *
 * @since 0.1.0
 */
export type Verdict =
  /** What is reserved for each of the claims, and what is spent of each budget. */
  | { readonly _tag: "Granted"; readonly amounts: ReadonlyArray<number>; readonly spent: ReadonlyArray<number> }
  | {
    readonly _tag: "Refused"
    /** Which of the claims. */
    readonly index: number
    /** True if what is spent stands in the way, false if what is reserved does. */
    readonly isSpent: boolean
    readonly figures: Figures
  }
  /** Nobody knows: the store is away. */
  | { readonly _tag: "Away" }

/**
 * How a call ended for one budget.
 *
 * @since 0.1.0
 */
export interface Settlement {
  readonly key: string
  /** What it cost; for an unknown cost what counts until it is known. */
  readonly amount: number
  readonly isUnknown: boolean
  readonly generationId: string | undefined
}

/**
 * The store of shared budgets; `Budget.layerRedis` has one. Nothing here fails: what cannot be told now is told later.
 *
 * @since 0.1.0
 */
export class BudgetStore extends Context.Service<BudgetStore, {
  /**
   * Reserves for a call under all claims at once, or under none. A reservation is a lease: it is renewed as long as this process
   * lives, and counts as unknown spending once nobody renews it.
   */
  readonly reserve: (claims: ReadonlyArray<Claim>) => Effect.Effect<
    { readonly verdict: Verdict; readonly lease: string }
  >
  /** Puts what a call cost in place of what it reserved. */
  readonly settle: (lease: string, settlements: ReadonlyArray<Settlement>) => Effect.Effect<void>
  /** Puts what a call really cost in place of what counts for it. False if it is not listed, or if the store is away. */
  readonly correct: (key: string, generationId: string, amount: number) => Effect.Effect<boolean>
  /** The books of a budget; absent while the store is away. */
  readonly read: (key: string) => Effect.Effect<Figures | undefined>
}>()("effect-openrouter/BudgetStore") {}
