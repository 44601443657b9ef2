import { assert, describe, it } from "@effect/vitest"
import {
  type Cause,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Option,
  Random,
  Redacted,
  References,
  Schedule,
  Schema,
  Stream
} from "effect"
import {
  Admission,
  CostLedger,
  Costs,
  Deadlines,
  OpenRouter,
  OpenRouterError,
  RetryPolicy,
  StreamEvent,
  Usd
} from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import { inspect } from "node:util"
import * as S from "../stream/support.ts"
import * as Meter from "./meter.ts"
import { apiKey, ask, askFor, atT0, emulated, model, ok, scripted, served, t0 } from "./support.ts"

const { Reply } = Emulator

const input = "Hello to you all, and to everybody else."

const streamOf = (model: string) => OpenRouter.stream({ model, input })

const account = createHash("sha256").update(Redacted.value(apiKey)).digest("hex").slice(0, 12)

const refused = new OpenRouterError.BudgetExceeded({
  message: "no money",
  limit: Usd.zero,
  spent: Usd.zero,
  unknown: Usd.zero,
  reserved: Usd.zero,
  scope: "tick"
})

/** The same calls by every way, and how their attempts end. */
const calls: ReadonlyArray<
  readonly [name: string, call: Effect.Effect<unknown, unknown, OpenRouter.OpenRouter>, ends: ReadonlyArray<string>]
> = [
  ["an answer", ask(), ["Completed"]],
  ["a truncated answer", askFor("emulator/incomplete"), ["Incomplete"]],
  ["a refusal", askFor("emulator/refusal"), ["Refused"]],
  ["a failed answer", askFor("emulator/failed-invalid_prompt"), ["InvalidRequest"]],
  ["a failure", askFor("emulator/status-400"), ["InvalidRequest"]],
  ["an unreadable answer", askFor("emulator/html"), ["MalformedResponse"]],
  ["a retry", askFor("emulator/flaky-503"), ["ProviderOverloaded", "Completed"]],
  ["every retry of a call that gives up", askFor("emulator/status-503"), Array(5).fill("ProviderOverloaded")],
  ["broken connections", askFor("emulator/disconnect"), Array(5).fill("ConnectionFailed")],
  ["an answer of embeddings", OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input }), ["answered"]],
  ["an answer of a plain endpoint", OpenRouter.models(), ["answered"]],
  ["a failure of a plain endpoint", OpenRouter.generation("gen-nowhere"), ["ModelUnavailable"]],
  ["a stream", Stream.runDrain(streamOf(model)), ["Completed"]],
  ["a stream that is repeated", Stream.runDrain(streamOf("emulator/flaky-503")), ["ProviderOverloaded", "Completed"]],
  ["a stream that fails at once", Stream.runDrain(streamOf("emulator/status-400")), ["InvalidRequest"]],
  ["a stream that fails in the end", Stream.runDrain(streamOf("emulator/stream-error")), ["ServerError"]],
  ["a stream that is cut", Stream.runDrain(streamOf("emulator/stream-cut")), ["StreamInterrupted"]],
  ["a stream whose connection breaks", Stream.runDrain(streamOf("emulator/stream-reset")), ["ConnectionFailed"]],
  ["a stream that is answered with JSON", Stream.runDrain(streamOf("emulator/stream-json")), ["Completed"]],
  ["a stream left early", Stream.runDrain(Stream.take(streamOf("emulator/stream-slow-20"), 3)), ["interrupted"]],
  [
    "a stream left at its last event",
    Stream.runDrain(Stream.takeUntil(streamOf(model), StreamEvent.isTerminal)),
    ["Completed"]
  ],
  [
    "a stream whose consumer fails",
    OpenRouter.streamOutcome({ model: "emulator/stream-slow-20", input }, () => Effect.fail("full")),
    ["interrupted"]
  ],
  ["a call that is interrupted", Effect.timeoutOption(askFor("emulator/hang"), "100 millis"), ["interrupted"]],
  [
    "a stream that is interrupted",
    Effect.timeoutOption(Stream.runDrain(streamOf("emulator/stream-stall")), "100 millis"),
    ["interrupted"]
  ],
  [
    "a call that is interrupted between its attempts",
    Effect.timeoutOption(
      askFor("emulator/status-503").pipe(RetryPolicy.with(RetryPolicy.make({ base: "1 hour", cap: "1 hour" }))),
      "100 millis"
    ),
    ["ProviderOverloaded"]
  ],
  ["a call that is too late", Deadlines.with(askFor("emulator/hang"), { response: "100 millis" }), ["TimedOut"]],
  [
    "a stream that is too late",
    Stream.runDrain(streamOf("emulator/stream-stall")).pipe(Deadlines.with({ idle: "100 millis" })),
    ["TimedOut"]
  ]
]

