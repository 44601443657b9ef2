/**
 * A page of what the calls of a program cost, and when they ran: one HTML file that loads nothing.
 *
 * It shows totals, costs by scope, calls over time, the dearest and the failed calls, in light and dark, by mouse, keyboard or
 * screen reader. Its figures are those of the ledger. No text that was asked or answered is in it; names of scopes, models and
 * generation ids are.
 *
 * **Example** (A page after a run)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { CostLedger, OpenRouter, Report } from "effect-openrouter"
 *
 * const program = Effect.gen(function*() {
 *   const ledger = yield* CostLedger.make()
 *   const entries: Array<CostLedger.Line> = []
 *   yield* OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(
 *     CostLedger.followed(ledger, Stream.runForEach((line) => Effect.sync(() => entries.push(line))))
 *   )
 *   return Report.toHtml(entries, { title: "Hello" })
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { Line } from "../domain/ledger/LedgerEntry.ts"
import * as CallChart from "../domain/report/CallChart.ts"
import * as Page from "../domain/report/Page.ts"

export type { Options } from "../domain/report/CallChart.ts"
export { make as fromJournal } from "../domain/report/JournalEntries.ts"

/**
 * The page of these bookings, which `CostLedger.entries`, `CostLedger.fromJsonl` or {@link fromJournal} give.
 *
 * Up to 20,000 calls are drawn one by one, which makes about 1 MB for 10,000; more are drawn as sums over time.
 *
 * @since 0.1.0
 */
export const toHtml = (entries: Iterable<Line>, options?: CallChart.Options): string =>
  Page.make(CallChart.make(entries, options))
