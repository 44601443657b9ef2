import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Schema, Stream } from "effect"
import {
  Admission,
  Budget,
  CostLedger,
  type CreateResponse,
  OpenRouter,
  ResponseCache,
  SingleFlight,
  Usd
} from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { KeyValueStore, Persistence } from "effect/persistence"
import { TestClock } from "effect/testing"
import * as Meter from "../client/meter.ts"
import { model } from "../client/support.ts"
import { ask, cached, once, requests } from "./support.ts"

const { Reply } = Emulator

describe("a response cache", () => {
  it.effect("answers the same question once, and says so on the outcome and in the ledger", () =>
    Effect.gen(function*() {
      const first = yield* ask()
      yield* TestClock.adjust("90 seconds")
      const [again, report] = yield* CostLedger.measured(ask())
      assert.strictEqual(yield* requests, 1)
      assert.strictEqual(again.text, first.text)
      assert.deepStrictEqual(again.cache, {
        status: "HIT",
        by: "ResponseCache",
        age: 90,
        ttl: 3600,
        ...(first.generationId === undefined ? {} : { sourceId: first.generationId })
      })
      assert.isUndefined(first.cache)
      assert.deepStrictEqual([again.attempts, String(again.cost), String(again.callCost)], [0, "$0.00", "$0.00"])
      assert.strictEqual(String(again.usage?.cost), "$0.00")
      assert.strictEqual(again.usage?.outputTokens, first.usage?.outputTokens)
      assert.strictEqual(report.calls, 0)
      assert.strictEqual(String(report.saved), String(first.cost))
      assert.isTrue(Usd.isGreaterThan(report.saved, Usd.zero))
    }).pipe(Effect.provide(cached())))

  it.effect("passes no admission for a hit: no gate, no budget", () =>
    Effect.gen(function*() {
      yield* ask()
      const { admission, seen } = Meter.make("reserve")
      const again = yield* ask().pipe(Budget.limit("0"), Admission.with(admission))
      assert.strictEqual(again.cache?.status, "HIT")
      assert.lengthOf(seen, 0)
    }).pipe(Effect.provide(cached())))

  it.effect.each<readonly [string, CreateResponse.Sendable]>([
    ["another model", { model: "anthropic/claude-sonnet-4.5", input: "Hello" }],
    ["another input", { model, input: "Hello!" }],
    ["a setting", { model, input: "Hello", temperature: 0.5 }],
    ["metadata of the program", { model, input: "Hello", metadata: { user: "u-1" } }]
  ])("misses where the request differs: %s", ([_, request]) =>
    Effect.gen(function*() {
      yield* ask()
      const other = yield* OpenRouter.respond(request)
      assert.isUndefined(other.cache)
      assert.strictEqual(yield* requests, 2)
    }).pipe(Effect.provide(cached())))

  it.effect("tells headers apart that may change the answer, and no others", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* OpenRouter.withHeaders(ask(), { "x-anthropic-beta": "new" })
      assert.strictEqual(yield* requests, 2)
      yield* OpenRouter.withHeaders(ask(), { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" })
      yield* OpenRouter.withHeaders(ask(), { "x-openrouter-cache": "true" })
      assert.strictEqual(yield* requests, 2)
    }).pipe(Effect.provide(cached())))

  it.effect("fills defaults in before it looks", () =>
    Effect.gen(function*() {
      yield* ask()
      const again = yield* OpenRouter.respond({ input: "Hello" }).pipe(OpenRouter.withDefaults({ model }))
      assert.strictEqual(again.cache?.status, "HIT")
    }).pipe(Effect.provide(cached())))

  it.effect("forgets an answer that is too old, as the layer or the program says", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* TestClock.adjust("10 minutes")
      yield* ask().pipe(ResponseCache.with({ timeToLive: "5 minutes" }))
      assert.strictEqual(yield* requests, 2)
      yield* TestClock.adjust("59 minutes")
      yield* ask()
      assert.strictEqual(yield* requests, 2)
      yield* TestClock.adjust("1 minute")
      yield* ask()
      assert.strictEqual(yield* requests, 3)
    }).pipe(Effect.provide(cached())))

  it.effect("keeps as many answers as it may, those used last", () =>
    Effect.gen(function*() {
      yield* Effect.forEach(["a", "b", "a", "c", "a", "b"], (input) => ask(input))
      // b had to go for c.
      assert.strictEqual(yield* requests, 4)
    }).pipe(Effect.provide(cached({ capacity: 2 }))))

  it.effect("keeps as much text as it may, of the answers used last, and none that is larger alone", () =>
    Effect.gen(function*() {
      const short = "s".repeat(50_000)
      const long = "l".repeat(250_000)
      const client = (maxBytes: number) =>
        ResponseCache.layer({ maxBytes }).pipe(
          Layer.provide(OpenRouterTest.layer((request) => request.input === "long" ? long : short))
        )
      const hits = (...inputs: ReadonlyArray<string>) =>
        Effect.forEach(inputs, (input) => Effect.map(ask(input), ({ cache }) => cache?.status === "HIT"))
      const maxBytes = 400_000
      const seen = yield* hits("a", "b", "a", "b", "long", "a", "b", "long").pipe(Effect.provide(client(maxBytes)))
      assert.deepStrictEqual(seen, [false, false, true, true, false, true, true, false])
      const many = yield* hits("a", "b", "c", "d", "e", "e", "a").pipe(Effect.provide(client(maxBytes)))
      assert.deepStrictEqual(many, [false, false, false, false, false, true, false])
    }))

  it.effect.each(
    [
      ["an error", Reply.failure(500)],
      ["a refusal", Reply.refusal()],
      ["a truncated answer", Reply.incomplete()],
      ["an empty answer", Reply.empty()]
    ] as const
  )("keeps complete answers only: %s", ([_, reply]) =>
    Effect.gen(function*() {
      const first = yield* Effect.exit(ask())
      assert.isTrue(Exit.isFailure(first))
      const second = yield* ask()
      assert.isUndefined(second.cache)
      const third = yield* ask()
      assert.strictEqual(third.cache?.status, "HIT")
    }).pipe(once, Effect.provide(cached({}, { rules: [{ times: 1, reply }] }))))

  it.effect("keeps no object of another shape than was asked for, and uses none", () =>
    Effect.gen(function*() {
      const small = Schema.Struct({ n: Schema.Int.check(Schema.isLessThan(10)) })
      const object = OpenRouter.respondObject({ model, input: "Hello", schema: small })
      const streamed = OpenRouter.streamObject({ model, input: "Hello", schema: small }).pipe(
        Stream.runLast,
        Effect.map(Option.getOrUndefined)
      )
      assert.strictEqual((yield* Effect.flip(object))._tag, "InvalidOutput")
      assert.strictEqual((yield* Effect.flip(streamed))._tag, "InvalidOutput")
      assert.deepStrictEqual((yield* object).value, { n: 7 })
      const [again, report] = yield* CostLedger.measured(object)
      assert.deepStrictEqual([again.value, String(again.cost), report.calls], [{ n: 7 }, "$0.00", 0])
      const last = yield* streamed
      assert.deepStrictEqual(last?._tag === "Complete" ? last.answer.value : last, { n: 7 })
    }).pipe(
      Effect.provide(
        ResponseCache.layer().pipe(
          Layer.provide(OpenRouterTest.layer(["{\"n\":70}", "{\"n\":700}", "{\"n\":7}"]))
        )
      )
    ))

  it.effect("does as the call wants: not at all, or anew", () =>
    Effect.gen(function*() {
      const answers = Effect.map(Effect.all([ask(), ask()]), (all) => all.map(({ text }) => text))
      const off = ask().pipe(ResponseCache.with({ mode: "off" }))
      assert.deepStrictEqual((yield* Effect.all([off, off])).map(({ text }) => text), ["1", "2"])
      assert.deepStrictEqual(yield* answers, ["3", "3"])
      const anew = yield* ask().pipe(ResponseCache.with({ mode: "refresh" }))
      assert.strictEqual(anew.text, "4")
      assert.deepStrictEqual(yield* answers, ["4", "4"])
    }).pipe(Effect.provide(ResponseCache.layer().pipe(Layer.provide(OpenRouterTest.layer(["1", "2", "3", "4"]))))))

  it.effect("leaves alone what cannot be sent, and plain endpoints", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(OpenRouter.respond({ model: "", input: "Hello" }))
      assert.strictEqual(error._tag, "InvalidRequest")
      yield* OpenRouter.key
    }).pipe(Effect.provide(cached())))
})

