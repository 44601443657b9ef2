import { assert, describe, it } from "@effect/vitest"
import { BigDecimal, DateTime, Duration, Effect, Exit, Fiber, Random, Schema, Stream } from "effect"
import { Admission, CostLedger, Costs, OpenRouter, RetryPolicy, Usd } from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import * as Meter from "./meter.ts"
import { ask, askFor, atT0, emulated, failure, json, model, ok, scripted, t0 } from "./support.ts"

const costing = (cost: number) => ok({ usage: { input_tokens: 10, output_tokens: 5, cost } })

const withId = (generationId: string, members: Parameters<typeof ok>[0] = { usage: null }) => ({
  ...ok(members),
  headers: { "x-generation-id": generationId }
})

const generation = (id: string, members: { readonly [key: string]: Schema.Json }) => json({ data: { id, ...members } })

/** Runs an effect in a ledger and gives all that was booked meanwhile, and its report. */
const bookedBy = <A, E, R>(self: Effect.Effect<A, E, R>, options?: Parameters<typeof CostLedger.make>[0]) =>
  Effect.gen(function*() {
    const ledger = yield* CostLedger.make(options)
    const lines: Array<CostLedger.Line> = []
    yield* Effect.exit(self).pipe(
      CostLedger.followed(ledger, Stream.runForEach((line) => Effect.sync(() => lines.push(line))), {
        bufferSize: 10_000
      })
    )
    return { ledger, lines, report: yield* ledger.report, entries: lines.filter((line) => line._tag === "Entry") }
  })

const figures = ({ calls, cost, failures, unknown }: Costs.Costs) => [calls, failures, unknown, `${cost}`]

describe("an entry", () => {
  it.effect("says when and where, who was asked and who answered, how long it took and what it cost", () =>
    Effect.gen(function*() {
      yield* atT0
      const slow: Admission.Admission = {
        stage: "wait",
        admit: () => Effect.as(Effect.sleep("2 seconds"), () => Effect.void)
      }
      const fiber = yield* Effect.forkChild(
        bookedBy(
          askFor("emulator/slow-500").pipe(
            CostLedger.scope("Ann"),
            CostLedger.scope("tick 7", { keep: "sum" }),
            CostLedger.tag({ user: "u-17" }),
            Admission.with(slow)
          )
        ).pipe(CostLedger.scope("outside", { keep: "sum" })),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 minute")
      const { entries: [entry], report } = yield* Fiber.join(fiber)
      const { generationId, id, usage, ...facts } = entry ?? assert.fail("there is none")
      assert.match(id, /^[0-9a-z]{10}-1$/)
      assert.match(generationId ?? "", /^gen-/)
      assert.deepStrictEqual(usage?.cost, report.cost)
      assert.strictEqual(DateTime.toEpochMillis(facts.time), t0 + 2500)
      assert.deepStrictEqual({ ...facts, time: undefined, costs: figures(facts.costs) }, {
        _tag: "Entry",
        time: undefined,
        scopes: ["tick 7", "Ann"],
        summed: [0],
        tags: { user: "u-17" },
        call: "respond",
        model: "emulator/slow-500",
        servedModel: "emulator/slow-500",
        outcome: "Completed",
        attempt: 1,
        duration: Duration.millis(500),
        waited: Duration.seconds(2),
        cost: report.cost,
        costs: [1, 0, 0, `${report.cost}`]
      })
    }).pipe(Effect.provide(emulated())))

  const ends: ReadonlyArray<
    readonly [string, Effect.Effect<unknown, unknown, OpenRouter.OpenRouter>, ReadonlyArray<string>]
  > = [
    ["a refusal", askFor("emulator/refusal"), ["Refused"]],
    ["every attempt", askFor("emulator/flaky-503"), ["ProviderOverloaded 1", "Completed 2"]],
    ["a stream", Stream.runDrain(OpenRouter.stream({ model, input: "Hi" })), ["Completed"]],
    ["a stream that is cut", Stream.runDrain(OpenRouter.stream({ model: "emulator/stream-cut", input: "Hi" })), [
      "StreamInterrupted"
    ]],
    ["embeddings", OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input: "Hi" }), ["Answered"]],
    ["an interruption", Effect.timeoutOption(askFor("emulator/hang"), "1 second"), ["Interrupted"]],
    ["costs of one's own", CostLedger.record({ ...Costs.zero, calls: 1, cost: Usd.make("1") }), ["Recorded"]],
    ["what was saved", CostLedger.recordSaved({ cost: Usd.make("0.2") }), ["Saved"]],
    ["nothing of what costs nothing", OpenRouter.models(), []],
    ["nothing of what is not sent", askFor(""), []]
  ]

  it.effect.each(ends)("tells of %s", ([_, call, outcomes]) =>
    Effect.gen(function*() {
      const { entries, report } = yield* Meter.patiently(bookedBy(call))
      assert.deepStrictEqual(
        entries.map(({ attempt, outcome }) => outcomes.length > 1 ? `${outcome} ${attempt}` : outcome),
        outcomes
      )
      assert.strictEqual(new Set(entries.map(({ id }) => id)).size, entries.length)
      for (const entry of entries) {
        assert.strictEqual(entry.cost === undefined, entry.costs.unknown > 0)
        const line = yield* Schema.encodeEffect(CostLedger.LineFromJson)(entry)
        const read = yield* Schema.decodeEffect(CostLedger.LineFromJson)(line)
        assert.strictEqual(yield* Schema.encodeEffect(CostLedger.LineFromJson)(read), line)
      }
      assert.deepStrictEqual(figures(CostLedger.reportOf(entries)), figures(report))
    }).pipe(Effect.provide(emulated())))

  it.effect("has no word of the prompt, of the answer or of an error", () =>
    Effect.gen(function*() {
      const { lines } = yield* bookedBy(Effect.all([
        Effect.exit(ask("the prompt")),
        Effect.exit(ask("the prompt"))
      ]))
      assert.strictEqual(lines.length, 2)
      const text = yield* Stream.mkString(CostLedger.toJsonl(Stream.fromIterable(lines)))
      assert.notMatch(text, /prompt|answer|message/)
    }).pipe(Effect.provide(scripted([
      ok({
        instructions: "the prompt",
        output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "the answer" }] }]
      }),
      failure(400, { message: "the message with the prompt" })
    ]))))
})

