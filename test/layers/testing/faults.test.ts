import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, FileSystem, Layer, Schema, Stream } from "effect"
import { CostLedger, Deadlines, OpenRouter, RateGate, RetryPolicy, Transport } from "effect-openrouter"
import { Cassette, Emulator, Faults } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { apiKey, atT0, model, once } from "../client/support.ts"

const emulator = (options?: Emulator.Options) =>
  Transport.layer({ apiKey }).pipe(Layer.provideMerge(Emulator.layerHttpClient(options)))

const over = (plan: Faults.FaultPlan, options?: Emulator.Options) =>
  OpenRouter.layerTransport.pipe(
    Layer.provide(RateGate.none),
    Layer.provideMerge(Faults.layer(plan)),
    Layer.provideMerge(emulator(options))
  )

const ask = (input: string, slug = model) => OpenRouter.respond({ model: slug, input })

const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.match(effect, { onFailure: ({ _tag }) => _tag, onSuccess: () => "fine" })

/** How a call ends, under a clock that goes on by itself. */
const ended = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(tagOf(effect), { startImmediately: true })
    for (let minute = 0; minute < 20 && fiber.pollUnsafe() === undefined; minute++) yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const requests = Emulator.Emulator.use(({ requests }) => Effect.map(requests, ({ length }) => length))

const Chance = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))

const Few = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))

describe("rules of the emulator", () => {
  const Rule = Schema.Struct({
    kind: Schema.Literals(["nth", "times", "always"]),
    number: Few,
    model: Schema.Literals(["a/a", "a/b", "any"])
  })
  const arrays = {
    rules: Schema.Array(Rule).check(Schema.isMaxLength(6)),
    calls: Schema.Array(Schema.Literals(["a/a", "a/b"])).check(Schema.isMaxLength(12))
  }

  it.effect.prop(
    "count each for itself, and the first that fires decides",
    arrays,
    ({ calls, rules }) =>
      Effect.gen(function*() {
        const decided = rules.map(() => 0)
        for (const [index, slug] of calls.entries()) {
          const first = rules.findIndex(({ kind, model, number }, rule) => {
            if (model !== "any" && model !== slug) return false
            const count = calls.slice(0, index + 1).filter((other) => model === "any" || other === model).length
            return kind === "always" || (kind === "nth" ? count === number : (decided[rule] ?? 0) < number)
          })
          if (first !== -1) decided[first] = (decided[first] ?? 0) + 1
          const response = yield* HttpClientRequest.post("http://emulator/api/v1/responses").pipe(
            HttpClientRequest.bearerToken("test"),
            HttpClientRequest.bodyJsonUnsafe({ model: slug, input: "Hello" }),
            HttpClient.execute
          )
          const text = yield* response.text
          assert.strictEqual(text.startsWith("{") ? "answer" : text, first === -1 ? "answer" : `rule ${first}`)
        }
      }).pipe(Effect.provide(Emulator.layerHttpClient({
        rules: rules.map(({ kind, model, number }, index) => ({
          ...(model === "any" ? {} : { when: { model } }),
          ...(kind === "always" ? {} : { [kind]: number }),
          reply: Emulator.Reply.raw(`rule ${index}`)
        }))
      }))),
    { arbitrary: { runs: 60 } }
  )

  it.effect("of two with `nth` each gets its request", () =>
    Effect.gen(function*() {
      const tags = yield* Effect.forEach([1, 2, 3], () => tagOf(ask("Hello")))
      assert.deepStrictEqual(tags, ["ServerError", "ProviderOverloaded", "fine"])
    }).pipe(
      Effect.provide(
        OpenRouter.layer({ apiKey }).pipe(
          Layer.provide(RateGate.none),
          Layer.provide(Emulator.layerHttpClient({
            rules: [{ nth: 1, reply: Emulator.Reply.failure(500) }, { nth: 2, reply: Emulator.Reply.failure(503) }]
          })),
          Layer.merge(once)
        )
      )
    ))

  it.effect("of two with `times` the second goes on where the first has ended", () =>
    Effect.gen(function*() {
      const tags = yield* Effect.forEach([1, 2, 3, 4], () => tagOf(ask("Hello")))
      assert.deepStrictEqual(tags, ["ServerError", "ServerError", "ProviderOverloaded", "fine"])
    }).pipe(
      Effect.provide(
        OpenRouter.layer({ apiKey }).pipe(
          Layer.provide(RateGate.none),
          Layer.provide(Emulator.layerHttpClient({
            rules: [{ times: 2, reply: Emulator.Reply.failure(500) }, { times: 1, reply: Emulator.Reply.failure(503) }]
          })),
          Layer.merge(once)
        )
      )
    ))

  it.effect("can ask for the attempt", () =>
    Effect.gen(function*() {
      const tags = yield* Effect.forEach(["a", "b", "a", "b", "a"], (input) => tagOf(ask(input)))
      assert.deepStrictEqual(tags, ["fine", "fine", "ServerError", "ServerError", "fine"])
    }).pipe(
      Effect.provide(
        OpenRouter.layer({ apiKey }).pipe(
          Layer.provide(RateGate.none),
          Layer.provide(Emulator.layerHttpClient({
            rules: [{ when: { attempt: 2 }, reply: Emulator.Reply.failure(500) }]
          })),
          Layer.merge(once)
        )
      )
    ))
})

