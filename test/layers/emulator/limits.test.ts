import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, type Schema } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { type Headers, HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { at } from "./support.ts"

/** An instant that looks like one, at the beginning of a minute but not of a day. */
const t0 = 1_790_000_040_000

const midnight = 1_790_035_200_000

const send = (request: HttpClientRequest.HttpClientRequest, key: string) =>
  request.pipe(
    HttpClientRequest.bearerToken(key),
    HttpClient.execute,
    Effect.flatMap(({ headers, json, status }) => Effect.map(json, (body) => ({ status, headers, body })))
  )

const ask = (
  model: string,
  { key = "one", ...fields }: { readonly key?: string; readonly [key: string]: Schema.Json } = {}
) =>
  send(
    HttpClientRequest.post("http://emulator/api/v1/responses").pipe(
      HttpClientRequest.bodyJsonUnsafe({ model, input: "Hello", ...fields })
    ),
    key
  )

const statuses = (model: string, times: number, key = "one") =>
  Effect.forEach(Array.from({ length: times }), () => Effect.map(ask(model, { key }), ({ status }) => status))

const limited = (...limits: ReadonlyArray<Emulator.Limit>) => Emulator.layerHttpClient({ limits })

const atT0 = TestClock.setTime(t0)

const metadataOf = (body: unknown) => at(body, "error.metadata")

const limitSourceOf = (body: unknown) => at(body, "error.metadata.limit_source")

describe("a limit", () => {
  it.effect("over a key counts all its models, and no other key", () =>
    Effect.gen(function*() {
      yield* atT0
      assert.deepStrictEqual(yield* statuses("a/a", 1), [200])
      assert.deepStrictEqual(yield* statuses("a/b", 2), [200, 429])
      assert.deepStrictEqual(yield* statuses("a/a", 1, "two"), [200])
      const refused = yield* ask("a/c")
      assert.strictEqual(limitSourceOf(refused.body), "openrouter_key_limit")
      assert.strictEqual(refused.headers["x-ratelimit-reset"], String(t0 + 60_000))
    }).pipe(Effect.provide(limited({ over: "key", requests: 2, window: "1 minute" }))))

  it.effect("over a pattern counts its models together, of all keys", () =>
    Effect.gen(function*() {
      yield* atT0
      assert.deepStrictEqual(yield* statuses("vendor/a", 1), [200])
      assert.deepStrictEqual(yield* statuses("vendor/b", 2, "two"), [200, 429])
      assert.deepStrictEqual(yield* statuses("vendors/b", 1), [200])
      assert.isUndefined(limitSourceOf((yield* ask("vendor/c")).body))
    }).pipe(Effect.provide(limited({ over: "models", models: "vendor/*", requests: 2, window: "1 minute" }))))

  it.effect("over each model of a pattern counts them apart", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* statuses("vendor/a", 2), [200, 429])
      assert.deepStrictEqual(yield* statuses("vendor/b", 2), [200, 429])
      assert.deepStrictEqual(yield* statuses("vendor/b", 1, "two"), [429])
      assert.deepStrictEqual(yield* statuses("a/b", 2), [200, 200])
    }).pipe(Effect.provide(limited({ over: "model", models: ["vendor/*", "x/y"], requests: 1, window: "1 minute" }))))

  it.effect("over a provider's pool refuses as a provider does", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(t0 + 20_000)
      assert.deepStrictEqual(yield* statuses("a/a", 1), [200])
      assert.deepStrictEqual(yield* statuses("a/b", 1), [200])
      const { body, headers } = yield* ask("a/a", { key: "two" })
      assert.strictEqual(limitSourceOf(body), "upstream_provider_shared_pool")
      assert.strictEqual(at(body, "error.metadata.provider_name"), "BaseTen")
      assert.match(String(at(body, "error.metadata.raw")), /^a\/a is temporarily rate-limited upstream/)
      assert.strictEqual(headers["retry-after"], "40")
      assert.isUndefined(headers["x-ratelimit-reset"])
    }).pipe(
      Effect.provide(limited({ over: "provider", provider: "BaseTen", models: "a/*", requests: 1, window: "1 minute" }))
    ))

  it.effect("holds beside others: what one refuses counts for none", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* statuses("a/a", 4), [200, 200, 429, 429])
      // Had the refused ones counted for the key, it would be full by now.
      assert.deepStrictEqual(yield* statuses("a/b", 2), [200, 429])
      assert.strictEqual(limitSourceOf((yield* ask("a/c")).body), "openrouter_key_limit")
      assert.isUndefined(limitSourceOf((yield* ask("a/a")).body))
    }).pipe(Effect.provide(limited(
      { over: "model", models: "a/a", requests: 2, window: "1 minute" },
      { over: "key", requests: 3, window: "1 minute" }
    ))))

  it.effect("has windows by its own phase", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(t0 + 6_999)
      assert.deepStrictEqual(yield* statuses("a/a", 2), [200, 429])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* statuses("a/a", 2), [200, 429])
      assert.strictEqual((yield* ask("a/a")).headers["x-ratelimit-reset"], String(t0 + 17_000))
    }).pipe(Effect.provide(limited({ over: "model", requests: 1, window: "10 seconds", phase: "7 seconds" }))))
})

