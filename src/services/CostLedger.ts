/**
 * Accounts for every call of a part of a program, by nested scopes.
 *
 * A ledger sees the calls of the effect it is given to, forked fibers included: answers, failures, every retry, and calls
 * that were interrupted. Scopes nest (`run > tick > phase > character`); a call is booked in all that enclose it. A ledger
 * sums up and keeps no calls, so its memory grows with the number of scopes only. Outside of a ledger nothing is booked.
 *
 * What is interrupted may have been billed, but its cost is unknown. A `forEach` that fails fast interrupts its other
 * calls: where every cent counts, let all end (`Effect.result`) before a failure counts.
 *
 * **Example** (What did a tick cost, and who spent it?)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Costs, CostLedger, OpenRouter } from "effect-openrouter"
 *
 * const ask = (name: string) =>
 *   OpenRouter.respond({ model: "openai/gpt-5", input: `What does ${name} want?` }).pipe(CostLedger.scope(name))
 *
 * const program = Effect.gen(function*() {
 *   const [answers, spent] = yield* CostLedger.measured(Effect.forEach(["Ann", "Bob"], ask, { concurrency: 2 }))
 *   yield* Console.log(Costs.toTable(spent))
 *   return answers
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { OpenRouterError } from "../domain/error/OpenRouterError.ts"
import * as Costs from "../domain/outcome/Costs.ts"
import type { Outcome } from "../domain/outcome/Outcome.ts"

/** What is booked directly in a scope, and its inner scopes by name. Lives and dies with its ledger. */
interface Scope {
  readonly name: string
  readonly ledger: { scopes: number; readonly maxScopes: number }
  costs: Costs.Costs
  readonly inner: Map<string, Scope>
}

/** Where a fiber is in a ledger: a scope that is made by its first booking, so that none appears without a call. */
interface Place {
  readonly root: Scope
  readonly scope: () => Scope
}

/**
 * A ledger; `report` may be read at any time, also while calls are running.
 *
 * @since 0.1.0
 */
export interface CostLedger {
  readonly report: Effect.Effect<Costs.CostReport>
  /** Gives the ledger to an effect; all its calls are booked, once, also where it is given again inside. */
  readonly run: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Where a call of the running fiber is booked: a place in each enclosing ledger. */
const CurrentPlaces = Context.Reference<ReadonlyArray<Place>>("effect-openrouter/CostLedger/CurrentPlaces", {
  defaultValue: () => []
})

/** Calls in scopes beyond the limit of a ledger are booked under this name. */
const overflow = "(other)"

const innerScope = (scope: Scope, name: string): Scope => {
  const existing = scope.inner.get(name)
  if (existing !== undefined) return existing
  const isFull = scope.ledger.scopes >= scope.ledger.maxScopes
  if (isFull && scope.name === overflow) return scope
  if (isFull && name !== overflow) return innerScope(scope, overflow)
  scope.ledger.scopes++
  const inner: Scope = { name, ledger: scope.ledger, costs: Costs.zero, inner: new Map() }
  scope.inner.set(name, inner)
  return inner
}

const innerPlace = (outer: Place, name: string): Place => {
  let scope: Scope | undefined
  return { root: outer.root, scope: () => scope ??= innerScope(outer.scope(), name) }
}

const reportOf = (scope: Scope): Costs.CostReport => {
  const scopes = Array.from(scope.inner.values(), reportOf)
  return { name: scope.name, ...scopes.reduce<Costs.Costs>(sumFigures, scope.costs), scopes }
}

const sumFigures = (self: Costs.Costs, that: Costs.Costs): Costs.Costs => Costs.sum(self, that)

const costsOf = <A, E extends OpenRouterError>(
  exit: Exit.Exit<A, E>,
  costs: (value: A) => Costs.Costs
): Costs.Costs => {
  if (Exit.isSuccess(exit)) return costs(exit.value)
  const error = Exit.findErrorOption(exit)
  return Option.isSome(error) ? Costs.ofError(error.value) : Costs.interrupted
}

const add = (places: ReadonlyArray<Place>, costs: Costs.Costs): void => {
  if (costs === Costs.zero) return
  for (const place of places) {
    const scope = place.scope()
    scope.costs = Costs.sum(scope.costs, costs)
  }
}

const bookIn = (places: ReadonlyArray<Place>): Book => (exit) => {
  if (places.length > 0) add(places, costsOf(exit, Costs.ofOutcome))
}

/**
 * Makes an empty ledger.
 *
 * `name` is the name of its outermost scope (default `total`). At most `maxScopes` scopes are told apart (default 10,000);
 * calls in further ones are booked under `(other)`, so that sums stay right and memory bounded.
 *
 * @since 0.1.0
 */
export const make = (
  options?: { readonly name?: string | undefined; readonly maxScopes?: number | undefined }
): Effect.Effect<CostLedger> =>
  Effect.sync(() => {
    const root: Scope = {
      name: options?.name ?? "total",
      ledger: { scopes: 0, maxScopes: options?.maxScopes ?? 10_000 },
      costs: Costs.zero,
      inner: new Map()
    }
    return {
      report: Effect.sync(() => reportOf(root)),
      run: Effect.updateService(CurrentPlaces, (places) =>
        places.some((place) => place.root === root) ? places : [...places, { root, scope: () => root }])
    }
  })

/**
 * Runs an effect with a ledger of its own and gives its result together with what its calls cost.
 *
 * It nests: an enclosing ledger sees the calls as well. If the effect fails its costs are not returned; use {@link make} to
 * read them in any case.
 *
 * @since 0.1.0
 */
export const measured = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<readonly [value: A, spent: Costs.CostReport], E, R> =>
  Effect.flatMap(
    make(),
    (ledger) =>
      Effect.flatMap(ledger.run(self), (value) => Effect.map(ledger.report, (spent) => [value, spent] as const))
  )

/**
 * Names a part of a program in all enclosing ledgers. The same name at the same place is the same scope.
 *
 * @since 0.1.0
 */
export const scope = (name: string) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateService(
    self,
    CurrentPlaces,
    (places) => places.map((outer) => innerPlace(outer, name))
  )

/**
 * Books costs of your own in all scopes that enclose the running fiber.
 *
 * @since 0.1.0
 */
export const record = (costs: Costs.Costs): Effect.Effect<void> =>
  Effect.map(CurrentPlaces, (places) => add(places, costs))

/**
 * Books how an attempt ended in the scopes of the fiber that began it.
 *
 * @since 0.1.0
 */
export type Book = <E extends OpenRouterError>(exit: Exit.Exit<Outcome, E>) => void

/**
 * Gives the means to book an attempt that is more than an effect, as a stream is; others use {@link settled}.
 *
 * @since 0.1.0
 */
export const book: Effect.Effect<Book> = Effect.map(CurrentPlaces, bookIn)

/**
 * Books an attempt however it ends: what its value cost, what its error cost, or as unknown if it was interrupted.
 *
 * Clients do this for every attempt; a program only needs {@link measured} or {@link make}.
 *
 * @since 0.1.0
 */
export const settled = <A, E extends OpenRouterError, R>(
  attempt: Effect.Effect<A, E, R>,
  costs: (value: A) => Costs.Costs
): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    CurrentPlaces,
    (places) =>
      places.length === 0
        ? attempt
        : Effect.onExit(attempt, (exit) => Effect.sync(() => add(places, costsOf(exit, costs))))
  )
