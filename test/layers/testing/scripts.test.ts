import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Schema, Stream } from "effect"
import { Budget, CostLedger, OpenRouter, RateGate, RetryPolicy, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { TestClock } from "effect/testing"
import { ask, model } from "../client/support.ts"

const Intention = Schema.Struct({ action: Schema.String }).annotate({ identifier: "Intention" })

const Event = Schema.Struct({ event: Schema.String, isLoud: Schema.Boolean })

const input = "What does Bob want?"

const intend = OpenRouter.respondObject({ model, input, schema: Intention }).pipe(
  Effect.map(({ value }) => value.action)
)

/** The message with which a program dies over a test layer. */
const trouble = <A, E>(
  program: Effect.Effect<A, E, OpenRouter.OpenRouter | OpenRouterTest.OpenRouterTest>,
  layer: Layer.Layer<OpenRouter.OpenRouter | OpenRouterTest.OpenRouterTest>
) =>
  Effect.map(Effect.exit(Effect.provide(program, layer)), (exit) => {
    const defect = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isDieReason)?.defect : undefined
    return defect instanceof OpenRouterTest.TestFailure ? defect.message : assert.fail(`no such defect: ${exit._tag}`)
  })

describe("a script", () => {
  it.effect("by model takes the closest name", () =>
    Effect.gen(function*() {
      const from = (model: string) => Effect.map(OpenRouter.respond({ model, input }), ({ text }) => text)
      assert.strictEqual(yield* from("openai/gpt-5"), "five")
      assert.strictEqual(yield* from("openai/gpt-5-mini"), "five or less")
      assert.strictEqual(yield* from("openai/o9"), "openai")
      assert.strictEqual(yield* from("a/b"), "other")
      assert.strictEqual(yield* from("a/b"), "another")
      assert.strictEqual(
        yield* Effect.map(OpenRouter.respond({ models: ["openai/o9"], input }), (_) => _.text),
        "openai"
      )
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.byModel({
      "*": ["other", "another"],
      "openai/*": "openai",
      "openai/gpt-5*": "five or less",
      "openai/gpt-5": "five"
    })))))

  it.effect("by schema gives values of each, streamed or not, and the rest to the rest", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* intend, "waits")
      const event = yield* OpenRouter.respondObject({ model, input, schema: Event })
      assert.deepStrictEqual(event.value, { event: "Rain.", isLoud: false })
      const parts = yield* Stream.runCollect(OpenRouter.streamObject({ model, input, schema: Intention }))
      const last = parts.at(-1)
      assert.strictEqual(last?._tag === "Complete" ? last.answer.value.action : last, "walks home")
      assert.strictEqual((yield* ask()).text, "All is quiet.")
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.bySchema(
        [Intention, [{ action: "waits" }, { action: "walks home" }]],
        [Event, () => ({ event: "Rain.", isLoud: false })]
      ).pipe(OpenRouterTest.orElse("All is quiet."))
    ))))

  it.effect("by request looks at the request", () =>
    Effect.gen(function*() {
      yield* OpenRouterTest.expectError(ask("Ann"), "Refused")
      assert.strictEqual((yield* ask("Bob")).text, "walks home")
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.byRequest(
      [({ input }) => input === "Ann", OpenRouterTest.refused("no")],
      [() => true, "walks home"]
    )))))

  it.effect("of maps is asked one after the other", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* intend, "waits")
      assert.strictEqual((yield* OpenRouter.respond({ model: "a/b", input })).text, "b")
      assert.strictEqual((yield* ask()).text, "else")
    }).pipe(Effect.provide(OpenRouterTest.layer(
      OpenRouterTest.bySchema([Intention, { action: "waits" }]).pipe(
        OpenRouterTest.orElse(OpenRouterTest.byModel({ "a/b": "b" })),
        OpenRouterTest.orElse("else")
      )
    ))))

  it.effect("goes on for ever with its last reply", () =>
    Effect.gen(function*() {
      yield* OpenRouterTest.expectError(ask(), "Refused")
      for (let n = 0; n < 3; n++) assert.strictEqual((yield* ask()).text, "walks home")
    }).pipe(Effect.provide(OpenRouterTest.layer([OpenRouterTest.refused(), OpenRouterTest.forever("walks home")]))))

  it.effect("begins anew with each run", () =>
    Effect.gen(function*() {
      const layer = OpenRouterTest.layer(["one"])
      for (let n = 0; n < 2; n++) assert.strictEqual((yield* Effect.provide(ask(), layer)).text, "one")
    }))
})

