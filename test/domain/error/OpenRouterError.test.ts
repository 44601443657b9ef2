import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cause, DateTime, Duration, Effect, Equal, Exit, Logger, Redacted, Result, Schema } from "effect"
import { OpenRouterError as E, Outcome, Response, Usd, Wire } from "effect-openrouter"
import { inspect } from "node:util"

type OpenRouterError = E.OpenRouterError

/** In everything that is hidden, and in nothing else. */
const secret = "the princess hides in the mill"

const responseJson = {
  id: "gen-1",
  status: "incomplete",
  model: "openai/gpt-5",
  instructions: secret,
  tools: [{ type: "function", name: secret }],
  a_newer_field: { of: [secret] },
  output: [
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: secret }], encrypted_content: "e30" },
    { type: "a_newer_item", words: secret },
    {
      type: "message",
      role: "assistant",
      a_newer_field: 1,
      content: [{ type: "output_text", text: secret, annotations: [] }]
    }
  ],
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5, cost: 0.00002, a_newer_field: 1 }
}

const response = Result.getOrThrow(Response.decode(responseJson))

const context = {
  message: "said",
  status: 200,
  model: "openai/gpt-5",
  generationId: "gen-1",
  attempts: 2,
  errorType: "server",
  code: "500",
  usage: { inputTokens: 3, outputTokens: 2, cost: Usd.fromNumber(0.1) },
  cost: Usd.fromNumber(0.1),
  partialText: "Once",
  provider: { name: "Acme", code: "7", raw: Redacted.make(secret) },
  response
}

const hint = { resetAt: DateTime.makeUnsafe(1_790_000_000_000), retryAfter: Duration.seconds(30) }

/** Of each tag one with all that it can carry. */
const errors: ReadonlyArray<OpenRouterError> = [
  new E.InvalidRequest({ ...context, origin: "server", field: "model" }),
  new E.ContextLengthExceeded(context),
  new E.PayloadTooLarge(context),
  new E.InvalidApiKey(context),
  new E.PaymentRequired({ ...context, ...hint, limitSource: "openrouter_credits", isTransient: true }),
  new E.AccessDenied({ ...context, patterns: ["sudo"] }),
  new E.ModelUnavailable({ ...context, reason: "model_not_found", fallbackModels: ["a/b"] }),
  new E.RateLimited({ ...context, ...hint, limit: 20, remaining: 0, limitSource: "openrouter_free_tier_daily" }),
  new E.ProviderTimeout({ ...context, ...hint }),
  new E.ProviderUnavailable({ ...context, ...hint }),
  new E.ProviderOverloaded({ ...context, ...hint }),
  new E.ServerError({ ...context, ...hint }),
  new E.UnexpectedStatus(context),
  new E.Refused({
    ...context,
    source: "moderation",
    refusal: "no",
    reasons: ["violence"],
    flaggedInput: Redacted.make(secret)
  }),
  new E.ConnectionFailed({ ...context, phase: "receiving", reason: "UND_ERR_CLOSED" }),
  new E.TimedOut({ ...context, phase: "idle", duration: Duration.seconds(1) }),
  new E.MalformedResponse({ ...context, body: Redacted.make(secret) }),
  new E.BudgetExceeded({
    ...context,
    limit: Usd.zero,
    spent: Usd.fromNumber(0.5),
    unknown: Usd.zero,
    reserved: Usd.zero,
    estimate: Usd.fromNumber(1e-7),
    scope: "tick"
  }),
  new E.Incomplete({ ...context, reason: "max_output_tokens", partialText: "Once" }),
  new E.GenerationFailed(context),
  new E.EmptyCompletion(context),
  new E.InvalidOutput({ ...context, text: "{}", issue: "Missing key" }),
  new E.StreamInterrupted(context)
]

/** Errors that know as little as they can, and some whose parts are there only in part. */
const sparse: ReadonlyArray<OpenRouterError> = [
  new E.StreamInterrupted({ message: "" }),
  new E.MalformedResponse({ message: "" }),
  new E.MalformedResponse({ message: "", body: Redacted.make("") }),
  new E.ServerError({ message: "", provider: {} }),
  new E.ServerError({ message: "", provider: { name: "Acme" } }),
  new E.ServerError({ message: "", provider: { raw: Redacted.make("") } }),
  new E.Refused({ message: "", source: "policy", refusal: "" }),
  new E.EmptyCompletion({ message: "", response: { status: "completed", output: [] } })
]

const json = Schema.toCodecJson(E.OpenRouterError)

const throughJson = <A>(codec: Schema.Codec<A, Schema.Json>, value: A) =>
  Effect.flatMap(Schema.encodeEffect(codec)(value), (json) => {
    const text = JSON.stringify(json)
    return Effect.map(Schema.decodeUnknownEffect(codec)(JSON.parse(text)), (back) => ({ back, text }))
  })

const flaggedInput = (error: OpenRouterError) =>
  error._tag === "Refused" && error.flaggedInput !== undefined ? Redacted.value(error.flaggedInput) : undefined

const body = (error: OpenRouterError) =>
  error._tag === "MalformedResponse" && error.body !== undefined ? Redacted.value(error.body) : undefined

