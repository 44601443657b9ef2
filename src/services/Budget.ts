/**
 * Limits what the calls of a part of a program may cost: each reserves what it may cost before it is sent, and settles what it
 * did cost when it is over.
 *
 * A budget is an {@link Admission} of the stage `reserve`, asked before all others. Budgets nest, and all that enclose a call
 * hold: the reservation is made in all of them at once or in none. One that is given twice counts once.
 *
 * - A call that the spending leaves no room for fails with `BudgetExceeded`, and nothing is sent. One that finds only running
 *   calls in its way waits until they are over, at most `maxWait`: first come, first served, and it bars later ones only from
 *   those budgets that are too full for it. It holds nothing while it waits, and a retry reserves anew.
 * - What a call may cost is told by {@link Prices}. Where these are not known it is what calls of this model cost on average, and
 *   where that is not known either, the call takes all that is left, alone.
 * - What ended with an unknown cost counts as spent at its estimate, until `CostLedger.reconcile` inside of the budget, or
 *   `correct` of its handle, says what it was.
 *
 * Spending does not pass the limit as long as no call costs more than its estimate (see {@link Prices} for when that is so),
 * and otherwise by no more than what the calls that run cost more than their estimates.
 *
 * **Example** (A tick that costs half a dollar at most)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Budget, OpenRouter } from "effect-openrouter"
 *
 * const ask = (name: string) =>
 *   OpenRouter.respond({ model: "openai/gpt-5", input: `What does ${name} want?`, maxOutputTokens: 200 }).pipe(
 *     Effect.map((answer) => answer.text),
 *     Effect.catchTag("BudgetExceeded", () => Effect.succeed("idles"))
 *   )
 *
 * const tick = Effect.forEach(["Ann", "Bob"], ask, { concurrency: "unbounded" }).pipe(Budget.limit("0.50"))
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import { BudgetAccount } from "../domain/budget/BudgetAccount.ts"
import { isPeriod } from "../domain/budget/Period.ts"
import type { Period } from "../domain/budget/Period.ts"
import { BudgetExceeded } from "../domain/error/OpenRouterError.ts"
import * as Nanos from "../domain/money/Nanos.ts"
import * as Usd from "../domain/money/Usd.ts"
import type { Costs } from "../domain/outcome/Costs.ts"
import * as Tokens from "../domain/request/Tokens.ts"
import * as Wire from "../domain/wire/Wire.ts"
import { CurrentAdmissions } from "./Admission.ts"
import { BudgetAdmission, correct } from "./BudgetAdmission.ts"
import { recorder } from "./BudgetMetrics.ts"
import type { Recorder } from "./BudgetMetrics.ts"
import * as BudgetQueue from "./BudgetQueue.ts"
import { BudgetStore } from "./BudgetStore.ts"
import { CurrentScopes } from "./Place.ts"
import * as Program from "./Program.ts"
import { SharedBudget } from "./SharedBudget.ts"

export type { Period } from "../domain/budget/Period.ts"
export { BudgetStore } from "./BudgetStore.ts"

/**
 * The books of a budget at one moment.
 *
 * @since 0.1.0
 */
export interface State {
  readonly limit: Usd.Usd
  /** What counts as spent, `unknown` included. */
  readonly spent: Usd.Usd
  /** What is counted for calls whose cost is not known: their estimates. */
  readonly unknown: Usd.Usd
  /** What is held for calls that run. */
  readonly reserved: Usd.Usd
  /** What is neither spent nor reserved; nothing where more is spent than the limit. */
  readonly remaining: Usd.Usd
  /** When it begins anew, if it does. */
  readonly resetsAt?: DateTime.Utc
}

/**
 * What is done when a part of a limit is spent; made by {@link onThreshold}.
 *
 * @since 0.1.0
 */
export interface Threshold {
  /** From 0 to 1. */
  readonly share: number
  readonly run: (state: State) => Effect.Effect<void>
}

/**
 * How a budget is kept; each has a default.
 *
 * @since 0.1.0
 */
