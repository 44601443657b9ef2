import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Schedule } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest } from "effect/http"

/** The emulator on a free port, and a client that prepends its address. */
const served = (options?: Emulator.Options) =>
  Emulator.layerServer(options).pipe(Layer.provideMerge(NodeHttpServer.layerTest))

const post = (body: string, key = "test") =>
  HttpClientRequest.post("/api/v1/responses").pipe(
    HttpClientRequest.bearerToken(key),
    HttpClientRequest.bodyText(body, "application/json"),
    HttpClient.execute
  )

const ask = (model: string, input = "Hello") => post(JSON.stringify({ model, input }))

describe("on a real port", () => {
  it.live("the same request gets the same answer as in-process", () =>
    Effect.gen(function*() {
      const text = Effect.flatMap(ask("openai/gpt-5"), (response) => response.text)
      const answerOf = (body: string) => /"output":\[.*?\]\}\]/.exec(body)?.[0] ?? body
      const overPort = yield* Effect.provide(text, served())
      const inProcess = yield* HttpClientRequest.post("http://emulator/api/v1/responses").pipe(
        HttpClientRequest.bearerToken("test"),
        HttpClientRequest.bodyText(`{"model":"openai/gpt-5","input":"Hello"}`, "application/json"),
        HttpClient.execute,
        Effect.flatMap((response) => response.text),
        Effect.provide(Emulator.layerHttpClient())
      )
      assert.include(overPort, `"output":[{"id":"msg_tmp_`)
      assert.strictEqual(answerOf(overPort), answerOf(inProcess))
    }))

  it.live("headers, statuses and bodies arrive", () =>
    Effect.gen(function*() {
      const limited = yield* ask("emulator/status-429")
      assert.strictEqual(limited.status, 429)
      assert.match(limited.headers["x-ratelimit-reset"] ?? "", /^\d{13}$/)
      assert.match(limited.headers["x-generation-id"] ?? "", /^gen-\d{10}-/)
      assert.include(yield* limited.text, `"X-RateLimit-Reset":"`)
      assert.strictEqual((yield* post("{}", "wrong")).status, 401)
      assert.strictEqual((yield* post("{")).status, 400)
      assert.strictEqual(yield* Effect.flatMap(ask("emulator/no-body"), (response) => response.text), "")
      assert.include(yield* Effect.flatMap(ask("emulator/html"), (response) => response.text), "<html>")
    }).pipe(Effect.provide(served({ keys: ["test"] }))))

  it.live("a body that is too large is 413", () =>
    Effect.gen(function*() {
      const response = yield* post(JSON.stringify({ model: "openai/gpt-5", input: "x".repeat(5000) }))
      assert.strictEqual(response.status, 413)
      yield* response.text
      assert.strictEqual((yield* ask("openai/gpt-5")).status, 200)
    }).pipe(Effect.provide(served({ maxBodyBytes: 1000 }))))

  it.live("a broken connection is a transport error, and the server lives on", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask("emulator/disconnect"))
      assert.strictEqual(error.reason._tag, "TransportError")
      assert.strictEqual((yield* ask("openai/gpt-5")).status, 200)
    }).pipe(Effect.provide(served())))

  it.live("a caller who gives up on a hanging request frees the server", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const exit = yield* Effect.exit(Effect.timeout(ask("emulator/hang"), "100 millis"))
      assert.strictEqual(Exit.isFailure(exit), true)
      yield* emulator.ledger.pipe(
        Effect.flatMap((ledger) => ledger.statuses["hang"] === 1 ? Effect.void : Effect.fail("not yet")),
        Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 50 })
      )
    }).pipe(Effect.provide(served())))

  it.live("a hundred callers at once are served and booked", () =>
    Effect.gen(function*() {
      const statuses = yield* Effect.forEach(
        Array.from({ length: 100 }, (_, index) => index),
        (index) =>
          Effect.flatMap(ask("openai/gpt-5", `q${index}`), (response) => Effect.as(response.text, response.status)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(statuses), new Set([200]))
      assert.strictEqual((yield* Emulator.Emulator.use((emulator) => emulator.ledger)).calls, 100)
    }).pipe(Effect.provide(served())))
})
