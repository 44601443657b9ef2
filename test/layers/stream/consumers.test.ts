import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Ref, Schedule, Schema, Stream } from "effect"
import {
  CostLedger,
  Deadlines,
  OpenRouter,
  OpenRouterError,
  Response,
  RetryPolicy,
  type StreamEvent,
  Usd
} from "effect-openrouter"
import { Emulator, OpenRouterTest } from "effect-openrouter/testing"
import * as S from "./support.ts"

const { Reply } = Emulator

/** The same test by every way. All of them are about real time only where they say so. */
const byEveryWay = (
  name: string,
  options: Emulator.Options,
  test: (way: S.Way) => Effect.Effect<void, unknown, OpenRouter.OpenRouter | Emulator.Emulator | S.Sockets>
) => it.live.each([...S.ways])(`${name}: %s`, (way) => Effect.provide(test(way), S.reached(way, options)))

const isDelta = (event: StreamEvent.StreamEvent) => event.type === "response.output_text.delta"

const figures = (ledger: CostLedger.CostLedger) =>
  Effect.map(ledger.report, ({ calls, cost, failures, unknown }) => ({
    calls,
    failures,
    unknown,
    cost: Usd.toText(cost)
  }))

const charged = Emulator.Emulator.use(({ ledger }) =>
  Effect.map(ledger, ({ total }) => Usd.toText(Usd.fromDecimal(total)))
)

/** Runs something with a ledger, and checks that neither fibers nor connections are left. */
const leavingNothing = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const ledger = yield* CostLedger.make()
    const [exit, fibers] = yield* S.countingFibers(ledger.run(self))
    yield* S.eventually("no fiber is left", Effect.sync(() => fibers.count === 0))
    yield* S.isClosed
    return [exit, yield* figures(ledger)] as const
  })

const unknownCost = { calls: 1, failures: 1, unknown: 1, cost: "0" }

const endless: Emulator.Streaming = { ending: { _tag: "Stall", after: { deltas: 3 }, comments: "10 millis" } }

describe("a consumer that has enough", () => {
  byEveryWay("of a stream", S.saying(endless), () =>
    Effect.gen(function*() {
      const [exit, spent] = yield* leavingNothing(
        OpenRouter.streamText(S.request).pipe(Stream.take(2), Stream.mkString)
      )
      assert.deepStrictEqual(exit, Exit.succeed(S.delivered(2)))
      assert.deepStrictEqual(spent, unknownCost)
    }))

  byEveryWay("before it began sends nothing", S.saying(), () =>
    Effect.gen(function*() {
      const [exit, spent] = yield* leavingNothing(Stream.runCollect(Stream.take(OpenRouter.stream(S.request), 0)))
      assert.deepStrictEqual(exit, Exit.succeed([]))
      assert.strictEqual(spent.calls, 0)
      assert.strictEqual((yield* Emulator.Emulator.use(({ requests }) => requests)).length, 0)
    }))
})

describe("a consumer that fails", () => {
  byEveryWay("while events come", S.saying(endless), () =>
    Effect.gen(function*() {
      const [exit, spent] = yield* leavingNothing(
        OpenRouter.streamOutcome(S.request, (event) => isDelta(event) ? Effect.fail("full") : Effect.void)
      )
      assert.deepStrictEqual(exit, Exit.fail("full"))
      assert.deepStrictEqual(spent, unknownCost)
    }))

  byEveryWay("by a defect", S.saying(endless), () =>
    Effect.gen(function*() {
      const [exit, spent] = yield* leavingNothing(
        Stream.runForEach(OpenRouter.streamText(S.request), () => Effect.die("broken"))
      )
      assert.deepStrictEqual(exit, Exit.die("broken"))
      assert.deepStrictEqual(spent, unknownCost)
    }))

  byEveryWay("is not tried again", S.saying(), () =>
    Effect.gen(function*() {
      const problem = new OpenRouterError.RateLimited({ message: "my own" })
      const error = yield* Effect.flip(OpenRouter.streamOutcome(S.request, () => Effect.fail(problem)))
      assert.strictEqual(error, problem)
      assert.strictEqual((yield* Emulator.Emulator.use(({ requests }) => requests)).length, 1)
    }))
})