describe("readers", () => {
  it.effect("get what is booked from when they begin; without one nothing is kept", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      yield* ledger.run(ask())
      const first = yield* Effect.forkChild(Stream.runCollect(Stream.take(ledger.entries(), 2)), {
        startImmediately: true
      })
      yield* ledger.run(ask())
      const second = yield* Effect.forkChild(Stream.runCollect(Stream.take(ledger.entries(), 1)), {
        startImmediately: true
      })
      yield* ledger.run(ask())
      const costs = (lines: ReadonlyArray<CostLedger.Line>) =>
        lines.map((line) => line._tag === "Entry" ? `${line.cost}` : line.count)
      assert.deepStrictEqual(costs(yield* Fiber.join(first)), ["$2.00", "$3.00"])
      assert.deepStrictEqual(costs(yield* Fiber.join(second)), ["$3.00"])
    }).pipe(Effect.provide(scripted([costing(1), costing(2), costing(3)]))))

  it.effect("that are slow are told how many they missed, and make nobody wait", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const read: Array<string> = []
      const calls = Effect.forEach(Array.from({ length: 10 }), () => ask())
      yield* calls.pipe(
        CostLedger.followed(ledger, (entries) =>
          Effect.andThen(
            Effect.yieldNow,
            Stream.runForEach(entries, (line) =>
              Effect.andThen(
                Effect.sleep("1 hour"),
                Effect.sync(() => read.push(line._tag === "Entry" ? "entry" : `${line.count} dropped`))
              ))
          ), { bufferSize: 3 }),
        (self) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.forkChild(self, { startImmediately: true })
            while ((yield* ledger.report).calls < 10) yield* Effect.yieldNow
            yield* TestClock.adjust("1 day")
            yield* Fiber.join(fiber)
          })
      )
      const missed = read.flatMap((line) => line === "entry" ? [] : [Number.parseInt(line)])
      assert.strictEqual(read.length - missed.length + missed.reduce((sum, count) => sum + count, 0), 10)
      assert.isAtLeast(missed.reduce((sum, count) => sum + count, 0), 3)
    }).pipe(Effect.provide(scripted([costing(1)]))))

  it.effect("have read all when the effect that they follow has ended, however it ends", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      let read = 0
      const follow = CostLedger.followed(
        ledger,
        (entries) => Stream.runForEach(entries, () => Effect.sync(() => void read++))
      )
      yield* follow(Effect.forEach(Array.from({ length: 2000 }), () => CostLedger.record(Costs.interrupted)))
      assert.strictEqual(read + (yield* ledger.report).dropped, 2000)
      read = 0
      assert.strictEqual(yield* Effect.flip(follow(Effect.andThen(ask(), Effect.fail("no")))), "no")
      assert.strictEqual(read, 1)
      const fiber = yield* Effect.forkChild(follow(Effect.andThen(ask(), Effect.never)), { startImmediately: true })
      while ((yield* ledger.report).calls < 2002) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(read, 2)
    }).pipe(Effect.provide(scripted([costing(1)]))))

  it.effect("that fail do not stop what they follow, and fail it in the end", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const calls = Effect.all([ask(), ask(), ask()])
      const exit = yield* Effect.flip(CostLedger.followed(calls, ledger, () => Effect.fail("disk full")))
      assert.strictEqual(exit, "disk full")
      assert.strictEqual((yield* ledger.report).calls, 3)
    }).pipe(Effect.provide(scripted([costing(1)]))))

  it.effect("that never end keep an interrupted effect for seconds only", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const fiber = yield* Effect.forkChild(CostLedger.followed(Effect.never, ledger, () => Effect.never), {
        startImmediately: true
      })
      const ended = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(ended)
    }))
})

