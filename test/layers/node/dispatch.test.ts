import { NodeHttpClient } from "@effect/platform-node"
import { H2CClient } from "@effect/platform-node/Undici"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Layer, Schedule, Stream } from "effect"
import { CostLedger, OpenRouter, RetryPolicy } from "effect-openrouter"
import { DispatchHttpClient, OpenRouterNode } from "effect-openrouter/node"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"
import * as Http2 from "node:http2"
import type * as Net from "node:net"
import { apiKey, ask, tcpServer } from "../client/support.ts"

const say = (socket: Net.Socket, answer: string) => socket.once("data", () => socket.end(answer))

const head = (status: number, headers: string = "") => `HTTP/1.1 ${status} Said\r\nconnection: close\r\n${headers}\r\n`

const until = (done: () => boolean) =>
  Effect.suspend(() => done() ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 300 })
  )

const over = Effect.provide(DispatchHttpClient.layer)

/** The response to a plain request. */
const got = (url: string) => HttpClient.get(url).pipe(over)

describe("a response", () => {
  it.effect("is text, bytes, JSON, a stream, and all of them again", () =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) => say(socket, `${head(200)}{"a":"é"}`))
      const response = yield* got(url)
      assert.strictEqual(response.status, 200)
      assert.strictEqual(yield* response.text, "{\"a\":\"é\"}")
      assert.deepStrictEqual(yield* response.json, { a: "é" })
      assert.strictEqual((yield* response.arrayBuffer).byteLength, 10)
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(response.stream)), "{\"a\":\"é\"}")
      assert.strictEqual(yield* response.text, "{\"a\":\"é\"}")
    }).pipe(Effect.scoped))

  it.effect.each([204, 304])("may have no body: %i", (status) =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) => say(socket, head(status)))
      const response = yield* got(url)
      assert.isNull(yield* response.json)
      assert.strictEqual(yield* response.text, "")
      assert.strictEqual((yield* response.arrayBuffer).byteLength, 0)
    }).pipe(Effect.scoped))

  it.effect("that is no JSON fails as such", () =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) => say(socket, `${head(200)}<html>`))
      const response = yield* got(url)
      assert.strictEqual((yield* Effect.flip(response.json)).reason._tag, "DecodeError")
    }).pipe(Effect.scoped))

  it.effect("has all its cookies", () =>
    Effect.gen(function*() {
      const cookies = "set-cookie: a=1; Path=/\r\nset-cookie: b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT\r\n"
      const { url } = yield* tcpServer((socket) => say(socket, head(200, cookies)))
      const response = yield* got(url)
      assert.deepStrictEqual(Object.keys(response.cookies.cookies), ["a", "b"])
    }).pipe(Effect.scoped))

  it.effect("that is cut short fails when it is read", () =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) => say(socket, `${head(200, "content-length: 100\r\n")}half`))
      const response = yield* got(url)
      assert.strictEqual((yield* Effect.flip(response.text)).reason._tag, "DecodeError")
    }).pipe(Effect.scoped))
})

describe("a request", () => {
  it.effect("with a body of another kind is refused", () =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const request = HttpClientRequest.post("http://127.0.0.1:9").pipe(
        HttpClientRequest.setBody(HttpBody.stream(Stream.empty, "text/plain"))
      )
      const { reason } = yield* Effect.flip(client.execute(request))
      assert.include(String(reason.cause), "a body of the kind Stream cannot be sent")
    }).pipe(over))

  it.effect("without a usable URL is refused", () =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const error = yield* Effect.flip(client.execute(HttpClientRequest.get("nowhere")))
      assert.strictEqual(error.reason._tag, "InvalidUrlError")
    }).pipe(over))

  it.live("that is interrupted before it has a connection is never sent", () =>
    Effect.gen(function*() {
      let requests = 0
      const { url } = yield* tcpServer((socket) => {
        socket.on("data", () => requests++)
        socket.on("error", () => {})
      })
      const fiber = yield* Effect.forkChild(got(url), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep("50 millis")
      assert.strictEqual(requests, 0)
    }).pipe(Effect.scoped))
})

describe("an answer that is too large", () => {
  const limited = (url: string) =>
    OpenRouter.layer({ apiKey, apiUrl: url }).pipe(
      Layer.provide(Layer.effect(
        HttpClient.HttpClient,
        Effect.map(
          NodeHttpClient.Dispatcher,
          (dispatcher) => DispatchHttpClient.make(dispatcher, { maxBodyBytes: 1000 })
        )
      )),
      Layer.provide(NodeHttpClient.layerDispatcher)
    )

  it.live.each(["application/json", "text/event-stream"])("is not bought again: %s", (type) =>
    Effect.gen(function*() {
      let requests = 0
      const { url } = yield* tcpServer((socket) => {
        socket.on("error", () => {})
        socket.once("data", () => {
          requests++
          socket.write(head(200, `content-type: ${type}\r\n`))
          socket.write(": x\n\n".repeat(1000))
        })
      })
      const error = yield* ask().pipe(Effect.flip, Effect.provide(limited(url)))
      assert.strictEqual(error._tag, "MalformedResponse")
      assert.include(error.message, "larger than 1000 bytes")
      assert.strictEqual(requests, 1)
    }).pipe(Effect.scoped))
})