describe("an interruption", () => {
  const stages: ReadonlyArray<readonly [name: string, options: Emulator.Options, events: number]> = [
    ["while the server is silent", { rules: [{ reply: Reply.hang({ billed: true }) }] }, 0],
    ["before the first event", S.saying({ ending: { _tag: "Stall", after: { events: 0 }, comments: "5 millis" } }), 0],
    ["before any output", S.saying({ ending: { _tag: "Stall", after: { events: 2 }, comments: "none" } }), 0],
    ["in the midst", S.saying(endless), 7],
    ["in the body of an error", {
      rules: [{
        reply: Reply.raw("0123456789", {
          status: 500,
          stream: { ending: { _tag: "Stall", after: { bytes: 5 }, comments: "none" } }
        })
      }]
    }, 0],
    ["in a JSON body", {
      rules: [{
        reply: Reply.raw("0123456789", {
          contentType: "application/json",
          stream: { ending: { _tag: "Stall", after: { bytes: 5 }, comments: "none" } }
        })
      }]
    }, 0]
  ]

  for (const [stage, options, events] of stages) {
    byEveryWay(stage, options, () =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.Emulator
        const seen = yield* Ref.make(0)
        const [exit, spent] = yield* leavingNothing(Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(
            OpenRouter.streamOutcome(S.request, () => Ref.update(seen, (n) => n + 1)),
            { startImmediately: true }
          )
          yield* S.eventually(
            "the stage is reached",
            Effect.gen(function*() {
              return (yield* Ref.get(seen)) >= events && (yield* emulator.openRequests) === 1
            })
          )
          yield* Effect.sleep("20 millis")
          yield* Fiber.interrupt(fiber)
        }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual(yield* Ref.get(seen), events)
        assert.deepStrictEqual(spent, unknownCost)
      }))
  }

  byEveryWay("while it waits to try again", { rules: [{ reply: Reply.failure(503) }] }, () =>
    Effect.gen(function*() {
      const [exit, spent] = yield* leavingNothing(
        Effect.timeoutOption(
          Stream.runDrain(OpenRouter.stream(S.request)).pipe(RetryPolicy.with(RetryPolicy.make({ base: "1 minute" }))),
          "150 millis"
        )
      )
      assert.deepStrictEqual(exit, Exit.succeed(Option.none()))
      assert.deepStrictEqual(spent, { calls: 1, failures: 1, unknown: 0, cost: "0" })
    }))

  byEveryWay("at any moment", S.saying({ eventDelay: 1, chunkBytes: 300 }), () =>
    Effect.gen(function*() {
      const [exit, spent] = yield* leavingNothing(Effect.forEach(
        Array.from({ length: 60 }, (_, n) => n),
        (n) => Effect.timeoutOption(Stream.runDrain(OpenRouter.stream({ ...S.request, user: `${n}` })), n),
        { concurrency: 20 }
      ))
      assert.isTrue(Exit.isSuccess(exit))
      assert.isAtMost(spent.calls, 60)
      assert.strictEqual(spent.failures, spent.unknown)
    }))
})

