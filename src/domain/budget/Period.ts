/**
 * The days, weeks and months of budgets that begin anew, by UTC.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"

/**
 * How often a budget begins anew. A week begins on Monday.
 *
 * @since 0.1.0
 */
export type Period = "day" | "week" | "month"

/**
 * True for a period. What is none would end before it began, and a budget with it would have no limit.
 *
 * @since 0.1.0
 */
export const isPeriod = (u: unknown): u is Period => u === "day" || u === "week" || u === "month"

/**
 * When the period that holds an instant begins, and the next one. Epoch milliseconds.
 *
 * @since 0.1.0
 */
export const around = (period: Period, now: number): { readonly startsAt: number; readonly endsAt: number } => {
  const start = DateTime.startOf(DateTime.makeUnsafe(now), period, { weekStartsOn: 1 })
  const end = DateTime.add(start, period === "day" ? { days: 1 } : period === "week" ? { weeks: 1 } : { months: 1 })
  return { startsAt: DateTime.toEpochMillis(start), endsAt: DateTime.toEpochMillis(end) }
}
