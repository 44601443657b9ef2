import { assert, describe, it } from "@effect/vitest"
import { Limiter } from "../../../src/domain/gate/Limiter.ts"
import type { Seen, Server } from "./servers.ts"
import { atATime, besiege, dice, fixedWindow, seeds, slidingWindow, t0, tokenBucket } from "./servers.ts"

const minutes = 2
const seconds = minutes * 60

/** Two minutes of endless demand. */
const flood = { calls: Infinity, millis: seconds * 1000, latency: 300, delay: 40 }

/** More than any of these bars asks for, and few enough that a server without a limit does not take minutes of the test's time. */
const many = { ...flood, calls: 10_000 }

const rate = ({ accepted, endedAt }: Seen) => accepted * 1000 / Math.min(endedAt, seconds * 1000)

const refusedShare = ({ accepted, refused }: Seen) => refused / (accepted + refused)

const tells = ["reset", "nothing"] as const

/** A limiter that has learned a rate of about ten a second. */
const slow = () => {
  const limiter = new Limiter(false)
  besiege(limiter, fixedWindow(10, 1000, "nothing"), { ...flood, millis: 30_000 })
  assert.isBelow(limiter.pace.rate, 15)
  return limiter
}

describe("a server that refuses at random", () => {
  for (const says of tells) {
    for (const share of [0.01, 0.05, 0.2]) {
      it.prop(`${100 * share} % with ${says}: keeps hardly anybody waiting`, { seed: seeds }, ({ seed }) => {
        const seen = besiege(new Limiter(false), dice(share, seed, says), many)
        assert.isAtLeast(rate(seen), share < 0.1 ? 500 : 60)
        assert.isAtMost(refusedShare(seen), 1.5 * share + 0.005)
      }, { arbitrary: { runs: 10, seed: 1 }, timeout: 60_000 })
    }

    it.prop(`5 % with ${says}: is found out where a limit was learned before`, { seed: seeds }, ({ seed }) => {
      const seen = besiege(slow(), dice(0.05, seed, says), { ...many, from: t0 + 40_000 })
      assert.isAtLeast(rate(seen), 60)
    }, { arbitrary: { runs: 10, seed: 2 }, timeout: 60_000 })

    it.prop(`5 % with ${says}, and has a limit: both are kept to`, { seed: seeds }, ({ seed }) => {
      const seen = besiege(new Limiter(false), dice(0.05, seed, says, fixedWindow(50, 1000, says)), flood)
      assert.isAtLeast(rate(seen), 7)
      assert.isAtMost(refusedShare(seen), 0.25)
    }, { arbitrary: { runs: 10, seed: 3 }, timeout: 60_000 })
  }

  it.prop("does not make anybody wait for long, however slow its answers are", { seed: seeds }, ({ seed }) => {
    for (const calls of [300, 2000]) {
      const seen = besiege(new Limiter(false), dice(0.05, seed, "reset"), { ...flood, calls, latency: 3000 })
      // Four refusals in a row are the worst that can be expected.
      assert.isAtMost(seen.endedAt, 3000 + 4 * 300 + 2000)
    }
  }, { arbitrary: { runs: 10, seed: 4 }, timeout: 60_000 })
})

describe("a server with a limit that it does not announce", () => {
  const servers: ReadonlyArray<{
    readonly name: string
    readonly make: () => Server
    readonly ideal: number
    /** Of the ideal. */
    readonly least: number
    /** Refusals at first contact, and their share of all. */
    readonly most: readonly [number, number]
  }> = [
    ...tells.flatMap((says) =>
      [
        { name: `5 a second, ${says}`, make: () => fixedWindow(5, 1000, says), ideal: 5, least: 0.8, most: [40, 0.04] },
        {
          name: `20 a second, ${says}`,
          make: () => fixedWindow(20, 1000, says),
          ideal: 20,
          least: 0.9,
          most: [20, 0.02]
        },
        {
          name: `100 a second, ${says}`,
          make: () => fixedWindow(100, 1000, says),
          ideal: 100,
          least: 0.85,
          most: [60, 0.02]
        },
        {
          name: `100 in ten seconds, ${says}`,
          make: () => fixedWindow(100, 10_000, says),
          ideal: 10,
          least: 0.4,
          most: [60, 0.2]
        },
        { name: `a bucket of 5, ${says}`, make: () => tokenBucket(5, 5, says), ideal: 5, least: 0.7, most: [40, 0.12] },
        {
          name: `a bucket of 20, ${says}`,
          make: () => tokenBucket(20, 20, says),
          ideal: 20,
          least: 0.9,
          most: [30, 0.03]
        },
        {
          name: `a bucket of 100, ${says}`,
          make: () => tokenBucket(10, 100, says),
          ideal: 10,
          least: 0.9,
          most: [200, 0.1]
        }
      ] as const
    ),
    { name: "20 in any second", make: () => slidingWindow(20, 1000), ideal: 20, least: 0.85, most: [20, 0.02] },
    { name: "100 in any second", make: () => slidingWindow(100, 1000), ideal: 100, least: 0.85, most: [60, 0.02] },
    { name: "4 at a time", make: () => atATime(4), ideal: 4 / 0.3, least: 0.8, most: [40, 0.02] },
    { name: "20 at a time", make: () => atATime(20), ideal: 20 / 0.3, least: 0.85, most: [30, 0.01] }
  ]
  for (const { ideal, least, make, most: [first, share], name } of servers) {
    it(`${name}: is used, and refuses few`, () => {
      const seen = besiege(new Limiter(false), make(), flood)
      assert.isAtLeast(rate(seen), least * ideal)
      assert.isAtMost(seen.refused, first + share * (seen.accepted + seen.refused))
    })
  }
})