describe("a slow consumer", () => {
  const long = 30_000_000
  const fast: Emulator.Options = {
    credits: "1000000",
    stream: { tokensPerDelta: 12_500 },
    rules: [{ reply: Reply.text("x".repeat(long)) }]
  }

  byEveryWay("holds up a fast server", fast, () =>
    Effect.gen(function*() {
      const before = process.memoryUsage().arrayBuffers
      let most = 0
      const [exit] = yield* leavingNothing(
        OpenRouter.streamText(S.request).pipe(
          Stream.take(20),
          Stream.runForEach(() =>
            Effect.andThen(
              Effect.sync(() => most = Math.max(most, process.memoryUsage().arrayBuffers - before)),
              Effect.sleep("20 millis")
            )
          )
        )
      )
      assert.isTrue(Exit.isSuccess(exit))
      // All of the events are several times as long.
      assert.isBelow(most, long)
    }))

  byEveryWay("is not what an idle deadline is about", S.saying(), () =>
    Effect.gen(function*() {
      const text = yield* OpenRouter.streamText(S.request).pipe(
        Stream.tap(() => Effect.sleep("40 millis")),
        Stream.mkString,
        Deadlines.with({ idle: "25 millis", firstEvent: "10 seconds" })
      )
      assert.strictEqual(text, S.text)
    }))
})

describe("a stream value", () => {
  byEveryWay("is a call of its own for each consumer", S.saying(), () =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const stream = OpenRouter.streamText(S.request).pipe(Stream.mkString)
      const texts = yield* ledger.run(Effect.all([stream, stream], { concurrency: 2 }))
      assert.deepStrictEqual(texts, [S.text, S.text])
      assert.deepStrictEqual(yield* figures(ledger), { calls: 2, failures: 0, unknown: 0, cost: yield* charged })
      yield* S.isClosed
    }))

  byEveryWay(
    "can be retried by its user",
    {
      rules: [
        { times: 2, reply: Reply.text(S.text, { stream: { ending: { _tag: "Cut", after: { deltas: 2 } } } }) },
        { reply: Reply.text(S.text) }
      ]
    },
    () =>
      Effect.gen(function*() {
        const ledger = yield* CostLedger.make()
        const text = yield* ledger.run(
          OpenRouter.streamText(S.request).pipe(Stream.retry(Schedule.recurs(5)), Stream.mkString)
        )
        assert.strictEqual(text, S.delivered(2) + S.delivered(2) + S.text)
        const { calls, failures, unknown } = yield* figures(ledger)
        assert.deepStrictEqual({ calls, failures, unknown }, { calls: 3, failures: 2, unknown: 2 })
        yield* S.isClosed
      })
  )

  byEveryWay("gives what respond gives", {}, () =>
    Effect.gen(function*() {
      for (const model of ["openai/gpt-5", "emulator/echo", "emulator/unknown-item", "emulator/padded"]) {
        const asked = { model, input: "What is new?" }
        const answer = yield* OpenRouter.respond(asked)
        assert.strictEqual(yield* Stream.mkString(OpenRouter.streamText(asked)), answer.text, model)
        const outcome = yield* OpenRouter.streamOutcome(asked, () => Effect.void)
        assert.strictEqual(outcome._tag, "Completed")
        assert.strictEqual(JSON.stringify(outcome.usage), JSON.stringify(answer.usage))
        assert.strictEqual(JSON.stringify(outcome.response.output), JSON.stringify(answer.response.output))
      }
    }))

  byEveryWay("fails as respond fails", {}, () =>
    Effect.gen(function*() {
      const models = ["refusal", "incomplete", "content-filter", "empty", "moderation", "no-credits", "context-length"]
      for (const name of models) {
        const asked = { model: `emulator/${name}`, input: "What is new?" }
        const expected = yield* Effect.flip(OpenRouter.respond(asked))
        const error = yield* Effect.flip(Stream.runDrain(OpenRouter.stream(asked)))
        assert.strictEqual(error._tag, expected._tag)
        const facts = ({ cost, errorType, message, partialText, status, usage }: typeof expected | typeof error) =>
          JSON.stringify({ cost, errorType, message, partialText, status, usage })
        assert.strictEqual(facts(error), facts(expected))
      }
    }).pipe(RetryPolicy.with(RetryPolicy.none)))
})