describe("entries as lines of JSON", () => {
  /** Calls of many kinds, in scopes and with tags. */
  const story = Effect.forEach(
    Array.from({ length: 60 }, (_, n) => n),
    (n) =>
      Effect.exit(
        n % 7 === 0
          ? Stream.runDrain(
            OpenRouter.stream({ model: n % 2 === 0 ? model : "emulator/stream-cut", input: `say ${n}` })
          )
          : askFor(["openai/gpt-5", "emulator/refusal", "emulator/status-400"][n % 3] ?? model, `say ${n}`)
      ).pipe(
        CostLedger.scope(`who ${n % 5}`),
        CostLedger.scope(`tick ${n % 4}`, { keep: n % 2 === 0 ? "sum" : "all" }),
        CostLedger.tag({ user: `u ${n % 3}` })
      ),
    { concurrency: 5 }
  ).pipe(Effect.andThen(CostLedger.recordSaved({ cost: Usd.make("0.25") })))

  const jsonOf = (report: CostLedger.Report) => JSON.stringify(CostLedger.toJson(report))

  it.effect("give the report of the ledger, cut anywhere, corrections included", () =>
    Effect.gen(function*() {
      const { ledger, lines, report } = yield* Meter.patiently(bookedBy(story))
      assert.isAbove(report.unknownCalls.length, 0)
      const corrections: Array<CostLedger.Line> = []
      yield* CostLedger.reconcile(ledger).pipe(
        CostLedger.followed(ledger, Stream.runForEach((line) => Effect.sync(() => corrections.push(line))))
      )
      assert.strictEqual(corrections.length, report.unknownCalls.length)
      for (const [kept, expected] of [[lines, report], [[...lines, ...corrections], yield* ledger.report]] as const) {
        const text = yield* Stream.mkString(CostLedger.toJsonl(Stream.fromIterable(kept)))
        const pieces = yield* Effect.map(
          Random.nextIntBetween(1, 500),
          (size) => text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []
        )
        const read = yield* CostLedger.fromEntries(CostLedger.fromJsonl(Stream.fromIterable(pieces)))
        assert.strictEqual(jsonOf(read), jsonOf(expected))
      }
    }).pipe(Random.withSeed("jsonl"), Effect.provide(emulated())))

  it.effect("lose no more than the line that was torn, and say so", () =>
    Effect.gen(function*() {
      const { lines } = yield* bookedBy(Effect.all([ask(), ask(), ask()]))
      const text = yield* Stream.mkString(CostLedger.toJsonl(Stream.fromIterable(lines)))
      const torn = `${text.slice(0, -20)}\n\nnonsense\n${text}`
      const report = yield* CostLedger.fromEntries(CostLedger.fromJsonl(Stream.succeed(torn)))
      assert.deepStrictEqual([report.calls, report.dropped], [5, 2])
    }).pipe(Effect.provide(scripted([costing(1)]))))

  it.effect("are added to a report that is there", () =>
    Effect.gen(function*() {
      const { lines, report } = yield* bookedBy(Effect.all([ask(), ask(), ask()]))
      const twice = yield* CostLedger.fromEntries(Stream.fromIterable(lines), { from: report })
      assert.deepStrictEqual(figures(twice), [6, 0, 0, "$6.00"])
    }).pipe(Effect.provide(scripted([costing(1)]))))
})

