import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, type Schema, Stream } from "effect"
import { OpenRouter } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { atT0, ungated } from "../client/support.ts"
import { at, eventsOf, joined, request } from "./support.ts"

const model = "openai/gpt-5"

const ask = (
  body: { readonly [name: string]: Schema.Json } = {},
  headers: Readonly<Record<string, string>> = {},
  path?: string
) =>
  HttpClient.execute(
    HttpClientRequest.setHeaders(request({ model, input: "Hello", ...body }, path), {
      "x-openrouter-cache": "true",
      ...headers
    })
  )

const statusOf = (response: { readonly headers: Readonly<Record<string, string | undefined>> }) =>
  response.headers["x-openrouter-cache-status"]

const statuses = (...all: ReadonlyArray<ReturnType<typeof ask>>) =>
  Effect.forEach(
    all,
    (one) => Effect.flatMap(one, (response) => Effect.as(Effect.exit(response.text), statusOf(response)))
  )

const calls = Emulator.Emulator.use(({ ledger }) => Effect.map(ledger, ({ calls }) => calls))

const emulator = (options?: Emulator.Options) => Effect.provide(Emulator.layerHttpClient(options))

describe("the response cache", () => {
  it.effect("is asked only by those who want it", () =>
    Effect.gen(function*() {
      const off = { "x-openrouter-cache": "false" }
      assert.deepStrictEqual(yield* statuses(ask({}, off), ask(), ask({}, off), ask()), [
        undefined,
        "MISS",
        undefined,
        "HIT"
      ])
      assert.strictEqual(yield* calls, 3)
    }).pipe(emulator()))

  it.effect("gives the same answer under another id, for nothing, and says how old it is", () =>
    Effect.gen(function*() {
      yield* atT0
      const first = yield* ask({}, { "x-openrouter-cache-ttl": "60" })
      const said = yield* first.json
      yield* TestClock.adjust("20 seconds")
      const second = yield* ask()
      const again = yield* second.json
      assert.deepStrictEqual(at(again, "output"), at(said, "output"))
      assert.strictEqual(at(again, "usage.cost"), 0)
      assert.strictEqual(at(again, "usage.input_tokens"), 0)
      assert.strictEqual(at(again, "usage.output_tokens_details.reasoning_tokens"), 0)
      assert.notStrictEqual(at(again, "id"), at(said, "id"))
      assert.strictEqual(second.headers["x-generation-id"], at(again, "id"))
      assert.strictEqual(second.headers["x-openrouter-cache-source-id"], at(said, "id"))
      assert.strictEqual(second.headers["x-openrouter-cache-age"], "20")
      assert.strictEqual(second.headers["x-openrouter-cache-ttl"], "60")
      assert.strictEqual(yield* calls, 1)
      yield* TestClock.adjust("41 seconds")
      assert.deepStrictEqual(yield* statuses(ask()), ["MISS"])
    }).pipe(emulator()))

  it.effect("tells requests apart by their bytes, their key and their path", () =>
    Effect.gen(function*() {
      const other = { authorization: "Bearer another" }
      assert.deepStrictEqual(
        yield* statuses(
          ask(),
          ask({ input: "Hello!" }),
          ask({ metadata: { place: "1" } }),
          ask({ stream: true }),
          ask({}, other),
          ask({}, {}, "/embeddings"),
          ask({ metadata: { place: "1" } }),
          ask({}, {}, "/embeddings")
        ),
        ["MISS", "MISS", "MISS", "MISS", "MISS", "MISS", "HIT", "HIT"]
      )
    }).pipe(emulator()))

  it.effect("forgets on request", () =>
    Effect.gen(function*() {
      const clear = { "x-openrouter-cache-clear": "true" }
      assert.deepStrictEqual(yield* statuses(ask(), ask({}, clear), ask()), ["MISS", "MISS", "HIT"])
      assert.strictEqual(yield* calls, 2)
    }).pipe(emulator()))

  it.effect("keeps every 200 of a plain call, and no error", () =>
    Effect.gen(function*() {
      const twice = (model: string) => statuses(ask({ model }), ask({ model }))
      for (const name of ["failed", "error-in-200", "empty", "refusal", "html", "truncated", "no-usage"]) {
        assert.deepStrictEqual(yield* twice(`emulator/${name}`), ["MISS", "HIT"], name)
      }
      for (const name of ["status-502", "status-429", "moderation", "no-credits"]) {
        assert.deepStrictEqual(yield* twice(`emulator/${name}`), [undefined, undefined], name)
      }
    }).pipe(emulator()))

  it.effect("keeps an answer whose caller has gone, from the moment at which it is complete", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.forkChild(ask(), { startImmediately: true })
      yield* Fiber.interrupt(gone)
      const early = yield* Effect.forkChild(ask({}), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(statusOf(yield* Fiber.join(early)), "MISS")
      assert.deepStrictEqual(yield* statuses(ask()), ["HIT"])
      assert.strictEqual(yield* calls, 2)
    }).pipe(emulator({ latency: "10 seconds" })))

  it.effect("keeps what was charged and lost on the way", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.strictEqual(error.reason._tag, "TransportError")
      assert.deepStrictEqual(yield* statuses(ask()), ["HIT"])
      assert.strictEqual(yield* calls, 1)
    }).pipe(emulator({ rules: [{ nth: 1, reply: Emulator.Reply.disconnect({ billed: true }) }] })))

  it.effect("keeps streams that came to their end, and none that broke off", () =>
    Effect.gen(function*() {
      const stream = { stream: true }
      const left = yield* ask(stream)
      yield* left.stream.pipe(Stream.take(3), Stream.runDrain)
      const first = yield* ask(stream)
      assert.strictEqual(statusOf(first), "MISS")
      const events = yield* Effect.flatMap(first.text, eventsOf)
      const second = yield* ask(stream)
      assert.strictEqual(statusOf(second), "HIT")
      const again = yield* Effect.flatMap(second.text, eventsOf)
      assert.strictEqual(joined(again, "response.output_text.delta"), joined(events, "response.output_text.delta"))
      assert.strictEqual(at(again.at(-1), "response.usage.cost"), 0)
      assert.strictEqual(at(again.at(-1), "response.id"), second.headers["x-generation-id"])
      assert.strictEqual(yield* calls, 2)
      for (const name of ["cut", "reset", "error", "no-terminal"]) {
        const broken = () => ask({ model: `emulator/stream-${name}`, ...stream })
        assert.deepStrictEqual(yield* statuses(broken(), broken()), ["MISS", "MISS"], name)
      }
    }).pipe(emulator()))

  it.effect("lets hits pass the limits, and is empty when the server is set back", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* statuses(ask(), ask(), ask()), ["MISS", "HIT", "HIT"])
      const { reset } = yield* Emulator.Emulator
      yield* reset
      assert.deepStrictEqual(yield* statuses(ask()), ["MISS"])
    }).pipe(emulator({ rateLimit: { requests: 1, window: "1 hour" } })))

  it.effect("is what the client sees", () =>
    Effect.gen(function*() {
      const call = OpenRouter.respond({ model, input: "Hello" })
      const first = yield* call
      const second = yield* call
      assert.strictEqual(first.cache?.status, "MISS")
      assert.strictEqual(second.cache?.status, "HIT")
      assert.strictEqual(second.cache?.sourceId, first.generationId)
      assert.strictEqual(second.text, first.text)
      assert.strictEqual(String(second.cost), "$0.00")
    }).pipe(
      Effect.provide(
        ungated(OpenRouter.layer({ apiKey: Redacted.make("any"), responseCache: "1 hour" })).pipe(
          Layer.provide(Emulator.layerHttpClient())
        )
      )
    ))
})
