import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { CostLedger, Deadlines, OpenRouter, Transport } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { FetchHttpClient, HttpClient } from "effect/http"
import type * as Net from "node:net"
import * as S from "../stream/support.ts"
import { apiKey, ask, model, ok, once, tcpServer } from "./support.ts"

const transports = {
  fetch: (apiUrl: string) => Transport.layerFetch({ apiKey, apiUrl }),
  dispatch: (apiUrl: string) => Transport.layer({ apiKey, apiUrl }).pipe(Layer.provide(DispatchHttpClient.layer))
}

const ways = Object.entries(transports)

const clientOf = (transport: Layer.Layer<Transport.Transport>) =>
  OpenRouter.layerTransport.pipe(Layer.provide(transport), Layer.merge(once))

/** A server that says this to each request, and what it saw of its connections. */
const saying = (say: (socket: Net.Socket) => void) =>
  Effect.gen(function*() {
    const seen = { connections: 0, open: 0, requests: 0 }
    const sockets: Array<Net.Socket> = []
    const { url } = yield* tcpServer((socket) => {
      sockets.push(socket)
      seen.connections++
      seen.open++
      socket.on("error", () => {})
      socket.on("close", () => seen.open--)
      socket.on("data", () => {
        seen.requests++
        say(socket)
      })
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
    return { seen, url }
  })

const { body } = ok()

const head = (type: string, length?: number) =>
  [
    "HTTP/1.1 200 OK",
    `content-type: ${type}`,
    "x-generation-id: gen-1",
    ...length === undefined ? ["connection: close"] : [`content-length: ${length}`],
    "\r\n"
  ].join("\r\n")

const whole = head("application/json", body.length) + body

describe.each(ways)("a whole answer over %s", (_, transport) => {
  it.live("is not asked for behind the back of who wraps the transport", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* saying((socket) => socket.write(whole))
      const paths: Array<string> = []
      const watched = Layer.effect(
        Transport.Transport,
        Transport.Transport.useSync((inner) => ({
          ...inner,
          send: (request: Transport.Request, onSent: Effect.Effect<void>) =>
            Effect.andThen(Effect.sync(() => paths.push(request.path)), inner.send(request, onSent))
        }))
      ).pipe(Layer.provide(transport(url)))
      const answer = yield* Effect.provide(ask(), clientOf(watched))
      assert.strictEqual(answer.text, "Hi")
      assert.deepStrictEqual(paths, ["/responses"])
      assert.strictEqual(seen.requests, 1)
    }).pipe(Effect.scoped))

  it.live("that is a stream which never ends is given up by the deadline, and its connection closed", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* saying((socket) => socket.write(`${head("text/event-stream")}: hello\n\n`))
      yield* Effect.gen(function*() {
        const error = yield* ask().pipe(Deadlines.with({ response: "150 millis" }), Effect.flip)
        assert.strictEqual(error._tag, "TimedOut")
        yield* S.eventually("the server sees it", Effect.sync(() => seen.open === 0))
      }).pipe(Effect.provide(clientOf(transport(url))))
    }).pipe(Effect.scoped))

  it.live("is given up in the middle of its body, by interruption and by the deadline", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* saying((socket) => socket.write(whole.slice(0, -20)))
      yield* Effect.gen(function*() {
        const late = yield* ask().pipe(Deadlines.with({ response: "150 millis" }), Effect.flip)
        assert.strictEqual(late._tag, "TimedOut")
        yield* S.eventually("the server sees the deadline", Effect.sync(() => seen.open === 0))
        const left = yield* Effect.timeoutOption(ask(), "150 millis")
        assert.strictEqual(left._tag, "None")
        yield* S.eventually("the server sees the interruption", Effect.sync(() => seen.open === 0))
      }).pipe(Effect.provide(clientOf(transport(url))))
    }).pipe(Effect.scoped))

  it.live("that breaks off is an error which still knows its generation", () =>
    Effect.gen(function*() {
      const { url } = yield* saying((socket) => {
        socket.write(whole.slice(0, -20))
        setImmediate(() => socket.destroy())
      })
      yield* Effect.gen(function*() {
        const ledger = yield* CostLedger.make()
        const entries = yield* Effect.forkChild(Stream.runCollect(Stream.take(ledger.entries(), 1)), {
          startImmediately: true
        })
        const error = yield* ledger.run(ask()).pipe(Effect.flip)
        assert.strictEqual(error._tag, "ConnectionFailed")
        const [entry] = yield* Fiber.join(entries)
        assert.strictEqual(entry?._tag === "Entry" ? entry.generationId : undefined, "gen-1")
      }).pipe(Effect.provide(clientOf(transport(url))))
    }).pipe(Effect.scoped))

  it.live("leaves its connection to the next call", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* saying((socket) => socket.write(whole))
      yield* Effect.gen(function*() {
        yield* ask()
        // Undici reuses a connection no sooner than in the next turn of the event loop.
        yield* Effect.sleep("20 millis")
        yield* ask()
        assert.deepStrictEqual(seen, { connections: 1, open: 1, requests: 2 })
      }).pipe(Effect.provide(clientOf(transport(url))))
    }).pipe(Effect.scoped))

  it.live("is not asked for once the deadline has passed", () =>
    Effect.gen(function*() {
      const { seen, url } = yield* saying((socket) => socket.write(whole))
      yield* Effect.gen(function*() {
        const error = yield* ask().pipe(Deadlines.with({ total: 0 }), Effect.flip)
        assert.strictEqual(error._tag, "TimedOut")
        assert.strictEqual(seen.requests, 0)
      }).pipe(Effect.provide(clientOf(transport(url))))
    }).pipe(Effect.scoped))
})

it.live("an HTTP client that was changed is not passed by", () =>
  Effect.gen(function*() {
    const { url } = yield* saying((socket) => socket.write(whole))
    const urls: Array<string> = []
    const changed = Layer.effect(
      HttpClient.HttpClient,
      HttpClient.HttpClient.useSync((client) => {
        const execute: HttpClient.HttpClient["execute"] = (request) => {
          urls.push(request.url)
          return client.execute(request)
        }
        return { ...client, execute }
      })
    ).pipe(Layer.provide(DispatchHttpClient.layer))
    const client = OpenRouter.layer({ apiKey, apiUrl: url }).pipe(Layer.provide(changed), Layer.merge(once))
    const answer = yield* Effect.provide(ask(), client)
    assert.strictEqual(answer.text, "Hi")
    assert.deepStrictEqual(urls, [`${url}/responses`])
  }).pipe(Effect.scoped))

it.effect("a fetch that gives no response is a defect, and nobody waits for it", () =>
  Effect.gen(function*() {
    const client = yield* Layer.build(Layer.provide(
      OpenRouter.layerTransport,
      Transport.layerFetch({ apiKey, apiUrl: "http://127.0.0.1:1" })
    ))
    const exit = yield* Context.get(client, OpenRouter.OpenRouter).outcome({ model, input: "Hello" }).pipe(
      Effect.provideService(FetchHttpClient.Fetch, () => Promise.resolve(Object.create(null))),
      Effect.exit
    )
    assert.isTrue(Exit.hasDies(exit))
  }).pipe(Effect.scoped))
