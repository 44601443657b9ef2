/**
 * Accounts for every call of a part of a program, by nested scopes.
 *
 * A ledger sees the calls of the effect it is given to, forked fibers included: answers, failures, every retry, and calls
 * that were interrupted. Scopes nest (`run > tick > phase > character`); a call is booked in all that enclose it. A ledger
 * sums up and keeps no calls, so its memory grows with the number of scopes only. Outside of a ledger nothing is booked. A
 * ledger is an {@link Admission} that observes, the last to be asked before an attempt is sent.
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
import * as Costs from "../domain/outcome/Costs.ts"
import * as Admission from "./Admission.ts"
import * as Place from "./Place.ts"
import * as Program from "./Program.ts"

export { scope, tag } from "./Place.ts"

/** What is booked directly in a scope, and its inner scopes by name. Lives and dies with its ledger. */
interface Scope {
  readonly name: string
  readonly ledger: { scopes: number; readonly maxScopes: number }
  costs: Costs.Costs
  readonly inner: Map<string, Scope>
}

/**
 * A ledger; `report` may be read at any time, also while calls are running.
 *
 * @since 0.1.0
 */
export interface CostLedger {
  readonly report: Effect.Effect<Costs.CostReport>
  /**
   * Gives the ledger to an effect or a stream; all its calls are booked, once, also where it is given again inside. Scopes
   * that enclose the place where it is given are none of its own.
   */
  readonly run: <P extends Program.Program>(self: P) => Program.Within<P>
}

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

const reportOf = (scope: Scope): Costs.CostReport => {
  const scopes = Array.from(scope.inner.values(), reportOf)
  return { name: scope.name, ...scopes.reduce<Costs.Costs>(sumFigures, scope.costs), scopes }
}

const sumFigures = (self: Costs.Costs, that: Costs.Costs): Costs.Costs => Costs.sum(self, that)

/** A ledger as it is given to a part of a program: it books each attempt that was sent and may be billed. */
class LedgerAdmission implements Admission.Admission {
  readonly stage = "observe"
  readonly owner: Scope
  /** How many scopes enclose the place where it was given. */
  readonly #depth: number

  constructor(root: Scope, depth: number) {
    this.owner = root
    this.#depth = depth
  }

  readonly admit = ({ call }: Admission.Attempt): Effect.Effect<Admission.Settle> =>
    Effect.succeed((ended) => {
      if (ended._tag === "Sent" && call.isBillable) this.book(call.scopes, ended.costs)
      return Effect.void
    })

  book(scopes: ReadonlyArray<string>, costs: Costs.Costs): void {
    let scope = this.owner
    for (let index = this.#depth; index < scopes.length; index++) scope = innerScope(scope, scopes[index] ?? "")
    scope.costs = Costs.sum(scope.costs, costs)
  }
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
      run: (self) =>
        Program.updateContext(self, (context) => {
          const admissions = Context.get(context, Admission.CurrentAdmissions)
          if (admissions.some(({ owner }) => owner === root)) return context
          const depth = Context.get(context, Place.CurrentScopes).length
          return Context.add(context, Admission.CurrentAdmissions, [...admissions, new LedgerAdmission(root, depth)])
        })
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
 * Books costs of your own in all scopes that enclose the running fiber.
 *
 * @since 0.1.0
 */
export const record = (costs: Costs.Costs): Effect.Effect<void> =>
  Effect.flatMap(Place.CurrentScopes, (scopes) =>
    Effect.map(Admission.CurrentAdmissions, (admissions) => {
      for (const admission of admissions) if (admission instanceof LedgerAdmission) admission.book(scopes, costs)
    }))
