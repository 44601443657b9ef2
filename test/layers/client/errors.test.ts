import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted, Schema } from "effect"
import { OpenRouter, OpenRouterError, Usd } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import {
  ask,
  askFor,
  atT0,
  clientOf,
  emulated,
  errorFacts,
  errorJson,
  final,
  model,
  ok,
  scripted,
  served,
  t0,
  tcpServer
} from "./support.ts"

const { Reply } = Emulator

type E = OpenRouterError.OpenRouterError

type Call = Effect.Effect<unknown, E, OpenRouter.OpenRouter>

type Facts = Readonly<Record<string, unknown>>

/** What the server does, the tag by which the failure is caught, and what the error then says (as JSON). */
interface Row {
  readonly name: string
  readonly reply: Emulator.Reply.Reply
  readonly tag: E["_tag"]
  readonly caught: (call: Call) => Effect.Effect<E | undefined, E, OpenRouter.OpenRouter>
  readonly says: Facts
}

const row = <T extends E["_tag"]>(name: string, reply: Emulator.Reply.Reply, tag: T, says: Facts = {}): Row => ({
  name,
  reply,
  tag,
  says,
  caught: (call) => call.pipe(Effect.as(undefined), Effect.catchTag(tag, (error) => Effect.succeed(error)))
})

const instant = (after: number) => new Date(t0 + after).toISOString()

const overloaded = { errorType: "provider_overloaded" }

const inFlight = { limit_source: "openrouter_in_flight_budget", reason: "in_flight_budget_exhausted" }