describe("the callback of streamOutcome", () => {
  byEveryWay(
    "is called in order, one event at a time, before the outcome",
    S.saying({ eventsPerChunk: 4 }),
    () =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const outcome = yield* OpenRouter.streamOutcome(S.request, (event) =>
          Effect.gen(function*() {
            log.push(`begin ${"sequenceNumber" in event ? event.sequenceNumber : "?"}`)
            yield* Effect.yieldNow
            log.push("end")
          }))
        assert.strictEqual(outcome._tag, "Completed")
        assert.deepStrictEqual(log, Array.from({ length: S.eventCount }, (_, n) => [`begin ${n}`, "end"]).flat())
      })
  )
})

const Story = Schema.Struct({ title: Schema.String, chapters: Schema.Array(Schema.String), pages: Schema.Int })

const story = { title: "The tówn 🏰", chapters: ["Once", "upon", "a \"time\""], pages: 12 }

const asked = { ...S.request, schema: Story }

const telling = (text: string, stream?: Emulator.Streaming): Emulator.Options => ({
  rules: [{ reply: Reply.text(text, stream === undefined ? {} : { stream }) }]
})

/** Whether a value is an earlier state of another one, as objects that are being written are. */
const isBefore = (early: unknown, late: unknown): boolean => {
  if (typeof early === "string" && typeof late === "string") return late.startsWith(early)
  if (Array.isArray(early) && Array.isArray(late)) return early.every((value, index) => isBefore(value, late[index]))
  if (typeof early === "object" && typeof late === "object" && early !== null && late !== null) {
    const members = new Map<string, unknown>(Object.entries(late))
    return Object.entries(early).every(([key, value]) => members.has(key) && isBefore(value, members.get(key)))
  }
  return early === late
}

describe("streamObject", () => {
  for (const stream of [{}, { tokensPerDelta: 0.25 }, { chunkBytes: 7 }, { eventsPerChunk: 100 }]) {
    byEveryWay(
      `grows to what respondObject gives, ${JSON.stringify(stream)}`,
      telling(JSON.stringify(story), stream),
      () =>
        Effect.gen(function*() {
          const answer = yield* OpenRouter.respondObject(asked)
          const parts = yield* Stream.runCollect(OpenRouter.streamObject(asked))
          const last = parts.at(-1)
          assert.strictEqual(last?._tag, "Complete")
          if (last?._tag !== "Complete") return
          assert.deepStrictEqual(last.answer.value, story)
          assert.deepStrictEqual(last.answer.value, answer.value)
          assert.strictEqual(JSON.stringify(last.answer.usage), JSON.stringify(answer.usage))
          const partials = parts.slice(0, -1).map((part) => part._tag === "Partial" ? part.value : undefined)
          assert.isAbove(partials.length, 0)
          for (const [index, value] of partials.entries()) {
            const next = partials[index + 1] ?? story
            assert.isTrue(isBefore(value, next), `${JSON.stringify(value)} is not before ${JSON.stringify(next)}`)
          }
        })
    )
  }

  byEveryWay(
    "fails at the end if the answer does not fit",
    telling(`{"title":"x","chapters":[],"pages":"many"}`),
    () =>
      Effect.gen(function*() {
        const parts: Array<unknown> = []
        const [exit, spent] = yield* leavingNothing(
          Stream.runForEach(OpenRouter.streamObject(asked), (part) => Effect.sync(() => parts.push(part)))
        )
        const error = Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined
        assert.strictEqual(error?._tag, "InvalidOutput")
        assert.strictEqual(Usd.toText(error?.cost ?? Usd.zero), yield* charged)
        assert.isAbove(parts.length, 0)
        assert.deepStrictEqual(spent, { calls: 1, failures: 0, unknown: 0, cost: yield* charged })
      })
  )

  byEveryWay(
    "fails as stream does",
    telling(JSON.stringify(story), { ending: { _tag: "Cut", after: { deltas: 5 } } }),
    () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Stream.runDrain(OpenRouter.streamObject(asked)))
        assert.strictEqual(error._tag, "StreamInterrupted")
        assert.strictEqual(error.partialText, JSON.stringify(story).slice(0, 21))
      })
  )

  byEveryWay("starts anew for each consumer", telling(JSON.stringify(story)), () =>
    Effect.gen(function*() {
      const stream = OpenRouter.streamObject(asked)
      const one = yield* Stream.runCollect(stream)
      const [two, three] = yield* Effect.all([Stream.runCollect(stream), Stream.runCollect(stream)], { concurrency: 2 })
      const shape = (parts: typeof one) => parts.map((part) => part._tag === "Partial" ? part.value : part.answer.value)
      assert.deepStrictEqual(shape(two), shape(one))
      assert.deepStrictEqual(shape(three), shape(one))
    }))
})