export interface Options {
  /**
   * What errors and log lines call it, and the metric `openrouter.budget.remaining`, which only budgets with a name have.
   * Default: the scopes in which it is made, or `budget`.
   */
  readonly name?: string | undefined
  /** It begins anew with each day, week (from Monday) or month by UTC. Default: never. A call counts where it was sent. */
  readonly per?: Period | undefined
  /** Tokens that the answer of a request without `maxOutputTokens` is expected to have. Default 4,096. */
  readonly outputTokens?: number | undefined
  /** How long a call waits while only running calls stand in its way. Default 2 minutes. */
  readonly maxWait?: Duration.Input | undefined
  /** Who is told when a part of it is spent, see {@link onThreshold}. Default: nobody; at 80 % it logs a line in any case. */
  readonly onThreshold?: Threshold | ReadonlyArray<Threshold> | undefined
}

/**
 * A budget. Its books may be read at any time; `E` is how that fails: not at all, unless they are in a store that may be away.
 *
 * @since 0.1.0
 */
export interface Budget<out E = never> {
  readonly limit: Usd.Usd
  readonly state: Effect.Effect<State, E>
  readonly spent: Effect.Effect<Usd.Usd, E>
  readonly reserved: Effect.Effect<Usd.Usd, E>
  readonly unknown: Effect.Effect<Usd.Usd, E>
  readonly remaining: Effect.Effect<Usd.Usd, E>
  /** Gives the budget to an effect or a stream; it counts once, also where it is given again inside. */
  readonly run: <P extends Program.Program>(self: P) => Program.Within<P>
  /**
   * Puts what a call really cost in place of what is counted for it. False if none of this generation id is listed (of the
   * last 1,000 in this period), or if these costs are unknown as well.
   */
  readonly correct: (generationId: string, costs: Costs) => Effect.Effect<boolean>
}

/**
 * Has something done when a part of the limit is spent, once in each period. What is done may take five seconds; if it fails that
 * is logged.
 *
 * **Example** (A warning before the end)
 *
 * ```ts
 * import { Console } from "effect"
 * import { Budget } from "effect-openrouter"
 *
 * const budget = Budget.make("20", {
 *   per: "day",
 *   onThreshold: Budget.onThreshold(0.9, ({ limit, spent }) => Console.log(`${spent} of ${limit}`))
 * })
 * ```
 *
 * @since 0.1.0
 */
export const onThreshold = (share: number, run: (state: State) => Effect.Effect<void>): Threshold => ({ share, run })

/** What is spent when a budget says so in the log. */
const notableShare = 0.8

/**
 * An amount that can be a limit, with options that make sense; a program that writes other ones is wrong.
 *
 * @internal
 */
export const limitOf = (input: Usd.Input, { onThreshold = [], outputTokens = 0, per }: Options): Usd.Usd => {
  const limit = Usd.make(input)
  if (Usd.isNegative(limit)) throw new RangeError(`${limit} is no limit`)
  if (per !== undefined && !isPeriod(per)) throw new RangeError(`${per} is no period of a budget`)
  if (!(Number.isSafeInteger(outputTokens) && outputTokens >= 0)) {
    throw new RangeError(`${outputTokens} is no number of outputTokens`)
  }
  for (const { share } of [onThreshold].flat()) {
    if (!(share >= 0 && share <= 1)) throw new RangeError(`${share} is no share of a budget: it is from 0 to 1`)
  }
  return limit
}

const stateOf = ({ account, limit }: BudgetQueue.LocalBudget): State => {
  const reserved = Nanos.toUsd(account.reservedNanos)
  const left = Usd.subtract(Usd.subtract(limit, account.spent), reserved)
  return {
    limit,
    spent: account.spent,
    unknown: Nanos.toUsd(account.unknownNanos),
    reserved,
    remaining: Usd.max(left, Usd.zero),
    ...(Number.isFinite(account.endsAt) ? { resetsAt: DateTime.makeUnsafe(account.endsAt) } : {})
  }
}

