import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Duration, Effect, Exit, Fiber, Layer, Logger, Schedule } from "effect"
import { OpenRouter, RateGate, RetryPolicy } from "effect-openrouter"
import type { OpenRouterError } from "effect-openrouter"
import { TestClock } from "effect/testing"
import { atT0, failure, model, ok, t0 } from "../client/support.ts"
import { answering, limited, passing } from "./support.ts"
import type { Seen } from "./support.ts"

const none = (): Seen => ({ sent: [] })

const ask = (name = model, input = "Hi") => OpenRouter.respond({ model: name, input })

const herd = (calls: number, name = model) =>
  Effect.all(Array.from({ length: calls }, (_, n) => Effect.exit(ask(name, `${n}`))), { concurrency: "unbounded" })

const failed = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) => exits.filter(Exit.isFailure).length

const statusesOf = ({ sent }: Seen, status: number) => sent.filter((one) => one.status === status).length

const resetOf = (error: OpenRouterError.OpenRouterError) =>
  "resetAt" in error && error.resetAt !== undefined ? DateTime.toEpochMillis(error.resetAt) : undefined

const day = 24 * 60 * 60 * 1000

const announced = (resetAt: number, limit = 50) =>
  failure(429, {
    headers: { "x-ratelimit-limit": `${limit}`, "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${resetAt}` }
  })

describe("a limit that is announced", () => {
  it.effect("is kept where calls come in ticks with pauses", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = limited(seen, { limit: () => 20, window: 1000, phase: t0, latency: 300, announces: "headers" })
      yield* Effect.gen(function*() {
        for (const calls of [30, 40, 100]) {
          const before = statusesOf(seen, 429)
          const { millis, value } = yield* passing(herd(calls), 10)
          assert.strictEqual(failed(value), 0)
          assert.isAtMost(millis, (Math.ceil(calls / 20) + 1) * 1000)
          assert.isAtMost(statusesOf(seen, 429) - before, before === 0 ? 12 : 4)
          yield* TestClock.adjust("5 minutes")
        }
        const window = (yield* RateGate.state)[0]?.window
        assert.strictEqual(window && Duration.toMillis(window), 1000)
      }).pipe(Effect.provide(client))
    }))

  it.effect("is kept where its reset is told as a time from now, by answers that take differently long", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      let window = -1
      let taken = 0
      let count = 0
      const client = answering(seen, (now) => {
        const index = Math.floor((now - t0) / 1000)
        if (index !== window) taken = 0
        window = index
        if (taken++ < 20) return { reply: ok(), after: 300 }
        const headers = { "x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "retry-after": "1" }
        return { reply: failure(429, { headers }), after: 20 + (count++ % 100) }
      })
      const { millis, value } = yield* passing(Effect.provide(herd(300), client))
      assert.strictEqual(failed(value), 0)
      assert.isAtMost(statusesOf(seen, 429), 30)
      assert.isAtMost(millis, 17_000)
    }))

  it.effect("and used up for longer than callers wait: they fail at once with its reset, and one tries a minute", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const length = 20 * 60_000
      let limit = 5
      let window = -1
      let taken = 0
      const client = answering(seen, (now) => {
        const index = Math.floor((now - t0) / length)
        if (index !== window) taken = 0
        window = index
        if (taken++ < limit) return { reply: ok(), after: 300 }
        return { reply: announced(t0 + (index + 1) * length, 5), after: 20 }
      })
      yield* Effect.gen(function*() {
        // Its length is learned from the refusals of two windows.
        for (const index of [0, 1]) {
          for (let n = 0; n < 5; n++) yield* passing(ask(), 300)
          yield* passing(Effect.flip(ask()), 300)
          while ((yield* Clock.currentTimeMillis) < t0 + (index + 1) * length) {
            yield* passing(Effect.exit(ask()), 20)
            yield* TestClock.adjust("5 minutes")
          }
        }
        for (let n = 0; n < 5; n++) yield* passing(Effect.exit(ask()), 300)
        const before = seen.sent.length
        const error = yield* Effect.flip(ask())
        assert.strictEqual(error._tag, "RateLimited")
        assert.strictEqual(resetOf(error), t0 + 3 * length)
        assert.strictEqual(error.attempts, 0)
        assert.strictEqual(seen.sent.length, before, "it is not sent")
        const state = (yield* RateGate.state)[0]
        assert.strictEqual(state?.closedUntil && DateTime.toEpochMillis(state.closedUntil), t0 + 3 * length)
        // Credits were bought: that is found within a minute.
        limit = 1000
        yield* TestClock.adjust("61 seconds")
        yield* passing(ask(), 300)
        const { value } = yield* passing(herd(100), 50)
        assert.strictEqual(failed(value), 0)
      }).pipe(Effect.provide(client))
    }))

  it.effect("for a day is not shortened by a hint of another kind", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, (_now, name) =>
        name === model && seen.sent.length === 0
          ? { reply: failure(503, { headers: { "retry-after": "1" } }), after: 500 }
          : { reply: announced(t0 + day), after: 20 })
      yield* Effect.gen(function*() {
        yield* Effect.forkChild(Effect.exit(ask()), { startImmediately: true })
        yield* TestClock.adjust(100)
        yield* passing(Effect.flip(ask()), 20)
        yield* TestClock.adjust("2 seconds")
        const error = yield* Effect.flip(ask())
        assert.deepStrictEqual([error._tag, resetOf(error)], ["RateLimited", t0 + day])
      }).pipe(Effect.provide(client))
    }))

  it.effect("for a day is tried once a minute for callers whose patience is longer", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, (now) => ({
        reply: now < t0 + 600_000 ? announced(t0 + day) : ok(),
        after: 20
      }))
      const patient = RetryPolicy.fromSchedule(Schedule.spaced("1 second"))
      const { millis } = yield* passing(Effect.provide(ask().pipe(RetryPolicy.with(patient)), client), 1000)
      assert.isAtMost(millis, 661_000)
      assert.isAtMost(seen.sent.length, 12)
    }))
})

