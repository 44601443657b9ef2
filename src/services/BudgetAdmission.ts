/**
 * The budgets of a part of a program, as the one admission that reserves for a call in all of them.
 *
 * Budgets in this process are asked in one synchronous step, all or none. Those that processes share are asked in one script of
 * their store, while what the others hold is held; if that refuses, all is given back. Who waits holds nothing.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { BudgetExceeded } from "../domain/error/OpenRouterError.ts"
import type { OpenRouterError } from "../domain/error/OpenRouterError.ts"
import * as Nanos from "../domain/money/Nanos.ts"
import * as Usd from "../domain/money/Usd.ts"
import type { Costs } from "../domain/outcome/Costs.ts"
import * as Wire from "../domain/wire/Wire.ts"
import type * as Admission from "./Admission.ts"
import * as BudgetQueue from "./BudgetQueue.ts"
import { LocalBudget } from "./BudgetQueue.ts"
import * as Prices from "./Prices.ts"
import * as PriceSource from "./PriceSource.ts"
import type { SharedBudget } from "./SharedBudget.ts"
import * as Shared from "./SharedBudget.ts"

/** Milliseconds between two looks at a shared budget that is full. */
const pauses = { first: 50, longest: 1000 }

const longestSleep = 24 * 60 * 60 * 1000

/** Nobody knows when running calls are over. */
const wait: Admission.Wait = { reason: "budget" }

const passed: Effect.Effect<Admission.Settle> = Exit.succeed(() => Exit.void)

/** One attempt, and what it is expected to cost. */
interface Asking {
  readonly attempt: Admission.Attempt
  readonly estimate: number | undefined
  readonly clock: Clock.Clock
  readonly context: Context.Context<never>
  /** Epoch milliseconds until which it waits. */
  readonly deadline: number
  /** Where it is noted what was taken; absent: the attempt does that. */
  readonly took?: (settle: Admission.Settle) => void
}

/**
 * The budgets of a part of a program, outermost first.
 *
 * @since 0.1.0
 */
export class BudgetAdmission implements Admission.Admission {
  readonly stage = "reserve"
  readonly locals: ReadonlyArray<LocalBudget>
  readonly shared: ReadonlyArray<SharedBudget>
  readonly #all: ReadonlyArray<LocalBudget | SharedBudget>
  readonly #outputTokens: number
  readonly #maxWaitMillis: number

  constructor(all: ReadonlyArray<LocalBudget | SharedBudget>) {
    this.#all = all
    this.locals = all.filter((budget) => budget instanceof LocalBudget)
    this.shared = all.flatMap((budget) => budget instanceof LocalBudget ? [] : [budget])
    if (this.shared.some(({ store }) => store !== this.shared[0]?.store)) {
      throw new Error("Budget: shared budgets inside of each other must be in one store")
    }
    this.#outputTokens = Math.max(...all.map(({ outputTokens }) => outputTokens))
    this.#maxWaitMillis = Math.min(...all.map(({ maxWaitMillis }) => maxWaitMillis))
  }