describe("each attempt is seen once", () => {
  it.effect.each(calls)("%s", ([_, call, ends]) =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(Meter.metered(call))
      assert.deepStrictEqual(Meter.words(seen), ends)
      assert.strictEqual(yield* (yield* Emulator.Emulator).openRequests, 0)
    }).pipe(Effect.provide(emulated())))

  /** Like the default, without its waits. */
  const quick = RetryPolicy.with(RetryPolicy.fromSchedule(
    Schedule.spaced("1 millis").pipe(
      Schedule.setInputType<OpenRouterError.OpenRouterError>(),
      Schedule.while(({ input }) => input.isRetryable),
      Schedule.upTo({ times: 4 })
    )
  ))

  it.live.each(["fetch", "dispatch"] as const)(
    "also over a socket: %s",
    (over) =>
      Effect.forEach(calls, ([name, call, ends]) =>
        Effect.map(
          Meter.metered(name.startsWith("a call that is interrupted between") ? call : quick(call)),
          ({ seen }) => {
            assert.deepStrictEqual(Meter.words(seen), ends, name)
          }
        )).pipe(Effect.provide(served({}, over))),
    30_000
  )

  it.effect("of a client without a key: not sent", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.metered(Effect.all([
        Effect.exit(ask()),
        Effect.exit(Stream.runDrain(streamOf(model))),
        Effect.exit(OpenRouter.key)
      ]))
      assert.deepStrictEqual(Meter.words(seen), Array(3).fill("not sent: InvalidApiKey"))
    }).pipe(Effect.provide(OpenRouter.layer({}).pipe(Layer.provide(FetchHttpClient.layer)))))

  it.effect.each<
    readonly [
      string,
      Effect.Effect<unknown, OpenRouterError.OpenRouterError | OpenRouter.ObjectError, OpenRouter.OpenRouter>
    ]
  >([
    ["a request for no model", OpenRouter.respond({ model: "", input })],
    ["a stream of no model", Stream.runDrain(streamOf(""))],
    ["embeddings of half a character", OpenRouter.embeddings({ model, input: "\ud83d" })],
    ["an impossible header", OpenRouter.withHeaders(ask(), { "x-note": "one\ntwo" })],
    ["an impossible header of a stream", Stream.runDrain(OpenRouter.withHeaders(streamOf(model), { "": "one" }))],
    ["an impossible header of an endpoint", OpenRouter.withHeaders(OpenRouter.key, { "x note": "one" })],
    ["a schema that cannot be asked for", OpenRouter.respondObject({ model, input, schema: Schema.Unknown })]
  ])("none of what is invalid here: %s", ([_, call]) =>
    Effect.gen(function*() {
      const { exit, seen } = yield* Meter.metered(call)
      assert.strictEqual(Meter.wordOf(exit), "InvalidRequest")
      assert.deepStrictEqual(seen, [])
      assert.deepStrictEqual(yield* (yield* Emulator.Emulator).requests, [])
    }).pipe(Effect.provide(emulated())))

  it.effect("of a test client, which does not repeat", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.metered(Effect.all([
        Effect.exit(ask()),
        Effect.exit(ask()),
        Effect.exit(Stream.runDrain(streamOf(model))),
        Effect.exit(Stream.runDrain(Stream.take(streamOf(model), 1))),
        Effect.exit(OpenRouter.key)
      ]))
      assert.deepStrictEqual(Meter.words(seen), [
        "Completed",
        "ProviderUnavailable",
        "StreamInterrupted",
        "interrupted",
        "answered"
      ])
      assert.deepStrictEqual(seen.map(({ attempt: { call } }) => [call.name, call.account, call.isBillable]), [
        ["respond", "test", true],
        ["respond", "test", true],
        ["stream", "test", true],
        ["stream", "test", true],
        ["key", "test", false]
      ])
    }).pipe(Effect.provide(OpenRouterTest.layer([
      "Hi",
      new OpenRouterError.ProviderUnavailable({ message: "down" }),
      new OpenRouterError.StreamInterrupted({ message: "gone", partialText: "H" }),
      "Hello to you"
    ]))))
})