/** What a budget of any kind is made from. */
const settingsOf = (limit: Usd.Usd, scope: string, options: Options) => ({
  scope,
  maxWaitMillis: Duration.toMillis(Duration.fromInputUnsafe(options.maxWait ?? "2 minutes")),
  outputTokens: options.outputTokens ?? Tokens.defaultOutputTokens,
  noticesFor: (state: Effect.Effect<State | undefined>): ReadonlyArray<BudgetQueue.Notice> => {
    if (Usd.isZero(limit)) return []
    const thresholds = [options.onThreshold ?? []].flat()
    const told = (run: Threshold["run"]): Effect.Effect<void> =>
      Effect.catchCause(
        Effect.flatMap(state, (state) => state === undefined ? Effect.void : run(state)),
        (cause) => Effect.logError(`the budget for ${scope} failed to tell that a part of it is spent`, cause)
      )
    return [
      { share: notableShare, run: logged(scope) },
      ...thresholds
    ].map(({ run, share }) => ({ at: Nanos.ceil(Usd.multiply(limit, share)), notify: told(run) }))
  }
})

const logged = (scope: string): Threshold["run"] => ({ limit, spent }) =>
  Effect.logWarning(`the budget for ${scope} is spent to ${notableShare * 100} %: ${spent} of ${limit}`)

/**
 * A budget of this process.
 *
 * @internal
 */
export const makeLocal = (
  limit: Usd.Usd,
  scope: string,
  options: Options,
  record: Recorder | undefined
): BudgetQueue.LocalBudget => {
  const { noticesFor, ...settings } = settingsOf(limit, scope, options)
  return new BudgetQueue.LocalBudget(new BudgetAccount(limit, options.per), {
    ...settings,
    record,
    notices: (budget) => noticesFor(Effect.sync(() => stateOf(budget)))
  })
}

/**
 * A part of a program inside of a budget.
 *
 * @internal
 */
export const within = <R>(
  context: Context.Context<R>,
  budget: BudgetQueue.LocalBudget | SharedBudget
): Context.Context<R> => {
  const admissions = Context.get(context, CurrentAdmissions)
  const outer = admissions.find((admission) => admission instanceof BudgetAdmission)
  if (outer === undefined) {
    return Context.add(context, CurrentAdmissions, [...admissions, new BudgetAdmission([budget])])
  }
  if (outer.has(budget)) return context
  // One admission for all of them, which reserves in one step.
  const inner = outer.with(budget)
  return Context.add(
    context,
    CurrentAdmissions,
    admissions.map((admission) => admission === outer ? inner : admission)
  )
}

/**
 * The handle of a budget of this process.
 *
 * @internal
 */
export const handleOf = (budget: BudgetQueue.LocalBudget): Budget => {
  const state = Effect.map(Clock.currentTimeMillis, (now) => {
    if (budget.account.isRenewed(now)) BudgetQueue.pump([budget])
    return stateOf(budget)
  })
  return {
    ...readers(budget.limit, state),
    run: (self) => Program.updateContext(self, (context) => within(context, budget)),
    correct: (generationId, costs) =>
      Effect.suspend(() => {
        const { isKnown, told } = correct([budget], generationId, costs)
        return Effect.as(told, isKnown)
      })
  }
}

const readers = <E>(limit: Usd.Usd, state: Effect.Effect<State, E>) => ({
  limit,
  state,
  spent: Effect.map(state, ({ spent }) => spent),
  reserved: Effect.map(state, ({ reserved }) => reserved),
  unknown: Effect.map(state, ({ unknown }) => unknown),
  remaining: Effect.map(state, ({ remaining }) => remaining)
})

/** A name that was given is one of a few; scopes may be many. */
const recorderOf = ({ name }: Options): Recorder | undefined => name === undefined ? undefined : recorder(name)

