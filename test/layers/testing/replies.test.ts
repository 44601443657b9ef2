import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Fiber, Option, Schema, Stream } from "effect"
import { Input, OpenRouter, OpenRouterError as E, type OutputItem, type StreamEvent, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { ask, model } from "../client/support.ts"

const message = "as the test says"

const input = "What does Bob want?"

const deltasOf = (events: ReadonlyArray<StreamEvent.StreamEvent>) =>
  events.flatMap((event) => event.type === "response.output_text.delta" ? [event.delta] : [])

describe("an answer", () => {
  it.effect("has the cost, the id and the instant that it is given", () =>
    Effect.gen(function*() {
      const answer = yield* ask()
      assert.strictEqual(`${answer.cost}`, "$0.002")
      assert.strictEqual(answer.generationId, "gen-7")
      assert.strictEqual(answer.response.id, "gen-7")
      assert.strictEqual(answer.response.createdAt, 1_772_366_400)
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.answer({ text: "Hi", cost: "0.002", id: "gen-7", createdAt: "2026-03-01T12:00:00Z" })
    ))))

  it.effect("has an id of its own and the time of the clock without them", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(90_500)
      const [first, second] = [yield* ask(), yield* ask()]
      assert.deepStrictEqual([first.generationId, second.generationId], ["gen-test-1", "gen-test-2"])
      assert.strictEqual(first.response.createdAt, 90)
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))

  it.effect("keeps the tokens of a usage whose cost it changes", () =>
    Effect.gen(function*() {
      const { usage } = yield* ask()
      assert.strictEqual(usage?.outputTokens, 5)
      assert.strictEqual(`${usage?.cost}`, "$0.10")
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.answer({ text: "Hi", cost: "0.1", usage: { outputTokens: 5, cost: Usd.make("9") } })
    ))))

  it.effect("is sent back as history, with its calls and reasoning", () =>
    Effect.gen(function*() {
      const first = yield* OpenRouter.respond({ model, input })
      assert.lengthOf(first.response.output, 4)
      const [call] = first.functionCalls
      if (call === undefined) return assert.fail("no call")
      const history = [...first.response.output, Input.functionCallOutput(call, "sunny"), Input.user("And now?")]
      assert.strictEqual((yield* OpenRouter.respond({ model, input: history })).text, "He stays.")
      assert.deepStrictEqual((yield* OpenRouterTest.calls)[1]?.input, history)
    }).pipe(Effect.provide(OpenRouterTest.layer([
      OpenRouterTest.answer({
        text: "I look.",
        output: [{ type: "reasoning", id: "rs_1", summary: [] }],
        calls: [OpenRouterTest.toolCall("weather", { city: "Bern" }), OpenRouterTest.toolCall("time")]
      }),
      "He stays."
    ]))))

  it.effect("that refuses or is cut short is sent back as history as well", () =>
    Effect.gen(function*() {
      for (let n = 0; n < 2; n++) {
        const { response } = yield* OpenRouter.outcome({ model, input })
        yield* OpenRouter.outcome({ model, input: [...response.output, Input.user("Go on.")] })
      }
    }).pipe(Effect.provide(OpenRouterTest.layer([
      OpenRouterTest.refused("no", { partialText: "Well," }),
      "Hi",
      OpenRouterTest.incomplete("half a sen"),
      "Hi"
    ]))))

  it.effect("of a class, a list or a number is a value as well", () =>
    Effect.gen(function*() {
      class Person extends Schema.Class<Person>("Person")({ name: Schema.String }) {}
      const reply = OpenRouterTest.layer(OpenRouterTest.value(new Person({ name: "Ann" }), { cost: "1" }))
      const answer = yield* OpenRouter.respondObject({ model, input, schema: Person }).pipe(Effect.provide(reply))
      assert.isTrue(answer.value instanceof Person)
      assert.strictEqual(answer.value.name, "Ann")
      assert.strictEqual(`${answer.cost}`, "$1.00")
    }))

  it.effect("of a schema with instants and options is encoded as the model would write it", () =>
    Effect.gen(function*() {
      const Visit = Schema.Struct({
        at: Schema.DateTimeUtcFromString,
        guest: Schema.OptionFromNullOr(Schema.String),
        tags: Schema.Record(Schema.String, Schema.Int)
      })
      const at = DateTime.makeUnsafe("2026-03-01T12:00:00Z")
      const reply = { at, guest: Option.some("Ann"), tags: { loud: 1 } }
      const { value } = yield* OpenRouter.respondObject({ model, input, schema: Visit }).pipe(
        Effect.provide(OpenRouterTest.layer(reply))
      )
      OpenRouterTest.expectEqual(value, reply)
    }))
})

