/**
 * What a command has spent, also when it is interrupted.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as LedgerReport from "../../domain/ledger/LedgerReport.ts"
import * as CostLedger from "../../services/CostLedger.ts"

/**
 * Costs in one line, such as `2 calls cost $0.0123, 1 of unknown cost`.
 *
 * @since 0.1.0
 */
export const toLine = ({ calls, cost, saved, savedCalls, unknown }: CostLedger.Figures): string => {
  const parts = [
    `${calls === 1 ? "1 call" : `${calls} calls`} cost ${cost}`,
    ...(unknown > 0 ? [`${unknown} of unknown cost`] : []),
    ...(savedCalls > 0 ? [`${savedCalls} saved (${saved})`] : [])
  ]
  return parts.join(", ")
}

/**
 * Runs an effect and gives what its calls cost along with its result. When it is interrupted, what they have cost so far is the
 * last that is said, on stderr.
 *
 * @since 0.1.0
 */
export const told = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, LedgerReport.Report], E, R> =>
  Effect.flatMap(
    CostLedger.make({ maxScopes: 0, maxTagValues: 0, maxUnknownCalls: 0 }),
    (ledger) =>
      ledger.run(self).pipe(
        Effect.onInterrupt(() =>
          Effect.flatMap(ledger.report, (spent) => Console.error(`\ninterrupted: ${toLine(spent)} so far`))
        ),
        Effect.flatMap((value) => Effect.map(ledger.report, (spent) => [value, spent] as const))
      )
  )