  /** True if it would count twice: a shared one that was made anew has the same books, and the smaller limit holds. */
  has(budget: LocalBudget | SharedBudget): boolean {
    return this.#all.some((other) =>
      other === budget || hasSameBooks(other, budget) && Usd.isLessThanOrEqualTo(other.limit, budget.limit)
    )
  }

  /** The same with one more inside. */
  with(budget: LocalBudget | SharedBudget): BudgetAdmission {
    return new BudgetAdmission([...this.#all.filter((other) => !hasSameBooks(other, budget)), budget])
  }

  readonly admit = (attempt: Admission.Attempt): Effect.Effect<Admission.Settle, BudgetExceeded> =>
    attempt.call.isBillable
      ? Effect.withFiber((fiber) => {
        const clock = fiber.getRef(Clock.Clock)
        const given = fiber.getRef(Prices.CurrentPrices)
        if (given !== undefined) return this.#enter(attempt, fiber, clock, given)
        const { prices } = attempt.call
        const list = prices === undefined ? undefined : PriceSource.listOf(prices)
        return list !== undefined && list.isDue(clock.currentTimeMillisUnsafe())
          ? Effect.flatMap(list.load, (table) => this.#enter(attempt, fiber, clock, table))
          : this.#enter(attempt, fiber, clock, list?.table)
      })
      : passed

  /** Budgets that processes share have counted it when it was paid. */
  readonly paid = (model: string | undefined, cost: Usd.Usd): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      renew(this.locals, now)
      for (const { account } of this.locals) account.count(model, cost)
      BudgetQueue.pump(this.locals)
      return tell(this.locals)
    })

  /** The error says which budget it was by its name and limit only; another one of the same may have room left. */
  readonly endsAll = (error: OpenRouterError): boolean =>
    error._tag === "BudgetExceeded" &&
    this.#all.some((budget) =>
      budget.scope === error.scope && Usd.equals(budget.limit, error.limit) &&
      !(budget instanceof LocalBudget && error.reason === "spent" && hasRoom(budget, error))
    )

  readonly correct = (generationId: string, costs: Costs): Effect.Effect<void> =>
    Effect.suspend(() => {
      const told = correct(this.locals, generationId, costs).told
      return this.shared.length === 0
        ? told
        : Effect.andThen(told, Effect.forEach(this.shared, (budget) => budget.correct(generationId, costs)))
    })

  #enter(
    attempt: Admission.Attempt,
    fiber: Fiber.Fiber<unknown, unknown>,
    clock: Clock.Clock,
    table: Prices.Table | undefined
  ): Effect.Effect<Admission.Settle, BudgetExceeded> {
    const { model, request } = attempt.call
    const tokenizer = fiber.getRef(Prices.CurrentTokenizer)
    const asking: Asking = {
      attempt,
      estimate: Prices.nanosOf(table, request, tokenizer, this.#outputTokens) ?? this.#meanOf(model),
      clock,
      context: fiber.context,
      deadline: clock.currentTimeMillisUnsafe() + this.#maxWaitMillis
    }
    return this.shared.length === 0 ? this.#here(asking) : this.#everywhere(asking)
  }

  /** The innermost budget that knows what the model costs has seen the calls that are most alike. */
  #meanOf(model: string | undefined): number | undefined {
    for (let index = this.#all.length - 1; index >= 0; index--) {
      const mean = this.#all[index]?.account.meanOf(model)
      if (mean !== undefined) return mean
    }
    return undefined
  }

  /** Reserves in the budgets of this process. */
  #here(asking: Asking): Effect.Effect<Admission.Settle, BudgetExceeded> {
    const { locals } = this
    renew(locals, asking.clock.currentTimeMillisUnsafe())
    const result = BudgetQueue.reserve(locals, asking.estimate, undefined)
    if ("held" in result) return Exit.succeed(this.#take(asking, result.held))
    return "spent" in result
      ? Exit.fail(exceeded(asking, ofLocal(result.spent), "spent"))
      : this.#wait(asking, result.keptBy)
  }

  #wait(
    asking: Asking,
    keptBy: ReadonlyArray<LocalBudget>
  ): Effect.Effect<Admission.Settle, BudgetExceeded> {
    const { locals } = this
    const { clock, context, deadline, estimate } = asking
    return Effect.callback((resume) => {
      let place: Admission.Settle | undefined
      let alarm: Fiber.Fiber<void> | undefined
      const waiter: BudgetQueue.Waiter = {
        budgets: locals,
        estimate,
        arrival: BudgetQueue.arrive(locals),
        keptBy: [],
        resume: (end) => {
          alarm?.interruptUnsafe()
          if (end instanceof LocalBudget) return resume(Exit.fail(exceeded(asking, ofLocal(end), "spent")))
          place = this.#take(asking, end)
          resume(Exit.succeed(place))
        }
      }
      const late = () => {
        const [first] = waiter.keptBy
        if (first === undefined) return
        const error = exceeded(asking, ofLocal(first), "reserved")
        BudgetQueue.leave(waiter)
        resume(Exit.fail(error))
      }
      BudgetQueue.enqueue(waiter, keptBy)
      asking.attempt.onWait?.(wait)
      alarm = Effect.runForkWith(context)(lookOut(locals, clock, deadline, late))
      return Effect.suspend(() => {
        alarm?.interruptUnsafe()
        if (place === undefined) BudgetQueue.leave(waiter)
        // It was given what it waited for, and never came to know.
        return isTold(asking) ? Effect.void : place?.({ _tag: "NotSent", exit: Exit.interrupt() }) ?? Effect.void
      })
    })
  }

  /** Gives what tells it the end, and notes it in the step in which it was held, so that no interruption comes between. */
  #take(asking: Asking, held: BudgetQueue.Held): Admission.Settle {
    const settle = this.#settle(asking, held)
    if (asking.took === undefined) asking.attempt.took?.(settle)
    else asking.took(settle)
    return settle
  }

  #settle({ attempt: { call }, clock }: Asking, held: BudgetQueue.Held): Admission.Settle {
    const { locals } = this
    return (ended) => {
      renew(locals, clock.currentTimeMillisUnsafe())
      for (let index = 0; index < locals.length; index++) {
        const reservation = held[index]
        const account = locals[index]?.account
        if (reservation === undefined || account === undefined) continue
        if (ended._tag === "NotSent") account.release(reservation)
        else {
          const { costs, exit, generationId } = ended
          account.settle(reservation, costs, { model: call.model, generationId, isAnswered: Exit.isSuccess(exit) })
        }
      }
      BudgetQueue.pump(locals)
      return tell(locals)
    }
  }

  /** Reserves here, and then in the store; one call of this process after the other, so that the first to come is the first. */
  #everywhere(asking: Asking): Effect.Effect<Admission.Settle, BudgetExceeded> {
    const { attempt, clock, deadline } = asking
    return Effect.suspend(() => {
      /** What is held here, until it is held in the store as well. */
      let here: Admission.Settle | undefined
      let place: Admission.Settle | undefined
      const asked: Asking = {
        ...asking,
        took: (settle) => {
          here = settle
        }
      }
      const release = (exit: Admission.NotSent["exit"]): Effect.Effect<void> =>
        Effect.suspend(() => {
          const held = here
          here = undefined
          return held?.({ _tag: "NotSent", exit }) ?? Effect.void
        })
      const entered = Effect.uninterruptibleMask(Effect.fnUntraced({ self: this }, function*(restore) {
        for (let pause = pauses.first;; pause = Math.min(pause * 2, pauses.longest)) {
          const held = yield* restore(this.#here(asked))
          const granted = yield* Shared.reserve(this.shared, asking.estimate, clock.currentTimeMillisUnsafe())
          if (granted._tag === "Granted") {
            const there = granted.settle(attempt.call.model)
            place = (ended) => Effect.andThen(held(ended), there(ended))
            here = undefined
            attempt.took?.(place)
            yield* granted.told
            return place
          }
          yield* release(Exit.void)
          const now = clock.currentTimeMillisUnsafe()
          if (granted.reason !== "reserved" || now >= deadline) {
            return yield* exceeded(asking, granted.figures, granted.reason)
          }
          if (pause === pauses.first) asking.attempt.onWait?.(wait)
          yield* restore(clock.sleep(Duration.millis(Math.min(pause, deadline - now))))
        }
      }))
      // An interruption that comes while the store is asked takes effect when that is over.
      return Effect.onExit(
        Shared.inTurn(this.shared, entered),
        (exit) => {
          if (Exit.isSuccess(exit)) return Exit.void
          return place === undefined || attempt.took !== undefined ? release(exit) : place({ _tag: "NotSent", exit })
        }
      )
    })
  }
}

