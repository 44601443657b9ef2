/** Servers that refuse for various reasons, and callers before a limiter, in a time that jumps from one event to the next. */
import { Schema } from "effect"
import { OpenRouterError } from "effect-openrouter"
import * as Draw from "../../../src/domain/emulator/Draw.ts"
import type { Limiter } from "../../../src/domain/gate/Limiter.ts"

export const t0 = 1_790_000_000_000

/** Lets a request pass (`true`), or refuses it, with the instant at which one may come again or without. */
export interface Server {
  readonly judge: (now: number) => true | { readonly resetAt: number | undefined }
  /** One that was let pass has been answered. */
  readonly ended?: () => void
}

type Tells = "reset" | "nothing"

/** So many in each window, which begin at fixed instants. */
export const fixedWindow = (requests: number, window: number, tells: Tells): Server => {
  let startsAt = 0
  let used = 0
  return {
    judge: (now) => {
      const start = Math.floor((now - window / 3) / window) * window + window / 3
      if (start !== startsAt) {
        startsAt = start
        used = 0
      }
      if (used >= requests) return { resetAt: tells === "reset" ? Math.ceil(start + window) : undefined }
      used++
      return true
    }
  }
}

/** So many in any stretch of so long. */
export const slidingWindow = (requests: number, window: number): Server => {
  const passed: Array<number> = []
  return {
    judge: (now) => {
      while ((passed[0] ?? Infinity) <= now - window) passed.shift()
      if (passed.length >= requests) return { resetAt: undefined }
      passed.push(now)
      return true
    }
  }
}

/** So many a second, and a few more that were saved. */
export const tokenBucket = (perSecond: number, burst: number, tells: Tells): Server => {
  let tokens = burst
  let at = t0
  return {
    judge: (now) => {
      tokens = Math.min(burst, tokens + (now - at) * perSecond / 1000)
      at = now
      if (tokens < 1) {
        return { resetAt: tells === "reset" ? Math.ceil(now + (1 - tokens) * 1000 / perSecond) : undefined }
      }
      tokens--
      return true
    }
  }
}

/** So many at a time. */
export const atATime = (most: number): Server => {
  let running = 0
  return {
    judge: () => {
      if (running >= most) return { resetAt: undefined }
      running++
      return true
    },
    ended: () => {
      running--
    }
  }
}

/** Refuses a share at random, for 50 to 200 milliseconds, or without a word. */
export const dice = (share: number, seed: number, tells: Tells, below?: Server): Server => {
  const draw = Draw.make(seed, "dice")
  let n = 0
  return {
    judge: (now) => {
      const one = Draw.child(draw, n++)
      if (Draw.fraction(one) < share) {
        return { resetAt: tells === "reset" ? now + Draw.integer(Draw.child(one, "hint"), 50, 200) : undefined }
      }
      return below?.judge(now) ?? true
    },
    ended: () => below?.ended?.()
  }
}

const error = new OpenRouterError.RateLimited({ message: "too many" })

export interface Seen {
  readonly accepted: number
  readonly refused: number
  /** When the last call was answered, in milliseconds after the start; `Infinity` if not all were. */
  readonly endedAt: number
}

/** So many calls at once, or as many as want to go, until all have been answered or the time is over. */
export const besiege = (limiter: Limiter, server: Server, options: {
  readonly calls: number
  readonly millis: number
  readonly latency: number
  /** How long a refusal is under way. */
  readonly delay: number
  /** When it begins. */
  readonly from?: number
}): Seen => {
  const { calls, delay, from = t0, latency, millis } = options
  const refusals: Array<{ readonly at: number; readonly sentAt: number; readonly resetAt: number | undefined }> = []
  const answers: Array<{ readonly at: number; readonly sentAt: number }> = []
  let [now, left, accepted, refused, hasWaited, answeredAt] = [from, calls, 0, 0, false, from]
  while (now < from + millis && accepted < calls) {
    for (let next = refusals[0]; next !== undefined && next.at <= now; next = refusals[0]) {
      refusals.shift()
      left++
      limiter.refused(now, next.sentAt, {
        _tag: "Refused",
        reach: "model",
        error,
        resetAt: next.resetAt,
        limit: undefined
      })
    }
    for (let next = answers[0]; next !== undefined && next.at <= now; next = answers[0]) {
      answers.shift()
      accepted++
      answeredAt = now
      server.ended?.()
      limiter.answered(now, next.sentAt)
    }
    let at = limiter.readyAt(now)
    while (left > 0 && at <= now) {
      limiter.take(now, hasWaited)
      left--
      const judged = server.judge(now)
      if (judged === true) answers.push({ at: now + latency, sentAt: now })
      else {
        refused++
        refusals.push({ at: now + delay, sentAt: now, resetAt: judged.resetAt })
      }
      at = limiter.readyAt(now)
    }
    hasWaited = left > 0
    const wake = left > 0 ? Math.ceil(at) : Infinity
    now = Math.max(now + 1, Math.min(wake, refusals[0]?.at ?? Infinity, answers[0]?.at ?? Infinity))
  }
  return { accepted, refused, endedAt: accepted < calls ? Infinity : answeredAt - from }
}

export const seeds = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))
