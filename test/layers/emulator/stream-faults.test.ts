import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { at, chunks, dataOf, type Event, events, eventsOf, joined, post, sse, textOf, typesOf } from "./support.ts"

const ask = (name: string) => ({ model: `emulator/${name}`, input: "Hello" })

const last = (all: ReadonlyArray<Event>) => all.at(-1)

const withStream = (stream: Emulator.Streaming) => Emulator.layerHttpClient({ stream })

const deltas = (all: ReadonlyArray<Event>) => typesOf(all).filter((type) => type === "output_text.delta").length

const calls = Emulator.Emulator.use((emulator) => Effect.map(emulator.ledger, (ledger) => ledger.calls))

describe("streams that end badly", () => {
  it.effect("a cut looks like an end", () =>
    Effect.gen(function*() {
      const all = yield* events(ask("stream-cut"))
      assert.deepStrictEqual([deltas(all), typesOf(all).at(-1)], [3, "output_text.delta"])
      assert.strictEqual((yield* sse(ask("stream-cut-100"))).length, 100)
      assert.strictEqual(yield* sse(ask("stream-cut-0")), "")
      assert.strictEqual(yield* calls, 3)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("a reset is a failure after the bytes before it", () =>
    Effect.gen(function*() {
      const seen: Array<Uint8Array> = []
      const exit = yield* Effect.exit(
        Stream.runForEach(chunks(ask("stream-reset-1000")), (chunk) => Effect.sync(() => seen.push(chunk)))
      )
      assert.strictEqual(Exit.isFailure(exit), true)
      assert.strictEqual(seen.reduce((sum, { length }) => sum + length, 0), 1000)
      assert.strictEqual((yield* Effect.flip(events(ask("stream-reset"))))._tag, "HttpClientError")
      const emulator = yield* Emulator.Emulator
      assert.strictEqual((yield* emulator.ledger).cancelled, 0)
      assert.strictEqual(yield* emulator.openRequests, 0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  const stalls: ReadonlyArray<readonly [model: string, comments: number]> = [["stall-4", 3600], ["silence-4", 0]]

  it.effect.each(stalls)("a stall goes on for ever: stream-%s", ([name, comments]) =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const decoder = new TextDecoder()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(
          chunks(ask(`stream-${name}`)),
          (chunk) => Effect.sync(() => seen.push(decoder.decode(chunk)))
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(fiber.pollUnsafe(), undefined)
      assert.strictEqual(dataOf(seen.join("")).length, 4)
      assert.strictEqual(seen.filter((text) => text.startsWith(":")).length, comments + 1)
      yield* Fiber.interrupt(fiber)
      const emulator = yield* Emulator.Emulator
      assert.strictEqual(yield* emulator.openRequests, 0)
      assert.strictEqual((yield* emulator.ledger).cancelled, 1)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  const errors: ReadonlyArray<readonly [form: string, checks: { readonly [path: string]: unknown }]> = [
    ["flat", { type: "error", code: "server_error", message: "The provider broke off.", param: null }],
    ["nested", { type: "error", "error.code": "server_error", "error.message": "The provider broke off." }],
    ["null-code", { type: "error", "error.code": null }],
    ["response-error", { type: "response.error", "error.code": "server_error", sequence_number: undefined }],
    ["failed", {
      type: "response.failed",
      "response.object": "response",
      "response.status": "failed",
      "response.error.code": "server_error",
      "response.error_type": "server",
      "response.usage": null
    }],
    ["with-usage", { type: "response.failed", "response.usage.is_byok": false }],
    ["failed-short", { type: "response.failed", "response.status": "failed", "response.object": undefined }],
    ["nested-then-failed", { type: "response.failed", "response.object": "response" }]
  ]

  it.effect.each(errors)("an error inside of the stream: %s", ([form, checks]) =>
    Effect.gen(function*() {
      const text = yield* sse(ask(`stream-error-${form}`))
      const all = yield* eventsOf(text)
      assert.strictEqual(deltas(all), 3)
      for (const [path, value] of Object.entries(checks)) assert.deepStrictEqual(at(last(all), path), value)
      assert.strictEqual(all.at(-2)?.["type"] === "error", form === "nested-then-failed")
      assert.strictEqual(dataOf(text).at(-1), "[DONE]")
      assert.strictEqual(yield* calls, 1)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("an error can be the only event, and then it is free", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(typesOf(yield* events(ask("stream-error-first"))), ["error"])
      assert.strictEqual(yield* calls, 0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("an error can come before the first delta, or in the place of the last event", () =>
    Effect.gen(function*() {
      const types = (ending: Emulator.ErrorEnding) =>
        Effect.map(Effect.provide(events(ask("echo")), withStream({ ending }), { local: true }), typesOf)
      assert.deepStrictEqual(yield* types({ _tag: "Error" }), ["created", "in_progress", "error"])
      const late = yield* types({ _tag: "Error", after: 1000, form: "failed", errorType: "rate_limit_exceeded" })
      assert.deepStrictEqual(late.slice(-2), ["output_item.done", "failed"])
    }))

  it.effect("the last event can be missing, or the sentinel", () =>
    Effect.gen(function*() {
      const unfinished = yield* sse(ask("stream-no-terminal"))
      assert.deepStrictEqual(typesOf(yield* eventsOf(unfinished)).at(-1), "output_item.done")
      assert.notInclude(unfinished, "[DONE]")
      const undone = yield* sse(ask("stream-no-done"))
      assert.strictEqual(typesOf(yield* eventsOf(undone)).at(-1), "completed")
      assert.notInclude(undone, "[DONE]")
      assert.strictEqual((yield* Emulator.Emulator.use(({ ledger }) => ledger)).cancelled, 0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("half of the bytes can be missing", () =>
    Effect.gen(function*() {
      const half = yield* sse(ask("truncated"))
      assert.isAbove(half.length, 1000)
      assert.notInclude(half, "response.completed")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("streams with odd events", () => {
  it.effect("no output in the end", () =>
    Effect.gen(function*() {
      const all = yield* events(ask("stream-empty-output"))
      assert.deepStrictEqual(at(last(all), "response.output"), [])
      assert.isAbove(joined(all, "response.output_text.delta").length, 20)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("ids that rotate", () =>
    Effect.gen(function*() {
      const all = yield* events(ask("stream-rotating-ids"))
      const ids = all.map((event) => at(event, "response.id") ?? at(event, "item.id") ?? event["item_id"])
      assert.strictEqual(new Set(ids).size, all.length)
      assert.notStrictEqual(at(last(all), "response.output.0.id"), at(all.at(-2), "item.id"))
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("items out of order", () =>
    Effect.gen(function*() {
      const indices = (name: string) =>
        Effect.map(events(ask(name)), (all) => {
          const text = [0, 1].map((index) =>
            joined(all.filter((event) => event["output_index"] === index), "response.output_text.delta")
          ).join("")
          assert.strictEqual(text, textOf(at(last(all), "response.output")))
          return all.map((event) => event["output_index"]).filter((index) => index !== undefined)
        })
      const reversed = yield* indices("stream-reversed")
      assert.deepStrictEqual([reversed[0], reversed.at(-1)], [1, 0])
      assert.deepStrictEqual(reversed, reversed.toSorted().toReversed())
      const interleaved = yield* indices("stream-interleaved")
      assert.deepStrictEqual(interleaved.slice(0, 6), [1, 0, 1, 0, 1, 0])
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("unknown events and keep-alives", () =>
    Effect.gen(function*() {
      const all = yield* events(ask("stream-unknown-events"))
      assert.deepStrictEqual(all.map((event) => event["sequence_number"]), Array.from(all.keys()))
      const types = typesOf(all)
      assert.deepStrictEqual([types[2], types[5]], ["emulator.novelty", "keepalive"])
      assert.strictEqual(types.at(-1), "completed")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("broken JSON in one event", () =>
    Effect.gen(function*() {
      const broken = dataOf(yield* sse(ask("stream-broken-json"))).filter((data) => !/^(\{.*\}|\[DONE\])$/.test(data))
      assert.strictEqual(broken.length, 1)
      assert.match(broken[0] ?? "", /^\{"type":"response.output_text.delta"/)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("noise", () =>
    Effect.gen(function*() {
      const text = yield* sse(ask("stream-noise"))
      assert.match(text, /^retry: 3000\r\n\r\n: \r\n\r\n: \r\n\r\n: \r\n\r\nevent: response.created\r\n/)
      assert.strictEqual(typesOf(yield* eventsOf(text)).at(-1), "completed")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("one JSON body instead", () =>
    Effect.gen(function*() {
      const response = yield* post({ ...ask("stream-json"), stream: true })
      assert.match(response.headers["content-type"] ?? "", /^application\/json/)
      assert.strictEqual(at(yield* response.json, "status"), "completed")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("an event of 20 megabytes", () =>
    Effect.gen(function*() {
      const sizes = yield* Stream.runCollect(Stream.map(chunks(ask("stream-huge-20")), ({ length }) => length))
      assert.strictEqual(sizes.filter((size) => size > 20_000_000).length, 2)
      const text = "x".repeat(20_000_000)
      const emulator = yield* Emulator.Emulator
      yield* emulator.addRule({
        reply: Emulator.Reply.text(text, { stream: { tokensPerDelta: Infinity, ending: { _tag: "NoTerminal" } } })
      })
      const more = yield* Stream.runCollect(Stream.map(chunks({ model: "a/b", input: "Hi" }), ({ length }) => length))
      assert.isAbove(more[5] ?? 0, 20_000_000)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("none of this without a stream", () =>
    Effect.gen(function*() {
      for (
        const name of ["cut", "reset", "stall", "error-failed", "no-terminal", "empty-output", "json", "slow-9999"]
      ) {
        const body = yield* Effect.flatMap(post(ask(`stream-${name}`)), (response) => response.json)
        assert.strictEqual(at(body, "status"), "completed")
        assert.isAbove(textOf(at(body, "output")).length, 20)
      }
      assert.strictEqual((yield* post(ask("stream-whatever"))).status, 400)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("a caller who leaves", () => {
  it.effect("stops the stream, and the books say so", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const some = yield* Stream.runCollect(Stream.take(chunks(ask("echo")), 4))
      assert.strictEqual(some.length, 4)
      assert.strictEqual(yield* emulator.openRequests, 0)
      const ledger = yield* emulator.ledger
      assert.deepStrictEqual([ledger.calls, ledger.cancelled, ledger.statuses], [1, 1, { "200": 1 }])
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("is counted while something is open", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const fibers = yield* Effect.forEach(["hang", "slow-9999", "stream-stall", "stream-slow-1000"], (name) =>
        Effect.forkChild(Effect.exit(sse(ask(name))), { startImmediately: true }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* emulator.openRequests, 4)
      yield* Fiber.interruptAll(fibers)
      assert.strictEqual(yield* emulator.openRequests, 0)
      assert.strictEqual((yield* emulator.ledger).cancelled, 2)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("after the last event has seen everything", () =>
    Effect.gen(function*() {
      const decoder = new TextDecoder()
      yield* Stream.runDrain(
        Stream.takeUntil(chunks(ask("echo")), (chunk) => decoder.decode(chunk).includes("response.completed"))
      )
      assert.strictEqual((yield* Emulator.Emulator.use(({ ledger }) => ledger)).cancelled, 0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})
