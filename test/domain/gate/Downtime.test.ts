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
    { burst: between(5, 300), takes: between(1, 4000), minutes: between(1, 5) },
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

  it("is tried by another where the one that tries does not come back", () => {
    const downtime = new Downtime()
    for (let n = 0; n < 5; n++) downtime.failed(t0, t0 - 1)
    downtime.take(t0 + 500)
    assert.strictEqual(downtime.readyAt(t0 + 600), t0 + 30_500)
    downtime.ended(t0 + 500)
    assert.isAtMost(downtime.readyAt(t0 + 600), t0 + 600)
  })
})
