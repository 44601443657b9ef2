import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as KnownLimit from "../../../src/domain/gate/KnownLimit.ts"
import type { Place } from "../../../src/domain/gate/KnownLimit.ts"
import { t0 } from "./simulation.ts"

const seeded = (seed: number) => ({ arbitrary: { runs: 200, seed } })

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** What happens: time goes on, somebody wants to send, an answer tells its tokens, one was not sent after all. */
const steps = Schema.Array(Schema.Struct({
  after: between(0, 400),
  does: Schema.Literals(["send", "send", "send", "end", "giveBack"]),
  tokens: between(0, 150),
  used: between(0, 150),
  which: between(0, 1000)
})).check(Schema.isMinLength(50), Schema.isMaxLength(300))

interface Sent {
  readonly at: number
  tokens: number
  place: Place | undefined
}

describe("a known limit", () => {
  it.prop(
    "is never exceeded, in any stretch of its window",
    { steps, requests: between(1, 20), tokens: between(100, 1000), concurrency: between(1, 10) },
    ({ concurrency, requests, steps, tokens }) => {
      const window = 1000
      const limit = new KnownLimit.KnownLimit({ requests, tokens, concurrency, window })
      const sent: Array<Sent> = []
      let now = t0
      for (const { after, does, tokens: estimate, used, which } of steps) {
        now += after
        const open = sent.filter(({ place }) => place !== undefined)
        const one = open[which % Math.max(1, open.length)]
        if (does === "send") {
          const at = limit.readyAt(estimate)
          const within = sent.filter((one) => one.at > now - window)
          const sum = within.reduce((sum, { tokens }) => sum + tokens, 0)
          const fits = within.length < requests && (within.length === 0 || sum + estimate <= tokens) &&
            open.length < concurrency
          // What weighs nothing is no reason to wait, nor is one that is over.
          if (at <= now) {
            assert.isBelow(within.length, requests)
            assert.isBelow(open.length, concurrency)
            assert.isTrue(sum === 0 || sum + estimate <= tokens, `${sum} + ${estimate} of ${tokens}`)
            sent.push({ at: now, tokens: estimate, place: limit.take(now, estimate) })
          } else {
            assert.isFalse(fits, `could have gone at ${now - t0}`)
            if (open.length >= concurrency) assert.strictEqual(at, Infinity)
            else assert.isTrue(at > now && at <= now + window)
          }
        } else if (one?.place !== undefined) {
          if (does === "end") {
            limit.ended(one.place, now, used)
            one.tokens = used
          } else {
            limit.giveBack(one.place, now)
            sent.splice(sent.indexOf(one), 1)
          }
          one.place = undefined
        }
        assert.strictEqual(limit.inFlight, sent.filter(({ place }) => place !== undefined).length)
      }
    },
    seeded(1)
  )

  it.prop("lets go as much as it allows", { requests: between(1, 500), window: between(10, 5000) }, (given) => {
    const limit = new KnownLimit.KnownLimit(given)
    let now = t0
    let sent = 0
    while (now < t0 + 4 * given.window) {
      const at = limit.readyAt(0)
      if (at > now) now = at
      else {
        limit.take(now, 0)
        sent++
      }
    }
    assert.strictEqual(sent, 4 * given.requests + (now >= t0 + 4 * given.window ? 0 : 1))
  }, seeded(2))

  it("lets one go alone that exceeds it by itself", () => {
    const limit = new KnownLimit.KnownLimit({ tokens: 100, window: "1 second" })
    const first = limit.take(t0, 60)
    assert.strictEqual(limit.readyAt(500), t0 + 1000)
    limit.ended(first, t0 + 10, 0)
    assert.isAtMost(limit.readyAt(500), t0 + 10)
  })

  const patterns: ReadonlyArray<readonly [pattern: string | undefined, model: string, does: boolean]> = [
    [undefined, "openai/gpt-5", true],
    [undefined, "", true],
    ["*", "a/b,c/d:free", true],
    ["*:free", "a/b:free", true],
    ["*:free", "a/b", false],
    ["*:free", "", false],
    ["openai/*", "openai/gpt-5:nitro", true],
    ["openai/*", "x-openai/gpt-5", false],
    ["openai/gpt-5", "openai/gpt-5.1", false],
    ["openai/gpt-4.1", "openai/gpt-401", false],
    ["a*b*c", "a/b/c", true],
    // A request with fallbacks may be served by any of them.
    ["*:free", "a/b:free,c/d", true],
    ["*:free", "c/d,a/b:free", true],
    ["openai/*", "anthropic/x,openai/y", true],
    ["openai/*", "anthropic/x,openai-like/y", false]
  ]

  it.each(patterns)("for %s holds for %s: %s", (model, name, does) => {
    const limit = new KnownLimit.KnownLimit({ requests: 1, ...(model === undefined ? {} : { model }) })
    assert.strictEqual(limit.matches(name), does)
  })

  it("says what is wrong with it", () => {
    assert.strictEqual(KnownLimit.problemOf({ requests: 1 }), undefined)
    assert.strictEqual(KnownLimit.problemOf({ concurrency: 1, window: "1 day" }), undefined)
    assert.match(KnownLimit.problemOf({}) ?? "", /says nothing/)
    const misspelt = { requests: 1, windows: "1 day" }
    assert.match(KnownLimit.problemOf(misspelt) ?? "", /^has no field windows/)
    assert.match(KnownLimit.problemOf({ requests: 0 }) ?? "", /^requests is 0/)
    assert.match(KnownLimit.problemOf({ tokens: 1.5 }) ?? "", /^tokens is 1.5/)
    assert.match(KnownLimit.problemOf({ requests: 1, window: 0 }) ?? "", /window/)
    assert.match(KnownLimit.problemOf({ requests: 1, window: Infinity }) ?? "", /window/)
  })
})