describe("faults", () => {
  const inputs = Array.from({ length: 40 }, (_, index) => `question ${index % 30}`)

  /** Which calls went wrong, and how, by what they asked. */
  const run = (seed: number, order: ReadonlyArray<string>, concurrency: number) =>
    Effect.gen(function*() {
      yield* Effect.forEach(
        order,
        (input) => Effect.ignore(ask(input)).pipe(CostLedger.scope(input.slice(-1))),
        { concurrency }
      )
      const { injected } = yield* Faults.Faults
      return (yield* injected).map(({ call, fault }) =>
        `${call.text} ${call.attempt} ${call.scopes.join()} ${"status" in fault ? fault.status : fault._tag}`
      ).sort()
    }).pipe(
      Effect.provide(over({
        seed,
        faults: [
          { probability: 0.2, fault: "emulator/status-429" },
          { probability: 0.1, fault: Faults.Reply.failure(502) },
          { probability: 0.1, fault: Faults.lost },
          { probability: 0.1, fault: "emulator/refusal" }
        ]
      })),
      Effect.provideService(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none)
    )

  const seeds: Array<string> = []

  it.effect.prop(
    "the same seed gives the same fault to the same call, in any order",
    { seed: Chance },
    ({ seed }) =>
      Effect.gen(function*() {
        const expected = yield* run(seed, inputs, 1)
        seeds.push(expected.join())
        assert.deepStrictEqual(yield* run(seed, inputs.toReversed(), 1), expected)
        assert.deepStrictEqual(yield* run(seed, [...inputs.slice(7), ...inputs.slice(0, 7)], 16), expected)
      }),
    { arbitrary: { runs: 15 } }
  )

  it("of other seeds they are others, in about the share that was asked for", () => {
    assert.isAbove(new Set(seeds).size, seeds.length / 2)
    const count = seeds.join().split(",").filter((word) => word.startsWith("question")).length
    // 1 - 0.8 * 0.9 ** 3 of the calls.
    assert.closeTo(count / seeds.length / inputs.length, 0.417, 0.08)
  })

  const names =
    ("status-400 status-402 status-429 status-500 status-502 status-503 status-529 refusal incomplete failed " +
      "error-in-200 empty truncated html no-body moderation guardrail no-credits in-flight-budget context-length " +
      "invalid-prompt no-endpoints hang disconnect stream-cut stream-reset stream-stall stream-silence stream-error " +
      "stream-error-first stream-no-terminal stream-error-failed").split(" ")

  it.effect.each(names)(
    "emulator/%s is for the client what it is from the emulator, and nothing is sent",
    (name) =>
      Effect.gen(function*() {
        yield* atT0
        const calls = (slug: string) =>
          Effect.all([
            ended(ask("Hello", slug)),
            ended(Stream.runDrain(OpenRouter.stream({ model: slug, input: "Hello" })))
          ]).pipe(Deadlines.with({ response: "1 minute", idle: "10 seconds" }))
        const expected = yield* calls(`emulator/${name}`).pipe(Effect.provide(over({ faults: [] })))
        const [found, count] = yield* Effect.all([calls(model), requests]).pipe(
          Effect.provide(over({ faults: [{ fault: `emulator/${name}` }] }))
        )
        assert.deepStrictEqual(found, expected)
        assert.strictEqual(count, 0)
      })
  )

  it.effect("flaky and slow calls get the answer of the server in the end", () =>
    Effect.gen(function*() {
      yield* atT0
      const fiber = yield* Effect.forkChild(Effect.all([ask("Hello"), Clock.currentTimeMillis]), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 minute")
      const [{ attempts }, until] = yield* Fiber.join(fiber)
      assert.strictEqual(attempts, 2)
      assert.isAtLeast(until - 1_790_000_000_000, 3000)
      assert.strictEqual(yield* requests, 1)
    }).pipe(Effect.provide(over({
      faults: [{ when: { attempt: 1 }, fault: "emulator/flaky-502" }, { fault: "emulator/slow-3000" }]
    }))))

  it.effect("damage the real exchange", () =>
    Effect.gen(function*() {
      yield* atT0
      const stream = (input: string) => OpenRouter.stream({ model, input })
      const text = (input: string) =>
        Stream.runFold(OpenRouter.streamText({ model, input }), () => "", (all, piece) => all + piece)
      const whole = (yield* ask("whole")).text
      assert.strictEqual(yield* text("whole"), whole)
      assert.strictEqual(yield* text("rechunked"), (yield* ask("rechunked")).text)
      assert.strictEqual(yield* ended(ask("lost")), "ConnectionFailed")
      assert.strictEqual(yield* ended(ask("truncated")), "MalformedResponse")
      const tags = yield* Effect.forEach(
        ["cut bytes", "cut events", "cut deltas", "reset", "stall"],
        (input) => ended(Stream.runDrain(stream(input)))
      ).pipe(Deadlines.with({ idle: "10 seconds" }))
      assert.deepStrictEqual(tags, [
        "StreamInterrupted",
        "StreamInterrupted",
        "StreamInterrupted",
        "ConnectionFailed",
        "TimedOut"
      ])
      const seen = yield* Stream.runFold(
        Stream.catch(OpenRouter.streamText({ model, input: "cut deltas" }), () => Stream.empty),
        (): ReadonlyArray<string> => [],
        (all, piece) => [...all, piece]
      )
      assert.strictEqual(seen.length, 3)
      // All of them arrived.
      const ledger = yield* Emulator.Emulator.use(({ ledger }) => ledger)
      assert.strictEqual(ledger.calls, 12)
    }).pipe(
      Effect.provide(over({
        faults: [
          { when: { textIncludes: "rechunked" }, fault: Faults.rechunked(3) },
          { when: { textIncludes: "lost" }, fault: Faults.lost },
          { when: { textIncludes: "truncated" }, fault: Faults.truncated(0.5) },
          { when: { textIncludes: "cut bytes" }, fault: Faults.cut({ bytes: 1500 }) },
          { when: { textIncludes: "cut events" }, fault: Faults.cut({ events: 6 }) },
          { when: { textIncludes: "cut deltas" }, fault: Faults.cut({ deltas: 3 }) },
          { when: { textIncludes: "reset" }, fault: Faults.reset({ deltas: 2 }) },
          { when: { textIncludes: "stall" }, fault: Faults.stall({ events: 7 }) }
        ]
      })),
      Effect.provideService(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none)
    ))

  it.effect("rules of a plan count each for themselves, and endpoints can fail too", () =>
    Effect.gen(function*() {
      const tags = yield* Effect.forEach([1, 2, 3], (index) => tagOf(ask(`${index}`)))
      assert.deepStrictEqual(tags, ["Refused", "ServerError", "fine"])
      assert.strictEqual(yield* tagOf(OpenRouter.models()), "ProviderUnavailable")
      const { injected } = yield* Faults.Faults
      assert.deepStrictEqual((yield* injected).map(({ call }) => call.path), ["/responses", "/responses", "/models"])
    }).pipe(
      Effect.provide(over({
        faults: [
          { nth: 1, fault: Faults.Reply.refusal() },
          { nth: 2, fault: ({ text }) => Faults.Reply.failure(text === "2" ? 500 : 400) },
          { when: { path: "/models" }, fault: Faults.Reply.failure(502) }
        ]
      })),
      Effect.provideService(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none)
    ))

  it.effect("a name that stands for nothing is a defect when the layer is built", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(ask("Hello").pipe(Effect.provide(over({ faults: [{ fault: "emulator/whim" }] }))))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "no fault of the name 'emulator/whim'")
    }))

  it.effect("can be recorded and replayed", () =>
    Effect.gen(function*() {
      yield* atT0
      const files = yield* FileSystem.FileSystem
      const path = `${yield* files.makeTempDirectoryScoped()}/faults.json`
      const program = Effect.forEach(inputs.slice(0, 20), (input) => ended(ask(input)))
      const layer = (mode: Cassette.Mode) =>
        OpenRouter.layerTransport.pipe(
          Layer.provide(RateGate.none),
          Layer.provide(Cassette.layer(path, mode)),
          Layer.provide(Faults.layer({ seed: 3, faults: [{ probability: 0.5, fault: "emulator/status-502" }] })),
          Layer.provide([emulator(), NodeFileSystem.layer])
        )
      const recorded = yield* CostLedger.measured(program).pipe(Effect.provide(layer("record")))
      const replayed = yield* CostLedger.measured(program).pipe(Effect.provide(layer("replay")))
      assert.deepStrictEqual(replayed[0], recorded[0])
      assert.deepStrictEqual([replayed[1].calls, String(replayed[1].cost)], [
        recorded[1].calls,
        String(recorded[1].cost)
      ])
      assert.isAbove(recorded[1].calls, 20)
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)))
})