it.effect.each([["capacity", Number.NaN], ["capacity", -1], ["maxBytes", Number.NaN]] as const)(
  "a response cache whose %s is %d is a mistake of the program, and would keep nothing",
  ([option, size]) =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.provide(ask(), cached({ [option]: size })))
      assert.isTrue(Exit.isFailure(exit) && Option.isNone(Exit.findErrorOption(exit)))
    })
)

describe("streams and a response cache", () => {
  const text = Stream.mkString(OpenRouter.streamText({ model, input: "Hello" }))

  it.effect("are kept when they end, and answered as streams of the same text", () =>
    Effect.gen(function*() {
      const first = yield* text
      const [again, report] = yield* CostLedger.measured(text)
      const plain = yield* ask()
      assert.deepStrictEqual([again, plain.text], [first, first])
      assert.strictEqual(yield* requests, 1)
      assert.strictEqual(report.calls, 0)
      assert.isTrue(Usd.isGreaterThan(report.saved, Usd.zero))
      const outcome = yield* OpenRouter.streamOutcome({ model, input: "Hello" }, () => Effect.void)
      assert.deepStrictEqual([outcome.cache?.status, outcome.attempts], ["HIT", 0])
    }).pipe(Effect.provide(cached())))

  it.effect("answer what was asked plainly before", () =>
    Effect.gen(function*() {
      const plain = yield* ask()
      assert.strictEqual(yield* text, plain.text)
      assert.strictEqual(yield* requests, 1)
    }).pipe(Effect.provide(cached())))

  it.effect("that are left or break off are not kept", () =>
    Effect.gen(function*() {
      yield* Stream.runDrain(Stream.take(OpenRouter.stream({ model, input: "Hello" }), 1))
      yield* text
      assert.strictEqual(yield* requests, 2)
    }).pipe(Effect.provide(cached())))
})