describe("what a 429 tells", () => {
  const announced = { "X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": String(t0 + 60_000) }

  const hints: ReadonlyArray<
    readonly [hint: Emulator.RateLimitHint, header: string | undefined, body: unknown, after: string | undefined]
  > = [
    ["headers", announced["X-RateLimit-Reset"], undefined, undefined],
    ["body", undefined, announced, undefined],
    ["both", announced["X-RateLimit-Reset"], announced, undefined],
    ["no-reset", undefined, { "X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0" }, undefined],
    ["retry-after", undefined, undefined, "60"],
    ["none", undefined, undefined, undefined]
  ]

  it.effect.each(hints)("%s", ([hint, header, body, after]) =>
    Effect.gen(function*() {
      yield* atT0
      yield* ask("a/a")
      const refused = yield* ask("a/a")
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.headers["x-ratelimit-reset"], header)
      assert.deepStrictEqual(at(metadataOf(refused.body), "headers"), body)
      assert.strictEqual(refused.headers["retry-after"], after)
    }).pipe(Effect.provide(limited({ over: "model", requests: 1, window: "1 minute", hint }))))

  it.effect("a limit may say another source, or none", () =>
    Effect.gen(function*() {
      yield* ask("a/a")
      assert.strictEqual(limitSourceOf((yield* ask("a/a")).body), "somewhere")
      yield* ask("a/b")
      assert.isFalse(Object.hasOwn(Object(metadataOf((yield* ask("a/b")).body)), "limit_source"))
    }).pipe(Effect.provide(limited(
      { over: "model", models: "a/a", requests: 1, window: "1 minute", limitSource: "somewhere" },
      { over: "key", models: "a/b", requests: 1, window: "1 minute", limitSource: null }
    ))))
})

describe("the limits of free models", () => {
  const read = Effect.map(
    send(HttpClientRequest.get("http://emulator/api/v1/key"), "one"),
    ({ body }) => at(body, "data.free_model_daily_requests")
  )

  it.effect("hold for all of them together, until credits are bought", () =>
    Effect.gen(function*() {
      yield* atT0
      const emulator = yield* Emulator.Emulator
      for (const minute of [0, 1, 2]) {
        const times = minute === 2 ? 10 : 20
        assert.deepStrictEqual(yield* statuses("a/a:free", times - 1), Array.from({ length: times - 1 }, () => 200))
        assert.deepStrictEqual(yield* statuses("b/b:free", 2, "two"), [200, 429])
        yield* TestClock.adjust("1 minute")
      }
      const { body, headers } = yield* ask("c/c:free")
      assert.strictEqual(limitSourceOf(body), "openrouter_free_tier_daily")
      assert.include(String(at(body, "error.message")), "free-models-per-day")
      assert.strictEqual(headers["x-ratelimit-limit"], "50")
      assert.strictEqual(headers["x-ratelimit-reset"], String(midnight))
      assert.deepStrictEqual(yield* read, { limit: 50, used: 50, remaining: 0 })
      assert.deepStrictEqual(yield* statuses("a/a", 2), [200, 200])
      yield* emulator.addCredits("8")
      assert.deepStrictEqual(yield* statuses("c/c:free", 1), [200])
      assert.deepStrictEqual(yield* read, { limit: 1000, used: 51, remaining: 949 })
      yield* TestClock.setTime(midnight)
      assert.deepStrictEqual(yield* read, { limit: 1000, used: 0, remaining: 1000 })
    }).pipe(Effect.provide(Emulator.layerHttpClient({ credits: "2", limits: Emulator.freeLimits }))))

  it.effect("of a minute name no source", () =>
    Effect.gen(function*() {
      yield* statuses("a/a:free", 20)
      const { body } = yield* ask("a/a:free")
      assert.include(String(at(body, "error.message")), "free-models-per-min")
      assert.isUndefined(limitSourceOf(body))
    }).pipe(Effect.provide(limited(...Emulator.freeLimits))))
})

