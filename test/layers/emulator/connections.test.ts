import { NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Schedule } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientRequest, HttpServer } from "effect/http"
import { createServer } from "node:http"

const served = (options?: Emulator.Options) =>
  Emulator.layerServer(options).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
    Layer.merge(NodeHttpClient.layerUndici)
  )

const ask = (model: string) =>
  HttpServer.addressFormattedWith((address) =>
    HttpClientRequest.post(`${address}/api/v1/responses`).pipe(
      HttpClientRequest.bearerToken("test"),
      HttpClientRequest.bodyJsonUnsafe({ model, input: "Hello" }),
      HttpClient.execute,
      Effect.flatMap((response) => Effect.as(response.text, response))
    )
  )

const becomes = (read: Effect.Effect<number>, expected: number) =>
  Effect.flatMap(read, (number) => number === expected ? Effect.void : Effect.fail(`${number}`)).pipe(
    Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 200 })
  )

describe("connections on a real port", () => {
  it.live("are counted while they are open, idle or not", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      assert.strictEqual(yield* emulator.openConnections, 0)
      const calls = yield* Effect.forEach(
        [1, 2, 3],
        () => Effect.forkChild(ask("emulator/hang"), { startImmediately: true })
      )
      yield* becomes(emulator.openRequests, 3)
      yield* becomes(emulator.openConnections, 3)
      yield* Effect.forEach(calls, Fiber.interrupt)
      yield* becomes(emulator.openConnections, 0)
      yield* becomes(emulator.openRequests, 0)
      yield* ask("emulator/echo")
      assert.strictEqual(yield* emulator.openRequests, 0)
      assert.strictEqual(yield* emulator.openConnections, 1)
    }).pipe(Effect.provide(served())))

  it.live("have the date of the emulator's clock", () =>
    Effect.gen(function*() {
      const { headers } = yield* ask("emulator/echo")
      const ahead = Date.parse(headers["date"] ?? "") - (yield* Clock.currentTimeMillis)
      assert.isAbove(ahead, 590_000)
      assert.isBelow(ahead, 601_000)
    }).pipe(Effect.provide(served({ clockOffset: "10 minutes" }))))
})

describe("an answer that drips", () => {
  it.live("is the same answer, in pieces over time", () =>
    Effect.gen(function*() {
      const text = (model: string) => Effect.flatMap(ask(model), (response) => response.text)
      const began = yield* Clock.currentTimeMillis
      const whole = yield* text("a/b")
      const [pieces, taken] = yield* Effect.zip(text("a/dripping"), Clock.currentTimeMillis)
      assert.strictEqual(JSON.parse(pieces).object, "response")
      assert.isAbove(pieces.length, 500)
      assert.strictEqual(JSON.parse(whole).object, "response")
      assert.isAtLeast(taken - began, Math.floor(pieces.length / 200) * 5)
      const emulator = yield* Emulator.Emulator
      assert.strictEqual(yield* emulator.openRequests, 0)
      assert.strictEqual((yield* emulator.ledger).cancelled, 0)
    }).pipe(Effect.provide(served({
      rules: [{ when: { model: "a/dripping" }, reply: Emulator.Reply.answer({ drip: { bytes: 200, every: 5 } }) }]
    }))))
})

describe("connections without a port", () => {
  it.effect("are none", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      yield* emulator.client.execute(
        HttpClientRequest.get("http://emulator/api/v1/models").pipe(HttpClientRequest.bearerToken("test"))
      )
      assert.strictEqual(yield* emulator.openConnections, 0)
    }).pipe(Effect.provide(Emulator.layer())))
})