describe("a server that refuses always", () => {
  const cases = [
    {
      says: "a reset each second",
      latency: 300,
      headers: (now: number) => announced(Math.ceil((now + 1) / 1000) * 1000)
    },
    { says: "nothing", latency: 300, headers: () => failure(429) },
    { says: "nothing, slowly", latency: 3000, headers: () => failure(429) },
    {
      says: "a time from now, slowly",
      latency: 3000,
      headers: () => failure(429, { headers: { "retry-after": "1" } })
    }
  ]
  it.effect.each(cases)(
    "is given up by all, however many they are: $says",
    ({ headers, latency }) =>
      Effect.gen(function*() {
        yield* atT0
        const seen = none()
        const client = answering(seen, (now) => ({ reply: headers(now), after: latency }))
        const { millis, value } = yield* passing(Effect.provide(herd(50), client), 50)
        assert.strictEqual(failed(value), 50)
        assert.isAtMost(millis, 180_000)
        assert.isAtMost(seen.sent.length, 150)
      }),
    30_000
  )

  it.effect("is one line in the log", () =>
    Effect.gen(function*() {
      yield* atT0
      const lines: Array<unknown> = []
      const logger = Logger.layer([Logger.make(({ message }) => lines.push(message))])
      const client = answering(none(), () => ({ reply: failure(429), after: 300 }))
      yield* passing(Effect.provide(herd(20), Layer.merge(client, logger)), 50)
      assert.lengthOf(lines, 1)
    }))
})