describe("a ledger", () => {
  it.effect("goes on from a stored report", () =>
    Effect.gen(function*() {
      const first = yield* bookedBy(
        CostLedger.tag(CostLedger.scope(ask(), "Ann"), { user: "u-1" }),
        { name: "story" }
      )
      const stored = yield* Schema.encodeEffect(CostLedger.FromJson)(first.report)
      const from = yield* Schema.decodeEffect(CostLedger.FromJson)(stored)
      const second = yield* bookedBy(
        Effect.all([
          CostLedger.tag(CostLedger.scope(ask(), "Ann"), { user: "u-1" }),
          CostLedger.tag(CostLedger.scope(ask(), "Bob"), { user: "u-1" })
        ]),
        { from }
      )
      assert.deepStrictEqual([second.report.name, ...figures(second.report)], ["story", 3, 0, 1, "$0.30"])
      assert.deepStrictEqual(second.report.scopes.map(({ calls, name }) => [name, calls]), [["Ann", 2], ["Bob", 1]])
      assert.strictEqual(CostLedger.by(second.report, "user").scopes[0]?.calls, 3)
      // Also the unknown call of the first run is known now.
      assert.strictEqual((yield* CostLedger.reconcile(second.ledger)).corrected, 1)
      assert.deepStrictEqual(figures(yield* second.ledger.report), [3, 0, 0, "$0.80"])
    }).pipe(Effect.provide(scripted([
      withId("gen-1"),
      costing(0.1),
      costing(0.2),
      generation("gen-1", { total_cost: 0.5 })
    ]))))

  it.effect("books what was saved beside what was paid", () =>
    Effect.gen(function*() {
      const { report } = yield* bookedBy(
        Effect.all([
          ask(),
          CostLedger.recordSaved({ cost: Usd.make("0.1"), call: "respond", model }),
          CostLedger.recordSaved({})
        ]).pipe(CostLedger.scope("Ann"), CostLedger.tag({ user: "u-1" }))
      )
      for (const scope of [report, report.scopes[0], CostLedger.by(report, "user").scopes[0]]) {
        assert.deepStrictEqual([scope?.calls, `${scope?.cost}`, scope?.savedCalls, `${scope?.saved}`], [
          1,
          "$1.00",
          2,
          "$0.10"
        ])
      }
    }).pipe(Effect.provide(scripted([costing(1)]))))
})

describe("scopes that keep their sum only", () => {
  const stream = OpenRouter.streamText({ model, input: "Hi" }).pipe(CostLedger.scope("Ann"))

  it.effect("are given to effects and streams, and refine what encloses them", () =>
    Effect.gen(function*() {
      const { report } = yield* bookedBy(
        Effect.all([
          Stream.runDrain(stream.pipe(CostLedger.scope("tick 1", { keep: "sum" }))),
          ask().pipe(CostLedger.scope("Ann"), CostLedger.scope("tick 2", { keep: "sum" })),
          ask().pipe(CostLedger.scope("Bob"), CostLedger.scope("tick 3", { keep: "all" }))
        ]).pipe(CostLedger.scope("run"))
      )
      const shape = (
        { inside = [], name, scopes }: CostLedger.ScopeReport
      ): unknown => [name, ...scopes.map(shape), inside.map(shape)]
      assert.deepStrictEqual(shape(report.scopes[0] ?? report), [
        "run",
        ["tick 1", []],
        ["tick 2", []],
        ["tick 3", ["Bob", []], []],
        [["Ann", []]]
      ])
      assert.strictEqual(CostLedger.byName(report).scopes.find(({ name }) => name === "Ann")?.calls, 2)
    }).pipe(Effect.provide(emulated())))
})

