import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Downtime } from "../../../src/domain/gate/Downtime.ts"
import { t0 } from "./simulation.ts"

const seeded = (seed: number) => ({ arbitrary: { runs: 200, seed } })

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("a downtime", () => {
  it("begins with the fifth failure in a row", () => {
    const downtime = new Downtime()
    for (let n = 0; n < 4; n++) assert.isFalse(downtime.failed(t0 + n, t0))
    assert.isFalse(downtime.answered())
    for (let n = 0; n < 4; n++) assert.isFalse(downtime.failed(t0 + n, t0))
    assert.isTrue(downtime.failed(t0 + 4, t0))
    assert.isTrue(downtime.isOn)
    assert.strictEqual(downtime.readyAt(t0 + 4), t0 + 504)
  })

  it.prop(
    "lets one at a time try, at longer intervals, and is over with the first answer",
    { burst: between(5, 300), takes: between(1, 1000), minutes: between(1, 5) },
    ({ burst, minutes, takes }) => {
      const downtime = new Downtime()
      for (let n = 0; n < burst; n++) downtime.failed(t0 + n, t0)
      const tries: Array<number> = []
      let now = t0 + burst
      let inFlight: number | undefined
      while (now < t0 + minutes * 60_000) {
        if (inFlight !== undefined && now >= inFlight + takes) {
          downtime.ended(inFlight)
          downtime.failed(now, inFlight)
          inFlight = undefined
        }
        if (downtime.readyAt(now) <= now) {
          assert.isUndefined(inFlight)
          downtime.take(now)
          tries.push(now)
          inFlight = now
        }
        now += 10
      }
      const waits = tries.slice(1).map((at, n) => at - (tries[n] ?? 0))
      for (const [n, wait] of waits.entries()) assert.isAtLeast(wait + 10, Math.min(5000, 500 * 2 ** n) + takes)
      // It is never given up.
      assert.isAtLeast(tries.length, (minutes * 60_000) / (5020 + takes) - 1)
      assert.isTrue(downtime.answered())
      assert.strictEqual(downtime.readyAt(now), 0)
    },
    seeded(1)
  )

  it("is tried by more, twice as many each time, where the one that tries takes longer than failures do", () => {
    const downtime = new Downtime()
    for (let n = 0; n < 5; n++) downtime.failed(t0, t0 - 100)
    downtime.take(t0 + 500)
    assert.strictEqual(downtime.readyAt(t0 + 600), t0 + 500 + 1200)
    const tries = [t0 + 500]
    for (let now = t0 + 600; now < t0 + 5200; now += 10) {
      while (downtime.readyAt(now) <= now) {
        downtime.take(now)
        tries.push(now)
      }
    }
    assert.deepStrictEqual(tries.map((at) => at - t0), [500, 1700, 2900, 2900, 4100, 4100, 4100, 4100])
    // One that fails says that it is down.
    downtime.ended(t0 + 4100)
    downtime.failed(t0 + 5200, t0 + 4100)
    assert.isAbove(downtime.readyAt(t0 + 6199), t0 + 6199)
  })

  it("is tried by another at once where the one that tries has left", () => {
    const downtime = new Downtime()
    for (let n = 0; n < 5; n++) downtime.failed(t0, t0 - 1)
    downtime.take(t0 + 500)
    downtime.ended(t0 + 500)
    assert.isAtMost(downtime.readyAt(t0 + 600), t0 + 600)
  })

  it("does not take the end of what was sent before it for one that tried", () => {
    const downtime = new Downtime()
    for (let n = 0; n < 5; n++) downtime.failed(t0, t0 - 100)
    downtime.take(t0 + 500)
    downtime.ended(t0 - 50)
    assert.isAbove(downtime.readyAt(t0 + 600), t0 + 600)
  })
})
