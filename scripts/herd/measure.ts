/** From what a herd and its server saw to figures, and from these to a verdict. All durations are in milliseconds. */
import type { Emulator } from "effect-openrouter/testing"
import type { Herd, Scenario } from "./scenarios.ts"

/** How one call ended. */
export interface Ended {
  /** Epoch milliseconds; `undefined` for one that had no end within the time that was given. */
  readonly at: number | undefined
  /** Why it gave up. */
  readonly error: string | undefined
}

/** What the server can be asked for afterwards. */
export interface Books {
  readonly statuses: Readonly<Record<string, number>>
  readonly traffic: ReadonlyArray<Emulator.WindowTraffic>
}

/** What came of one herd. */
export interface Measure {
  readonly calls: number
  readonly gaveUp: number
  /** Why, and how often. */
  readonly reasons: Readonly<Record<string, number>>
  readonly refused: number
  readonly refusedLater: number
  readonly met: number
  readonly requests: number
  readonly wall: number
  readonly ideal: number
}

/** The shortest time in which the calls of a herd that starts at an instant can be answered. */
export const idealOf = (herd: Herd, { outage }: Pick<Scenario, "outage">, startedAt: number): number => {
  const { calls, latency, limit } = herd
  const opens = outage === undefined ? 0 : outage.to
  if (limit === undefined) return opens + latency
  const { phase, requests, window } = limit
  const first = Math.floor((startedAt - phase) / window) * window + phase
  const last = first + (Math.ceil(calls / requests) - 1) * window
  return Math.max(opens, last - startedAt) + latency
}

/** The figures of a herd that started at an instant. */
export const measure = (
  herd: Herd,
  scenario: Scenario,
  startedAt: number,
  ended: ReadonlyArray<Ended>,
  { statuses, traffic }: Books
): Measure => {
  const endedAt = ended.reduce((latest, { at }) => Math.max(latest, at ?? Infinity), startedAt)
  const own = traffic.filter(({ endsAt, limit, startsAt }) =>
    limit === herd.limit?.name && endsAt > startedAt && startsAt <= endedAt
  )
  const firstAt = Math.min(...own.map((window) => window.startsAt))
  const refusedIn = (windows: ReadonlyArray<Emulator.WindowTraffic>) =>
    windows.reduce((sum, { refused }) => sum + refused, 0)
  const reasons: Record<string, number> = {}
  for (const { error } of ended) {
    if (error !== undefined) reasons[error] = (reasons[error] ?? 0) + 1
  }
  return {
    calls: herd.calls,
    gaveUp: ended.filter(({ error }) => error !== undefined).length,
    reasons,
    refused: herd.limit === undefined ? statuses["429"] ?? 0 : refusedIn(own),
    refusedLater: refusedIn(own.filter((window) => window.startsAt > firstAt)),
    met: statuses["503"] ?? 0,
    requests: herd.limit === undefined
      ? Object.values(statuses).reduce((sum, count) => sum + count, 0)
      : own.reduce((sum, { accepted, refused }) => sum + accepted + refused, 0),
    wall: endedAt - startedAt,
    ideal: idealOf(herd, scenario, startedAt)
  }
}

/** Which bars are missed, in words. */
export const missed = ({ bars }: Herd, figures: Measure): ReadonlyArray<string> => {
  const { calls, ideal, wall } = figures
  const found: Array<string> = []
  const atMost = (what: string, actual: number, most: number) => {
    if (!(actual <= most)) found.push(`${what}: ${shown(actual)}, at most ${shown(most)}`)
  }
  atMost("gave up", figures.gaveUp, 0)
  if (bars.refused !== undefined) {
    atMost("429s", figures.refused, (bars.refused.fixed ?? 0) + bars.refused.share * calls)
  }
  if (bars.refusedLater !== undefined) {
    atMost("429s after the first window", figures.refusedLater, bars.refusedLater.share * calls)
  }
  if (bars.wall !== undefined) {
    atMost("wall in ms", wall, "times" in bars.wall ? bars.wall.times * ideal : ideal + bars.wall.more)
  }
  if (bars.met !== undefined) atMost("requests that met the outage", figures.met, bars.met)
  return found
}

const shown = (number: number): string => Number.isFinite(number) ? String(Math.round(number * 100) / 100) : "no end"