const providerRaw = (error: OpenRouterError) =>
  error.provider?.raw === undefined ? undefined : Redacted.value(error.provider.raw)

it("there is one of each tag", () => {
  const tags = E.OpenRouterError.members.map((error) => error.fields._tag.schema.literal)
  assert.deepStrictEqual(errors.map(({ _tag }) => _tag).toSorted(), tags.toSorted())
})

describe("the response of an error", () => {
  it.each(errors)("$_tag is there for programs", (error) => {
    assert.strictEqual(error.response, response)
    assert.strictEqual(error.response?.usage?.cost, response.usage?.cost)
    assert.deepStrictEqual(Wire.raw(error.response), responseJson)
  })

  it.each(errors)("$_tag is not there for eyes", (error) => {
    const lines: Array<string> = []
    const exit = Exit.fail(error)
    const cause = Cause.fail(error)
    const loggers = [Logger.formatJson, Logger.formatLogFmt, Logger.formatSimple].map((format) =>
      Logger.map(format, (line) => void lines.push(line))
    )
    const structured = Logger.map(Logger.formatStructured, (entry) => void lines.push(inspect(entry, { depth: null })))
    const pretty = Logger.make((options) => void lines.push(inspect(options.message, { depth: null })))
    Effect.runSync(
      Effect.all([
        Effect.logError("failed", error, { error }),
        Effect.logError(cause),
        Effect.logError("failed", Cause.fail({ inner: error }))
      ]).pipe(Effect.provide(Logger.layer([...loggers, structured, pretty])))
    )
    const texts = [
      ...lines,
      inspect(error, { depth: null }),
      inspect({ errors: [error] }, { depth: null }),
      inspect(exit, { depth: null }),
      String(error),
      error.message,
      JSON.stringify(error),
      JSON.stringify({ error, exit }),
      JSON.stringify(error.toJSON()),
      JSON.stringify({ ...error }),
      Cause.pretty(cause),
      Cause.pretty(Cause.die(error)),
      Schema.toFormatter(E.OpenRouterError)(error)
    ]
    assert.isAtLeast(lines.length, 15)
    for (const text of texts) assert.notInclude(text, secret)
    assert.notInclude(Object.keys(error), "response")
    const seen: Array<string> = []
    for (const key in error) seen.push(key)
    assert.notInclude(seen, "response")
  })

  it("counts where errors are compared", () => {
    const error = new E.StreamInterrupted(context)
    assert.isTrue(Equal.equals(error, new E.StreamInterrupted(context)))
    assert.isFalse(Equal.equals(error, new E.StreamInterrupted({ ...context, response: { ...response, output: [] } })))
  })

  it("is absent where there was none", () => {
    const error = new E.StreamInterrupted({ message: "cut" })
    assert.isUndefined(error.response)
    assert.isTrue(Schema.is(E.OpenRouterError)(error))
    assert.isFalse(Object.hasOwn(error, "response"))
  })

  it("is a response and nothing else", () => {
    const json: ConstructorParameters<typeof E.StreamInterrupted>[0] = JSON.parse(`{"message":"m","response":"text"}`)
    assert.throws(() => new E.StreamInterrupted(json))
  })
})

describe("an encoded error", () => {
  it.effect.each(errors)("$_tag has neither its response nor what is redacted", (error) =>
    Effect.gen(function*() {
      const { back, text } = yield* throughJson(json, error)
      const own = yield* Schema.encodeEffect(E.OpenRouterError)(error)
      assert.notInclude(text, secret)
      assert.notInclude(inspect(own, { depth: null }), secret)
      assert.notInclude(inspect(own, { depth: null }), "redacted")
      assert.strictEqual(back._tag, error._tag)
      assert.strictEqual(back.message, error.message)
      assert.strictEqual(back.isRetryable, error.isRetryable)
      assert.strictEqual(back.provider?.name, "Acme")
      for (const part of [back.response, flaggedInput(back), body(back), providerRaw(back)]) assert.isUndefined(part)
    }))

  it.effect("can be the error of an exit", () =>
    Effect.gen(function*() {
      const exits = Schema.toCodecJson(Schema.Exit(Schema.Void, E.OpenRouterError, Schema.Defect()))
      const { back, text } = yield* throughJson(exits, Exit.fail(new E.StreamInterrupted(context)))
      assert.isTrue(Exit.isFailure(back))
      assert.notInclude(text, secret)
    }))

  it.effect("has a JSON Schema", () =>
    Effect.sync(() => {
      const { definitions } = Schema.toJsonSchemaDocument(E.OpenRouterError)
      assert.isAtLeast(Object.keys(definitions).length, 23)
    }))
})