const hasSameBooks = (a: LocalBudget | SharedBudget, b: LocalBudget | SharedBudget): boolean =>
  !(a instanceof LocalBudget) && !(b instanceof LocalBudget) && a.store === b.store && a.scope === b.scope &&
  a.per === b.per

/** True if who asks is told the end of what was taken even if it never came to know. */
const isTold = ({ attempt, took }: Asking): boolean => took !== undefined || attempt.took !== undefined

/** Whether what was refused would find room in this budget, beside what is spent. */
const hasRoom = ({ account }: LocalBudget, { estimate }: BudgetExceeded): boolean => {
  const left = account.limitNanos - account.spentNanos
  return estimate === undefined ? left > 0 : Nanos.ceil(estimate) <= left
}

/** Takes note of the time. */
const renew = (locals: ReadonlyArray<LocalBudget>, now: number): void => {
  for (const local of locals) if (local.account.isRenewed(now)) BudgetQueue.pump([local])
}

/** What is to be told now. */
const tell = (locals: ReadonlyArray<LocalBudget>): Effect.Effect<void> => {
  let due: Array<Effect.Effect<void>> | undefined
  for (const local of locals) {
    const { account, due: notices, record } = local
    if (record === undefined && notices.length === 0) continue
    due ??= []
    if (record !== undefined) due.push(record(account.limitNanos, account.spentNanos))
    for (const notify of notices) due.push(notify)
  }
  return due === undefined ? Exit.void : Effect.all(due, { discard: true })
}

