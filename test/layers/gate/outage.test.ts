import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, Stream } from "effect"
import { OpenRouter } from "effect-openrouter"
import { TestClock } from "effect/testing"
import { atT0, failure, model, ok, t0 } from "../client/support.ts"
import { answering, passing } from "./support.ts"
import type { Seen } from "./support.ts"

const none = (): Seen => ({ sent: [] })

const ask = (input = "Hi") => OpenRouter.respond({ model, input })

const herd = (calls: number) =>
  Effect.all(Array.from({ length: calls }, (_, n) => Effect.exit(ask(`${n}`))), { concurrency: "unbounded" })

const failed = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) => exits.filter(Exit.isFailure).length

const statusesOf = ({ sent }: Seen, status: number) => sent.filter((one) => one.status === status)

/** A model that is down for so long, and then answers after some time. */
const down = (seen: Seen, millis: number, latency: number, after: number) =>
  answering(seen, (now) => now < t0 + millis ? { reply: failure(500), after: latency } : { reply: ok(), after })

describe("an outage", () => {
  it.effect.each([400, 404])("is over with an answer of %s", (status) =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const client = answering(seen, (now) =>
        now < t0 + 20_000 ? { reply: failure(500), after: 100 } : { reply: failure(status), after: 3000 })
      const { millis, value } = yield* passing(Effect.provide(herd(60), client), 50)
      assert.strictEqual(failed(value), 60)
      assert.isAtMost(millis, 35_000)
    }))

  it.effect("is over for all soon after, although answers take a minute", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const { millis, value } = yield* passing(Effect.provide(herd(50), down(seen, 10_000, 100, 60_000)), 50)
      assert.strictEqual(failed(value), 0)
      assert.isAtMost(millis, 85_000)
    }))

  it.effect("is over with the first piece of a stream", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`
      const piece = event({
        type: "response.output_text.delta",
        item_id: "m",
        output_index: 0,
        content_index: 0,
        delta: "Hi",
        sequence_number: 1
      })
      const client = answering(seen, (now) =>
        now < t0 + 1000 ? { reply: failure(500), after: 0 } : {
          reply: { headers: { "content-type": "text/event-stream" }, body: piece },
          after: 0
        })
      yield* Effect.gen(function*() {
        const streams = yield* Effect.forEach(Array.from({ length: 20 }), () =>
          Effect.forkChild(
            Stream.runForEach(OpenRouter.streamText({ model, input: "Hi" }), () => Effect.never),
            { startImmediately: true }
          ))
        yield* TestClock.adjust("5 seconds")
        // All are in the middle of their streams.
        assert.lengthOf(statusesOf(seen, 200), 20)
        yield* Effect.forEach(streams, Fiber.interrupt)
      }).pipe(Effect.provide(client))
    }))

  it.effect("is met by few where failures take as long as answers do", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      const { millis, value } = yield* passing(Effect.provide(herd(300), down(seen, 60_000, 300, 300)), 20)
      assert.strictEqual(failed(value), 0)
      assert.isAtMost(statusesOf(seen, 500).length, 60)
      assert.isAtMost(millis, 68_000)
    }))

  it.effect("does not take away a pace that was learned", () =>
    Effect.gen(function*() {
      yield* atT0
      const seen = none()
      let window = -1
      let taken = 0
      const client = answering(seen, (now) => {
        if (now >= t0 + 60_000 && now < t0 + 70_000) return { reply: failure(500), after: 50 }
        const index = Math.floor((now - t0) / 1000)
        if (index !== window) taken = 0
        window = index
        return taken++ < 5 ? { reply: ok(), after: 300 } : { reply: failure(429), after: 20 }
      })
      const { value } = yield* passing(Effect.provide(herd(450), client), 20)
      assert.strictEqual(failed(value), 0)
      const after = statusesOf(seen, 429).filter(({ at }) => at >= t0 + 70_000 && at < t0 + 76_000)
      assert.isAtMost(after.length, 6)
    }))

  it.effect("of more than five seconds is one line in the log, and another one when it is over", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.layer([
        Logger.make(({ logLevel, message }) => lines.push(`${logLevel} ${String(message)}`))
      ])
      yield* atT0
      yield* passing(Effect.provide(herd(50), Layer.merge(down(none(), 3000, 100, 100), logger)), 50)
      assert.deepStrictEqual(lines, [])
      yield* atT0
      yield* passing(Effect.provide(herd(50), Layer.merge(down(none(), 30_000, 100, 100), logger)), 50)
      assert.lengthOf(lines, 2)
      assert.match(lines[0] ?? "", new RegExp(`^Warn .* tries ${model} by one call at a time`))
      assert.match(lines[1] ?? "", new RegExp(`^Info .* open again to ${model}`))
    }))
})