describe("a soak", () => {
  const call: Admission.Call = {
    name: "respond",
    model,
    request: undefined,
    isBillable: true,
    account: "test",
    startedAt: t0,
    maxWait: 0,
    scopes: [],
    tags: {}
  }

  it.effect(
    "of 200,000 attempts gives as many entries, whose costs are those of the ledger",
    () =>
      Effect.gen(function*() {
        const ledger = yield* CostLedger.make()
        const costs = Array.from(
          { length: 89 },
          (_, n) => Costs.ofUsage({ cost: Usd.fromNumber(Number(`${7 * n}e-9`)) }, { failed: false, billed: true })
        )
        const attempts = Effect.gen(function*() {
          const [admission] = yield* Admission.CurrentAdmissions
          if (admission === undefined) return
          for (let n = 0; n < 200_000; n++) {
            const scopes = [`who ${n % 10_000}`]
            const settle = yield* admission.admit({ call: { ...call, scopes }, number: 1, startedAt: t0 })
            yield* settle({
              _tag: "Sent",
              exit: Exit.succeed({}),
              costs: costs[n % 89] ?? Costs.zero,
              generationId: undefined,
              sentAt: t0,
              firstOutputAt: undefined,
              endedAt: t0 + 1
            })
            if (n % 500 === 0) yield* Effect.yieldNow
          }
        })
        let entries = 0
        let dropped = 0
        let exact = BigDecimal.fromBigInt(0n)
        yield* CostLedger.followed(
          attempts,
          ledger,
          Stream.runForEachArray((lines) =>
            Effect.sync(() => {
              for (const line of lines) {
                if (line._tag === "Dropped") dropped += line.count
                else {
                  entries++
                  exact = BigDecimal.sum(
                    exact,
                    line.cost === undefined ? BigDecimal.fromBigInt(-1n) : Usd.toDecimal(line.cost)
                  )
                }
              }
            })
          )
        )
        const report = yield* ledger.report
        assert.deepStrictEqual([entries, dropped, report.calls, report.scopes.length], [200_000, 0, 200_000, 10_000])
        assert.deepStrictEqual(report.cost, Usd.fromDecimal(exact))
      }),
    30_000
  )
})

describe("reconcile", () => {
  const unknownFirst = bookedBy(ask().pipe(CostLedger.scope("Ann"), CostLedger.tag({ user: "u-1" })))

  it.effect("waits until there is a record, and puts its costs in place of the unknown ones", () =>
    Effect.gen(function*() {
      const { ledger, report } = yield* unknownFirst
      assert.deepStrictEqual(report.unknownCalls.map(({ generationId }) => generationId), ["gen-1"])
      const result = yield* Meter.patiently(CostLedger.reconcile(ledger))
      assert.deepStrictEqual(result, { corrected: 1, left: [] })
      const corrected = yield* ledger.report
      assert.deepStrictEqual(corrected.unknownCalls, [])
      for (const scope of [corrected, corrected.scopes[0], CostLedger.by(corrected, "user").scopes[0]]) {
        const { calls, cost, inputTokens, outputTokens, unknown, upstreamCost } = scope ?? CostLedger.zero
        assert.deepStrictEqual(
          [calls, unknown, `${cost}`, `${upstreamCost}`, inputTokens, outputTokens],
          [1, 0, "$0.25", "$2.00", 12, 34]
        )
      }
      assert.deepStrictEqual(yield* CostLedger.reconcile(ledger), { corrected: 0, left: [] })
    }).pipe(Effect.provide(scripted([
      withId("gen-1"),
      failure(404),
      failure(404),
      failure(404),
      generation("gen-1", {
        total_cost: 0.25,
        is_byok: true,
        upstream_inference_cost: 2,
        native_tokens_prompt: 12,
        native_tokens_completion: 34
      })
    ]))))

  it.effect("leaves what has no record, or one without a cost, as it is", () =>
    Effect.gen(function*() {
      const { ledger } = yield* bookedBy(Effect.all([ask(), ask()]))
      const { corrected, left } = yield* Meter.patiently(
        CostLedger.reconcile(ledger, { maxWait: "5 seconds", concurrency: 1 })
      )
      assert.strictEqual(corrected, 0)
      assert.deepStrictEqual(left.map(({ error, generationId }) => [generationId, error?._tag]), [
        ["gen-1", undefined],
        ["gen-2", "GenerationNotFound"]
      ])
      assert.strictEqual((yield* ledger.report).unknownCalls.length, 2)
    }).pipe(Effect.provide(scripted([
      withId("gen-1"),
      withId("gen-2"),
      generation("gen-1", {}),
      failure(404)
    ]))))

  it.effect("fails where every question would", () =>
    Effect.gen(function*() {
      const { ledger } = yield* unknownFirst
      assert.strictEqual((yield* Effect.flip(CostLedger.reconcile(ledger)))._tag, "InvalidApiKey")
    }).pipe(Effect.provide(scripted([withId("gen-1"), failure(401)]))))

  it.effect("tells the enclosing ledgers as well, each once", () =>
    Effect.gen(function*() {
      const outer = yield* CostLedger.make()
      const { inner } = yield* outer.run(Effect.gen(function*() {
        const inner = yield* CostLedger.make()
        yield* inner.run(ask())
        yield* inner.run(CostLedger.reconcile(inner))
        return { inner }
      }))
      for (const ledger of [outer, inner]) assert.deepStrictEqual(figures(yield* ledger.report), [1, 0, 0, "$0.50"])
    }).pipe(Effect.provide(scripted([withId("gen-1"), generation("gen-1", { total_cost: 0.5 })]))))
})

