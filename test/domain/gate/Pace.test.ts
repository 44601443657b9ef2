import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Pace } from "../../../src/domain/gate/Pace.ts"
import { t0 } from "./simulation.ts"

const seeded = (seed: number) => ({ arbitrary: { runs: 200, seed } })

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Sends all that may go at an instant, at most so many. */
const drain = (pace: Pace, now: number, most = 100_000, hasWaited = true) => {
  let sent = 0
  while (sent < most && pace.readyAt(now) <= now) {
    pace.take(now, hasWaited)
    sent++
  }
  return sent
}

/** More than chance explains of what went at `t0`. */
const refuse = (pace: Pace, now: number, takenAt: number, most = 32) => {
  let refused = 0
  while (++refused <= most && !pace.refused(now, takenAt, undefined));
  return refused
}

describe("the pace", () => {
  it("opens by time without refusal", () => {
    const pace = new Pace(false)
    // The first step waits for longer, because failures come later than refusals.
    const steps = [0, 250, 400, 650, 900, 1150].map((after) => drain(pace, t0 + after))
    assert.deepStrictEqual(steps, [32, 0, 64, 128, 256, 512])
    assert.strictEqual(drain(pace, t0 + 1150 + 249), 0)
    for (let after = 1400; after < 3000; after += 250) drain(pace, t0 + after)
    assert.strictEqual(drain(pace, t0 + 3000, 10_000), 10_000)
  })

  it("does not open without demand", () => {
    const pace = new Pace(false)
    for (let n = 0; n < 100; n++) assert.strictEqual(drain(pace, t0 + n * 250, 5), 5)
    assert.strictEqual(drain(pace, t0 + 100_000), 32)
  })

  it("of a limit that is shared is open at first contact", () => {
    assert.strictEqual(drain(new Pace(true), t0, 5000), 5000)
  })

  const refusals = Schema.Array(Schema.Struct({ after: between(0, 5000), sentBefore: between(0, 3000) })).check(
    Schema.isMaxLength(50)
  )

  it.prop("is a rate above nothing and below everything, whatever is refused", { refusals }, ({ refusals }) => {
    const pace = new Pace(false)
    let now = t0
    for (const { after, sentBefore } of refusals) {
      now += after
      drain(pace, now, 50)
      pace.refused(now, now - sentBefore, undefined)
      assert.isTrue(pace.rate >= 0.05, `${pace.rate}`)
      const at = pace.readyAt(now)
      assert.isTrue(at <= now || at - now <= 20_001, `${at - now} ms`)
    }
  }, seeded(1))

  it.prop("cuts once for a burst", { burst: between(2, 500), later: between(1, 5000) }, ({ burst, later }) => {
    const pace = new Pace(false)
    drain(pace, t0, 32)
    // A few of many say nothing.
    assert.strictEqual(refuse(pace, t0 + 40, t0), 6)
    const { rate } = pace
    for (let n = 1; n < burst; n++) assert.isFalse(pace.refused(t0 + 40 + n, t0, undefined))
    assert.isAtMost(pace.rate, rate)
    assert.isAtLeast(pace.rate, 2)
    const atRate = pace.rate
    const now = t0 + 40 + burst + later
    assert.isTrue(pace.refused(now + 1, now, undefined))
    assert.isBelow(pace.rate, atRate)
  }, seeded(2))

  it("makes room for one where all that went have been answered, so that nobody who goes after the other waits", () => {
    const pace = new Pace(false)
    for (let n = 0; n < 2000; n++) {
      assert.strictEqual(drain(pace, t0, 1), 1)
      pace.answered(t0)
    }
    const fast = new Pace(false)
    assert.strictEqual(drain(fast, t0), 32)
    for (let n = 0; n < 31; n++) fast.answered(t0)
    assert.strictEqual(drain(fast, t0), 0)
    fast.answered(t0)
    assert.strictEqual(drain(fast, t0), 1)
    // What failed is not answered.
    assert.strictEqual(drain(fast, t0), 0)
  })

  it.prop("sends no more than its rate", { seconds: between(1, 30), step: between(1, 250) }, ({ seconds, step }) => {
    const pace = new Pace(false)
    drain(pace, t0, 32)
    refuse(pace, t0, t0 - 1)
    let sent = 0
    for (let now = t0; now < t0 + seconds * 1000; now += step) {
      sent += drain(pace, now)
      if (pace.rate === Infinity) return
    }
    // It grows meanwhile, at most by six tenths a second.
    assert.isAtMost(sent, pace.rate * seconds + Math.max(1, pace.rate * 0.025) + 1)
  }, seeded(3))

  it("grows only where somebody had to wait, and not for a second after a failure", () => {
    const pace = new Pace(false)
    drain(pace, t0, 32)
    refuse(pace, t0, t0 - 1)
    drain(pace, t0 + 4000, 25)
    const { rate } = pace
    for (let n = 1; n < 20; n++) {
      if (pace.readyAt(t0 + n * 5000) <= t0 + n * 5000) pace.take(t0 + n * 5000, false)
    }
    assert.strictEqual(pace.rate, rate)
    pace.failed(t0 + 100_000)
    for (let now = t0 + 100_000; now <= t0 + 101_000; now += 20) drain(pace, now)
    assert.strictEqual(pace.rate, rate)
    for (let now = t0 + 101_000; now < t0 + 103_000; now += 20) drain(pace, now)
    assert.isAbove(pace.rate, rate)
  })
})
