import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Duration, Effect, Fiber, Layer, Stream } from "effect"
import { OpenRouter, type OpenRouterError, RetryPolicy, Transport } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { ServerClock } from "../../../src/domain/error/ServerClock.ts"
import * as S from "../stream/support.ts"
import * as C from "./support.ts"

const after = "90 seconds"

/** A limit whose end is told in each of the ways. */
const replies: ReadonlyArray<readonly [string, Emulator.Reply.Reply]> = [
  ["X-RateLimit-Reset in ms", Emulator.Reply.failure(429, { reset: { after, place: "headers" } })],
  ["X-RateLimit-Reset in s", Emulator.Reply.failure(429, { reset: { after, place: "headers", format: "seconds" } })],
  ["X-RateLimit-Reset, a date", Emulator.Reply.failure(429, { reset: { after, place: "headers", format: "date" } })],
  ["metadata.headers in ms", Emulator.Reply.failure(429, { reset: { after, place: "body" } })],
  ["metadata.headers in s", Emulator.Reply.failure(429, { reset: { after, place: "body", format: "seconds" } })],
  ["metadata.headers, a date", Emulator.Reply.failure(429, { reset: { after, place: "body", format: "date" } })],
  ["Retry-After, a date", Emulator.Reply.failure(429, { retryAfter: after, retryAfterFormat: "date" })],
  ["Retry-After in s", Emulator.Reply.failure(429, { retryAfter: after })],
  ["in a 200", Emulator.Reply.failure(429, { httpStatus: 200, reset: { after, place: "body" } })]
]

const clocks = [["ahead", "10 minutes"], ["behind", "-10 minutes"], ["right", "0 seconds"]] as const

const dateOf = (millis: number) => DateTime.toDateUtc(DateTime.makeUnsafe(millis)).toUTCString()

const plain = OpenRouter.respond({ model: C.model, input: "Hi" })
const streamed = Stream.runDrain(OpenRouter.stream(S.request))

/** When a limit ends, as its error says. */
const resetOf = (error: OpenRouterError.OpenRouterError) => {
  assert.strictEqual(error._tag, "RateLimited")
  return "resetAt" in error && error.resetAt !== undefined ? DateTime.toEpochMillis(error.resetAt) : NaN
}

/** By how much the reset that a call is told is later than the true one, in milliseconds. */
const lateBy = (call: typeof plain | typeof streamed) =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.forkChild(Effect.flip(RetryPolicy.with(call, RetryPolicy.none)))
    yield* TestClock.adjust("1 minute")
    const error = yield* Fiber.join(fiber)
    return resetOf(error) - now - 90_000
  })

/** A date has no fraction of a second, nor has a reset that is told in seconds: what is told by both is late by as much. */
const isLate = (millis: number) => assert.isTrue(millis >= 0 && millis <= 1000, `late by ${millis} ms`)

describe("where the clock of the server is not ours", () => {
  for (const [how, clockOffset] of clocks) {
    it.effect.each(replies)(`a reset is by ours, ${how}: %s`, ([, reply]) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(C.t0 + 250)
        isLate(yield* lateBy(plain))
        isLate(yield* lateBy(streamed))
      }).pipe(Effect.provide(C.ungated(C.emulated({ clockOffset, rules: [{ reply }] })))))
  }

  it.effect.each(clocks)("the body may come long after the date: %s", ([, clockOffset]) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(C.t0 + 250)
      const server = C.t0 + 250 + Duration.toMillis(Duration.fromInputUnsafe(clockOffset))
      const headers = { date: dateOf(server), "x-ratelimit-reset": `${server + 90_000}` }
      const answer = Transport.answer({ status: 429, headers, body: "{}" })
      const slow = Transport.make(() => Effect.succeed({ ...answer, text: Effect.delay(answer.text, "30 seconds") }))
      const client = Layer.provide(OpenRouter.layerTransport, Layer.succeed(Transport.Transport, slow))
      isLate(yield* Effect.provide(lateBy(plain), C.ungated(client)))
    }))

  it.effect.each(clocks)(
    "an error event may come long after the date: %s",
    ([, clockOffset]) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(C.t0 + 250)
        const reset = C.t0 + 250 + 90_000 + Duration.toMillis(Duration.fromInputUnsafe(clockOffset))
        const error = {
          type: "error",
          error: { code: 429, message: "no", metadata: { headers: { "X-RateLimit-Reset": `${reset}` } } }
        }
        const body = `data: ${JSON.stringify(error)}\n\n`
        const client = C.ungated(C.emulated({
          clockOffset,
          rules: [{
            reply: Emulator.Reply.raw(body, { contentType: "text/event-stream", stream: { firstDelay: "30 seconds" } })
          }]
        }))
        isLate(yield* Effect.provide(lateBy(streamed), client))
      })
  )

  it.live.each(["fetch", "dispatch"] as const)("over sockets: %s", (over) =>
    Effect.gen(function*() {
      for (const call of [plain, streamed]) {
        const error = yield* Effect.flip(RetryPolicy.with(call, RetryPolicy.none))
        const late = resetOf(error) - (yield* Clock.currentTimeMillis) - 90_000
        assert.isTrue(late > -500 && late < 1500, `late by ${late} ms`)
      }
    }).pipe(Effect.provide(C.ungated(C.served({
      clockOffset: "10 minutes",
      rules: [{ reply: Emulator.Reply.failure(429, { reset: { after, place: "both" } }) }]
    }, over)))))
})

describe("the clock of a server", () => {
  it("counts as right within two seconds", () => {
    const clock = new ServerClock()
    for (const off of [0, 999, -1999, 1000, -1000]) {
      assert.strictEqual(clock.aheadBy(dateOf(C.t0 + off), C.t0), 0)
      assert.strictEqual(clock.aheadBy(undefined, C.t0), 0)
    }
    assert.strictEqual(clock.aheadBy("some day", C.t0), 0)
  })

  it("is ahead by the same for all answers, whatever their part of a second", () => {
    const clock = new ServerClock()
    const seen = new Set(
      Array.from({ length: 200 }, (_, n) => clock.aheadBy(dateOf(C.t0 + n * 130 + 600_000), C.t0 + n * 130))
    )
    assert.deepStrictEqual([...seen], [600_000])
  })

  it("is set anew where one of the clocks is", () => {
    const clock = new ServerClock()
    assert.strictEqual(clock.aheadBy(dateOf(C.t0 - 60_000), C.t0), -60_000)
    assert.strictEqual(clock.aheadBy(dateOf(C.t0 + 1000), C.t0 + 1000), 0)
    assert.strictEqual(clock.aheadBy(dateOf(C.t0 + 5000), C.t0 + 2000), 3000)
  })
})
