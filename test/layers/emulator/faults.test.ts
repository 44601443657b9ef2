import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"

const { Reply } = Emulator

const Json = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

const post = (body: Schema.Json) =>
  HttpClientRequest.post("http://emulator/api/v1/responses").pipe(
    HttpClientRequest.bearerToken("test"),
    HttpClientRequest.bodyJsonUnsafe(body),
    HttpClient.execute,
    Effect.flatMap((response) =>
      Effect.map(response.text, (text) => ({ status: response.status, headers: response.headers, text }))
    )
  )

const ask = (model: string, input = "Hello") => post({ model, input })

const json = (model: string) => ask(model).pipe(Effect.flatMap(({ text }) => Schema.decodeEffect(Json)(text)))

const withRules = (...rules: ReadonlyArray<Emulator.Rule>) => Emulator.layerHttpClient({ rules })

const model = "openai/gpt-5"

describe("models whose name is what they do", () => {
  const statuses = [400, 401, 402, 403, 404, 408, 412, 413, 422, 429, 500, 502, 503, 504, 524, 529]

  it.effect.each(statuses)("emulator/status-%i", (status) =>
    Effect.gen(function*() {
      const answer = yield* ask(`emulator/status-${status}`)
      assert.strictEqual(answer.status, status)
      assert.match(answer.headers["x-generation-id"] ?? "", /^gen-/)
      const { error } = yield* Schema.decodeEffect(Json)(answer.text)
      assert.include(JSON.stringify(error), `"code":${status}`)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  const shapes: ReadonlyArray<readonly [name: string, status: number, parts: ReadonlyArray<string>]> = [
    ["echo", 200, [`"text":"Hello"`]],
    ["refusal", 200, [`"status":"completed"`, `"type":"refusal"`]],
    ["incomplete", 200, [`"status":"incomplete"`, `"reason":"max_output_tokens"`, `"type":"output_text"`, `"cost"`]],
    ["content-filter", 200, [`"status":"incomplete"`, `"reason":"content_filter"`]],
    ["failed", 200, [`"status":"failed"`, `"code":"server_error"`, `"error_type":"server"`, `"usage":null`]],
    ["failed-rate-limit-exceeded", 200, [`"error_type":"rate_limit_exceeded"`, `"code":"rate_limit_exceeded"`]],
    ["failed-context-length-exceeded", 200, [`"error_type":"context_length_exceeded"`, `"code":"invalid_prompt"`]],
    ["error-in-200", 200, [`{"error":{`, `"code":502`]],
    ["empty", 200, [`"status":"completed"`, `"type":"reasoning"`, `"cost"`]],
    ["no-usage", 200, [`"usage":null`, `"type":"output_text"`]],
    ["unknown-item", 200, [`"type":"emulator:novelty"`, `"type":"message"`]],
    ["padded", 200, ["\n   \n", `"type":"message"`]],
    ["html", 200, ["<html>"]],
    ["moderation", 403, [`"flagged_input":"Hello"`, `"reasons"`, `"model_slug":"emulator/moderation"`]],
    ["guardrail", 403, [`"patterns"`]],
    ["no-credits", 402, [`"limit_source":"openrouter_credits"`]],
    ["in-flight-budget", 402, [`"limit_source":"openrouter_in_flight_budget"`]],
    ["context-length", 400, [`"error_type":"context_length_exceeded"`]],
    ["invalid-prompt", 400, [`"code":"invalid_prompt"`, `"metadata":null`]],
    ["no-endpoints", 404, [`"http_status":404`, `"availability":{"code":"no_endpoints"`, `"error_type":"not_found"`]]
  ]

  it.effect.each(shapes)("emulator/%s", ([name, status, parts]) =>
    Effect.gen(function*() {
      const answer = yield* ask(`emulator/${name}`)
      assert.strictEqual(answer.status, status)
      for (const part of parts) assert.include(answer.text, part)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("emulator/empty has no message, emulator/no-body no body, emulator/truncated half of one", () =>
    Effect.gen(function*() {
      assert.notInclude((yield* ask("emulator/empty")).text, `"type":"message"`)
      assert.strictEqual((yield* ask("emulator/no-body")).text, "")
      const half = yield* ask("emulator/truncated")
      assert.isAbove(half.text.length, 100)
      assert.strictEqual(Exit.isFailure(yield* Effect.exit(Schema.decodeEffect(Json)(half.text))), true)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("emulator/flaky-503 fails each content once", () =>
    Effect.gen(function*() {
      const statuses = yield* Effect.forEach(["a", "b", "a", "b"], (input) => ask("emulator/flaky-503", input))
      assert.deepStrictEqual(statuses.map((answer) => answer.status), [503, 503, 200, 200])
      assert.strictEqual(statuses[0]?.headers["retry-after"], "1")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("emulator/slow-1500 answers after 1.5 s of the caller's clock", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(ask("emulator/slow-1500"), { startImmediately: true })
      yield* TestClock.adjust("1499 millis")
      assert.strictEqual(fiber.pollUnsafe(), undefined)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("emulator/hang waits until it is interrupted", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(ask("emulator/hang"), { startImmediately: true })
      yield* TestClock.adjust("1 day")
      assert.strictEqual(fiber.pollUnsafe(), undefined)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* Emulator.Emulator.use((emulator) => emulator.ledger)).statuses["hang"], 1)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("emulator/disconnect fails as a transport does", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        HttpClientRequest.post("http://emulator/api/v1/responses").pipe(
          HttpClientRequest.bearerToken("test"),
          HttpClientRequest.bodyJsonUnsafe({ model: "emulator/disconnect", input: "Hello" }),
          HttpClient.execute
        )
      )
      assert.strictEqual(error.reason._tag, "TransportError")
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("rules", () => {
  it.effect("fire for what they name, and for no other", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask("a/a", "the bridge")).status, 503)
      assert.strictEqual((yield* ask("a/a", "the well")).status, 200)
      assert.strictEqual((yield* ask("a/b", "the bridge")).status, 200)
      assert.strictEqual((yield* ask("a/c", "the bridge")).status, 524)
    }).pipe(Effect.provide(withRules(
      { when: { model: "a/a", textIncludes: "bridge" }, reply: Reply.failure(503) },
      { when: (call) => call.model === "a/c", reply: Reply.failure(524) }
    ))))

  it.effect("fire as often as they may", () =>
    Effect.gen(function*() {
      const statuses = (model: string) =>
        Effect.forEach([1, 2, 3, 4], () => Effect.map(ask(model), ({ status }) => status))
      assert.deepStrictEqual(yield* statuses("a/times"), [500, 500, 200, 200])
      assert.deepStrictEqual(yield* statuses("a/nth"), [200, 200, 500, 200])
    }).pipe(Effect.provide(withRules(
      { when: { model: "a/times" }, times: 2, reply: Reply.failure(500) },
      { when: { model: "a/nth" }, nth: 3, reply: Reply.failure(500) }
    ))))

  it.effect("can answer by a function of the call", () =>
    Effect.gen(function*() {
      const texts = yield* Effect.forEach([1, 2], () => Effect.map(ask(model, "Hi"), ({ text }) => text))
      assert.include(texts[0], "Hi for time 1")
      assert.include(texts[1], "Hi for time 2")
    }).pipe(Effect.provide(withRules({ reply: (call) => Reply.text(`${call.text} for time ${call.attempt}`) }))))

  it.effect("can be added while the emulator runs, and reset takes them away", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      yield* emulator.addRule({ reply: Reply.failure(529) })
      assert.strictEqual((yield* ask(model)).status, 529)
      yield* emulator.reset
      assert.strictEqual((yield* ask(model)).status, 200)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect("reach other paths when they name them", () =>
    Effect.gen(function*() {
      const get = HttpClientRequest.get("http://emulator/api/v1/key").pipe(
        HttpClientRequest.bearerToken("test"),
        HttpClient.execute
      )
      assert.strictEqual((yield* get).status, 500)
      assert.strictEqual((yield* get).status, 200)
      assert.strictEqual((yield* ask(model)).status, 200)
    }).pipe(Effect.provide(withRules({ when: { path: "/key" }, times: 1, reply: Reply.failure(500) }))))

  it.effect("send extra headers, usage forms, items and raw bodies", () =>
    Effect.gen(function*() {
      const first = yield* ask("a/1")
      assert.strictEqual(first.headers["x-extra"], "1")
      assert.notInclude(first.text, `"usage"`)
      const second = yield* json("a/2")
      assert.deepStrictEqual(second["output"], [{ type: "x", id: "x1" }])
      const third = yield* ask("a/3")
      assert.strictEqual(third.status, 502)
      assert.strictEqual(third.text, "bad gateway")
      assert.match(third.headers["content-type"] ?? "", /^text\/plain/)
    }).pipe(Effect.provide(withRules(
      { when: { model: "a/1" }, reply: Reply.answer({ headers: { "X-Extra": "1" }, usage: "absent" }) },
      { when: { model: "a/2" }, reply: Reply.answer({ items: [{ type: "x", id: "x1" }], only: true }) },
      { when: { model: "a/3" }, reply: Reply.raw("bad gateway", { status: 502, contentType: "text/plain" }) }
    ))))

  it.effect("tell the reset in every spelling", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_800_000_000_500)
      const header = (model: string, name: string) => Effect.map(ask(model), ({ headers }) => headers[name])
      assert.strictEqual(yield* header("a/ms", "x-ratelimit-reset"), "1800000030500")
      assert.strictEqual(yield* header("a/s", "x-ratelimit-reset"), "1800000031")
      assert.strictEqual(yield* header("a/date", "x-ratelimit-reset"), "Fri, 15 Jan 2027 08:00:31 GMT")
      assert.strictEqual(yield* header("a/after", "retry-after"), "30")
      assert.strictEqual(yield* header("a/after-date", "retry-after"), "Fri, 15 Jan 2027 08:00:31 GMT")
      const body = yield* ask("a/body")
      assert.notProperty(body.headers, "x-ratelimit-reset")
      assert.include(body.text, `"X-RateLimit-Reset":"1800000030500"`)
    }).pipe(Effect.provide(withRules(
      { when: { model: "a/ms" }, reply: Reply.failure(429, { reset: { after: "30 seconds" } }) },
      { when: { model: "a/s" }, reply: Reply.failure(429, { reset: { after: "30 seconds", format: "seconds" } }) },
      { when: { model: "a/date" }, reply: Reply.failure(429, { reset: { after: "30 seconds", format: "date" } }) },
      { when: { model: "a/body" }, reply: Reply.failure(429, { reset: { after: "30 seconds", place: "body" } }) },
      { when: { model: "a/after" }, reply: Reply.failure(503, { retryAfter: "30 seconds" }) },
      {
        when: { model: "a/after-date" },
        reply: Reply.failure(503, { retryAfter: "30 seconds", retryAfterFormat: "date" })
      }
    ))))
})

describe("the rate limit", () => {
  const limited = (options?: Emulator.Options) =>
    Emulator.layerHttpClient({ rateLimit: { requests: 2, window: "10 seconds" }, ...options })

  it.effect("holds for each model, and ends with the window", () =>
    Effect.gen(function*() {
      const statuses = (model: string, times: number) =>
        Effect.forEach(Array.from({ length: times }), () => Effect.map(ask(model), ({ status }) => status))
      assert.deepStrictEqual(yield* statuses("a/a", 4), [200, 200, 429, 429])
      assert.deepStrictEqual(yield* statuses("a/b", 1), [200])
      yield* TestClock.adjust("9999 millis")
      assert.deepStrictEqual(yield* statuses("a/a", 1), [429])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* statuses("a/a", 3), [200, 200, 429])
      const ledger = yield* Emulator.Emulator.use((emulator) => emulator.ledger)
      assert.strictEqual(ledger.calls, 5)
      assert.deepStrictEqual(ledger.statuses, { "200": 5, "429": 4 })
    }).pipe(Effect.provide(limited())))

  const hints: ReadonlyArray<readonly [hint: Emulator.RateLimitHint, headers: boolean, body: boolean, after: boolean]> =
    [
      ["both", true, true, false],
      ["headers", true, false, false],
      ["body", false, true, false],
      ["retry-after", false, false, true],
      ["none", false, false, false]
    ]

  it.effect.each(hints)("says when to come back: %s", ([hint, headers, body, after]) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_800_000_003_000)
      yield* ask(model)
      yield* ask(model)
      const answer = yield* ask(model)
      assert.strictEqual(answer.status, 429)
      assert.strictEqual(answer.headers["x-ratelimit-reset"], headers ? "1800000010000" : undefined)
      assert.strictEqual(
        answer.text.includes(`"X-RateLimit-Limit":"2","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1800000010000"`),
        body
      )
      assert.strictEqual(answer.headers["retry-after"], after ? "7" : undefined)
    }).pipe(Effect.provide(limited({ rateLimitHint: hint }))))

  it.effect("spares models that it does not name", () =>
    Effect.gen(function*() {
      for (const _ of [1, 2, 3]) assert.strictEqual((yield* ask("a/free")).status, 200)
    }).pipe(Effect.provide(limited({ rateLimit: { requests: 2, window: "1 minute", models: ["a/a"] } }))))
})

describe("latency", () => {
  it.effect("passes on the caller's clock, and an interrupted caller has paid", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const fiber = yield* Effect.forkChild(ask(model), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(fiber.pollUnsafe(), undefined)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* emulator.ledger).calls, 1)
      const other = yield* Effect.forkChild(ask(model), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(other)).status, 200)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ latency: "2 seconds" }))))

  it.effect("does not hold back errors of the server itself", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post({})).status, 400)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ latency: "2 seconds" }))))
})