describe("a call of a function", () => {
  it.effect("is an answer without text", () =>
    Effect.gen(function*() {
      const answer = yield* ask()
      assert.strictEqual(answer.text, "")
      assert.deepStrictEqual(answer.functionCalls.map(({ arguments: args, callId, name }) => [name, args, callId]), [
        ["weather", `{"city":"Bern"}`, "call_test_1_1"]
      ])
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.toolCall("weather", { city: "Bern" })))))

  it.effect("has the id and the arguments of the test, even those that are no JSON", () =>
    Effect.gen(function*() {
      const [call] = (yield* ask()).functionCalls
      assert.deepInclude(call, { name: "weather", arguments: "{\"city\":", callId: "c1" })
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.toolCall("weather", "{\"city\":", { callId: "c1" })
    ))))

  it.effect("is streamed", () =>
    Effect.gen(function*() {
      const events = yield* Stream.runCollect(OpenRouter.stream({ model, input }))
      const done = events.find((event) => event.type === "response.function_call_arguments.done")
      assert.strictEqual(done?.arguments, `{"city":"Bern"}`)
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.toolCall("weather", { city: "Bern" })))))
})

describe("an outcome", () => {
  it.effect("is replied as it is", () =>
    Effect.gen(function*() {
      const outcome = yield* OpenRouter.outcome({ model, input }).pipe(
        Effect.provide(OpenRouterTest.layer(OpenRouterTest.answer({ text: "Hi", cost: "0.1", id: "gen-0" })))
      )
      const reply = OpenRouterTest.layer([outcome, outcome])
      const [again, events] = yield* Effect.all([
        OpenRouter.outcome({ model: "a/b", input: "else" }),
        Stream.runCollect(OpenRouter.stream({ model, input }))
      ]).pipe(Effect.provide(reply))
      assert.deepStrictEqual(again, outcome)
      assert.deepStrictEqual(deltasOf(events), ["Hi"])
    }))
})

describe("a function", () => {
  it.effect("may give any reply, and an effect that fails with an error gives that error", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask("call")).functionCalls[0]?.name, "look")
      assert.strictEqual((yield* ask("stream")).text, "Once upon")
      assert.strictEqual((yield* Effect.flip(ask("fail")))._tag, "RateLimited")
      assert.strictEqual((yield* ask("nested")).text, "deep")
    }).pipe(Effect.provide(OpenRouterTest.layer(({ input }) => {
      switch (input) {
        case "call":
          return OpenRouterTest.toolCall("look")
        case "stream":
          return Effect.succeed(OpenRouterTest.stream(["Once", " upon"]))
        case "fail":
          return Effect.fail(OpenRouterTest.rateLimited())
        default:
          return () => Effect.succeed(() => "deep")
      }
    }))))
})

