/**
 * Finds out what calls cost whose cost was unknown when they ended.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Generation from "../domain/endpoint/Generation.ts"
import { isAccountWide } from "../domain/error/OpenRouterError.ts"
import type { RequestError } from "../domain/error/OpenRouterError.ts"
import type { Report } from "../domain/ledger/LedgerReport.ts"
import type { Costs } from "../domain/outcome/Costs.ts"
import * as Admission from "./Admission.ts"
import * as OpenRouter from "./OpenRouter.ts"

/**
 * A ledger, as far as it takes part in this.
 *
 * @since 0.1.0
 */
export interface Reconcilable {
  readonly report: Effect.Effect<Report>
  readonly correct: (generationId: string, costs: Costs) => Effect.Effect<boolean>
}

/**
 * How to ask.
 *
 * @since 0.1.0
 */
export interface Options {
  /** How long to wait for a record that is not there yet, for each call. Default 30 seconds. */
  readonly maxWait?: Duration.Input | undefined
  /** How many are asked for at once. Default 4. */
  readonly concurrency?: number | undefined
}

/**
 * How `GET /generation` can fail.
 *
 * @since 0.1.0
 */
export type GenerationError = RequestError | Generation.GenerationNotFound

/**
 * What came of it. What is left stays listed in the ledger and can be asked for again.
 *
 * @since 0.1.0
 */
export interface Reconciled {
  /** How many costs are known now. */
  readonly corrected: number
  /** Those that are not: without a record of it, or of its cost (then without an error). */
  readonly left: ReadonlyArray<{ readonly generationId: string; readonly error: GenerationError | undefined }>
}

/**
 * Asks `GET /generation` for each unknown call that a ledger lists, and books what it really cost in its place.
 *
 * A record may take a while to appear: while the answer is 404 the question is repeated, with growing pauses. The
 * admissions of the running program, such as budgets and other ledgers, are told as well. Fails only with an error that all
 * further questions would meet, such as `InvalidApiKey`; what was booked until then stays.
 *
 * @since 0.1.0
 */
export const reconcile = Effect.fn("CostLedger.reconcile")(function*(
  ledger: Reconcilable,
  options?: Options
): Effect.fn.Return<Reconciled, GenerationError, OpenRouter.OpenRouter> {
  const { unknownCalls } = yield* ledger.report
  const wait = options?.maxWait ?? "30 seconds"
  const asked = yield* Effect.forEach(
    unknownCalls,
    ({ generationId }) =>
      OpenRouter.generation(generationId, { wait }).pipe(
        Effect.flatMap((generation) => {
          const costs = Generation.costs(generation)
          return costs.unknown > 0
            ? Effect.succeed({ generationId, isKnown: false, error: undefined })
            : Effect.as(
              Effect.andThen(Admission.correct(generationId, costs), ledger.correct(generationId, costs)),
              { generationId, isKnown: true, error: undefined }
            )
        }),
        Effect.catch((error) =>
          error._tag !== "GenerationNotFound" && isAccountWide(error)
            ? Effect.fail(error)
            : Effect.succeed({ generationId, isKnown: false, error })
        )
      ),
    { concurrency: options?.concurrency ?? 4 }
  )
  return {
    corrected: asked.filter(({ isKnown }) => isKnown).length,
    left: asked.flatMap(({ error, generationId, isKnown }) => isKnown ? [] : [{ generationId, error }])
  }
})