describe("the end of the layer", () => {
  it.live("ends calls in flight with a typed error", () =>
    Effect.gen(function*() {
      let isClosed = false
      let hasArrived = false
      const { url } = yield* tcpServer((socket) => {
        socket.on("error", () => {})
        socket.once("data", () => hasArrived = true)
        socket.once("close", () => isClosed = true)
      })
      const fiber = yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(
          Layer.provide(OpenRouter.layer({ apiKey, apiUrl: url }), DispatchHttpClient.layer)
        )
        const call = ask().pipe(RetryPolicy.with(RetryPolicy.none), Effect.flip, Effect.provideContext(context))
        const fiber = yield* Effect.forkDetach(call)
        yield* until(() => hasArrived)
        return fiber
      }))
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "ConnectionFailed")
      yield* until(() => isClosed)
    }).pipe(Effect.scoped))
})

describe("OpenRouterNode.layerUndici", () => {
  it.effect("is the client of the environment's key and address", () =>
    Effect.gen(function*() {
      const body = JSON.stringify({
        status: "completed",
        output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi" }] }]
      })
      const { url } = yield* tcpServer((socket) => say(socket, `${head(200)}${body}`))
      const config = ConfigProvider.fromUnknown({ OPENROUTER_API_KEY: "sk-any", OPENROUTER_API_URL: url })
      const { text } = yield* ask().pipe(
        Effect.provide(Layer.provide(OpenRouterNode.layerUndici, ConfigProvider.layer(config)))
      )
      assert.strictEqual(text, "Hi")
    }).pipe(Effect.scoped))
})

describe("over HTTP/2, by a dispatcher of the user's own", () => {
  /** A server without TLS, and how many of its streams are open. */
  const http2Server = (onStream: (stream: Http2.ServerHttp2Stream) => void) =>
    Effect.acquireRelease(
      Effect.callback<{ readonly url: string; readonly open: () => number; readonly server: Http2.Http2Server }>(
        (resume) => {
          let open = 0
          const server = Http2.createServer()
          server.on("stream", (stream) => {
            open++
            stream.on("error", () => {})
            stream.on("close", () => open--)
            onStream(stream)
          })
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            const port = typeof address === "object" && address !== null ? address.port : 0
            resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, open: () => open, server }))
          })
        }
      ),
      ({ server }) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
    )

  const client = (url: string) =>
    OpenRouter.layer({ apiKey, apiUrl: `${url}/api/v1` }).pipe(
      Layer.provide(Layer.effect(
        HttpClient.HttpClient,
        Effect.map(
          Effect.acquireRelease(
            Effect.sync(() => new H2CClient(url)),
            (dispatcher) => Effect.promise(() => dispatcher.destroy())
          ),
          (dispatcher) => DispatchHttpClient.make(dispatcher)
        )
      ))
    )

  const event = (event: object) => `data: ${JSON.stringify(event)}\n\n`
  const message = { type: "message", role: "assistant", content: [{ type: "output_text", text: "Once" }] }
  const completed = event({ type: "response.completed", response: { status: "completed", output: [message] } })
  const delta = event({
    type: "response.output_text.delta",
    sequence_number: 1,
    item_id: "m",
    output_index: 0,
    content_index: 0,
    delta: "Once"
  })

  it.live("a stream is read to its end", () =>
    Effect.gen(function*() {
      const { url } = yield* http2Server((stream) => {
        stream.respond({ ":status": 200, "content-type": "text/event-stream" })
        stream.write(delta)
        stream.end(completed)
      })
      const pieces = yield* Stream.runCollect(OpenRouter.streamText({ input: "Hi" })).pipe(Effect.provide(client(url)))
      assert.deepStrictEqual(pieces, ["Once"])
    }).pipe(Effect.scoped))

  it.live("an interruption ends the stream at the server", () =>
    Effect.gen(function*() {
      const { open, url } = yield* http2Server((stream) => {
        stream.respond({ ":status": 200, "content-type": "text/event-stream" })
        stream.write(delta)
      })
      yield* Effect.gen(function*() {
        const ledger = yield* CostLedger.make()
        const exit = yield* ledger.run(
          OpenRouter.streamText({ input: "Hi" }).pipe(
            Stream.tap(() => Effect.interrupt),
            Stream.runDrain,
            Effect.exit
          )
        )
        assert.isTrue(Exit.hasInterrupts(exit))
        yield* until(() => open() === 0)
        assert.strictEqual((yield* ledger.report).unknown, 1)
      }).pipe(Effect.provide(client(url)))
    }).pipe(Effect.scoped))

  it.live("a call that is interrupted is given up at the server", () =>
    Effect.gen(function*() {
      const { open, url } = yield* http2Server(() => {})
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(ask())
        yield* until(() => open() === 1)
        yield* Fiber.interrupt(fiber)
        yield* until(() => open() === 0)
      }).pipe(Effect.provide(client(url)))
    }).pipe(Effect.scoped))
})
