import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, ManagedRuntime, Redacted } from "effect"
import { CostLedger, OpenRouter } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { ask, clientOf, tcpServer } from "./support.ts"

const layer = (options: Omit<OpenRouter.Options, "apiKey"> = {}, server: Emulator.Options = {}) =>
  OpenRouter.layer({ ...options, apiKey: Redacted.make("sk-or-v1-any") }).pipe(
    Layer.provideMerge(Emulator.layerHttpClient(server))
  )

const hang = OpenRouter.respond({ model: "emulator/hang", input: "Hello" })

describe("a call that is never answered", () => {
  it.effect("times out after ten minutes, is not tried again, and leaves no connection", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const fiber = yield* Effect.forkChild(Effect.flip(ledger.run(hang)), { startImmediately: true })
      yield* TestClock.adjust("599 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      if (error._tag !== "TimedOut") return assert.fail(error._tag)
      assert.strictEqual(error.phase, "response")
      assert.strictEqual(error.attempts, 1)
      assert.isTrue(error.duration !== undefined && Duration.toMinutes(error.duration) === 10)
      const { calls, failures, unknown } = yield* ledger.report
      assert.deepStrictEqual({ calls, failures, unknown }, { calls: 1, failures: 1, unknown: 1 })
      assert.strictEqual(yield* (yield* Emulator.Emulator).openRequests, 0)
    }).pipe(Effect.provide(layer())))

  it.effect("times out when the client says so, also at a plain endpoint", () =>
    Effect.gen(function*() {
      const both = Effect.all([Effect.flip(hang), Effect.flip(OpenRouter.key)], { concurrency: 2 })
      const fiber = yield* Effect.forkChild(both, { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map(({ _tag }) => _tag), ["TimedOut", "TimedOut"])
    }).pipe(Effect.provide(layer(
      { timeout: "3 seconds" },
      { rules: [{ when: { path: "/key" }, reply: Emulator.Reply.hang() }] }
    ))))

  it.effect("waits for ever when the client says so", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(hang), { startImmediately: true })
      yield* TestClock.adjust("10 days")
      assert.isUndefined(fiber.pollUnsafe())
    }).pipe(Effect.provide(layer({ timeout: Duration.infinity }))))
})

describe("a client that was made under another clock", () => {
  it.live("keeps its deadline by its own", () =>
    Effect.gen(function*() {
      const content = JSON.stringify([{ type: "output_text", text: "Hi" }])
      const body = `{"status":"completed","output":[{"type":"message","role":"assistant","content":${content}}]}`
      const { url } = yield* tcpServer((socket) => {
        socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${body}`))
      })
      const runtime = ManagedRuntime.make(clientOf(url))
      yield* Effect.addFinalizer(() => runtime.disposeEffect)
      const call = Effect.provide(ask(), TestClock.layer())
      const { text } = yield* Effect.promise(() => runtime.runPromise(call))
      assert.strictEqual(text, "Hi")
    }).pipe(Effect.scoped))
})

describe("calls that are answered", () => {
  it.live("leave no timer behind, which would keep a process alive", () =>
    Effect.gen(function*() {
      const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length
      const before = timers()
      yield* Effect.repeat(OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }), { times: 3 })
      yield* Effect.yieldNow
      assert.isAtMost(timers(), before)
    }).pipe(Effect.provide(layer({}, { latency: "5 millis" }))))

  it.effect("each have the whole time, however many there are and whenever they begin", () =>
    Effect.gen(function*() {
      const slow = OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" })
      const later = (n: number) => Effect.andThen(Effect.sleep(`${n} seconds`), slow)
      const fiber = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 50 }, (_, n) => n), later, { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("2 minutes")
      assert.lengthOf(yield* Fiber.join(fiber), 50)
    }).pipe(Effect.provide(layer({ timeout: "5 seconds" }, { latency: "4 seconds" }))))
})