const http: ReadonlyArray<Row> = [
  row("400", Reply.failure(400, { message: "no" }), "InvalidRequest", {
    origin: "server",
    status: 400,
    code: "400",
    message: "no"
  }),
  row("400 with a word", Reply.failure(400, { dialect: "string", code: "invalid_prompt" }), "InvalidRequest", {
    origin: "server",
    code: "invalid_prompt"
  }),
  row(
    "400 naming a constraint",
    Reply.failure(400, {
      dialect: "availability",
      errorType: "invalid_request",
      metadata: { constraint: { field: "provider.only", detail: "no such provider" } }
    }),
    "InvalidRequest",
    { origin: "server", field: "provider.only", errorType: "invalid_request" }
  ),
  ...["context_length_exceeded", "max_tokens_exceeded", "token_limit_exceeded", "string_too_long"].map((errorType) =>
    row(`400 ${errorType}`, Reply.failure(400, { errorType }), "ContextLengthExceeded", { status: 400, errorType })
  ),
  row(
    "400 whose code is context_length_exceeded",
    Reply.failure(400, { dialect: "string", code: "context_length_exceeded" }),
    "ContextLengthExceeded",
    { code: "context_length_exceeded" }
  ),
  row("401", Reply.failure(401), "InvalidApiKey", { status: 401 }),
  row(
    "402 without credits",
    Reply.failure(402, { errorType: "payment_required", metadata: { limit_source: "openrouter_credits" } }),
    "PaymentRequired",
    { limitSource: "openrouter_credits", isTransient: false }
  ),
  row("402 with nothing said", Reply.failure(402), "PaymentRequired", { isTransient: false }),
  row("402 in flight", Reply.failure(402, { metadata: inFlight, retryAfter: "7 seconds" }), "PaymentRequired", {
    limitSource: "openrouter_in_flight_budget",
    isTransient: true,
    resetAt: instant(7000)
  }),
  row(
    "402 of a request that never fits",
    Reply.failure(402, { metadata: { ...inFlight, reason: "weight_exceeds_budget" } }),
    "PaymentRequired",
    { isTransient: false }
  ),
  row("403", Reply.failure(403, { errorType: "permission_denied" }), "AccessDenied", { status: 403 }),
  row(
    "403 of a guardrail",
    Reply.failure(403, { metadata: { patterns: ["sudo", "rm -rf"] } }),
    "AccessDenied",
    { patterns: ["sudo", "rm -rf"] }
  ),
  row("403 of a region", Reply.failure(403, { errorType: "data_residency_mismatch" }), "AccessDenied"),
  row("403 refusal", Reply.failure(403, { errorType: "refusal", message: "I won't." }), "Refused", {
    source: "policy",
    refusal: "I won't.",
    status: 403
  }),
  row("403 policy", Reply.failure(403, { errorType: "content_policy_violation" }), "Refused", { source: "policy" }),
  row("404", Reply.failure(404), "ModelUnavailable", { status: 404 }),
  row(
    "404 with alternatives",
    Reply.failure(404, {
      dialect: "availability",
      code: "privacy_restricted",
      metadata: { fallback_models: ["a/b", "c/d"] }
    }),
    "ModelUnavailable",
    { reason: "privacy_restricted", fallbackModels: ["a/b", "c/d"], errorType: "not_found" }
  ),
  row("408", Reply.failure(408), "ProviderTimeout", { status: 408 }),
  row("412", Reply.failure(412), "InvalidRequest", { status: 412, origin: "server" }),
  row("413", Reply.failure(413), "PayloadTooLarge", { status: 413 }),
  row("422", Reply.failure(422), "InvalidRequest", { status: 422, origin: "server" }),
  row(
    "429",
    Reply.failure(429, {
      reset: { after: "30 seconds", limit: 50 },
      metadata: {
        limit_source: "upstream_provider_shared_pool",
        provider_name: "BaseTen",
        raw: "temporarily rate-limited upstream"
      }
    }),
    "RateLimited",
    {
      resetAt: instant(30_000),
      limit: 50,
      remaining: 0,
      limitSource: "upstream_provider_shared_pool",
      provider: { name: "BaseTen", raw: "temporarily rate-limited upstream" }
    }
  ),
  row(
    "429 with a reset in the body",
    Reply.failure(429, { reset: { after: "1 hour", place: "body" } }),
    "RateLimited",
    {
      resetAt: instant(3_600_000),
      remaining: 0
    }
  ),
  row(
    "429 with its metadata beside the error",
    Reply.failure(429, {
      dialect: "string",
      code: "rate_limit_exceeded",
      reset: { after: "9 seconds", place: "body" }
    }),
    "RateLimited",
    { resetAt: instant(9000) }
  ),
  row("500", Reply.failure(500), "ServerError", { status: 500 }),
  row("501", Reply.failure(501), "ServerError", { status: 501 }),
  row(
    "500 of a provider that is down",
    Reply.failure(500, { errorType: "provider_unavailable" }),
    "ProviderUnavailable"
  ),
  row(
    "502",
    Reply.failure(502, { metadata: { provider_name: "Acme", provider_code: 1234, raw: { error: "bad gateway" } } }),
    "ProviderUnavailable",
    { status: 502, provider: { name: "Acme", code: "1234", raw: `{"error":"bad gateway"}` } }
  ),
  row("503", Reply.failure(503, { ...overloaded, retryAfter: "5 seconds" }), "ProviderOverloaded", {
    status: 503,
    errorType: "provider_overloaded",
    resetAt: instant(5000)
  }),
  row("504", Reply.failure(504, { errorType: "timeout" }), "ProviderTimeout", { status: 504 }),
  row("524", Reply.failure(524), "ProviderTimeout", { status: 524 }),
  row("529", Reply.failure(529), "ProviderOverloaded", { status: 529 }),
  row("418", Reply.failure(418), "UnexpectedStatus", { status: 418 }),
  row("502 of an edge", Reply.raw("<html>Bad gateway</html>", { status: 502 }), "ProviderUnavailable", { status: 502 }),
  row("500 without a body", Reply.raw("", { status: 500 }), "ServerError", { status: 500 }),
  row("503 in plain text", Reply.raw("upstream connect error", { status: 503 }), "ProviderOverloaded", {
    message: "the server answered with status 503: upstream connect error",
    body: "upstream connect error"
  }),
  row(
    "400 in a list",
    Reply.raw(`[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]`, { status: 400 }),
    "InvalidRequest",
    { message: "no" }
  ),
  row(
    "400 of a model that is none",
    Reply.failure(400, { message: "x/y is not a valid model ID" }),
    "ModelUnavailable"
  ),
  row(
    "429 of a spent quota",
    Reply.failure(429, { dialect: "string", code: "insufficient_quota" }),
    "PaymentRequired",
    { isTransient: false }
  ),
  row(
    "400 of a provider whose context is full",
    Reply.failure(400, {
      message: "Provider returned error",
      metadata: { provider_name: "Anthropic", raw: `{"error":{"message":"prompt is too long: 2 tokens > 1 maximum"}}` }
    }),
    "ContextLengthExceeded"
  )
]

const overloadedName = `{"status":"failed","output":[],"error":{"code":"server_is_overloaded","message":"m"}}`

const inBand = (errorType: string, tag: E["_tag"], says: Facts = {}): Row =>
  row(`200 that says ${errorType}`, Reply.failed({ errorType }), tag, { status: 200, errorType, ...says })

