import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Redacted, Schema } from "effect"
import { CostLedger, OpenRouter, OpenRouterError as E, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { ask, model, untyped } from "../client/support.ts"

const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15, cost: Usd.fromNumber(0.25) }

const message = "as the test says"

/** One error of each tag, and the outcome that it means. */
const errors: ReadonlyArray<readonly [error: E.OpenRouterError, outcome?: string]> = [
  [new E.InvalidRequest({ message, origin: "server" })],
  [new E.ContextLengthExceeded({ message })],
  [new E.PayloadTooLarge({ message })],
  [new E.InvalidApiKey({ message })],
  [new E.PaymentRequired({ message, isTransient: true })],
  [new E.AccessDenied({ message })],
  [new E.ModelUnavailable({ message })],
  [new E.RateLimited({ message })],
  [new E.ProviderTimeout({ message })],
  [new E.ProviderUnavailable({ message })],
  [new E.ProviderOverloaded({ message })],
  [new E.ServerError({ message })],
  [new E.UnexpectedStatus({ message, status: 418 })],
  [new E.ConnectionFailed({ message, phase: "connecting" })],
  [new E.TimedOut({ message, phase: "response", duration: Duration.seconds(1) })],
  [new E.MalformedResponse({ message, body: Redacted.make("<html>") })],
  [
    new E.BudgetExceeded({
      message,
      limit: Usd.zero,
      spent: Usd.zero,
      unknown: Usd.zero,
      reserved: Usd.zero,
      scope: "tick"
    })
  ],
  [new E.Refused({ message, source: "policy", refusal: "no" })],
  [new E.Refused({ message, source: "moderation", refusal: "no", flaggedInput: Redacted.make("x") })],
  [new E.Refused({ message, source: "model", refusal: "no" }), "Refused"],
  [new E.Incomplete({ message, reason: "max_output_tokens", partialText: "Once" }), "Incomplete"],
  [new E.GenerationFailed({ message }), "Failed"],
  [new E.EmptyCompletion({ message }), "Empty"]
]

describe("errors", () => {
  it.effect.each(errors)("$0._tag fails respond with that tag, at once", ([error]) =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(ask())
      assert.strictEqual(failure._tag, error._tag)
      assert.strictEqual((yield* OpenRouterTest.calls).length, 1)
    }).pipe(Effect.provide(OpenRouterTest.layer(error))))

  it.effect.each(errors)(
    "$0._tag is the outcome or the failure of the real client",
    ([error, tag]) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(OpenRouter.outcome({ model, input: "Hi" }))
        if (tag === undefined) assert.isTrue(Exit.isFailure(exit) && Exit.findErrorOption(exit)._tag === "Some")
        else assert.strictEqual(Exit.isSuccess(exit) ? exit.value._tag : "none", tag)
      }).pipe(Effect.provide(OpenRouterTest.layer(error)))
  )

  it.effect("carry text, usage and cost as the real ones", () =>
    Effect.gen(function*() {
      const error = yield* ask().pipe(Effect.as(undefined), Effect.catchTag("Incomplete", Effect.succeed))
      assert.strictEqual(error?.partialText, "Once")
      assert.strictEqual(error?.reason, "content_filter")
      assert.strictEqual(error?.usage?.outputTokens, 5)
      assert.strictEqual(Usd.toText(error?.cost ?? Usd.zero), "0.25")
    }).pipe(
      Effect.provide(OpenRouterTest.layer(
        new E.Incomplete({ message, reason: "content_filter", partialText: "Once", usage })
      ))
    ))

  it.effect("carry a cost that was given without a usage", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.strictEqual(Usd.toText(error.cost ?? Usd.zero), "0.25")
    }).pipe(Effect.provide(OpenRouterTest.layer(
      new E.Incomplete({ message, reason: "content_filter", partialText: "Once", cost: usage.cost })
    ))))

  it.effect("of the wrong shape come from respondObject only", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ n: Schema.Int })
      const error = yield* OpenRouter.respondObject({ model, input: "Hi", schema }).pipe(
        Effect.as(undefined),
        Effect.catchTag("InvalidOutput", Effect.succeed)
      )
      assert.strictEqual(error?.text, "nonsense")
      assert.strictEqual((yield* ask()).text, "nonsense")
    }).pipe(Effect.provide(OpenRouterTest.layer(new E.InvalidOutput({ message, text: "nonsense", issue: "no" })))))

  it.effect("of a stream are a mistake of the test", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(
        ask().pipe(Effect.provide(OpenRouterTest.layer(new E.StreamInterrupted({ message }))))
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }))
})