describe("a stream", () => {
  const pieces = [
    "Once upon",
    OpenRouterTest.pause("20 seconds"),
    " a time",
    OpenRouterTest.pause("1 minute"),
    ", long ago"
  ]

  /** The pieces of text with the seconds at which they came. */
  const timed = OpenRouter.streamText({ model, input }).pipe(
    Stream.mapEffect((text) => Effect.map(DateTime.now, (now) => [DateTime.toEpochMillis(now) / 1000, text] as const))
  )

  it.effect("comes in its pieces, at its times", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Stream.runCollect(timed))
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(Array.from(yield* Fiber.join(fiber)), [
        [0, "Once upon"],
        [20, " a time"],
        [80, ", long ago"]
      ])
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.stream(pieces)))))

  it.effect("has the events of a real one, numbered, and its details", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Stream.runCollect(OpenRouter.stream({ model, input })))
      yield* TestClock.adjust("2 minutes")
      const events = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        events.map((event) => "sequenceNumber" in event ? event.sequenceNumber : undefined),
        events.map((_, index) => index)
      )
      assert.deepStrictEqual(deltasOf(events), ["Once upon", " a time", ", long ago"])
      const last = events.at(-1)
      assert.strictEqual(last?.type, "response.completed")
      if (last?.type === "response.completed") assert.strictEqual(`${last.response.usage?.cost}`, "$0.002")
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.stream(pieces, { cost: "0.002" })))))

  it.effect("is whole for a call that does not stream, after all pauses", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.zip(ask(), DateTime.now))
      yield* TestClock.adjust("2 minutes")
      const [answer, now] = yield* Fiber.join(fiber)
      assert.strictEqual(answer.text, "Once upon a time, long ago")
      assert.strictEqual(DateTime.toEpochMillis(now), 80_000)
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.stream(pieces)))))

  it.effect("may begin late and call functions at its end", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Effect.zip(OpenRouter.streamOutcome({ model, input }, () => Effect.void), DateTime.now)
      )
      yield* TestClock.adjust("10 seconds")
      const [outcome, now] = yield* Fiber.join(fiber)
      const completed = yield* OpenRouterTest.expectOutcome(Effect.succeed(outcome), "Completed")
      assert.deepStrictEqual([completed.text, completed.functionCalls[0]?.name], ["I look.", "look"])
      assert.strictEqual(DateTime.toEpochMillis(now), 5000)
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.stream([
      OpenRouterTest.pause("5 seconds"),
      "I look.",
      OpenRouterTest.toolCall("look")
    ])))))

  it.effect.each(
    [
      ["breaks off", OpenRouterTest.interrupted(), "StreamInterrupted"],
      ["loses its connection", OpenRouterTest.connectionFailed({ phase: "receiving" }), "ConnectionFailed"],
      ["is rate-limited", OpenRouterTest.rateLimited(), "RateLimited"],
      ["is cut short", OpenRouterTest.incomplete(), "Incomplete"],
      ["is refused", OpenRouterTest.refused("no"), "Refused"],
      ["fails", OpenRouterTest.failed(), "GenerationFailed"]
    ] as const
  )(
    "that %s after some text gives that text first, and knows it in its error",
    ([, error, tag]) =>
      Effect.gen(function*() {
        const texts: Array<string> = []
        const failure = yield* OpenRouter.streamText({ model, input }).pipe(
          Stream.runForEach((text) => Effect.sync(() => texts.push(text))),
          Effect.flip
        )
        assert.strictEqual(failure._tag, tag)
        assert.deepStrictEqual(texts, ["Once", " upon"])
        assert.strictEqual(failure.partialText, "Once upon")
      }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.stream(["Once", " upon", error]))))
  )

  it.effect("ends with its error, whatever the test writes behind it", () =>
    Effect.gen(function*() {
      const error = yield* OpenRouterTest.expectError(OpenRouter.streamText({ model, input }), "StreamInterrupted")
      assert.strictEqual(error.partialText, "Once")
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.stream(["Once", OpenRouterTest.interrupted(), OpenRouterTest.pause("Infinity"), " upon"])
    ))))

  it.effect("of an outcome with several messages keeps their order", () =>
    Effect.gen(function*() {
      const message = (id: string, text: string): OutputItem.OutputItem => ({
        type: "message",
        id,
        role: "assistant",
        content: [{ type: "output_text", text, annotations: [] }]
      })
      const answer = OpenRouterTest.answer({
        text: "One and",
        output: [message("m2", "two or"), message("m3", "three")]
      })
      const [outcome, events] = yield* Effect.all([
        OpenRouter.outcome({ model, input }),
        Stream.runCollect(OpenRouter.stream({ model, input }))
      ]).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.byModel({ "*": answer }))))
      assert.deepStrictEqual(deltasOf(events), ["One", " and", "two", " or", "three"])
      const places = events.flatMap((event) => event.type === "response.output_text.done" ? [event.outputIndex] : [])
      assert.deepStrictEqual(places, [0, 1, 2])
      assert.isBelow(
        events.findIndex((event) => event.type === "response.output_text.done"),
        events.findIndex((event) => event.type === "response.output_text.delta" && event.outputIndex === 1)
      )
      assert.strictEqual(outcome._tag === "Completed" ? outcome.text : "", "One andtwo orthree")
    }))

  it.effect("that breaks off late does so", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.zip(Effect.flip(Stream.runDrain(timed)), DateTime.now))
      yield* TestClock.adjust("1 minute")
      const [error, now] = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "StreamInterrupted")
      assert.strictEqual(DateTime.toEpochMillis(now), 30_000)
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.stream(["Once", OpenRouterTest.pause("30 seconds"), OpenRouterTest.interrupted()])
    ))))

  it.effect("that hangs runs into the deadlines, with its text", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(timed)))
      yield* TestClock.adjust("2 hours")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error, { _tag: "TimedOut", phase: "idle", partialText: "Once" })
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.stream(["Once", OpenRouterTest.pause("Infinity")])))))

  it.effect("of JSON is a structured answer", () =>
    Effect.gen(function*() {
      const parts = yield* Stream.runCollect(
        OpenRouter.streamObject({ model, input, schema: Schema.Struct({ action: Schema.String }) })
      )
      const last = parts.at(-1)
      assert.deepStrictEqual(last?._tag === "Complete" ? last.answer.value : last, { action: "waits" })
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.stream([`{"action":`, ` "waits"}`])))))
})

