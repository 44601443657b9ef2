/**
 * Budgets by key, such as one for each user, in bounded memory.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Usd from "../domain/money/Usd.ts"
import * as Budget from "./Budget.ts"
import { correct } from "./BudgetAdmission.ts"
import type { LocalBudget } from "./BudgetQueue.ts"
import * as Program from "./Program.ts"

/**
 * How budgets by key are kept.
 *
 * @since 0.1.0
 */
export interface Options extends Budget.Options {
  /** Keys with spending of their own in one period. Default 10,000. */
  readonly maxKeys?: number | undefined
}

/**
 * Budgets by key, made by {@link keyed}.
 *
 * @since 0.1.0
 */
export interface Keyed {
  /** Gives the budget of a key to an effect or a stream. */
  readonly run: {
    (key: string): <P extends Program.Program>(self: P) => Program.Within<P>
    <P extends Program.Program>(self: P, key: string): Program.Within<P>
  }
  /** The books of a key. */
  readonly state: (key: string) => Effect.Effect<Budget.State>
  /** Puts what a call really cost in place of what is counted for it, whoever's it is. */
  readonly correct: Budget.Budget["correct"]
}

/** How many are looked at for one that can be forgotten, each time that room is needed. */
const lookedAt = 64

/** The budgets by key, the least recently used first. */
class Budgets {
  readonly #kept = new Map<string, LocalBudget>()
  /** Those that were forgotten here, and that a program may still be running in: it must not have a second one. */
  readonly #used = new Map<string, WeakRef<LocalBudget>>()
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#used.get(key)?.deref() === undefined) this.#used.delete(key)
  })
  #others: LocalBudget | undefined
  readonly #make: (key: string) => LocalBudget
  readonly #maxKeys: number

  constructor(make: (key: string) => LocalBudget, maxKeys: number) {
    this.#make = make
    this.#maxKeys = maxKeys
  }

  /** The budget of a key. Those who come when there is no room for more share one. */
  of(key: string, now: number): LocalBudget {
    const known = this.#kept.get(key)
    if (known !== undefined) {
      this.#kept.delete(key)
      this.#kept.set(key, known)
      return known
    }
    if (this.#kept.size >= this.#maxKeys && !this.#hasMadeRoom(now)) {
      this.#others ??= this.#make("(other)")
      return this.#others
    }
    const budget = this.#used.get(key)?.deref() ?? this.#make(key)
    this.#used.delete(key)
    this.#kept.set(key, budget)
    return budget
  }

  *[Symbol.iterator](): Generator<LocalBudget> {
    yield* this.#kept.values()
    for (const used of this.#used.values()) {
      const budget = used.deref()
      if (budget !== undefined) yield budget
    }
    if (this.#others !== undefined) yield this.#others
  }

  /** Forgets one in which nothing is spent or reserved. */
  #hasMadeRoom(now: number): boolean {
    let left = lookedAt
    for (const [key, budget] of this.#kept) {
      this.#kept.delete(key)
      if (budget.queue.length === 0 && (budget.account.isRenewed(now) || budget.account.isFresh)) {
        this.#used.set(key, new WeakRef(budget))
        this.#gone.register(budget, key)
        return true
      }
      this.#kept.set(key, budget)
      if (--left === 0) return false
    }
    return false
  }
}

/**
 * Makes a budget for each key, such as each user, all of one limit.
 *
 * What is known of a key is forgotten once nothing of its period is spent. Where more than `maxKeys` have spent something, those
 * who come then share one budget of this limit (`(other)`), so that no key ever has more than its limit.
 *
 * **Example** (Ten cents a day for each user)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Budget, OpenRouter } from "effect-openrouter"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* Budget.keyed("0.10", { name: "user", per: "day" })
 *   const answer = (user: string, input: string) =>
 *     OpenRouter.respond({ model: "openai/gpt-5", input, maxOutputTokens: 500 }).pipe(users.run(user))
 *   return yield* answer("u-1", "What shall I cook?")
 * })
 * ```
 *
 * @since 0.1.0
 */
export const keyed = (limit: Usd.Input, options: Options = {}): Effect.Effect<Keyed> => {
  const amount = Budget.limitOf(limit, options)
  const { maxKeys = 10_000 } = options
  // Compared with what is no number they would be without bound.
  if (!(maxKeys >= 1)) throw new RangeError(`${maxKeys} is no number of maxKeys`)
  const name = options.name === undefined ? "" : `${options.name} `
  return Effect.sync(() => {
    const budgets = new Budgets(
      (key) => Budget.makeLocal(amount, `${name}${key}`, options, undefined),
      maxKeys
    )
    return {
      run: dual(
        2,
        <P extends Program.Program>(self: P, key: string): Program.Within<P> =>
          Program.updateContext(self, (context) => {
            const now = Context.get(context, Clock.Clock).currentTimeMillisUnsafe()
            return Budget.within(context, budgets.of(key, now))
          })
      ),
      state: (key) => Effect.flatMap(Clock.currentTimeMillis, (now) => Budget.handleOf(budgets.of(key, now)).state),
      correct: (generationId, costs) =>
        Effect.suspend(() => {
          const { isKnown, told } = correct(Array.from(budgets), generationId, costs)
          return Effect.as(told, isKnown)
        })
    }
  })
}