describe("answers", () => {
  const Person = Schema.Struct({
    name: Schema.String,
    age: Schema.NumberFromString,
    nick: Schema.optionalKey(Schema.String)
  })

  const person = OpenRouter.respondObject({ model, input: "Who?", schema: Person })

  it.effect("are a text", () =>
    Effect.gen(function*() {
      const answer = yield* ask()
      assert.deepInclude(answer, { _tag: "Completed", text: "Hi", attempts: 1, model, functionCalls: [] })
      assert.strictEqual(answer.response.status, "completed")
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))

  it.effect("without a text are empty, as with the real client", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(ask()))._tag, "EmptyCompletion")
    }).pipe(Effect.provide(OpenRouterTest.layer(""))))

  it.effect("are a value of the asked schema", () =>
    Effect.gen(function*() {
      const { text, value } = yield* person
      assert.deepStrictEqual(value, { name: "Ann", age: 7 })
      assert.include(text, `"age":"7"`)
    }).pipe(Effect.provide(OpenRouterTest.layer({ name: "Ann", age: 7 }))))

  it.effect("of a value that the schema does not have are a mistake of the test", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(person.pipe(Effect.provide(OpenRouterTest.layer({ name: 7 }))))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }))

  it.effect("have details where a test wants them", () =>
    Effect.gen(function*() {
      const answer = yield* ask()
      assert.strictEqual(answer.text, "Hi")
      assert.strictEqual(answer.model, "a/other")
      assert.strictEqual(Usd.toText(answer.cost ?? Usd.zero), "0.25")
      assert.strictEqual(answer.functionCalls[0]?.name, "look")
    }).pipe(Effect.provide(OpenRouterTest.layer(OpenRouterTest.answer({
      text: "Hi",
      model: "a/other",
      usage,
      output: [{ type: "function_call", callId: "c1", name: "look", arguments: "{}" }]
    })))))

  it.effect("depend on the request", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask("a")).text, "a?")
      assert.strictEqual((yield* ask("b")).text, "b?")
    }).pipe(Effect.provide(OpenRouterTest.layer((request) => `${String(request.input)}?`))))

  it.effect("may come from an effect, or be an error", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask("a")).text, "later")
      assert.strictEqual((yield* Effect.flip(ask("b")))._tag, "RateLimited")
    }).pipe(Effect.provide(OpenRouterTest.layer((request) =>
      request.input === "a" ? Effect.succeed("later") : new E.RateLimited({ message })
    ))))

  it.effect("come in order from a list, and then the call dies with its number", () =>
    Effect.gen(function*() {
      const program = Effect.gen(function*() {
        assert.strictEqual((yield* ask()).text, "one")
        assert.strictEqual((yield* Effect.flip(ask()))._tag, "ServerError")
        assert.strictEqual((yield* ask()).text, "three")
        yield* ask()
      })
      const script = ["one", new E.ServerError({ message }), () => "three"]
      const exit = yield* Effect.exit(Effect.provide(program, OpenRouterTest.layer(script)))
      if (Exit.isSuccess(exit)) return assert.fail("a fourth answer")
      assert.isTrue(Cause.hasDies(exit.cause))
      assert.include(Cause.pretty(exit.cause), "call 4")
    }))

  it.effect("of a list are given once each to concurrent callers", () =>
    Effect.gen(function*() {
      const answers = yield* Effect.all(Array.from({ length: 50 }, () => ask()), { concurrency: "unbounded" })
      assert.strictEqual(new Set(answers.map(({ text }) => text)).size, 50)
    }).pipe(Effect.provide(OpenRouterTest.layer(Array.from({ length: 50 }, (_, n) => `answer ${n}`)))))
})

describe("requests", () => {
  it.effect("are recorded, oldest first", () =>
    Effect.gen(function*() {
      yield* ask("one")
      yield* ask("two")
      assert.deepStrictEqual(yield* OpenRouterTest.calls, [{ model, input: "one" }, { model, input: "two" }])
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))

  it.effect("are checked as by the real client, and a rejected one uses no reply", () =>
    Effect.gen(function*() {
      const input = "Hi"
      for (const wrong of [{ model: "", input }, { input, user: "u".repeat(257) }, untyped(`{"temperature":"hot"}`)]) {
        assert.strictEqual((yield* Effect.flip(OpenRouter.respond(wrong)))._tag, "InvalidRequest")
      }
      assert.deepStrictEqual(yield* OpenRouterTest.calls, [])
      assert.strictEqual((yield* ask()).text, "the only reply")
    }).pipe(Effect.provide(OpenRouterTest.layer(["the only reply"]))))
})

describe("costs", () => {
  it.effect("are booked, also those of errors", () =>
    Effect.gen(function*() {
      const [, spent] = yield* CostLedger.measured(Effect.forEach([1, 2, 3], () => Effect.exit(ask())))
      assert.deepStrictEqual([spent.calls, spent.failures, spent.unknown, Usd.toText(spent.cost)], [3, 2, 0, "0.5"])
    }).pipe(Effect.provide(OpenRouterTest.layer([
      OpenRouterTest.answer({ text: "Hi", usage }),
      new E.Incomplete({ message, reason: "max_output_tokens", partialText: "", usage }),
      new E.RateLimited({ message })
    ]))))
})

describe("the account", () => {
  it.effect("has a key and credits without being told", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* OpenRouter.key).label, "test")
      assert.strictEqual(Usd.toText((yield* OpenRouter.credits).totalCredits), "0")
    }).pipe(Effect.provide(OpenRouterTest.layer("Hi"))))
})