describe("interruption", () => {
  const streamed = (model: string) => Stream.runDrain(OpenRouter.stream({ model, input: "Tell me a long story." }))

  it.effect("at any stage leaves known, reconciled or listed calls, and nothing else", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const ledger = yield* CostLedger.make()
      const lines: Array<CostLedger.Line> = []
      const named = <A, E, R>(model: string, call: (model: string) => Effect.Effect<A, E, R>) =>
        CostLedger.scope(Effect.exit(call(model)), model)
      const cut = (millis: number) =>
        Effect.all([
          Effect.timeoutOption(named("emulator/stream-slow-20", streamed), millis),
          Effect.timeoutOption(
            named("emulator/slow-300", (model) => askFor(model, "Tell me a long story.")),
            millis * 10
          )
        ], { concurrency: 2 })
      yield* Meter.patiently(
        Effect.forEach(Array.from({ length: 50 }, (_, n) => n), cut).pipe(
          RetryPolicy.with(RetryPolicy.none),
          CostLedger.followed(ledger, Stream.runForEach((line) => Effect.sync(() => lines.push(line))))
        )
      )
      const entries = lines.filter((line) => line._tag === "Entry")
      const before = yield* ledger.report
      assert.strictEqual(before.calls, entries.length)
      const unknown = entries.filter(({ costs }) => costs.unknown > 0)
      const listed = unknown.filter(({ generationId }) => generationId !== undefined)
      assert.isAbove(listed.length, 10)
      assert.isAbove(unknown.length - listed.length, 10)
      assert.strictEqual(before.unknown, unknown.length)
      assert.deepStrictEqual(
        before.unknownCalls.map(({ generationId }) => generationId),
        listed.map(({ generationId }) => generationId)
      )
      const { corrected, left } = yield* Meter.patiently(CostLedger.reconcile(ledger))
      assert.deepStrictEqual([corrected, left], [listed.length, []])
      const after = yield* ledger.report
      assert.strictEqual(after.unknown, unknown.length - listed.length)
      // What the server charged and nobody saw: the same questions cost the same each time.
      const books = yield* emulator.ledger
      const known = entries.filter(({ generationId }) => generationId !== undefined)
      assert.strictEqual(books.calls - known.length, unknown.length - listed.length)
      for (const { calls, cost, model } of books.accounts) {
        const unseen = calls - known.filter((entry) => entry.model === model).length
        const booked = after.scopes.find(({ name }) => name === model) ?? CostLedger.zero
        const missing = Usd.subtract(Usd.fromDecimal(cost), booked.cost)
        assert.deepStrictEqual(Usd.multiply(missing, calls), Usd.multiply(Usd.fromDecimal(cost), unseen))
      }
    }).pipe(Effect.provide(emulated())))
})

it.effect("a test client is booked like any other", () =>
  Effect.gen(function*() {
    const { entries } = yield* bookedBy(ask())
    assert.deepStrictEqual(entries.map(({ cost, outcome }) => `${outcome} ${cost}`), ["Completed $0.30"])
  }).pipe(Effect.provide(OpenRouterTest.layer(() =>
    OpenRouterTest.answer({ text: "Bread.", usage: { cost: Usd.make("0.30") } })
  ))))