describe("a mistake of the test", () => {
  it.effect("that runs dry shows the call", () =>
    Effect.gen(function*() {
      const message = yield* trouble(
        Effect.andThen(ask(), OpenRouter.respond({ model, input, instructions: "You are Bob.", temperature: 0.5 })),
        OpenRouterTest.layer(["one"])
      )
      assert.strictEqual(
        message,
        [
          "call 2 has no reply: its list had 1 reply, and all are used",
          "the call: openai/gpt-5",
          `  instructions: "You are Bob."`,
          `  input: "What does Bob want?"`,
          "  temperature: 0.5"
        ].join("\n")
      )
    }))

  it.effect("that has no case for a call names those that it has", () =>
    Effect.gen(function*() {
      const message = yield* trouble(
        ask(),
        OpenRouterTest.layer(
          OpenRouterTest.bySchema([Intention, { action: "waits" }]).pipe(
            OpenRouterTest.orElse(OpenRouterTest.byModel({ "a/*": "a" }))
          )
        )
      )
      assert.include(message, "call 1 has no reply: the script is for schema Intention, model a/*")
    }))

  it.effect("in a case says which one ran dry", () =>
    Effect.gen(function*() {
      const message = yield* trouble(
        Effect.andThen(ask(), ask()),
        OpenRouterTest.layer(OpenRouterTest.byModel({ "*": ["a"] }))
      )
      assert.include(message, "call 2 has no reply: model *: its list had 1 reply")
    }))

  it.effect("leaves replies that nobody asked for, and is told which", () =>
    Effect.gen(function*() {
      const message = yield* trouble(
        ask(),
        OpenRouterTest.layer([
          "one",
          OpenRouterTest.refused(),
          { action: "waits" },
          OpenRouterTest.toolCall("look", { at: "the inn" }),
          OpenRouterTest.stream(["Once", OpenRouterTest.pause("1 second"), OpenRouterTest.interrupted()]),
          () => "two",
          "three"
        ])
      )
      assert.strictEqual(
        message,
        `replies that nobody asked for: 6 of 7 replies: Refused (the test says so), {"action":"waits"}, ` +
          `a call of look({"at":"the inn"}), a stream of "Once", StreamInterrupted (the test says so), a function, ` +
          "and 1 more"
      )
    }))

  it.effect("leaves replies in a case", () =>
    Effect.gen(function*() {
      const message = yield* trouble(Effect.void, OpenRouterTest.layer(OpenRouterTest.byModel({ "a/b": ["one"] })))
      assert.include(message, `model a/b: 1 of 1 reply: "one"`)
    }))

  it.effect("may leave replies if it says so, and when it fails anyway", () =>
    Effect.gen(function*() {
      yield* ask().pipe(Effect.provide(OpenRouterTest.layer(["one", "two"], { allowUnused: true })))
      const exit = yield* Effect.exit(
        Effect.andThen(ask(), Effect.fail("its own")).pipe(Effect.provide(OpenRouterTest.layer(["one", "two"])))
      )
      assert.deepStrictEqual(exit, Exit.fail("its own"))
    }))

  it.effect("is not passed over by a program that catches everything", () =>
    Effect.gen(function*() {
      const caught = Effect.catchCause(ask(), () => Effect.succeed("something else"))
      const message = yield* trouble(Effect.andThen(caught, caught), OpenRouterTest.layer(["one"]))
      assert.match(message, /^the program went on after this, .*:\ncall 2 has no reply/)
    }))

  it.effect("in a value says where it does not fit, and what is there", () =>
    Effect.gen(function*() {
      const Person = Schema.Struct({
        name: Schema.String,
        homes: Schema.Array(Schema.Struct({ street: Schema.String, number: Schema.Int }))
      }).annotate({ identifier: "Person" })
      const message = yield* trouble(
        OpenRouter.respondObject({ model, input: "Who?", schema: Person }),
        OpenRouterTest.layer({ name: "Ann", homes: [{ street: "Mill Lane", number: 1 }, { street: 7, number: 1.5 }] })
      )
      const lines = message.split("\n")
      assert.strictEqual(lines[0], "the test's reply to call 1 is no value of the schema that was asked for")
      assert.match(lines[1] ?? "", /^ {2}at homes\[1\]\.street: Expected string, got 7$/)
      assert.include(message, `the reply: {"name":"Ann","homes":`)
      assert.include(message, "answer: json_schema Person")
    }))

  it.effect("in a value of a stream is found as well", () =>
    Effect.gen(function*() {
      const message = yield* trouble(
        Stream.runDrain(OpenRouter.streamObject({ model, input, schema: Intention })),
        OpenRouterTest.layer({})
      )
      assert.match(message, /at action: .*, got nothing/)
    }))

  it.effect("that replies with nothing says so", () =>
    Effect.gen(function*() {
      const replies: { readonly [input: string]: string } = {}
      const untyped = JSON.parse(`{}`)
      assert.include(
        yield* trouble(ask(), OpenRouterTest.layer(({ input }) => replies[String(input)] ?? untyped["x"])),
        "the test's reply to call 1 is undefined"
      )
    }))

  it.effect("asks an endpoint that has no answer", () =>
    Effect.gen(function*() {
      assert.include(
        yield* trouble(OpenRouter.models(), OpenRouterTest.layer("Hi")),
        `in the option endpoints, as "/models"`
      )
    }))
})