describe("ready-made errors", () => {
  it.effect("say when to come again by the clock of the call", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(60_000)
      for (const [reply, tag] of hinted) {
        const error = yield* ask().pipe(Effect.flip, Effect.provide(OpenRouterTest.layer(reply)))
        assert.strictEqual(error._tag, tag)
        if (!("resetAt" in error) || error.resetAt === undefined) return assert.fail(`${tag} has no resetAt`)
        assert.strictEqual(DateTime.toEpochMillis(error.resetAt), 90_000)
        assert.strictEqual(Duration.toSeconds(error.retryAfter ?? 0), 30)
      }
    }))

  const hint = { resetIn: "30 seconds" } as const
  const hinted = [
    [OpenRouterTest.rateLimited(hint), "RateLimited"],
    [OpenRouterTest.paymentRequired({ ...hint, isTransient: true }), "PaymentRequired"],
    [OpenRouterTest.providerTimeout(hint), "ProviderTimeout"],
    [OpenRouterTest.providerUnavailable(hint), "ProviderUnavailable"],
    [OpenRouterTest.providerOverloaded(hint), "ProviderOverloaded"],
    [OpenRouterTest.serverError(hint), "ServerError"]
  ] as const

  /** One for each error of the library, made without a word. */
  const plain: ReadonlyArray<E.OpenRouterError> = [
    OpenRouterTest.invalidRequest(),
    OpenRouterTest.contextLengthExceeded(),
    OpenRouterTest.payloadTooLarge(),
    OpenRouterTest.invalidApiKey(),
    OpenRouterTest.paymentRequired(),
    OpenRouterTest.accessDenied(),
    OpenRouterTest.modelUnavailable(),
    OpenRouterTest.rateLimited(),
    OpenRouterTest.providerTimeout(),
    OpenRouterTest.providerUnavailable(),
    OpenRouterTest.providerOverloaded(),
    OpenRouterTest.serverError(),
    OpenRouterTest.unexpectedStatus(),
    OpenRouterTest.refused(),
    OpenRouterTest.connectionFailed(),
    OpenRouterTest.timedOut(),
    OpenRouterTest.malformedResponse(),
    OpenRouterTest.budgetExceeded(),
    OpenRouterTest.incomplete(),
    OpenRouterTest.failed(),
    OpenRouterTest.empty(),
    OpenRouterTest.invalidOutput(),
    OpenRouterTest.interrupted()
  ]

  it("are there for every error of the library", () => {
    assert.strictEqual(new Set(plain.map(({ _tag }) => _tag)).size, E.OpenRouterError.members.length)
  })

  const failing = plain.flatMap((error) =>
    error._tag === "InvalidOutput" || error._tag === "StreamInterrupted" ? [] : [[error] as const]
  )

  it.effect.each(failing)(
    "$0._tag fails a call and a stream",
    ([error]) =>
      Effect.gen(function*() {
        const failure = yield* OpenRouterTest.expectError(ask(), error._tag)
        assert.strictEqual(failure._tag, error._tag)
        yield* OpenRouterTest.expectError(OpenRouter.stream({ model, input }), error._tag)
      }).pipe(Effect.provide(OpenRouterTest.layer(error)))
  )

  it.effect("have the cost, the words and the place of the test", () =>
    Effect.gen(function*() {
      const error = yield* OpenRouterTest.expectError(ask(), "PaymentRequired")
      assert.strictEqual(`${error.cost}: ${error.message} (${error.limitSource})`, `$0.50: ${message} (a_key)`)
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.paymentRequired({ cost: "0.5", message, limitSource: "a_key" })
    ))))

  it.effect("of a structured call are those of the text", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ n: Schema.Int })
      const error = yield* OpenRouterTest.expectError(
        OpenRouter.respondObject({ model, input, schema }),
        "InvalidOutput"
      )
      assert.strictEqual(error.text, "This is no JSON.")
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.invalidOutput()))))
})

describe("endpoints", () => {
  it.effect("answer their JSON, or fail", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* OpenRouter.key).limit, undefined)
      assert.strictEqual((yield* Effect.flip(OpenRouter.credits))._tag, "AccessDenied")
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi", {
      endpoints: { "/credits": OpenRouterTest.accessDenied() }
    }))))
})
