import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { OpenRouterError } from "effect-openrouter"
import { Limiter } from "../../../src/domain/gate/Limiter.ts"
import { between, serverOf, serversFrom, simulate, t0 } from "./simulation.ts"
import type { Gate } from "./simulation.ts"

const seeded = (seed: number) => ({ arbitrary: { runs: 60, seed } })

const error = new OpenRouterError.RateLimited({ message: "too many" })

/** A limiter before callers who come in bursts; who is refused comes back. */
const before = (limiter: Limiter) => {
  const demand = { left: 0, sent: 0, refused: 0 }
  const gate: Gate = {
    readyAt: (now) => limiter.readyAt(now),
    take: (now, hasWaited) => {
      demand.left--
      demand.sent++
      limiter.take(now, hasWaited)
    },
    refused: (now, sentAt, resetAt, limit) => {
      demand.left++
      demand.refused++
      limiter.refused(now, sentAt, { _tag: "Refused", reach: "model", error, resetAt, limit })
    },
    answered: (now, sentAt) => void limiter.answered(now, sentAt)
  }
  return { demand, gate }
}

const bursts = Schema.Array(Schema.Struct({
  size: between(1, 150),
  /** In windows. */
  pause: Schema.Literals([0, 0.3, 1, 2.5, 7, 60, 300])
})).check(Schema.isMinLength(3), Schema.isMaxLength(8))

describe("whatever the demand", () => {
  it.prop(
    "each burst is through in the time of its limit, and hardly one is refused once the limit is known",
    { ...serversFrom(1), bursts },
    ({ bursts, ...given }) => {
      const server = serverOf(given)
      const limiter = new Limiter(false)
      const { demand, gate } = before(limiter)
      const due: Array<{ readonly at: number; readonly size: number; endedAt: number | undefined; refused: number }> =
        []
      let begunAt = t0
      let refusedBefore = 0
      let current = 0
      const wants = (now: number): boolean => {
        const last = due[due.length - 1]
        if (demand.left === 0 && last !== undefined && last.endedAt === undefined) {
          last.endedAt = now
          last.refused = demand.refused - refusedBefore
        }
        if (demand.left === 0 && now >= begunAt && current < bursts.length) {
          // A late refusal of the last burst belongs to it.
          if (last !== undefined && now < (last.endedAt ?? 0) + 300) return false
          const burst = bursts[current++]
          refusedBefore = demand.refused
          demand.left = burst?.size ?? 0
          due.push({ at: now, size: demand.left, endedAt: undefined, refused: 0 })
          return true
        }
        if (demand.left === 0 && last !== undefined && begunAt <= last.at) {
          begunAt = now + 300 + (bursts[current - 1]?.pause ?? 0) * server.window
        }
        return demand.left > 0
      }
      const windows = bursts.reduce((sum, { pause, size }) => sum + pause + Math.ceil(size / server.requests) + 3, 0)
      simulate(gate, server, windows * server.window + 20_000, wants)
      assert.strictEqual(due.length, bursts.length, "all have come")
      // A pause is no window.
      const { length } = limiter.window
      assert.isTrue(length === undefined || length === server.window, `learned ${length} of ${server.window}`)
      for (const [index, { at, endedAt, refused, size }] of due.entries()) {
        if (endedAt === undefined) return assert.fail(`burst ${index} has no end`)
        const ideal = (Math.ceil(size / server.requests) + 1) * server.window
        assert.isAtMost(endedAt - at, ideal + 1500, `burst ${index} of ${size}`)
        // At first contact nothing is known; later a window more is refused at most, where demand paused before it was learned.
        const isKnown = due.slice(0, index).some((before) => before.refused > 0)
        if (isKnown) assert.isAtMost(refused, server.requests + 3 + ideal / 30_000, `burst ${index} of ${size}`)
      }
    },
    { ...seeded(1), timeout: 30_000 }
  )

  it.prop(
    "questions change nothing, whatever instant they are about",
    { ...serversFrom(1), ahead: between(0, 200_000), tells: Schema.Literals(["limit", "reset", "nothing"]) },
    ({ ahead, tells, ...given }) => {
      const server = serverOf(given)
      const run = (asks: boolean) => {
        const limiter = new Limiter(false)
        const ask = (now: number) => {
          if (!asks) return
          for (const at of [now, now + ahead]) {
            limiter.readyAt(at)
            limiter.heldUntil(at)
            limiter.tryAt(at)
            limiter.isClosed(at)
            limiter.waitedMillis(at, 0)
            limiter.window.remaining(at)
          }
        }
        return simulate(
          {
            readyAt: (now) => {
              ask(now)
              return limiter.readyAt(now)
            },
            take: (now, hasWaited) => {
              limiter.take(now, hasWaited)
              ask(now)
            },
            refused: (now, sentAt, resetAt, limit) => {
              limiter.refused(now, sentAt, {
                _tag: "Refused",
                reach: "model",
                error,
                resetAt: tells === "nothing" ? undefined : resetAt,
                limit: tells === "limit" ? limit : undefined
              })
              ask(now)
            },
            answered: (now, sentAt) => void limiter.answered(now, sentAt)
          },
          server,
          15_000
        )
      }
      assert.deepStrictEqual(run(true), run(false))
    },
    { ...seeded(2), timeout: 30_000 }
  )
})