describe("what an attempt says", () => {
  it.effect("of a call: its request as it is sent, its place, and whose key it is", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(Meter.metered(
        Effect.delay(ask("Hi"), "5 seconds").pipe(
          OpenRouter.withDefaults({ temperature: 0.5, model: "openai/gpt-4o" }),
          CostLedger.tag({ user: "u-17", tier: "free" }),
          CostLedger.scope("Ann"),
          CostLedger.tag({ user: "nobody", run: "r-1" }),
          CostLedger.scope("tick 1")
        )
      ))
      const [only] = seen
      assert.lengthOf(seen, 1)
      const { prices, ...call } = only?.attempt.call ?? assert.fail("there is none")
      assert.isDefined(prices)
      assert.deepStrictEqual(call, {
        name: "respond",
        model,
        request: { model, input: "Hi", temperature: 0.5 },
        isBillable: true,
        account,
        startedAt: t0 + 5000,
        maxWait: 120_000,
        scopes: ["tick 1", "Ann"],
        tags: { user: "u-17", tier: "free", run: "r-1" }
      })
      assert.match(only?.attempt.call.account ?? "", /^[0-9a-f]{12}$/)
      assert.deepStrictEqual([only?.attempt.number, only?.attempt.startedAt], [1, t0 + 5000])
      assert.isFalse(inspect(seen, { depth: null, showHidden: true }).includes(Redacted.value(apiKey)))
    }).pipe(Effect.provide(emulated())))

  it.effect("of a stream, of embeddings, and of an endpoint that costs nothing", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.metered(
        Effect.gen(function*() {
          yield* Stream.runDrain(OpenRouter.stream({ models: ["openai/gpt-4o", model], input }))
          yield* OpenRouter.embeddings({ model: "openai/text-embedding-3-small", input })
          yield* OpenRouter.models()
        }).pipe(CostLedger.scope("town"))
      )
      assert.deepStrictEqual(
        seen.map(({ attempt: { call } }) => [call.name, call.model, call.isBillable, call.request?.input, call.scopes]),
        [
          ["stream", "openai/gpt-4o", true, input, ["town"]],
          ["embeddings", "openai/text-embedding-3-small", true, undefined, ["town"]],
          ["models", undefined, false, undefined, ["town"]]
        ]
      )
      const costs = seen.map(({ ends: [ended] }) => ended?._tag === "Sent" ? ended.costs : undefined)
      assert.deepStrictEqual(costs.map((costs) => costs?.calls), [1, 1, 0])
      assert.isTrue(costs.every((costs) => costs !== undefined && costs.unknown === 0))
      const { total } = yield* (yield* Emulator.Emulator).ledger
      const sum = costs.reduce((sum, costs) => Usd.sum(sum, costs?.cost ?? Usd.zero), Usd.zero)
      assert.strictEqual(Usd.toText(sum), Usd.toText(Usd.fromDecimal(total)))
    }).pipe(Effect.provide(emulated())))

  it.effect("of repeats: one call, which began once, and attempts that count from 1", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(Meter.metered(Effect.all([ask("one"), ask("two")])))
      assert.deepStrictEqual(seen.map(({ attempt }) => attempt.number), [1, 2, 3, 1])
      const [first, second, third, other] = seen.map(({ attempt }) => attempt)
      assert.isTrue(first?.call === second?.call && second?.call === third?.call)
      assert.isFalse(third?.call === other?.call)
      assert.strictEqual(first?.startedAt, t0)
      // A `retry-after` of five seconds, plus a spread of at most five percent.
      const waits = [(second?.startedAt ?? 0) - t0, (third?.startedAt ?? 0) - (second?.startedAt ?? 0)]
      for (const wait of waits) assert.isTrue(wait >= 5000 && wait <= 5250, String(wait))
      assert.strictEqual(third?.call.startedAt, t0)
    }).pipe(Effect.provide(emulated({
      rules: [{ when: { textIncludes: "one" }, times: 2, reply: Reply.failure(503, { retryAfter: "5 seconds" }) }]
    }))))

  it.effect("of its place may be a stream that a function gives", () =>
    Effect.gen(function*() {
      const story = (name: string) => CostLedger.tag(CostLedger.scope(streamOf(model), name), { name })
      const ledger = yield* CostLedger.make()
      const { admission, seen } = Meter.make()
      yield* Stream.runDrain(Admission.with(ledger.run(story("Ann")), admission))
      assert.deepStrictEqual(seen.map(({ attempt: { call } }) => [call.scopes, call.tags]), [[["Ann"], {
        name: "Ann"
      }]])
      assert.deepStrictEqual((yield* ledger.report).scopes.map(({ calls, name }) => [name, calls]), [["Ann", 1]])
    }).pipe(Effect.provide(emulated())))
})

