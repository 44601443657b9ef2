/**
 * Budgets, and the store of those that several processes share; see `services/Budget`.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type { Redis } from "effect/persistence/Redis"
import { BudgetStore } from "../services/BudgetStore.ts"
import * as RedisBudgets from "./redis/RedisBudgets.ts"

export {
  type Budget,
  limit,
  make,
  onThreshold,
  type Options,
  type Period,
  shared,
  type State,
  type Threshold
} from "../services/Budget.ts"
export { BudgetStore, type Claim, type Figures, type Settlement, type Verdict } from "../services/BudgetStore.ts"
export { type Keyed, keyed, type Options as KeyedOptions } from "../services/KeyedBudgets.ts"
export type { Options as RedisOptions } from "./redis/RedisBudgets.ts"

/**
 * The store of shared budgets in Redis, for `Budget.shared`.
 *
 * All processes that use the same Redis and prefix share their budgets by name. Give its client `disableOfflineQueue: true`, so
 * that commands fail at once while it is away. The budget of a day, week or month is forgotten a day after its end; one
 * without a period stays until you delete its keys.
 *
 * ```ts
 * import { NodeRedis } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { Budget, OpenRouter } from "effect-openrouter"
 *
 * const program = Effect.gen(function*() {
 *   const budget = yield* Budget.shared("all workers", "100", { per: "day" })
 *   return yield* OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(budget.run)
 * })
 *
 * const store = Budget.layerRedis().pipe(
 *   Layer.provide(NodeRedis.layer({ url: "redis://127.0.0.1:6379", disableOfflineQueue: true }))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const layerRedis = (options: RedisBudgets.Options = {}): Layer.Layer<BudgetStore, never, Redis> =>
  Layer.effect(BudgetStore, RedisBudgets.make(options))