const answered: ReadonlyArray<Row> = [
  row("200 cut by the limit", Reply.incomplete({ text: "Once upon" }), "Incomplete", {
    reason: "max_output_tokens",
    partialText: "Once upon"
  }),
  row("200 cut by a filter", Reply.incomplete({ text: "Once", reason: "content_filter" }), "Incomplete", {
    reason: "content_filter",
    partialText: "Once"
  }),
  row("200 refused by the model", Reply.refusal({ refusal: "I can't." }), "Refused", {
    source: "model",
    refusal: "I can't."
  }),
  row("200 without text", Reply.empty(), "EmptyCompletion"),
  row(
    "200 that failed for a new reason",
    Reply.failed({ errorType: "lunar_eclipse", code: "moon" }),
    "GenerationFailed",
    {
      errorType: "lunar_eclipse",
      code: "moon"
    }
  ),
  row(
    "200 that failed midway",
    Reply.failed({ errorType: "lunar_eclipse", code: "moon", text: "Once upon a" }),
    "GenerationFailed",
    { partialText: "Once upon a" }
  ),
  row(
    "200 that was overloaded midway",
    Reply.failed({ ...overloaded, text: "Once upon a" }),
    "ProviderOverloaded",
    { partialText: "Once upon a" }
  ),
  inBand("rate_limit_exceeded", "RateLimited"),
  inBand("provider_overloaded", "ProviderOverloaded"),
  inBand("provider_unavailable", "ProviderUnavailable"),
  inBand("timeout", "ProviderTimeout"),
  inBand("server", "ServerError"),
  inBand("unmapped", "ServerError"),
  inBand("authentication", "InvalidApiKey"),
  inBand("payment_required", "PaymentRequired", { isTransient: false }),
  inBand("permission_denied", "AccessDenied"),
  inBand("not_found", "ModelUnavailable"),
  inBand("payload_too_large", "PayloadTooLarge"),
  inBand("context_length_exceeded", "ContextLengthExceeded"),
  inBand("invalid_request", "InvalidRequest", { origin: "server" }),
  inBand("invalid_image", "InvalidRequest", { origin: "server" }),
  inBand("refusal", "Refused", { source: "policy" }),
  inBand("content_policy_violation", "Refused", { source: "policy" }),
  row("a bare error in a 200", Reply.failure(502, { httpStatus: 200, message: "bad" }), "ProviderUnavailable", {
    code: "502",
    message: "bad",
    status: 200
  }),
  row(
    "a bare rate limit in a 200",
    Reply.failure(429, { httpStatus: 200, reset: { after: "9 seconds", place: "body" } }),
    "RateLimited",
    { resetAt: instant(9000) }
  ),
  row("200 that failed with a provider's code", Reply.raw(overloadedName), "ProviderOverloaded", {
    code: "server_is_overloaded"
  }),
  row(
    "a bare moderation in a 200",
    Reply.failure(403, { httpStatus: 200, metadata: { reasons: ["violence"], flagged_input: "a plan" } }),
    "Refused",
    { source: "moderation", reasons: ["violence"], flaggedInput: "a plan" }
  ),
  row("an HTML page", Reply.raw("<html>Just a moment</html>"), "MalformedResponse", {
    status: 200,
    body: "<html>Just a moment</html>"
  }),
  row("an empty body", Reply.raw(""), "MalformedResponse", { body: "" }),
  row("half an answer", Reply.answer({ keep: 0.5 }), "MalformedResponse", { status: 200 }),
  row("a broken connection", Reply.disconnect(), "ConnectionFailed", { phase: "sending" })
]

const rows = [...http, ...answered]

const modelOf = (row: Row) => `row/${rows.indexOf(row)}`

const rules = rows.map((row): Emulator.Rule => ({ when: { model: modelOf(row) }, reply: row.reply }))

const caught = (row: Row) =>
  Effect.gen(function*() {
    yield* atT0
    const error = yield* row.caught(askFor(modelOf(row)))
    if (error === undefined) return assert.fail("the call succeeded")
    const said = yield* errorFacts(error)
    assert.strictEqual(said["_tag"], row.tag)
    assert.deepInclude(said, { ...row.says, model: modelOf(row), attempts: 1 })
    assert.isString(said["message"])
    if (row.tag !== "ConnectionFailed") assert.match(String(said["generationId"]), /^gen-/)
  })