describe("equal calls on purpose", () => {
  const prompts = Array.from({ length: 300 }, (_, index) => index)

  const many = Effect.forEach(prompts, () => Effect.map(ask(), ({ text }) => text), { concurrency: 50 })

  const counting = Effect.sync(() => {
    let answers = 0
    return ResponseCache.layer({ capacity: 1000 }).pipe(Layer.provide(OpenRouterTest.layer(() => String(++answers))))
  })

  it.effect("get one answer each where they are counted, and the same ones again", () =>
    Effect.gen(function*() {
      const layer = yield* counting
      yield* Effect.gen(function*() {
        const first = yield* ResponseCache.numbered(many)
        assert.strictEqual(new Set(first).size, 300)
        const [second, report] = yield* CostLedger.measured(ResponseCache.numbered(many))
        assert.deepStrictEqual(second.toSorted(), first.toSorted())
        assert.strictEqual(report.calls, 0)
        // Outside they are one and the same.
        assert.strictEqual(new Set(yield* many).size, 1)
      }).pipe(Effect.provide(layer))
    }))

  it.effect("count once where counted parts enclose each other, and where a cache stands over single flight", () =>
    Effect.gen(function*() {
      const layer = yield* counting
      yield* Effect.gen(function*() {
        const nested = ResponseCache.numbered(Effect.all([ResponseCache.numbered(many), ResponseCache.numbered(many)], {
          concurrency: 2
        }))
        const [a, b] = yield* nested
        assert.strictEqual(new Set([...a, ...b]).size, 600)
      }).pipe(Effect.provide(SingleFlight.layer.pipe(Layer.provide(layer))))
    }))

  it.effect("get another answer under the name of a sample", () =>
    Effect.gen(function*() {
      const layer = yield* counting
      yield* Effect.gen(function*() {
        const texts = yield* Effect.forEach(["a", "b", "a"], (name) => ResponseCache.sample(ask(), name))
        const stream = yield* Stream.mkString(
          OpenRouter.streamText({ model, input: "Hello" }).pipe(ResponseCache.sample("b"))
        )
        assert.deepStrictEqual([...texts.map(({ text }) => text), stream], ["1", "2", "1", "2"])
      }).pipe(Effect.provide(layer))
    }))

  it.effect("give their number back when they fail, so that the next run finds all answers", () =>
    Effect.gen(function*() {
      const asked = Effect.forEach(
        prompts.slice(0, 20),
        () => Effect.map(Effect.retry(ask(), { times: 3 }), ({ text }) => text),
        { concurrency: 5 }
      )
      const first = yield* ResponseCache.numbered(asked)
      const before = yield* requests
      const second = yield* ResponseCache.numbered(asked)
      assert.deepStrictEqual(second.toSorted(), first.toSorted())
      assert.strictEqual(yield* requests, before)
    }).pipe(once, Effect.provide(cached({}, { rules: [{ times: 4, reply: Reply.failure(404) }] }))))
})

describe("a cache with a store", () => {
  const backings: ReadonlyArray<readonly [string, Layer.Layer<Persistence.BackingPersistence>]> = [
    ["in memory", Persistence.layerBackingMemory],
    ["of JSON text", Persistence.layerBackingKvs.pipe(Layer.provide(KeyValueStore.layerMemory))]
  ]

  it.effect.each(backings)("answers after a restart: %s", ([_, backing]) =>
    Effect.gen(function*() {
      const store = Layer.succeedContext(yield* Layer.build(backing))
      const first = yield* Effect.provide(ask(), cached({ store }), { local: true })
      const again = yield* Effect.gen(function*() {
        const again = yield* ask()
        assert.strictEqual(yield* requests, 0)
        return again
      }).pipe(Effect.provide(cached({ store }), { local: true }))
      assert.deepStrictEqual(again.response, first.response)
      assert.strictEqual(again.cache?.status, "HIT")
      const text = yield* Stream.mkString(OpenRouter.streamText({ model, input: "Hello" })).pipe(
        Effect.provide(cached({ store, capacity: 0 }), { local: true })
      )
      assert.strictEqual(text, first.text)
    }))

  it.effect("keeps the answers of different keys apart", () =>
    Effect.gen(function*() {
      const store = Layer.succeedContext(yield* Layer.build(Persistence.layerBackingMemory))
      yield* Effect.provide(ask(), cached({ store }), { local: true })
      const other = yield* ask().pipe(
        Effect.provide(ResponseCache.layer({ store }).pipe(Layer.provide(OpenRouterTest.layer("other"))))
      )
      assert.strictEqual(other.text, "other")
    }))
})