describe("Complete", () => {
  it.effect.each([...errors, ...sparse])("keeps all of a $_tag", (error) =>
    Effect.gen(function*() {
      const { back, text } = yield* throughJson(E.Complete, error)
      assert.isTrue(Equal.equals(back, error), text)
      assert.strictEqual(back.constructor, error.constructor)
      assert.strictEqual(back.isRetryable, error.isRetryable)
      assert.deepStrictEqual(Wire.raw(back.response), Wire.raw(error.response) ?? Wire.raw(back.response))
      assert.strictEqual(flaggedInput(back), flaggedInput(error))
      assert.strictEqual(body(back), body(error))
      assert.strictEqual(providerRaw(back), providerRaw(error))
      assert.notInclude(inspect(back, { depth: null }), secret)
    }))

  it.effect("keeps the items as they came", () =>
    Effect.gen(function*() {
      const { back } = yield* throughJson(E.Complete, new E.StreamInterrupted(context))
      assert.deepStrictEqual(back.response?.output, response.output)
      assert.deepStrictEqual(back.response?.output.map(Wire.raw), responseJson.output)
    }))

  it.effect("writes a changed response as it was changed", () =>
    Effect.gen(function*() {
      const changed = { ...response, status: "failed", output: response.output.slice(2) }
      const { back, text } = yield* throughJson(E.Complete, new E.StreamInterrupted({ ...context, response: changed }))
      assert.strictEqual(back.response?.status, "failed")
      assert.deepStrictEqual(back.response?.output.map(Wire.raw), responseJson.output.slice(2))
      assert.notInclude(text, "a_newer_item")
    }))

  it.effect("writes null where an answer has a number that is none in JavaScript", () =>
    Effect.gen(function*() {
      const response = Result.getOrThrow(
        Response.decode(JSON.parse(`{"id":"gen-1","status":"incomplete","output":[],"novel":[1e999,1]}`))
      )
      const { back } = yield* throughJson(E.Complete, new E.StreamInterrupted({ message: "cut", response }))
      assert.deepInclude(Wire.raw(back.response), { id: "gen-1", novel: [null, 1] })
    }))

  it.effect("reads what was stored without it, and is read by others", () =>
    Effect.gen(function*() {
      const error = new E.MalformedResponse({ ...context, body: Redacted.make(secret) })
      const shown = yield* Schema.decodeEffect(E.Complete)(yield* Schema.encodeEffect(json)(error))
      assert.isUndefined(shown.response)
      const whole = yield* Schema.decodeEffect(json)(yield* Schema.encodeEffect(E.Complete)(error))
      assert.isTrue(Equal.equals(whole, error))
    }))

  it.effect("is a codec like any other", () =>
    Effect.gen(function*() {
      const codec = Schema.toCodecJson(Schema.Struct({ error: E.Complete, at: Schema.DateTimeUtc }))
      const value = { error: new E.Incomplete({ ...context, reason: "r", partialText: "" }), at: hint.resetAt }
      const { back } = yield* throughJson(codec, value)
      assert.isTrue(Equal.equals(back, value))
      const exit = Exit.fail(value.error)
      const exits = Schema.toCodecJson(Schema.Exit(Schema.Void, E.Complete, Schema.Defect()))
      assert.isTrue(Equal.equals((yield* throughJson(exits, exit)).back, exit))
      const unknown = yield* Effect.exit(Schema.decodeUnknownEffect(E.Complete)({ _tag: "Novel", message: "m" }))
      assert.isTrue(Exit.isFailure(unknown))
    }))

  it.effect("keeps all of any error", () =>
    Effect.gen(function*() {
      const values = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.toType(E.OpenRouterError)), {
        count: 600,
        seed: 1,
        size: 5,
        maxDiscards: 100_000
      })
      const seen = new Set<string>()
      const canBeWritten = Schema.encodeExit(E.Complete)
      for (const error of values) {
        // A cost that is no finite number cannot be written.
        if (Exit.isFailure(canBeWritten(error))) continue
        if (error.response !== undefined) seen.add("response")
        seen.add(error._tag)
        const { back, text } = yield* throughJson(E.Complete, error)
        // Costs inside a usage are numbers in JSON: of more digits than a number has, the rest is lost, but only once.
        if (error.usage === undefined && error.response?.usage === undefined) {
          assert.isTrue(Equal.equals(back, error), text)
        }
        const again = yield* throughJson(E.Complete, back)
        assert.strictEqual(again.text, text)
        assert.isTrue(Equal.equals(again.back, back), text)
      }
      assert.strictEqual(seen.size, 24)
    }))
})

describe("the error of an outcome", () => {
  it.effect("has its response also after the outcome was stored", () =>
    Effect.gen(function*() {
      const codec = Schema.toCodecJson(Outcome.Outcome)
      const outcome = Outcome.fromResponse(
        Result.getOrThrow(Response.decode({ ...responseJson, status: "cancelled" })),
        { headers: {}, attempts: 1, now: 0 }
      )
      const failed = Result.getOrThrow(outcome)
      if (failed._tag !== "Failed") return assert.fail(failed._tag)
      assert.strictEqual(Outcome.toError(failed), failed.error)
      const { back } = yield* throughJson(codec, failed)
      if (back._tag !== "Failed") return assert.fail(back._tag)
      const error = Outcome.toError(back)
      assert.strictEqual(error.response, back.response)
      assert.strictEqual(error.message, failed.error.message)
      assert.strictEqual(error.partialText, secret)
    }))
})