describe("the test layer", () => {
  const texts = ["Once upon a time", " two  spaces ", "", "   ", "a\nb\n\n", "🏰 tówn", "x"]

  it.effect.each(texts.filter((text) => text !== ""))("streams %j", (text) =>
    Effect.gen(function*() {
      // Of a client of its own, so that it is the first answer there as well.
      const answer = yield* OpenRouter.outcome(S.request).pipe(Effect.provide(OpenRouterTest.layer(text)))
      const events: Array<StreamEvent.StreamEvent> = []
      const outcome = yield* OpenRouter.streamOutcome(S.request, (event) => Effect.sync(() => void events.push(event)))
      assert.deepStrictEqual(outcome, answer)
      assert.strictEqual(S.textOf(events), text)
      assert.strictEqual(S.typesOf(events)[0], "created")
      assert.strictEqual(S.typesOf(events).at(-1), "completed")
      assert.strictEqual(yield* Stream.mkString(OpenRouter.streamText(S.request)), text)
      assert.strictEqual((yield* OpenRouterTest.calls).length, 2)
    }).pipe(Effect.provide(OpenRouterTest.layer(text))))

  it.effect("streams objects", () =>
    Effect.gen(function*() {
      const parts = yield* Stream.runCollect(OpenRouter.streamObject(asked))
      const last = parts.at(-1)
      assert.deepStrictEqual(last?._tag === "Complete" ? last.answer.value : undefined, story)
      assert.isAbove(parts.length, 1)
    }).pipe(Effect.provide(OpenRouterTest.layer(story))))

  it.effect.each([
    new OpenRouterError.Incomplete({ message: "cut", reason: "max_output_tokens", partialText: "Once upon" }),
    new OpenRouterError.Refused({ message: "no", refusal: "No.", source: "model" }),
    new OpenRouterError.GenerationFailed({ message: "broken", partialText: "Once" }),
    new OpenRouterError.EmptyCompletion({ message: "nothing" }),
    new OpenRouterError.RateLimited({ message: "later" }),
    new OpenRouterError.TimedOut({ message: "late", phase: "idle", duration: S.second })
  ])("streams the error $_tag", (error) =>
    Effect.gen(function*() {
      const [exit, spent] = yield* Effect.map(
        Effect.flatMap(CostLedger.make(), (ledger) =>
          Effect.flatMap(
            Effect.exit(ledger.run(Stream.runCollect(OpenRouter.stream(S.request)))),
            (exit) => Effect.map(figures(ledger), (spent) => [exit, spent] as const)
          )),
        (pair) => pair
      )
      const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined
      assert.strictEqual(failure?._tag, error._tag)
      assert.strictEqual(spent.calls, 1)
      const respond = yield* Effect.flip(OpenRouter.respond(S.request))
      assert.strictEqual(respond._tag, error._tag)
      assert.strictEqual(respond.partialText, failure?.partialText)
    }).pipe(Effect.provide(OpenRouterTest.layer(error))))

  it.effect("a consumer that has enough leaves nothing", () =>
    Effect.gen(function*() {
      const text = yield* OpenRouter.streamText(S.request).pipe(Stream.take(2), Stream.mkString)
      assert.strictEqual(text, "Once upon")
      assert.strictEqual(Response.text((yield* OpenRouter.respond(S.request)).response), S.text)
    }).pipe(Effect.provide(OpenRouterTest.layer(S.text))))
})