describe("what an end says", () => {
  const sentOf = (ended: Admission.Ended | undefined): Admission.Sent =>
    ended?._tag === "Sent" ? ended : assert.fail(`expected one that was sent, not ${ended?._tag}`)

  it.effect("of an answer: its cost, its id and its times", () =>
    Effect.gen(function*() {
      const { exit, seen } = yield* Meter.patiently(Meter.metered(ask(input)))
      const outcome = Exit.isSuccess(exit) ? exit.value : assert.fail(Meter.wordOf(exit))
      const ended = sentOf(seen[0]?.ends[0])
      assert.deepStrictEqual(ended.exit, Exit.succeed(outcome))
      assert.deepStrictEqual(ended.costs, Costs.ofOutcome(outcome))
      assert.isDefined(outcome.cost)
      assert.strictEqual(ended.generationId, outcome.generationId)
      assert.match(ended.generationId ?? "", /^gen-/)
      assert.deepStrictEqual([ended.sentAt, ended.firstOutputAt, ended.endedAt], [t0, undefined, t0 + 7000])
    }).pipe(Effect.provide(emulated({ latency: "7 seconds" }))))

  it.effect("of a stream: also when its first piece came, stages not counted", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(Meter.metered(Stream.runDrain(OpenRouter.stream(S.request))))
      const ended = sentOf(seen[0]?.ends[0])
      // Headers after 3 s, `created` 4 s later, `in_progress` and then the first item a second later each.
      assert.deepStrictEqual([ended.sentAt, ended.firstOutputAt], [t0, t0 + 9000])
      assert.strictEqual(ended.endedAt, t0 + 7000 + (S.eventCount - 1) * 1000)
      assert.strictEqual(ended.costs.calls, 1)
      assert.match(ended.generationId ?? "", /^gen-/)
    }).pipe(Effect.provide(emulated({
      latency: "3 seconds",
      ...S.saying({ firstDelay: "4 seconds", eventDelay: "1 second" })
    }))))

  it.effect("of a stream left early: an unknown cost, and the id of the generation to ask for", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(
        Meter.metered(Stream.runDrain(Stream.take(OpenRouter.stream(S.request), 4)))
      )
      const ended = sentOf(seen[0]?.ends[0])
      assert.deepStrictEqual(ended.costs, Costs.interrupted)
      assert.match(ended.generationId ?? "", /^gen-/)
      assert.deepStrictEqual([ended.firstOutputAt, ended.endedAt], [t0 + 2000, t0 + 3000])
    }).pipe(Effect.provide(emulated(S.saying({ eventDelay: "1 second" })))))

  it.effect("of an interrupted call: an unknown cost", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.patiently(Meter.metered(Effect.timeoutOption(askFor("emulator/hang"), "8 seconds")))
      const ended = sentOf(seen[0]?.ends[0])
      assert.deepStrictEqual(ended.costs, Costs.interrupted)
      assert.deepStrictEqual([ended.sentAt, ended.endedAt], [t0, t0 + 8000])
    }).pipe(Effect.provide(emulated())))

  it.effect("of a failure that is not billed: a call without cost, and its id", () =>
    Effect.gen(function*() {
      const { seen } = yield* Meter.metered(Effect.exit(askFor("emulator/status-400")))
      const ended = sentOf(seen[0]?.ends[0])
      assert.deepStrictEqual(ended.costs, { ...Costs.zero, calls: 1, failures: 1 })
    }).pipe(Effect.provide(emulated())))

  it.effect("of an answer whose body alone tells the id: that id", () =>
    Effect.gen(function*() {
      const { exit, seen } = yield* Meter.metered(ask())
      assert.strictEqual(Exit.isSuccess(exit) ? exit.value.generationId : undefined, "gen-7")
      assert.strictEqual(sentOf(seen[0]?.ends[0]).generationId, "gen-7")
    }).pipe(Effect.provide(scripted([ok({ id: "gen-7" })]))))

  it.effect("of a stream whose events alone tell the id: that id, also when it is left early", () =>
    Effect.gen(function*() {
      const whole = yield* Meter.metered(Stream.runDrain(OpenRouter.stream(S.request)))
      const left = yield* Meter.metered(Stream.runDrain(Stream.take(OpenRouter.stream(S.request), 2)))
      assert.strictEqual(sentOf(whole.seen[0]?.ends[0]).generationId, "gen-2")
      assert.strictEqual(sentOf(left.seen[0]?.ends[0]).generationId, "gen-2")
    }).pipe(Effect.provide(S.answering([
      () =>
        new Response(S.created + S.delta("Once") + S.completed("Once"), {
          headers: { "content-type": "text/event-stream" }
        })
    ]))))

  it.effect("of a call of a test client: the cost of the reply, and its id", () =>
    Effect.gen(function*() {
      const { exit, seen } = yield* Meter.metered(ask())
      const outcome = Exit.isSuccess(exit) ? exit.value : assert.fail(Meter.wordOf(exit))
      const ended = sentOf(seen[0]?.ends[0])
      assert.strictEqual(Usd.toText(ended.costs.cost), "0.25")
      assert.strictEqual(ended.generationId, outcome.generationId)
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.answer({
        text: "Hi",
        usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2, cost: usd("0.25") }
      })
    ))))
})

