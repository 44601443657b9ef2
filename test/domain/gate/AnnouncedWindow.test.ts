import { assert, describe, it } from "@effect/vitest"
import { AnnouncedWindow } from "../../../src/domain/gate/AnnouncedWindow.ts"
import { between, serverOf, serversFrom, simulate, t0 } from "./simulation.ts"
import type { Server } from "./simulation.ts"

const seeded = (seed: number) => ({ arbitrary: { runs: 200, seed } })

const servers = serversFrom(1)

/** A window that has been told of a limit once, as after a burst. */
const told = (server: Server): AnnouncedWindow => {
  const window = new AnnouncedWindow()
  const reset = Math.floor((t0 - server.phase) / server.window) * server.window + server.phase + server.window
  window.refused(t0, t0 - 1, reset, server.limit(t0))
  return window
}

describe("an announced window", () => {
  it.prop("is learned from two resets", servers, (given) => {
    const server = serverOf(given)
    const window = told(server)
    assert.strictEqual(window.length, undefined)
    simulate(window, server, 3 * server.window)
    assert.strictEqual(window.length, server.window)
    assert.strictEqual(window.limit, server.requests)
  }, seeded(1))

  it.prop("lets a whole limit through in each, and hardly one more", servers, (given) => {
    const server = serverOf(given)
    const seen = simulate(told(server), server, Math.max(120_000, 20 * server.window)).slice(2, -1)
    assert.isAbove(seen.length, 15)
    for (const { accepted, refused } of seen) {
      assert.strictEqual(accepted, server.requests)
      assert.isAtMost(refused, 1)
    }
    // One is tried every half minute, then less often.
    assert.isAtMost(seen.filter(({ refused }) => refused > 0).length, 5)
  }, seeded(2))

  it.prop("is followed where the limit is lowered and raised", { ...servers, other: between(1, 60) }, (given) => {
    const { other, ...rest } = given
    const server = serverOf(rest)
    const change = t0 + 20 * server.window
    const window = told(server)
    const millis = Math.max(20 * 60_000, 60 * server.window)
    const limit = (now: number) => now < change ? server.requests : other
    const seen = simulate(window, { ...server, limit }, millis).slice(2, -1)
    assert.strictEqual(window.limit, other, "limit")
    const last = seen[seen.length - 1]
    assert.strictEqual(last?.accepted, other)
    for (const { refused } of seen) assert.isAtMost(refused, Math.max(1, server.requests - other + 1, other))
  }, seeded(3))

  it.prop("is shared with others who use it up", { ...servers, others: between(1, 59) }, (given) => {
    const { others, ...rest } = given
    const server = { ...serverOf(rest), others: Math.min(others, rest.requests - 1) }
    const ours = server.requests - server.others
    const seen = simulate(told(server), server, Math.max(60_000, 30 * server.window)).slice(2, -1)
    const all = seen.reduce((sum, { accepted, refused }) => ({
      accepted: sum.accepted + accepted,
      refused: sum.refused + refused
    }), { accepted: 0, refused: 0 })
    assert.isAtLeast(all.accepted, 0.8 * ours * seen.length)
    assert.isAtMost(all.refused, seen.length + 2 * server.requests)
  }, seeded(4))

  it.prop(
    "refuses one at most in each where demand comes and goes",
    { ...servers, busy: between(1, 20_000), quiet: between(1, 200_000) },
    ({ busy, quiet, ...given }) => {
      const server = serverOf(given)
      const window = told(server)
      const learning = 3 * server.window
      const seen = simulate(
        window,
        server,
        learning + 15 * 60_000,
        (now) => now < t0 + learning || (now - t0) % (busy + quiet) < busy
      ).slice(3)
      for (const { refused } of seen) assert.isAtMost(refused, 1)
      assert.strictEqual(window.limit, server.requests)
    },
    seeded(5)
  )

  it("takes back what was not sent", () => {
    const server = serverOf({ requests: 3, window: 1000, share: 0, delay: 1 })
    const window = told(server)
    const start = t0 + 1000
    assert.strictEqual(window.readyAt(t0), start)
    window.take(start)
    assert.strictEqual(window.readyAt(start), start + 25)
    window.take(start + 25)
    assert.strictEqual(window.remaining(start + 25), 1)
    window.giveBack(start + 25)
    assert.strictEqual(window.remaining(start + 25), 2)
    // Taken in a window that is over: nothing to give back.
    window.giveBack(t0)
    assert.strictEqual(window.remaining(start + 25), 2)
  })
})
