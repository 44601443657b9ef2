import { NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schedule, Stream } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { connect } from "node:net"
import { sse as inProcess } from "./support.ts"

const clients = { undici: NodeHttpClient.layerUndici, fetch: FetchHttpClient.layer, node: NodeHttpClient.layerNodeHttp }

const served = (options?: Emulator.Options, over: keyof typeof clients = "undici") =>
  Emulator.layerServer(options).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
    Layer.merge(clients[over])
  )

const ask = (name: string) =>
  HttpServer.addressFormattedWith((address) =>
    HttpClientRequest.post(`${address}/api/v1/responses`).pipe(
      HttpClientRequest.bearerToken("test"),
      HttpClientRequest.bodyJsonUnsafe({ model: `emulator/${name}`, input: "Hello", stream: true }),
      HttpClient.execute
    )
  )

const chunks = (name: string) => Stream.unwrap(Effect.map(ask(name), (response) => response.stream))

const text = (name: string) => Effect.flatMap(ask(name), (response) => response.text)

const bare = (body: string) => body.replaceAll(/gen-\d+-\w+|"\w+_at":\w+/g, "")

const eventually = (condition: (emulator: Emulator.Emulator["Service"]) => Effect.Effect<boolean>) =>
  Effect.flatMap(Emulator.Emulator, (emulator) =>
    condition(emulator).pipe(
      Effect.flatMap((holds) => holds ? Effect.void : Effect.fail("not yet")),
      Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 200 })
    ))

const isIdle = eventually((emulator) => Effect.map(emulator.openRequests, (open) => open === 0))

describe("a stream on a real port", () => {
  it.live("is what it is in-process", () =>
    Effect.gen(function*() {
      const expected = yield* inProcess({ model: "emulator/echo", input: "Hello" }).pipe(
        Effect.provide(Emulator.layerHttpClient(), { local: true })
      )
      assert.strictEqual(bare(yield* text("echo")), bare(expected))
      yield* isIdle
    }).pipe(Effect.provide(served())))

  it.live("sends its headers before its first event", () =>
    Effect.gen(function*() {
      const response = yield* Effect.timeout(ask("echo"), "5 seconds")
      assert.match(response.headers["content-type"] ?? "", /^text\/event-stream/)
      assert.match(response.headers["x-generation-id"] ?? "", /^gen-/)
    }).pipe(Effect.provide(served({ stream: { firstDelay: "1 hour", keepAlive: { before: 0 } } }))))

  it.live.each(["undici", "fetch", "node"] as const)(
    "a reset is an error, not an end: %s",
    (over) =>
      Effect.gen(function*() {
        let bytes = 0
        const exit = yield* Effect.exit(
          Stream.runForEach(chunks("stream-reset-1500"), (chunk) => Effect.sync(() => bytes += chunk.length))
        )
        assert.strictEqual(Exit.isFailure(exit), true)
        assert.strictEqual(bytes, 1500)
        yield* isIdle
        assert.include(yield* text("echo"), "response.completed")
      }).pipe(Effect.provide(served(undefined, over)))
  )

  it.live("a cut is an end", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* text("stream-cut-1500")).length, 1500)
      assert.strictEqual((yield* Emulator.Emulator.use(({ ledger }) => ledger)).cancelled, 0)
    }).pipe(Effect.provide(served())))

  it.live.each(["undici", "fetch", "node"] as const)(
    "ends when its reader leaves: %s",
    (over) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runDrain(chunks("stream-silence")))
        yield* eventually((emulator) => Effect.map(emulator.openRequests, (open) => open === 1))
        yield* Fiber.interrupt(fiber)
        yield* isIdle
        yield* eventually((emulator) => Effect.map(emulator.ledger, ({ cancelled }) => cancelled === 1))
        yield* Stream.runDrain(Stream.take(chunks("stream-stall"), 3))
        yield* isIdle
      }).pipe(Effect.provide(served(undefined, over)))
  )

  it.live("hanging calls end with their callers too", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(ask("hang"))
      yield* eventually((emulator) => Effect.map(emulator.openRequests, (open) => open === 1))
      yield* Fiber.interrupt(fiber)
      yield* isIdle
    }).pipe(Effect.provide(served())))

  it.live("is made no faster than it is read", () =>
    Effect.gen(function*() {
      const port = yield* Effect.map(HttpServer.HttpServer, ({ address }) => "port" in address ? address.port : 0)
      const before = process.memoryUsage().arrayBuffers
      const body = JSON.stringify({ model: "a/b", input: "Hello", stream: true })
      const socket = connect(port, "127.0.0.1")
      socket.pause()
      socket.write(
        `POST /api/v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      )
      yield* Effect.sleep("700 millis")
      assert.isBelow(process.memoryUsage().arrayBuffers - before, 40_000_000)
      const emulator = yield* Emulator.Emulator
      assert.strictEqual(yield* emulator.openRequests, 1)
      socket.destroy()
      yield* isIdle
    }).pipe(Effect.provide(served({
      stream: { tokensPerDelta: 25_000 },
      rules: [{ reply: Emulator.Reply.text("x".repeat(100_000_000)) }],
      credits: "1000000"
    }))))

  it.live("two hundred at once", () =>
    Effect.gen(function*() {
      const all = yield* Effect.forEach(Array.from({ length: 200 }), () => text("echo"), { concurrency: "unbounded" })
      assert.isTrue(all.every((body) => body.endsWith("data: [DONE]\n\n")))
      yield* isIdle
    }).pipe(Effect.provide(served({ stream: { eventDelay: "2 millis", chunkBytes: 61 } }))))
})