const makeNamed = (
  limit: Usd.Usd,
  scopes: ReadonlyArray<string>,
  options: Options,
  record: Recorder | undefined
): BudgetQueue.LocalBudget => makeLocal(limit, scopeOf(scopes, options.name), options, record)

const scopeOf = (scopes: ReadonlyArray<string>, name: string | undefined): string =>
  name ?? (scopes.length === 0 ? "budget" : scopes.join(" > "))

/**
 * Makes a budget. A limit that is no amount, or less than nothing, or an option out of its range is a mistake of the program and
 * throws a `RangeError`; so do the others.
 *
 * @since 0.1.0
 */
export const make = (limit: Usd.Input, options: Options = {}): Effect.Effect<Budget> => {
  const amount = limitOf(limit, options)
  const record = recorderOf(options)
  return Effect.map(CurrentScopes, (scopes) => handleOf(makeNamed(amount, scopes, options, record)))
}

const limited: {
  (limit: Usd.Input, options?: Options): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, limit: Usd.Input, options?: Options): Program.Within<P>
} = /* @__PURE__ */ dual(
  ([first]) => Effect.isEffect(first) || Stream.isStream(first),
  <P extends Program.Program>(self: P, limit: Usd.Input, options: Options = {}): Program.Within<P> => {
    const amount = limitOf(limit, options)
    const record = recorderOf(options)
    return Program.updateContext(self, (context) => {
      return within(context, makeNamed(amount, Context.get(context, CurrentScopes), options, record))
    })
  }
)

export {
  /**
   * Limits what the calls of an effect or a stream may cost together, each time that it is run anew.
   *
   * @since 0.1.0
   */
  limited as limit
}

/**
 * A budget that all processes share which use the same store and the same name; {@link BudgetStore} is that of a layer, such as
 * `Budget.layerRedis`. All of them should give it the same limit and period, because each is held to its own.
 *
 * It fails closed: while the store is away calls fail with `BudgetExceeded` of `reason: "store"`, and so does reading it. A
 * call of a process that died counts as unknown spending once its lease is over. Amounts are kept in whole billionths of a
 * dollar, what calls cost is rounded up to them.
 *
 * @since 0.1.0
 */
export const shared = (
  name: string,
  limit: Usd.Input,
  options: Omit<Options, "name"> = {}
): Effect.Effect<Budget<BudgetExceeded>, never, BudgetStore> => {
  const amount = limitOf(limit, options)
  return BudgetStore.useSync((store) => {
    const { noticesFor, ...settings } = settingsOf(amount, name, options)
    const budget = new SharedBudget(store, {
      ...settings,
      record: recorder(name),
      limit: amount,
      per: options.per,
      notices: (budget) =>
        noticesFor(Effect.map(
          budget.read,
          (figures) => figures === undefined ? undefined : sharedState(budget, figures)
        ))
    })
    const state = Effect.flatMap(
      budget.read,
      (figures) => figures === undefined ? Effect.fail(away(budget)) : Effect.succeed(sharedState(budget, figures))
    )
    return {
      ...readers(amount, state),
      run: (self) => Program.updateContext(self, (context) => within(context, budget)),
      correct: (generationId, costs) => budget.correct(generationId, costs)
    }
  })
}

const sharedState = (budget: SharedBudget, figures: Parameters<SharedBudget["known"]>[0]): State => {
  const { endsAt, limit, reserved, spent, unknown } = budget.known(figures)
  return {
    limit,
    spent,
    unknown,
    reserved,
    remaining: Usd.max(Usd.subtract(Usd.subtract(limit, spent), reserved), Usd.zero),
    ...Wire.compact({ resetsAt: Number.isFinite(endsAt) ? DateTime.makeUnsafe(endsAt) : undefined })
  }
}

const away = ({ limit, scope }: SharedBudget): BudgetExceeded =>
  new BudgetExceeded({
    message: `the budget of ${limit} for ${scope} is kept in a store that is away`,
    scope,
    limit,
    spent: Usd.zero,
    unknown: Usd.zero,
    reserved: Usd.zero,
    reason: "store"
  })