describe("over fetch", () => {
  it.layer(final(served({ rules })))((it) => {
    it.effect.each(rows)("$name is $tag", (row) => caught(row))
  })
})

describe("over undici", () => {
  it.layer(final(served({ rules }, "undici")))((it) => {
    it.effect.each(rows)("$name is $tag", (row) => caught(row))
  })
})

describe("over undici's dispatch", () => {
  it.layer(final(served({ rules }, "dispatch")))((it) => {
    it.effect.each(rows)("$name is $tag", (row) => caught(row))
  })
})

describe("moderation", () => {
  it.effect("names the categories and keeps the flagged excerpt out of sight", () =>
    Effect.gen(function*() {
      const error = yield* askFor("emulator/moderation", "a very secret plan").pipe(
        Effect.as(undefined),
        Effect.catchTag("Refused", (error) => Effect.succeed(error))
      )
      if (error === undefined) return assert.fail("the call succeeded")
      assert.strictEqual(error.source, "moderation")
      assert.deepStrictEqual(error.reasons, ["violence"])
      if (error.flaggedInput === undefined) return assert.fail("no excerpt")
      assert.strictEqual(Redacted.value(error.flaggedInput), "a very secret plan")
      assert.notInclude(JSON.stringify(error), "secret plan")
    }).pipe(Effect.provide(final(served()))))
})

describe("a failed response", () => {
  it.effect("is not explained by the metadata of the caller, which it repeats", () =>
    Effect.gen(function*() {
      const error = yield* ask().pipe(Effect.as(undefined), Effect.catchTag("ServerError", Effect.succeed))
      assert.strictEqual(error?.errorType, "server")
      assert.strictEqual(error?.provider, undefined)
    }).pipe(Effect.provide(final(scripted([ok({
      status: "failed",
      output: [],
      error_type: "server",
      error: { code: "server_error", message: "m" },
      metadata: { error_type: "timeout", provider_name: "Bob", raw: "the diary of Bob", reason: "curiosity" }
    })])))))
})

describe("what was paid", () => {
  const paid = [
    Reply.incomplete(),
    Reply.incomplete({ reason: "content_filter" }),
    Reply.refusal(),
    Reply.empty(),
    Reply.failed({ errorType: "lunar_eclipse", code: "moon", text: "Once" }),
    Reply.failed({ errorType: "provider_overloaded", text: "Once" })
  ]

  it.effect.each(paid)("is in the error: $_tag", (reply) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      if (error.cost === undefined) return assert.fail("no cost")
      assert.strictEqual(Usd.toText(error.cost), Usd.toText(Usd.fromDecimal(ledger.total)))
      assert.strictEqual(error.usage?.outputTokens, ledger.accounts[0]?.outputTokens)
      assert.strictEqual(error.usage?.inputTokens, ledger.accounts[0]?.inputTokens)
    }).pipe(Effect.provide(final(served({ rules: [{ reply }] })))))
})

describe("an answer of the wrong shape", () => {
  it.effect("is InvalidOutput with its text, issue, usage and cost", () =>
    Effect.gen(function*() {
      const error = yield* OpenRouter.respondObject({ model, input: "Hi", schema: Schema.Struct({ n: Schema.Int }) })
        .pipe(
          Effect.as(undefined),
          Effect.catchTag("InvalidOutput", (error) => Effect.succeed(error))
        )
      if (error === undefined) return assert.fail("it succeeded")
      assert.strictEqual(error.text, `{"n":"one"}`)
      assert.include(error.issue, `["n"]`)
      assert.isNumber(error.usage?.outputTokens)
      assert.isDefined(error.cost)
      assert.match(error.generationId ?? "", /^gen-/)
    }).pipe(Effect.provide(final(served({ rules: [{ reply: Reply.text(`{"n":"one"}`) }] })))))
})