const usd = (text: string) => Option.getOrElse(Usd.fromString(text), () => Usd.zero)

/** An admission that writes down when it is asked and told; `admit` and `settle` may do more. */
const noting = (
  log: Array<string>,
  name: string,
  stage: Admission.Stage,
  more: {
    readonly admit?: Effect.Effect<void, OpenRouterError.RequestError>
    readonly settle?: Admission.Settle
  } = {}
): Admission.Admission => ({
  stage,
  admit: () => {
    const settle: Admission.Settle = (ended) => {
      log.push(ended._tag === "Sent" ? name : `${name}: not sent`)
      return more.settle?.(ended) ?? Effect.void
    }
    return Effect.sync(() => log.push(`${name}?`)).pipe(
      Effect.andThen(more.admit ?? Effect.void),
      Effect.as(settle)
    )
  }
})

/** The first one is the outermost. */
const through =
  (...admissions: ReadonlyArray<Admission.Admission>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    admissions.reduceRight<Effect.Effect<A, E, R>>((self, admission) => Admission.with(self, admission), self)

const ways: ReadonlyArray<
  readonly [string, Effect.Effect<string, OpenRouter.StreamError | OpenRouterError.AnswerError, OpenRouter.OpenRouter>]
> = [
  ["a plain call", Effect.map(ask(), ({ text }) => text)],
  ["a stream", Stream.mkString(OpenRouter.streamText({ model, input: "Hello" }))],
  ["an endpoint", Effect.as(OpenRouter.models(), "")]
]

describe("admissions", () => {
  it.effect.each(ways)(
    "are asked reserve, wait, observe, outer before inner, and told in reverse: %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const order = ["o1", "w1", "r1", "o2", "r2", "w2"] as const
        const stages = { o: "observe", w: "wait", r: "reserve" } as const
        const admissions = order.map((name) =>
          noting(log, name, stages[name.startsWith("o") ? "o" : name.startsWith("w") ? "w" : "r"])
        )
        yield* through(...admissions)(call)
        const asked = ["r1", "r2", "w1", "w2", "o1", "o2"]
        assert.deepStrictEqual(log, [...asked.map((name) => `${name}?`), ...asked.toReversed()])
      }).pipe(Effect.provide(emulated()))
  )

  it.effect.each(ways)("that refuse end the attempt unsent: %s", ([_, call]) =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { admission, seen } = Meter.make("reserve")
      const exit = yield* call.pipe(
        through(
          admission,
          noting(log, "r", "reserve"),
          noting(log, "w", "wait", { admit: Effect.fail(refused) }),
          noting(log, "o", "observe")
        ),
        Effect.exit
      )
      assert.strictEqual(Option.getOrUndefined(Exit.findErrorOption(exit)), refused)
      assert.deepStrictEqual(log, ["r?", "w?", "r: not sent"])
      assert.deepStrictEqual(Meter.words(seen), ["not sent: BudgetExceeded"])
      const [ended] = seen.flatMap(({ ends }) => ends)
      assert.strictEqual(ended && Option.getOrUndefined(Exit.findErrorOption(ended.exit)), refused)
      assert.deepStrictEqual(yield* (yield* Emulator.Emulator).requests, [])
    }).pipe(Effect.provide(emulated())))

  it.effect.each(ways)(
    "that die end the attempt unsent, and those before are told: %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const { admission, seen } = Meter.make("reserve")
        const exit = yield* call.pipe(
          through(admission, noting(log, "w", "wait", { admit: Effect.die("broken") }), noting(log, "o", "observe")),
          Effect.exit
        )
        assert.strictEqual(Meter.wordOf(exit), "died")
        assert.deepStrictEqual(log, ["w?"])
        assert.deepStrictEqual(Meter.words(seen), ["not sent: died"])
      }).pipe(Effect.provide(emulated()))
  )

  it.effect.each(ways)(
    "that refuse with what may pass are asked again as the policy says: %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const { admission, seen } = Meter.make("reserve")
        const busy = new OpenRouterError.ProviderOverloaded({ message: "busy" })
        const gate: Admission.Admission = {
          stage: "wait",
          admit: ({ number }) => number < 3 ? Effect.fail(busy) : Effect.succeed(() => Effect.void)
        }
        const exit = yield* Meter.patiently(Effect.exit(through(admission, gate)(call)))
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(seen.map(({ attempt }) => attempt.number), [1, 2, 3])
        assert.deepStrictEqual(
          seen.map(({ ends }) => ends.map(({ _tag }) => _tag)),
          [["NotSent"], ["NotSent"], ["Sent"]]
        )
        assert.lengthOf(yield* (yield* Emulator.Emulator).requests, 1)
      }).pipe(Effect.provide(emulated()))
  )

  it.effect.each(ways)("whose wait is interrupted return at once, unsent: %s", ([_, call]) =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const { admission, seen } = Meter.make("reserve")
      const fiber = yield* call.pipe(
        through(admission, noting(log, "w", "wait", { admit: Effect.never }), noting(log, "o", "observe")),
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(log, ["w?"])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(Meter.words(seen), ["not sent: interrupted"])
      assert.deepStrictEqual(log, ["w?"])
      assert.deepStrictEqual(yield* (yield* Emulator.Emulator).requests, [])
    }).pipe(Effect.provide(emulated())))

  it.effect.each(ways)(
    "whose wait outlasts the call's total deadline are unsent, timed out: %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const { admission, seen } = Meter.make("reserve")
        yield* atT0
        const fiber = yield* call.pipe(
          through(admission, noting(log, "w", "wait", { admit: Effect.sleep("1 hour") })),
          Deadlines.with({ total: "20 seconds" }),
          Effect.flip,
          Effect.forkChild({ startImmediately: true })
        )
        yield* TestClock.adjust("19 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        const error = yield* Fiber.join(fiber)
        assert.deepStrictEqual(error._tag === "TimedOut" ? [error.phase, error.attempts] : [error._tag], ["total", 0])
        assert.deepStrictEqual(Meter.words(seen), ["not sent: TimedOut"])
        assert.deepStrictEqual(yield* (yield* Emulator.Emulator).requests, [])
      }).pipe(Effect.provide(emulated()))
  )

  it.effect.each(ways)("may wait longer than the deadline of an exchange: %s", ([_, call]) =>
    Effect.gen(function*() {
      const wait = noting([], "w", "wait", { admit: Effect.sleep("20 minutes") })
      const exit = yield* Meter.patiently(
        Effect.exit(
          through(wait)(call).pipe(Deadlines.with({ response: "1 second", firstEvent: "1 second", idle: "1 second" }))
        )
      )
      assert.isTrue(Exit.isSuccess(exit))
    }).pipe(Effect.provide(emulated())))

  const broken: ReadonlyArray<readonly [string, Admission.Settle]> = [
    ["dies", () => Effect.die("broken")],
    ["throws", () => {
      throw new Error("broken")
    }],
    ["interrupts itself", () => Effect.interrupt],
    ["takes a minute", () => Effect.sleep("1 minute")]
  ]

  it.effect.each(ways.flatMap(([way, call]) => broken.map(([name, settle]) => [name, way, call, settle] as const)))(
    "one whose settle %s keeps neither the answer nor the others from being told: %s",
    ([_, way, call, settle]) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const admissions = [
          noting(log, "1", "observe"),
          noting(log, "2", "observe", { settle }),
          noting(log, "3", "observe")
        ]
        const text = yield* Meter.patiently(through(...admissions)(call)).pipe(
          Effect.provide(Logger.layer([]))
        )
        if (way !== "an endpoint") assert.isAbove(text.length, 0)
        assert.deepStrictEqual(log, ["1?", "2?", "3?", "3", "2", "1"])
      }).pipe(Effect.provide(emulated()))
  )

  it.effect("say in the log which of them failed to take note", () =>
    Effect.gen(function*() {
      const causes: Array<Cause.Cause<unknown>> = []
      const logger = Logger.make<unknown, void>(({ cause, logLevel }) => {
        if (logLevel === "Error") causes.push(cause)
      })
      yield* ask().pipe(
        Admission.with(noting([], "1", "observe", { settle: () => Effect.die("broken books") })),
        Effect.provide(Logger.layer([logger]))
      )
      assert.lengthOf(causes, 1)
      assert.include(inspect(causes[0], { depth: null }), "broken books")
    }).pipe(Effect.provide(emulated())))

  it.effect.each(ways)(
    "are all told when the caller is interrupted while one of them takes its time: %s",
    ([_, call]) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const fiber = yield* call.pipe(
          through(
            noting(log, "1", "observe"),
            noting(log, "2", "observe", { settle: () => Effect.sleep("4 seconds") }),
            noting(log, "3", "observe")
          ),
          Effect.forkChild({ startImmediately: true })
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(log.slice(3), ["3", "2"])
        const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(interrupting)
        assert.deepStrictEqual(log.slice(3), ["3", "2", "1"])
      }).pipe(Effect.provide(emulated()))
  )

  it.effect.each(ways)("do not hold up a paid answer for ever: %s", ([_, call]) =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const fiber = yield* call.pipe(
        through(
          noting(log, "1", "observe"),
          noting(log, "2", "observe", { settle: () => Effect.never }),
          noting(log, "3", "observe")
        ),
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("6 seconds")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(log.slice(3), ["3", "2", "1"])
    }).pipe(Effect.provide(emulated())))

  it.effect("see the forked calls of a program as well, and none outside of it", () =>
    Effect.gen(function*() {
      const { admission, seen } = Meter.make()
      yield* ask("before")
      yield* Admission.with(
        Effect.gen(function*() {
          const child = yield* Effect.forkChild(ask("child"))
          const detached = yield* Effect.forkDetach(ask("detached"))
          yield* Fiber.join(child)
          yield* Fiber.join(detached)
        }),
        admission
      )
      yield* ask("after")
      assert.deepStrictEqual(seen.map(({ attempt }) => attempt.call.request?.input).sort(), ["child", "detached"])
    }).pipe(Effect.provide(emulated())))

  it.effect("each count, however often they are added", () =>
    Effect.gen(function*() {
      const { admission, seen } = Meter.make()
      yield* ask().pipe(Admission.with(admission), Admission.with(admission))
      assert.deepStrictEqual(Meter.words(seen), ["Completed", "Completed"])
    }).pipe(Effect.provide(emulated())))

  it.effect("with one owner count once: the outermost", () =>
    Effect.gen(function*() {
      const owner = {}
      const outer = Meter.make()
      const inner = Meter.make()
      const other = Meter.make()
      yield* ask().pipe(
        Admission.with({ ...inner.admission, owner }),
        Admission.with({ ...other.admission, owner: {} }),
        Admission.with({ ...outer.admission, owner })
      )
      assert.deepStrictEqual([outer, inner, other].map(({ seen }) => seen.length), [1, 0, 1])
    }).pipe(Effect.provide(emulated())))

  it.effect("are told what a call of unknown cost really cost", () =>
    Effect.gen(function*() {
      const corrections: Array<readonly [string, string, number]> = []
      const correcting = (name: string): Admission.Admission => ({
        stage: "observe",
        admit: () => Effect.succeed(() => Effect.void),
        correct: (generationId, { calls }) => Effect.sync(() => void corrections.push([name, generationId, calls]))
      })
      const silent: Admission.Admission = { stage: "observe", admit: () => Effect.succeed(() => Effect.void) }
      const correct = Admission.correct("gen-1", { ...Costs.zero, calls: 1 })
      yield* correct
      yield* correct.pipe(through(correcting("outer"), silent, correcting("inner")))
      assert.deepStrictEqual(corrections, [["outer", "gen-1", 1], ["inner", "gen-1", 1]])
    }))
})

