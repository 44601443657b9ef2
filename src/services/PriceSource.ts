/**
 * The price list of a client: asked for when the first budget needs it, once for all who wait, and again after an hour.
 *
 * It is asked for by a fiber of its own, so that one who leaves takes it away from nobody; that ends with the answer or after ten
 * seconds. A client only keeps the list (`Prices.Source`), so that a bundle without budgets has none of this.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as PriceTable from "../domain/budget/PriceTable.ts"
import * as Model from "../domain/endpoint/Model.ts"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import * as Admission from "./Admission.ts"
import * as Deadlines from "./Deadlines.ts"
import { CurrentHeaders } from "./Defaults.ts"
import type { List, Source } from "./Prices.ts"
import * as RetryPolicy from "./RetryPolicy.ts"

const keptMillis = 60 * 60 * 1000

/** After a failure. */
const pauseMillis = 60 * 1000

const longest = Duration.seconds(10)

/** The list of a client, which is asked for by `ask`. */
class PriceSource implements List {
  table: PriceTable.PriceTable | undefined
  #dueAt = -Infinity
  #loading: Fiber.Fiber<void> | undefined
  readonly #ask: Effect.Effect<ReadonlyArray<Model.Model>, RequestError>

  constructor(ask: Effect.Effect<ReadonlyArray<Model.Model>, RequestError>) {
    this.#ask = ask
  }

  readonly isDue = (now: number): boolean => now >= this.#dueAt

  readonly load: Effect.Effect<PriceTable.PriceTable | undefined> = Effect.withFiber(
    (fiber: Fiber.Fiber<unknown, unknown>) => {
      const loading = this.#loading ?? this.#start(fiber)
      return this.table === undefined ? Effect.map(Fiber.await(loading), () => this.table) : Effect.succeed(this.table)
    }
  )

  #start(fiber: Fiber.Fiber<unknown, unknown>): Fiber.Fiber<void> {
    const clock = fiber.getRef(Clock.Clock)
    let isOver = false
    const ended = (table: PriceTable.PriceTable | undefined): void => {
      isOver = true
      if (table !== undefined) this.table = table
      this.#dueAt = clock.currentTimeMillisUnsafe() + (table === undefined ? pauseMillis : keptMillis)
      this.#loading = undefined
    }
    const loading = Effect.runForkWith(aside(fiber.context))(Effect.matchCauseEffect(this.#ask, {
      onSuccess: (models) => Effect.sync(() => ended(PriceTable.fromModels(models))),
      onFailure: (cause) =>
        Effect.suspend(() => {
          ended(undefined)
          return Effect.logWarning(
            "the prices of the models could not be loaded, so budgets go by what calls cost",
            cause
          )
        })
    }))
    if (!isOver) this.#loading = loading
    return loading
  }
}

/** What holds for the calls of a program does not hold for this question. */
const aside = (context: Context.Context<never>): Context.Context<never> =>
  context.pipe(
    Context.add(Admission.CurrentAdmissions, []),
    Context.add(CurrentHeaders, {}),
    Context.add(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none),
    Context.add(Deadlines.CurrentDeadlines, { response: longest, total: longest })
  )

/**
 * The list of a client: made when it is needed first, the same for all budgets.
 *
 * @since 0.1.0
 */
export const listOf = (source: Source): List => source.list ??= new PriceSource(source.call(Model.models()))
