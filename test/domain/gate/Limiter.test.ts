import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { OpenRouterError } from "effect-openrouter"
import { Limiter } from "../../../src/domain/gate/Limiter.ts"
import { between, serverOf, serversFrom, simulate, t0 } from "./simulation.ts"
import type { Gate } from "./simulation.ts"

const seeded = (seed: number) => ({ arbitrary: { runs: 200, seed } })

const error = new OpenRouterError.RateLimited({ message: "too many" })

/** How a server tells of its limit. */
const gateOf = (limiter: Limiter, tells: "limit" | "reset" | "nothing"): Gate => ({
  readyAt: (now) => limiter.readyAt(now),
  take: (now, hasWaited) => limiter.take(now, hasWaited),
  refused: (now, sentAt, resetAt, limit) => {
    limiter.refused(now, sentAt, {
      _tag: "Refused",
      reach: "model",
      error,
      resetAt: tells === "nothing" ? undefined : resetAt,
      limit: tells === "limit" ? limit : undefined
    })
  },
  answered: (now, sentAt) => {
    limiter.answered(now, sentAt)
  }
})

const servers = serversFrom(5)

const sumOf = (seen: ReturnType<typeof simulate>) =>
  seen.reduce((sum, { accepted, refused }) => ({
    accepted: sum.accepted + accepted,
    refused: sum.refused + refused
  }), { accepted: 0, refused: 0 })

describe("a limiter", () => {
  it.prop("keeps to what is announced from the first refusal on", servers, (given) => {
    const server = serverOf(given)
    const seen = simulate(gateOf(new Limiter(false), "limit"), server, Math.max(60_000, 20 * server.window))
    const steady = seen.slice(3, -1)
    for (const { accepted, refused } of steady) {
      assert.strictEqual(accepted, server.requests)
      assert.isAtMost(refused, 1)
    }
  }, seeded(1))

  it.prop("keeps to it where our clock is a little wrong", { ...servers, late: between(-20, 900) }, (given) => {
    const { late, ...rest } = given
    const server = { ...serverOf(rest), late }
    const limiter = new Limiter(false)
    const steady = simulate(gateOf(limiter, "limit"), server, Math.max(60_000, 30 * server.window)).slice(4, -1)
    assert.isAtMost(sumOf(steady).refused, 2 * steady.length)
    assert.isAtLeast(sumOf(steady).accepted, 0.9 * (server.requests - 1) * steady.length)
  }, seeded(2))

  it.prop("loses no more than what it tried at first contact", servers, (given) => {
    const server = serverOf(given)
    const seen = simulate(gateOf(new Limiter(false), "limit"), server, 60_000)
    // The first few dozen, or twice as many in the next step; then what is sent to learn.
    assert.isAtMost(sumOf(seen).refused, 64 + 10 + seen.length * 0.1)
  }, seeded(3))

  it.prop("follows a hint without a limit, and a server that says nothing", {
    ...servers,
    window: Schema.Literal(1000),
    requests: between(10, 60),
    tells: Schema.Literals(["reset", "nothing"])
  }, ({ tells, ...given }) => {
    const server = serverOf(given)
    const { accepted, refused } = sumOf(simulate(gateOf(new Limiter(false), tells), server, 60_000))
    assert.isAtLeast(accepted, 0.6 * 60 * server.requests)
    assert.isAtMost(refused, 130 + 0.1 * accepted)
  }, seeded(4))

  it("lets a few dozen go where a probe opened it, not everybody", () => {
    const limiter = new Limiter(false)
    limiter.take(t0, false)
    const resetAt = t0 + 86_400_000
    const refused = { _tag: "Refused", reach: "model", error, resetAt, limit: 50 } as const
    assert.isTrue(limiter.refused(t0 + 50, t0, refused))
    assert.isTrue(limiter.isClosed(t0 + 60_000))
    assert.isAtMost(limiter.tryAt(t0 + 50), t0 + 60_050)
    assert.isAbove(limiter.tryAt(t0 + 60_049), t0 + 60_049)
    limiter.tries(t0 + 60_050)
    limiter.take(t0 + 60_050, false)
    const opened = t0 + 61_000
    assert.isTrue(limiter.answered(opened, t0 + 60_050))
    let sent = 0
    while (sent < 1000 && limiter.readyAt(opened) <= opened) {
      limiter.take(opened, false)
      sent++
    }
    assert.isAtMost(sent, 33)
    assert.isAtLeast(sent, 1)
  })

  it("is closed by a hint of what fails, for as long as that", () => {
    const limiter = new Limiter(false)
    const failure = new OpenRouterError.ProviderOverloaded({ message: "busy" })
    assert.isTrue(limiter.failed(t0, t0 - 10, { _tag: "Failed", error: failure, until: t0 + 5000 }))
    assert.strictEqual(limiter.readyAt(t0), t0 + 5000)
    assert.isFalse(limiter.failed(t0, t0 - 10, { _tag: "Failed", error: failure, until: t0 + 4000 }))
    assert.strictEqual(limiter.readyAt(t0), t0 + 5000)
    assert.strictEqual(limiter.heldMillis(t0 + 1000), 1000)
    assert.strictEqual(limiter.heldMillis(t0 + 9000), 5000)
    // One goes first.
    limiter.take(t0 + 5000, false)
    assert.strictEqual(limiter.readyAt(t0 + 5000), t0 + 5025)
  })
})