describe("a correction", () => {
  it.effect.each<readonly [string, () => Effect.Effect<void>]>([["dies", () => Effect.die("broken")], ["throws", () => {
    throw new Error("broken")
  }]])("that %s in one admission is told to the others", ([_, correct]) =>
    Effect.gen(function*() {
      const told: Array<string> = []
      const noted = (name: string): Admission.Admission => ({
        stage: "observe",
        admit: () => Effect.succeed(() => Effect.void),
        correct: () => Effect.sync(() => void told.push(name))
      })
      const broken: Admission.Admission = { ...noted("broken"), correct }
      yield* Admission.correct("gen-1", Costs.zero).pipe(through(noted("outer"), broken, noted("inner")))
      assert.deepStrictEqual(told, ["outer", "inner"])
    }).pipe(Effect.provide(Logger.layer([]))))
})

describe("a ledger is an admission", () => {
  it.effect("that books once, however often it is given", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      yield* ledger.run(CostLedger.scope(ledger.run(Effect.andThen(ask(), ledger.run(ask()))), "inner"))
      const { calls, scopes } = yield* ledger.report
      assert.deepStrictEqual([calls, scopes.map(({ calls, name }) => [name, calls])], [2, [["inner", 2]]])
    }).pipe(Effect.provide(emulated())))

  it.effect("that says so: it observes, and has an owner", () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const [admission, ...others] = yield* ledger.run(Effect.map(Admission.CurrentAdmissions, (all) => all))
      if (admission === undefined) return assert.fail("there is none")
      assert.deepStrictEqual([admission.stage, others.length], ["observe", 0])
      assert.isDefined(admission.owner)
      yield* ledger.run(Admission.with(ask(), admission))
      yield* Admission.with(ask(), admission)
      assert.strictEqual((yield* ledger.report).calls, 2)
    }).pipe(Effect.provide(emulated())))

  it.effect("that books neither what was not sent nor what is not billed", () =>
    Effect.gen(function*() {
      const refuse: Admission.Admission = { stage: "wait", admit: () => Effect.fail(refused) }
      const [, spent] = yield* CostLedger.measured(
        Effect.andThen(Effect.exit(Admission.with(ask(), refuse)), OpenRouter.models())
      )
      assert.strictEqual(spent.calls, 0)
    }).pipe(Effect.provide(emulated())))
})

