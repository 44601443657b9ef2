/** A server with a limit in fixed windows, and callers who always want more, in a time that jumps from one event to the next. */
import { Schema } from "effect"

/** What a gate's parts have in common. */
export interface Gate {
  readonly readyAt: (now: number) => number
  /** `hasWaited`: it had to wait. */
  readonly take: (now: number, hasWaited: boolean) => void
  readonly refused: (now: number, sentAt: number, resetAt: number, limit: number) => void
  readonly answered?: (now: number, sentAt: number) => void
}

export interface Server {
  readonly limit: (now: number) => number
  readonly window: number
  readonly phase: number
  /** How long a refusal is under way. */
  readonly delay: number
  /** Requests of others in a window, before ours. */
  readonly others?: number
  /** By how much later our clock takes a reset to be. */
  readonly late?: number
}

/** What one window of the server has seen of us. */
export interface Seen {
  readonly startsAt: number
  accepted: number
  refused: number
}

/** More than any limit, and than what goes at first contact. */
const mostAtOnce = 1000

export const t0 = 1_790_000_000_000

/** Runs from `t0` for so many milliseconds; `wants` says whether anybody waits at an instant, default always. */
export const simulate = (
  gate: Gate,
  server: Server,
  millis: number,
  wants: (now: number) => boolean = () => true
): ReadonlyArray<Seen> => {
  const seen: Array<Seen> = []
  const refusals: Array<
    { readonly at: number; readonly sentAt: number; readonly reset: number; readonly limit: number }
  > = []
  const answers: Array<{ readonly at: number; readonly sentAt: number }> = []
  let now = t0
  let hasWaited = false
  const windowOf = (at: number): Seen => {
    const startsAt = Math.floor((at - server.phase) / server.window) * server.window + server.phase
    const last = seen[seen.length - 1]
    if (last?.startsAt === startsAt) return last
    const next = { startsAt, accepted: 0, refused: 0 }
    seen.push(next)
    return next
  }
  const send = () => {
    gate.take(now, hasWaited)
    const window = windowOf(now)
    const limit = server.limit(now)
    if (window.accepted + (server.others ?? 0) < limit) {
      window.accepted++
      answers.push({ at: now + 300, sentAt: now })
    } else {
      window.refused++
      refusals.push({
        at: now + server.delay,
        sentAt: now,
        reset: window.startsAt + server.window + (server.late ?? 0),
        limit
      })
    }
  }
  while (now < t0 + millis) {
    for (let next = refusals[0]; next !== undefined && next.at <= now; next = refusals[0]) {
      refusals.shift()
      gate.refused(now, next.sentAt, next.reset, next.limit)
    }
    for (let next = answers[0]; next !== undefined && next.at <= now; next = answers[0]) {
      answers.shift()
      gate.answered?.(now, next.sentAt)
    }
    let at = gate.readyAt(now)
    for (let sent = 0; wants(now) && at <= now;) {
      if (++sent > mostAtOnce) throw new Error("everybody is let through at once")
      send()
      at = gate.readyAt(now)
    }
    hasWaited = wants(now)
    const wake = wants(now) ? Math.ceil(at) : now + 50
    now = Math.max(now + 1, Math.min(wake, refusals[0]?.at ?? Infinity, answers[0]?.at ?? Infinity))
  }
  return seen
}

export const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Servers at random, whose limit is not less than this. */
export const serversFrom = (leastRequests: number) => ({
  requests: between(leastRequests, 60),
  window: Schema.Literals([1000, 5000, 60_000]),
  share: between(0, 999),
  delay: between(1, 240)
})

export const serverOf = (
  { delay, requests, share, window }: { delay: number; requests: number; share: number; window: number }
): Server & { readonly requests: number } => ({
  requests,
  limit: () => requests,
  window,
  phase: Math.floor(window * share / 1000),
  delay
})
