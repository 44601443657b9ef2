/**
 * The progress of a batch for people: a line, a bar, and a table at the end.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Usd from "../money/Usd.ts"
import * as Progress from "./Progress.ts"

const parts = (progress: Progress.Progress): ReadonlyArray<string> => {
  const { costs, ended, endsAt, isOver, perSecond, startedAt, total } = progress
  const failed = Progress.failed(progress)
  const notStarted = progress.outcomes["NotStarted"] ?? 0
  const now = DateTime.toEpochMillis(startedAt) + Duration.toMillis(progress.elapsed)
  return [
    total === undefined ? `${ended}` : `${ended}/${total}`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(notStarted > 0 ? [`${notStarted} not started`] : []),
    `${costs.cost}${costs.unknown > 0 ? ` and ${costs.unknown} unknown` : ""}`,
    `${rateText(perSecond)}/s`,
    ...(isOver
      ? [`in ${timeText(Duration.toMillis(progress.elapsed))}`]
      : endsAt === undefined
      ? []
      : [`${timeText(DateTime.toEpochMillis(endsAt) - now)} left`])
  ]
}

const rateText = (perSecond: number): string => perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1)

/** Such as `3m 20s`; the two largest units. */
const timeText = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes}m ${seconds % 60}s` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`
}

/** As many decimals as prices of single calls have. */
const meanText = (cost: Usd.Usd, calls: number): string => {
  const mean = Usd.multiply(cost, 1 / calls)
  return mean.scale > 6 ? Usd.format(mean, { decimals: 6 }) : `${mean}`
}

/**
 * One line of plain text, such as `250/2000, 3 failed, $0.0125, 41.2/s, 42s left`.
 *
 * @since 0.1.0
 */
export const toLine = (progress: Progress.Progress): string => parts(progress).join(", ")

const bar = 24

/**
 * The same with a bar before it, no wider than the columns of a terminal (default 80). Without a total there is no bar.
 *
 * @since 0.1.0
 */
export const toBar = (progress: Progress.Progress, options?: { readonly columns?: number | undefined }): string => {
  const { ended, total } = progress
  const line = toLine(progress)
  const share = total === undefined || total === 0 ? undefined : Math.min(1, ended / total)
  const full = share === undefined ? 0 : Math.floor(share * bar)
  const whole = share === undefined ? line : `[${"=".repeat(full)}${" ".repeat(bar - full)}] ${line}`
  return whole.slice(0, Math.max(1, (options?.columns ?? 80) - 1))
}

/**
 * A table of the outcomes, the most frequent first, and a line with the costs below it.
 *
 * @since 0.1.0
 */
export const toTable = (progress: Progress.Progress): string => {
  const { costs, elapsed, ended, outcomes, perSecond } = progress
  const counts = Object.entries(outcomes).toSorted(([, a], [, b]) => b - a)
  const rows: ReadonlyArray<readonly [name: string, count: string, share: string]> = [
    ["outcome", "items", "share"],
    ...[...counts, ["total", ended] as const].map(([name, count]) =>
      [name, String(count), ended === 0 ? "" : `${(count / ended * 100).toFixed(1)} %`] as const
    )
  ]
  const widths = rows.reduce(
    (widths, [name, count, share]) => ({
      name: Math.max(widths.name, name.length),
      count: Math.max(widths.count, count.length),
      share: Math.max(widths.share, share.length)
    }),
    { name: 0, count: 0, share: 0 }
  )
  const lines = rows.map(([name, count, share]) =>
    `${name.padEnd(widths.name)}  ${count.padStart(widths.count)}  ${share.padStart(widths.share)}`.trimEnd()
  )
  const saved = costs.savedCalls === 0 ? "" : `, ${costs.savedCalls} saved calls (${costs.saved})`
  const unknown = costs.unknown === 0 ? "" : `, ${costs.unknown} of unknown cost`
  const mean = costs.calls === 0 ? "" : ` (${meanText(costs.cost, costs.calls)} each)`
  return [
    ...lines,
    "",
    `${costs.calls} calls cost ${costs.cost}${mean}${unknown}${saved}`,
    `${costs.inputTokens} tokens in (${costs.cachedTokens} cached), ${costs.outputTokens} out`,
    `${timeText(Duration.toMillis(elapsed))}, ${rateText(perSecond)} items a second`
  ].join("\n")
}