describe("whatever the moment of an interruption", () => {
  it.effect.each(["tea", "coffee", "water", "milk"])(
    "all that admitted are told once, and nothing is left: %s",
    (seed) =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.Emulator
        const ends = new Map<Admission.Attempt, ReadonlyArray<number>>()
        const told = (attempt: Admission.Attempt, index: number) => {
          const counts = ends.get(attempt) ?? []
          ends.set(attempt, counts.map((count, at) => at === index ? count + 1 : count))
        }
        /** Waits, admits, and takes its time to take note. */
        const slow = (stage: Admission.Stage): Admission.Admission => ({
          stage,
          admit: (attempt) =>
            Effect.andThen(
              Effect.flatMap(
                Random.nextIntBetween(0, 2),
                (wait) => wait === 0 ? Effect.void : Effect.sleep(wait * 300)
              ),
              Effect.sync(() => {
                const before = ends.get(attempt) ?? []
                ends.set(attempt, [...before, 0])
                return () =>
                  Effect.andThen(
                    Effect.sync(() => told(attempt, before.length)),
                    Effect.flatMap(Random.nextBoolean, (isSlow) => isSlow ? Effect.sleep("70 millis") : Effect.void)
                  )
              })
            )
        })
        const admit = through(slow("reserve"), slow("wait"), slow("observe"))
        const call = (n: number) =>
          n % 2 === 0
            ? Effect.asVoid(askFor("emulator/flaky-503", `Number ${n}`))
            : Stream.runDrain(
              OpenRouter.stream({ model: n % 4 === 1 ? model : "emulator/flaky-503", input: `Number ${n}` })
            )
        for (let n = 0; n < 50; n++) {
          // So many steps at a time: an interruption may come between any two of them.
          const steps = yield* Random.nextIntBetween(2, 10)
          const fiber = yield* admit(call(n)).pipe(
            Deadlines.with({ total: n % 3 === 0 ? Infinity : "1 hour" }),
            Effect.provideService(References.MaxOpsBeforeYield, steps),
            Effect.forkChild({ startImmediately: true })
          )
          const moments = yield* Random.nextIntBetween(0, 400)
          for (let moment = 0; moment < moments; moment++) {
            yield* moment % 3 === 0 ? TestClock.adjust("50 millis") : Effect.yieldNow
          }
          fiber.interruptUnsafe()
          while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("50 millis")
          assert.strictEqual(yield* emulator.openRequests, 0, `after ${n}`)
        }
        assert.isAbove(ends.size, 30)
        for (const [{ call, number }, counts] of ends) {
          assert.isTrue(counts.every((count) => count === 1), `${call.request?.input}, attempt ${number}: ${counts}`)
        }
      }).pipe(
        Random.withSeed(seed),
        Effect.provide(
          emulated({ latency: "400 millis", stream: { eventDelay: "50 millis", firstDelay: "200 millis" } })
        )
      )
  )
})