describe("a limit of tokens", () => {
  it.effect("takes what may be used, and settles for what was", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      // A promise of 900 leaves no place for another one of 900, unless what was used is far less.
      assert.strictEqual((yield* ask("emulator/echo", { max_output_tokens: 900 })).status, 200)
      assert.strictEqual((yield* ask("emulator/echo", { max_output_tokens: 900 })).status, 200)
      const [{ accepted, tokens } = { accepted: 0, tokens: 0 }] = yield* emulator.traffic
      assert.strictEqual(accepted, 2)
      assert.isBelow(tokens, 100)
      const { body, headers, status } = yield* ask("emulator/echo", { max_output_tokens: 1000 })
      assert.strictEqual(status, 429)
      assert.include(String(at(body, "error.message")), "tokens")
      assert.isString(headers["x-ratelimit-reset"])
      // The header counts requests wherever it was seen.
      assert.isUndefined(headers["x-ratelimit-limit"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* ask("emulator/echo", { max_output_tokens: 900 })).status, 200)
    }).pipe(Effect.provide(limited({ over: "model", tokens: 1000, window: "1 minute" }))))

  it.effect("holds beside one of requests", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* statuses("a/a", 3), [200, 200, 429])
    }).pipe(Effect.provide(limited({ over: "model", tokens: 100_000, requests: 2, window: "1 minute" }))))
})

describe("limits that change", () => {
  it.effect("go on with what was counted, where name and scope stay", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      assert.deepStrictEqual(yield* statuses("a/a", 3), [200, 200, 429])
      yield* emulator.setLimits([{ over: "model", requests: 3, window: "1 minute" }])
      assert.deepStrictEqual(yield* statuses("a/a", 2), [200, 429])
      yield* emulator.setLimits([{ over: "model", requests: 1, window: "1 minute" }])
      assert.deepStrictEqual(yield* statuses("a/a", 1), [429])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* statuses("a/a", 2), [200, 429])
      yield* emulator.setLimits([{ over: "model", requests: 1, window: "10 seconds" }])
      assert.deepStrictEqual(yield* statuses("a/a", 2), [200, 429])
      yield* emulator.setLimits([])
      assert.deepStrictEqual(yield* statuses("a/a", 2), [200, 200])
      yield* emulator.reset
      assert.deepStrictEqual(yield* statuses("a/a", 3), [200, 200, 429])
    }).pipe(Effect.provide(limited({ over: "model", requests: 2, window: "1 minute" }))))
})

describe("the books", () => {
  it.effect("tell what each window has let through and refused", () =>
    Effect.gen(function*() {
      yield* atT0
      const { ledger, traffic } = yield* Emulator.Emulator
      yield* statuses("a/a", 3)
      yield* TestClock.adjust("10 seconds")
      yield* statuses("a/a", 2)
      yield* statuses("a/b", 1)
      assert.deepStrictEqual(
        (yield* traffic).map(({ accepted, endsAt, group, limit, refused, startsAt }) => ({
          limit,
          group,
          from: startsAt - t0,
          to: endsAt - t0,
          accepted,
          refused
        })),
        [
          { limit: "mine", group: "a/a", from: 0, to: 10_000, accepted: 2, refused: 1 },
          { limit: "mine", group: "a/a", from: 10_000, to: 20_000, accepted: 2, refused: 0 },
          { limit: "mine", group: "a/b", from: 10_000, to: 20_000, accepted: 1, refused: 0 }
        ]
      )
      assert.deepStrictEqual((yield* ledger).statuses, { "200": 5, "429": 1 })
    }).pipe(Effect.provide(limited({ over: "model", name: "mine", requests: 2, window: "10 seconds" }))))

  it.effect("tell no key, and do not mix two that look alike", () =>
    Effect.gen(function*() {
      const { traffic } = yield* Emulator.Emulator
      const [one, two] = ["sk-or-v1-0123456789-secret-one", "sk-or-v1-9876543210-secret-one"]
      assert.deepStrictEqual(yield* statuses("a/a", 2, one), [200, 429])
      assert.deepStrictEqual(yield* statuses("a/a", 2, two), [200, 429])
      assert.notInclude(JSON.stringify(yield* traffic), "secret")
    }).pipe(Effect.provide(limited({ over: "key", requests: 1, window: "1 minute" }))))

  it.effect("forget old windows", () =>
    Effect.gen(function*() {
      const { traffic } = yield* Emulator.Emulator
      for (let i = 0; i < 1010; i++) {
        yield* ask("a/a")
        yield* TestClock.adjust("1 second")
      }
      const windows = yield* traffic
      assert.strictEqual(windows.length, 1001)
      assert.strictEqual(windows.at(-1)?.startsAt, 1_009_000)
    }).pipe(Effect.provide(limited({ over: "model", requests: 1, window: "1 second" }))))
})