describe("connections", () => {
  const clients = ["fetch", "undici", "dispatch"] as const

  it.effect.each(clients)("a closed port, over %s", (over) =>
    Effect.gen(function*() {
      const url = yield* Effect.scoped(Effect.map(tcpServer(() => undefined), ({ url }) => url))
      const error = yield* ask().pipe(Effect.flip, Effect.provide(clientOf(url, over)))
      if (error._tag !== "ConnectionFailed") return assert.fail(error._tag)
      assert.strictEqual(error.phase, "connecting")
      assert.strictEqual(error.reason, "ECONNREFUSED")
      assert.include(error.message, new URL(url).host)
      assert.strictEqual(error.attempts, 1)
      assert.strictEqual(error.isRetryable, true)
    }))

  it.effect.each(clients)("a reset before the answer, over %s", (over) =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()))
      const error = yield* ask().pipe(Effect.flip, Effect.provide(clientOf(url, over)))
      if (error._tag !== "ConnectionFailed") return assert.fail(error._tag)
      assert.strictEqual(error.phase, "sending")
    }))

  it.effect.each(clients)("a reset in the middle of the answer, over %s", (over) =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) =>
        socket.once("data", () => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id":`)
          Effect.runFork(Effect.delay(Effect.sync(() => socket.resetAndDestroy()), "20 millis"))
        })
      )
      const error = yield* ask().pipe(Effect.flip, Effect.provide(clientOf(url, over)))
      if (error._tag !== "ConnectionFailed") return assert.fail(error._tag)
      assert.strictEqual(error.phase, "receiving")
      assert.strictEqual(error.model, model)
    }))
})

describe("the union", () => {
  const call: Effect.Effect<string, E> = Effect.succeed("answer")

  const handled = call.pipe(Effect.catchTags({
    InvalidRequest: (e) => Effect.succeed(e.origin),
    ContextLengthExceeded: (e) => Effect.succeed(e.message),
    PayloadTooLarge: (e) => Effect.succeed(e.message),
    InvalidApiKey: (e) => Effect.succeed(e.message),
    PaymentRequired: (e) => Effect.succeed(`${e.isTransient}`),
    AccessDenied: (e) => Effect.succeed(e.message),
    ModelUnavailable: (e) => Effect.succeed(e.message),
    RateLimited: (e) => Effect.succeed(e.message),
    ProviderTimeout: (e) => Effect.succeed(e.message),
    ProviderUnavailable: (e) => Effect.succeed(e.message),
    ProviderOverloaded: (e) => Effect.succeed(e.message),
    ServerError: (e) => Effect.succeed(e.message),
    UnexpectedStatus: (e) => Effect.succeed(e.message),
    Incomplete: (e) => Effect.succeed(e.partialText),
    Refused: (e) => Effect.succeed(e.refusal),
    GenerationFailed: (e) => Effect.succeed(e.message),
    EmptyCompletion: (e) => Effect.succeed(e.message),
    InvalidOutput: (e) => Effect.succeed(e.text),
    ConnectionFailed: (e) => Effect.succeed(e.phase),
    TimedOut: (e) => Effect.succeed(e.phase),
    StreamInterrupted: (e) => Effect.succeed(e.message),
    MalformedResponse: (e) => Effect.succeed(e.body === undefined ? e.message : Redacted.value(e.body)),
    BudgetExceeded: (e) => Effect.succeed(e.message)
  }))

  it.effect("is handled by its tags: nothing is left", () => {
    const nothingLeft: Effect.Effect<string> = handled
    return Effect.map(nothingLeft, (value) => assert.strictEqual(value, "answer"))
  })

  it("has no tag that an HTTP backend uses for its own errors", () => {
    const tags = OpenRouterError.OpenRouterError.members.map((error) => error.fields._tag.schema.literal)
    assert.strictEqual(new Set(tags).size, 23)
    const taken = [
      "NotFound",
      "Unauthorized",
      "Forbidden",
      "BadRequest",
      "TooManyRequests",
      "RequestTimeout",
      "Conflict"
    ]
    for (const tag of taken) assert.notInclude(tags, tag)
  })
})

describe("as data", () => {
  it.effect.each(rows)("$name survives a round trip through JSON", (row) =>
    Effect.gen(function*() {
      yield* atT0
      const error = yield* Effect.flip(askFor(modelOf(row)))
      const codec = Schema.toCodecJson(OpenRouterError.OpenRouterError)
      const stored = JSON.stringify(yield* Schema.encodeEffect(codec)(error))
      const read = yield* Schema.decodeEffect(Schema.fromJsonString(codec))(stored)
      assert.strictEqual(read._tag, error._tag)
      assert.strictEqual(read.isRetryable, error.isRetryable)
      assert.deepStrictEqual(yield* errorJson(read), yield* errorJson(error))
    }).pipe(Effect.provide(final(emulated({ rules })))))

  it.effect("a moderation error can be stored as well", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(askFor("emulator/moderation"))
      const exit = yield* Effect.exit(errorJson(error))
      assert.isTrue(Exit.isSuccess(exit), String(exit))
    }).pipe(Effect.provide(final(emulated()))))
})