/**
 * Puts what a call really cost in place of what counts for it.
 *
 * @since 0.1.0
 */
export const correct = (
  locals: ReadonlyArray<LocalBudget>,
  generationId: string,
  costs: Costs
): { readonly isKnown: boolean; readonly told: Effect.Effect<void> } => {
  const corrected = locals.filter(({ account }) => account.correct(generationId, costs))
  BudgetQueue.pump(corrected)
  return { isKnown: corrected.length > 0, told: tell(corrected) }
}

/** Ends a wait that is too long, and looks again when a period begins. */
const lookOut = (
  locals: ReadonlyArray<LocalBudget>,
  clock: Clock.Clock,
  deadline: number,
  late: () => void
): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (;;) {
      const now = clock.currentTimeMillisUnsafe()
      renew(locals, now)
      if (now >= deadline) return late()
      const next = Math.min(deadline, ...locals.map(({ account }) => account.endsAt))
      yield* clock.sleep(Duration.millis(Math.min(next - now, longestSleep)))
    }
  })

const ofLocal = ({ account, limit, scope }: LocalBudget): Shared.Known => ({
  scope,
  limit,
  spent: account.spent,
  unknown: Nanos.toUsd(account.unknownNanos),
  reserved: Nanos.toUsd(account.reservedNanos),
  endsAt: account.endsAt
})

const exceeded = (
  { attempt: { call, number }, estimate }: Asking,
  { endsAt, limit, reserved, scope, spent, unknown }: Shared.Known,
  reason: "spent" | "reserved" | "store"
): BudgetExceeded => {
  const expected = estimate === undefined ? undefined : Nanos.toUsd(estimate)
  const left = Usd.max(Usd.subtract(limit, spent), Usd.zero)
  const costs = expected === undefined ? "what the call costs is not known" : `the call may cost ${expected}`
  const why = reason === "store"
    ? "is kept in a store that is away"
    : reason === "spent"
    ? `has ${left} left, and ${costs}`
    : `has ${left} left, of which running calls hold ${reserved}, and ${costs}`
  return new BudgetExceeded({
    message: `the budget of ${limit} for ${scope} ${why}`,
    scope,
    limit,
    spent,
    unknown,
    reserved,
    reason,
    attempts: number - 1,
    ...Wire.compact({
      model: call.model,
      estimate: expected,
      resetsAt: Number.isFinite(endsAt) ? DateTime.makeUnsafe(endsAt) : undefined
    })
  })
}
