import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Redacted, Schedule } from "effect"
import { OpenRouter, RateGate, RetryPolicy } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { at, dataOf, post } from "./support.ts"

const base = "http://emulator"

const call = (body: unknown, init: RequestInit = {}) =>
  new Request(`${base}/api/v1/responses`, {
    method: "POST",
    headers: { authorization: "Bearer any", "content-type": "application/json", ...init.headers },
    body: JSON.stringify(body),
    ...(init.signal ? { signal: init.signal } : {})
  })

const ask = (model: string, init?: RequestInit) => call({ model, input: "Hello" }, init)

const to = (method: string, path: string, body?: unknown) =>
  new Request(`${base}${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })

const json = async (response: Response | Promise<Response>): Promise<unknown> => (await response).json()

describe("the emulator as a function of web requests", () => {
  it("answers and streams", async () => {
    const handler = Emulator.handler({ seed: 7 })
    const answer = await handler(ask("openai/gpt-5"))
    assert.strictEqual(answer.status, 200)
    assert.strictEqual(at(await answer.json(), "status"), "completed")
    const stream = await handler(call({ model: "openai/gpt-5", input: "Hello", stream: true }))
    assert.strictEqual(stream.headers.get("content-type"), "text/event-stream")
    assert.strictEqual(dataOf(await stream.text()).at(-1), "[DONE]")
    assert.strictEqual((await handler(ask("emulator/status-503"))).headers.get("retry-after"), "1")
  })

  it("rejects as fetch does where the connection breaks, and breaks off where a stream does", async () => {
    const handler = Emulator.handler()
    const error = await handler(ask("emulator/disconnect")).then(() => undefined, (error: unknown) => error)
    assert.instanceOf(error, TypeError)
    const stream = await handler(call({ model: "emulator/stream-reset", input: "Hello", stream: true }))
    const broken = await stream.text().then(() => undefined, (error: unknown) => error)
    assert.instanceOf(broken, Error)
  })

  it("does not go beyond the end of its calendar", async () => {
    const handler = Emulator.handler({ time: "virtual" })
    for (const millis of [1e300, 9e15, 3e14]) {
      const answer = await handler(to("POST", "/__emulator/advance", { millis }))
      assert.strictEqual(answer.status, 400)
      assert.include(await answer.text(), "millis")
    }
    assert.strictEqual((await handler(to("POST", "/__emulator/advance", { millis: 1e12 }))).status, 200)
    assert.strictEqual((await handler(ask("emulator/slow-99999999999999999999"))).status, 400)
    assert.strictEqual((await handler(ask("emulator/slow-999999999"))).status, 200)
    assert.strictEqual((await handler(ask("openai/gpt-5"))).status, 200)
  })

  it("lets wait for a reply that is due beyond it", async () => {
    const emulator = Effect.runSync(Emulator.make({
      rules: [{ reply: Emulator.Reply.answer({ delay: "Infinity" }) }]
    }))
    const controller = new AbortController()
    const waiting = emulator.handler(ask("openai/gpt-5", { signal: controller.signal })).catch((error: unknown) =>
      error
    )
    await Effect.runPromise(Effect.sleep("50 millis"))
    assert.strictEqual(await Effect.runPromise(emulator.openRequests), 1)
    controller.abort()
    await waiting
  })

  it("forgets a caller who leaves", async () => {
    const emulator = Effect.runSync(Emulator.make())
    const controller = new AbortController()
    const hanging = emulator.handler(ask("emulator/hang", { signal: controller.signal })).catch(() => "left")
    const open = (count: number) =>
      Effect.runPromise(emulator.openRequests.pipe(
        Effect.flatMap((found) => found === count ? Effect.void : Effect.fail(found)),
        Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 100 })
      ))
    await open(1)
    controller.abort()
    assert.strictEqual(await hanging, "left")
    await open(0)
    const stream = await emulator.handler(call({ model: "emulator/stream-stall", input: "Hello", stream: true }))
    const reader = stream.body?.getReader()
    await reader?.read()
    await open(1)
    await reader?.cancel()
    await open(0)
    assert.strictEqual(Effect.runSync(emulator.ledger).cancelled, 1)
  })

  it.effect("serves the client by way of its fetch", () =>
    Effect.gen(function*() {
      const { attempts, text } = yield* OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" })
      assert.isAbove(text.length, 0)
      assert.strictEqual(attempts, 1)
    }).pipe(
      Effect.provide(
        OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-any") }).pipe(Layer.provide(FetchHttpClient.layer))
      ),
      Effect.provideService(FetchHttpClient.Fetch, (input, init) => Emulator.handler()(new Request(input, init)))
    ))
})

describe("browsers", () => {
  const handler = Emulator.handler()
  const headers = { origin: "https://example.com" }

  it("may ask first", async () => {
    const response = await handler(
      new Request(`${base}/api/v1/responses`, {
        method: "OPTIONS",
        headers: {
          ...headers,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type"
        }
      })
    )
    assert.strictEqual(response.status, 204)
    assert.strictEqual(response.headers.get("access-control-allow-origin"), "*")
    assert.include(response.headers.get("access-control-allow-methods"), "POST")
    assert.strictEqual(response.headers.get("access-control-allow-headers"), "authorization,content-type")
  })

  it.each(["openai/gpt-5", "emulator/status-429", "emulator/html"])("may read the answer of %s", async (model) => {
    const response = await handler(ask(model, { headers }))
    assert.strictEqual(response.headers.get("access-control-allow-origin"), "*")
    assert.strictEqual(response.headers.get("access-control-expose-headers"), "*")
    assert.isNull((await handler(ask(model))).headers.get("access-control-allow-origin"))
  })
})

describe("the emulator beside the API", () => {
  it.each(["/", "/api/v1", "/api/v1/"])("says on GET %s what it is and where to post", async (path) => {
    const about = await json(Emulator.handler()(to("GET", path)))
    assert.strictEqual(at(about, "name"), "OpenRouter emulator")
    assert.strictEqual(at(about, "post"), "/api/v1/responses")
  })

  it.each([
    ["GET", "/api/v1/responses", "The method is POST."],
    ["POST", "/api/v1/models", "The method is GET."],
    ["POST", "/responses", "Did you mean POST /api/v1/responses?"],
    ["POST", "/v1/responses", "Did you mean POST /api/v1/responses?"],
    ["GET", "/v1/key/", "Did you mean GET /api/v1/key?"],
    ["POST", "/api/v1/chat", "Did you mean POST /api/v1/chat/completions?"],
    [
      "POST",
      "/api/v1/answers",
      "There are POST /api/v1/responses, POST /api/v1/chat/completions, POST /api/v1/embeddings, GET /api/v1/key"
    ]
  ])("has a hint for %s %s", async (method, path, hint) => {
    const response = await Emulator.handler()(to(method, path))
    assert.strictEqual(response.status, 404)
    assert.include(String(at(await response.json(), "error.message")), hint)
  })

  it("keeps a journal, without credentials, and forgets it on request", async () => {
    const handler = Emulator.handler()
    await handler(ask("openai/gpt-5", { headers: { "x-test": "1" } }))
    await handler(to("GET", "/nothing"))
    const journal = await json(handler(to("GET", "/__emulator/requests")))
    assert.strictEqual(at(journal, "requests.0.body.model"), "openai/gpt-5")
    assert.strictEqual(at(journal, "requests.0.headers.x-test"), "1")
    assert.strictEqual(at(journal, "requests.1.path"), "/nothing")
    assert.isUndefined(at(journal, "requests.2"))
    assert.notInclude(JSON.stringify(journal), "Bearer")
    await handler(to("DELETE", "/__emulator/requests"))
    assert.deepStrictEqual(await json(handler(to("GET", "/__emulator/requests"))), { requests: [] })
    assert.strictEqual(at(await json(handler(to("GET", "/__emulator/ledger"))), "calls"), 1)
  })

  it("tells its books and is set back", async () => {
    const handler = Emulator.handler({ credits: "5", rules: [{ nth: 1, reply: Emulator.Reply.failure(500) }] })
    const statuses = async () => [(await handler(ask("a/b"))).status, (await handler(ask("a/b"))).status]
    assert.deepStrictEqual(await statuses(), [500, 200])
    assert.deepStrictEqual(await statuses(), [200, 200])
    const books = await json(handler(to("GET", "/__emulator/ledger")))
    assert.strictEqual(at(books, "calls"), 3)
    assert.strictEqual(at(books, "credits"), "5")
    assert.match(String(at(books, "total")), /^0\.0\d+$/)
    await handler(to("POST", "/__emulator/reset"))
    assert.deepStrictEqual(await statuses(), [500, 200])
    assert.strictEqual(at(await json(handler(to("GET", "/__emulator/ledger"))), "calls"), 1)
  })

  it("has its clock moved", async () => {
    const handler = Emulator.handler({ rateLimit: { requests: 1, window: "1 hour" } })
    assert.strictEqual((await handler(ask("a/b"))).status, 200)
    assert.strictEqual((await handler(ask("a/b"))).status, 429)
    assert.strictEqual((await handler(to("POST", "/__emulator/advance", { millis: 3_600_000 }))).status, 200)
    assert.strictEqual((await handler(ask("a/b"))).status, 200)
    assert.strictEqual((await handler(to("POST", "/__emulator/advance", { millis: "an hour" }))).status, 400)
    assert.strictEqual((await handler(to("GET", "/__emulator/whim"))).status, 404)
  })
})

describe("virtual time", () => {
  it.live("lets no delay be waited for, and goes on by it", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make({
        time: "virtual",
        latency: "1 minute",
        stream: { eventDelay: "10 seconds" }
      })
      const from = yield* Clock.currentTimeMillis
      const dateOf = (response: Response) => Date.parse(response.headers.get("date") ?? "")
      const first = yield* Effect.promise(() => emulator.handler(ask("openai/gpt-5")))
      const stream = yield* Effect.promise(() => emulator.handler(call({ model: "a/b", input: "Hello", stream: true })))
      yield* Effect.promise(() => stream.text())
      const last = yield* Effect.promise(() => emulator.handler(ask("openai/gpt-5")))
      assert.isBelow((yield* Clock.currentTimeMillis) - from, 5000)
      assert.isAtLeast(dateOf(last) - dateOf(first), 3 * 60_000)
      yield* emulator.advance("1 day")
      const tomorrow = yield* Effect.promise(() => emulator.handler(ask("openai/gpt-5")))
      assert.closeTo(dateOf(tomorrow) - dateOf(last), 24 * 3_600_000 + 60_000, 1000)
    }))

  it.effect("starts anew when it is set back", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const ids = Effect.map(
        Effect.forEach(
          ["a", "b"],
          (input) => Effect.flatMap(post({ model: "a/b", input }), (response) => response.json)
        ),
        (all) => all.map((response) => at(response, "id"))
      )
      const first = yield* ids
      yield* emulator.reset
      assert.deepStrictEqual(yield* ids, first)
    }).pipe(Effect.provide(Emulator.layerHttpClient({ time: "virtual", latency: "1 minute" }))))
})

describe("models", () => {
  const status = (model: string, path?: string) =>
    Effect.map(post({ model, input: "Hello" }, path), ({ status }) => status)

  it.effect("that are not listed can be an error, which the client knows", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* Effect.forEach(
          ["openai/gpt-5", "openai/gpt-5:free", "mine/own", "emulator/echo", "@preset/any", "openai/gpt-55"],
          (model) => status(model)
        ),
        [200, 200, 200, 200, 200, 400]
      )
      assert.strictEqual(yield* status("openai/embedder", "/embeddings"), 400)
      const error = yield* Effect.flip(OpenRouter.respond({ model: "openai/gpt-55", input: "Hello" }))
      assert.strictEqual(error._tag, "ModelUnavailable")
    }).pipe(
      Effect.provide(
        OpenRouter.layer({ apiKey: Redacted.make("any") }).pipe(
          Layer.provide(RateGate.none),
          Layer.provideMerge(Emulator.layerHttpClient({
            models: "listed",
            prices: { "mine/own": { prompt: "0.000001", completion: "0.000002" } }
          })),
          Layer.merge(Layer.succeed(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none))
        )
      )
    ))
})

describe("over a port", () => {
  it.live("browsers and the control panel are served as well", () =>
    Effect.gen(function*() {
      const about = yield* Effect.flatMap(HttpClient.get("/"), (response) => response.json)
      assert.strictEqual(at(about, "name"), "OpenRouter emulator")
      const preflight = yield* HttpClient.execute(
        HttpClientRequest.make("OPTIONS")("/api/v1/responses", { headers: { origin: "https://example.com" } })
      )
      assert.strictEqual(preflight.status, 204)
      assert.strictEqual(preflight.headers["access-control-allow-origin"], "*")
    }).pipe(Effect.provide(Emulator.layerServer().pipe(Layer.provideMerge(NodeHttpServer.layerTest)))))
})