describe("an outage", () => {
  it.effect("lasts from and to, for its models", () =>
    Effect.gen(function*() {
      const status = Effect.map(ask("a/a"), (answer) => answer.status)
      assert.strictEqual(yield* status, 200)
      yield* TestClock.adjust("10 seconds")
      const { body, headers } = yield* ask("a/a")
      assert.strictEqual(headers["retry-after"], "20")
      assert.strictEqual(at(body, "error.code"), 503)
      assert.strictEqual((yield* ask("b/b")).status, 200)
      yield* TestClock.adjust("19999 millis")
      assert.strictEqual(yield* status, 503)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* status, 200)
    }).pipe(Effect.provide(Emulator.layerHttpClient({
      latency: "5 seconds",
      latencies: { "*": 0 },
      outages: [{ from: "10 seconds", to: "30 seconds", models: "a/*", retryAfter: "end" }]
    }))))

  it.effect("is switched on and off, with a hint or without", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      yield* emulator.setOutages([{}])
      const down = yield* ask("a/a")
      assert.strictEqual(down.status, 503)
      assert.isUndefined(down.headers["retry-after"])
      yield* emulator.setOutages([{ status: 529, retryAfter: "3 seconds", to: "1 minute" }])
      const overloaded = yield* ask("a/a")
      assert.strictEqual(overloaded.status, 529)
      assert.strictEqual(overloaded.headers["retry-after"], "3")
      yield* emulator.setOutages([])
      assert.strictEqual((yield* ask("a/a")).status, 200)
      assert.deepStrictEqual((yield* emulator.ledger).statuses, { "503": 1, "529": 1, "200": 1 })
    }).pipe(Effect.provide(Emulator.layerHttpClient())))
})

describe("latency by model", () => {
  it.effect("is that of the first pattern that matches", () =>
    Effect.gen(function*() {
      const taken = (model: string) =>
        Effect.gen(function*() {
          const began = yield* Clock.currentTimeMillis
          const fiber = yield* Effect.forkChild(Effect.andThen(ask(model), Clock.currentTimeMillis), {
            startImmediately: true
          })
          yield* TestClock.adjust("1 minute")
          return (yield* Fiber.join(fiber)) - began
        })
      assert.strictEqual(yield* taken("slow/one"), 3000)
      assert.strictEqual(yield* taken("fast/slow"), 5)
      assert.strictEqual(yield* taken("other/one"), 300)
    }).pipe(Effect.provide(Emulator.layerHttpClient({
      latency: "300 millis",
      latencies: { "slow/*": "3 seconds", "fast/slow": "5 millis", "*slow": "1 second" }
    }))))
})

describe("the server's clock", () => {
  it.effect("dates every reply, when it is sent", () =>
    Effect.gen(function*() {
      yield* atT0
      const date = ({ headers }: { readonly headers: Headers.Headers }) => Date.parse(headers["date"] ?? "")
      assert.strictEqual(date(yield* ask("emulator/status-503")), t0)
      assert.strictEqual(date(yield* ask("emulator/echo", { model: "" })), t0)
      assert.strictEqual(date(yield* send(HttpClientRequest.get("http://emulator/api/v1/models"), "one")), t0)
    }).pipe(Effect.provide(Emulator.layerHttpClient())))

  it.effect.each(["10 minutes", "-10 minutes"] as const)(
    "may be wrong by %s, and is so in all that it tells",
    (offset) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(t0 + 15_000)
        const server = t0 + 15_000 + (offset === "10 minutes" ? 600_000 : -600_000)
        const [first] = [yield* ask("a/a"), yield* ask("a/b")]
        const refused = yield* ask("a/a")
        assert.strictEqual(Date.parse(first.headers["date"] ?? ""), server)
        assert.strictEqual(Date.parse(refused.headers["date"] ?? ""), server)
        assert.strictEqual(refused.headers["x-ratelimit-reset"], String(server + 45_000))
        // A number of seconds is right by any clock.
        assert.strictEqual((yield* ask("a/b")).headers["retry-after"], "45")
        assert.strictEqual(at(first.body, "created_at"), server / 1000)
      }).pipe(Effect.provide(Emulator.layerHttpClient({
        clockOffset: offset,
        limits: [
          { over: "model", models: "a/a", requests: 1, window: "1 minute" },
          { over: "model", models: "a/b", requests: 1, window: "1 minute", hint: "retry-after" }
        ]
      })))
  )
})

describe("malformed limits", () => {
  it.effect("are a defect at once", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(
        Emulator.make({ limits: [{ over: "free", window: "1 day", raised: { credits: "much", requests: 1 } }] })
      )
      assert.strictEqual(exit._tag, "Failure")
    }))
})