describe("a clock that is set back", () => {
  const cases = [
    { what: "a pace", reply: () => failure(429), millis: 5000 },
    { what: "a window", reply: (now: number) => announced(now + 1000, 20), millis: 2000 },
    { what: "a pause", reply: () => failure(429, { headers: { "retry-after": "30" } }), millis: 36_000 }
  ]
  it.effect.each(cases)("does not lengthen $what", ({ millis: most, reply }) =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, (now) =>
        seen.sent.length === 0 ? { reply: reply(now), after: 20 } : { reply: ok(), after: 100 })
      yield* Effect.gen(function*() {
        yield* TestClock.adjust("2 hours")
        yield* Effect.forkChild(Effect.exit(ask()), { startImmediately: true })
        yield* TestClock.adjust(100)
        yield* TestClock.setTime(t0 + 3_600_000)
        const { millis, value } = yield* passing(herd(20), 100)
        assert.strictEqual(failed(value), 0)
        assert.isAtMost(millis, most)
      }).pipe(Effect.provide(client))
    }))

  it.live("does not lengthen a wait that has begun", () =>
    Effect.gen(function*() {
      const real = yield* Clock.Clock
      let behind = 0
      const now = () => real.currentTimeMillisUnsafe() - behind
      const clock: Clock.Clock = {
        currentTimeMillisUnsafe: now,
        currentTimeMillis: Effect.sync(now),
        currentTimeNanosUnsafe: () => real.currentTimeNanosUnsafe(),
        currentTimeNanos: real.currentTimeNanos,
        monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: real.monotonicTimeNanos,
        sleep: (duration) => real.sleep(duration)
      }
      const seen = none()
      const client = answering(seen, () => ({
        reply: seen.sent.length === 0 ? failure(429, { headers: { "retry-after-ms": "400" } }) : ok(),
        after: 0
      }))
      const call = yield* Effect.forkChild(Effect.provide(ask(), client), { startImmediately: true }).pipe(
        Effect.provideService(Clock.Clock, clock)
      )
      yield* Effect.sleep(100)
      behind = 3_600_000
      const { attempts } = yield* Effect.timeout(Fiber.join(call), "1500 millis")
      assert.strictEqual(attempts, 2)
    }))

  it.effect("tells resets by that clock", () =>
    Effect.gen(function*() {
      yield* atT0
      const client = answering(
        none(),
        () => ({ reply: failure(429, { headers: { "retry-after": "7200" } }), after: 0 })
      )
      yield* Effect.gen(function*() {
        yield* Effect.flip(ask())
        yield* TestClock.setTime(t0 - 3_600_000)
        const error = yield* Effect.flip(ask())
        assert.strictEqual(resetOf(error), t0 - 3_600_000 + 7_200_000)
        const state = (yield* RateGate.state)[0]
        assert.strictEqual(state?.closedUntil && DateTime.toEpochMillis(state.closedUntil), t0 + 3_600_000)
      }).pipe(Effect.provide(client))
    }))
})

describe("what is shared by models", () => {
  it.effect("is opened by hand with any of them", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, () => ({
        reply: seen.sent.length < 1 ? failure(429, { headers: { "retry-after": "7200" } }) : ok(),
        after: 0
      }))
      yield* Effect.gen(function*() {
        yield* Effect.flip(ask("a/x:free"))
        yield* Effect.flip(ask("b/x:free"))
        yield* RateGate.reset("b/x:free")
        assert.strictEqual((yield* ask("b/x:free")).attempts, 1)
        yield* ask("a/x:free")
      }).pipe(Effect.provide(client))
    }))

  it.effect("is forgotten after ten quiet minutes", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const source = { limit_source: "openrouter_key_limit" }
      const client = answering(seen, () => ({
        reply: seen.sent.length < 1 ? failure(429, { headers: { "retry-after": "2" }, metadata: source }) : ok(),
        after: 0
      }))
      yield* Effect.gen(function*() {
        yield* passing(ask())
        const learned = Effect.map(RateGate.state, (all) => all.filter(({ reach }) => reach === "account"))
        assert.lengthOf(yield* learned, 1)
        yield* TestClock.adjust("11 minutes")
        yield* ask()
        assert.lengthOf(yield* learned, 0)
      }).pipe(Effect.provide(client))
    }))
})