describe("a test that forbids calls", () => {
  it.effect("passes without one", () => Effect.provide(Effect.void, OpenRouterTest.layerForbidden))

  it.effect("fails with one and shows it, also where the program catches everything", () =>
    Effect.gen(function*() {
      const message = yield* trouble(ask(), OpenRouterTest.layerForbidden)
      assert.include(message, "this test forbids calls")
      assert.include(message, `input: "Hello"`)
      const caught = yield* trouble(Effect.ignoreCause(ask()), OpenRouterTest.layerForbidden)
      assert.include(caught, `input: "Hello"`)
      assert.include(
        yield* trouble(OpenRouter.key, OpenRouterTest.layerForbidden),
        "key has no answer: this test forbids calls"
      )
      assert.include(
        yield* trouble(Stream.runDrain(OpenRouter.streamText({ model, input })), OpenRouterTest.layerForbidden),
        input
      )
    }))
})

describe("admissions", () => {
  const reply = OpenRouterTest.answer({ text: "Hi", cost: "0.30" })

  it.effect("book, and budgets hold", () =>
    Effect.gen(function*() {
      const [error, spent] = yield* Effect.forever(ask()).pipe(
        Budget.limit("0.80"),
        OpenRouterTest.expectError("BudgetExceeded"),
        CostLedger.measured
      )
      OpenRouterTest.expectEqual(error.limit, Usd.make("0.80"))
      OpenRouterTest.expectEqual([spent.calls, spent.cost], [2, Usd.make("0.60")])
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.byModel({ "*": reply })))))

  it.effect("wait at a gate that the layer is given", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.all([ask(), ask()], { concurrency: "unbounded" }))
      yield* TestClock.adjust("9 seconds")
      assert.lengthOf(yield* OpenRouterTest.calls, 1)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* Fiber.join(fiber), 2)
    }).pipe(Effect.provide(
      OpenRouterTest.layer("Hi").pipe(
        Layer.provide(RateGate.layer({ limits: [{ requests: 1, window: "10 seconds" }] }))
      )
    )))

  it.effect("and the policy try again where the test asks for it", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(ask())
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).text, "at last")
      const last = yield* Effect.forkChild(
        ask().pipe(RetryPolicy.with(RetryPolicy.none), OpenRouterTest.expectError("RateLimited"))
      )
      yield* Fiber.join(last)
      assert.lengthOf(yield* OpenRouterTest.calls, 4)
    }).pipe(Effect.provide(OpenRouterTest.layer([
      OpenRouterTest.rateLimited({ resetIn: "30 seconds" }),
      OpenRouterTest.serverError(),
      "at last",
      OpenRouterTest.rateLimited()
    ], { retries: true }))))
})
