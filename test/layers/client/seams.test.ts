import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Channel, Context, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import { Deadlines, OpenRouter, RetryPolicy, Transport } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as S from "../stream/support.ts"
import { apiKey, ask, emulated, model, ok, tcpServer } from "./support.ts"

const canned = (body: string) =>
  Layer.succeed(Transport.Transport, Transport.make(() => Effect.succeed(Transport.answer({ body }))))

const saying = (text: string) =>
  canned(ok({ output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text }] }] }).body)

class One extends Context.Service<One, OpenRouter.OpenRouter["Service"]>()("test/seams/One") {}
class Two extends Context.Service<Two, OpenRouter.OpenRouter["Service"]>()("test/seams/Two") {}

describe("two clients of one program", () => {
  it.effect("are two, although their layer is one value", () =>
    Effect.gen(function*() {
      const texts = yield* Effect.forEach([yield* One, yield* Two], (client) =>
        Effect.map(client.outcome({ model, input: "Hello" }), (outcome) =>
          outcome._tag === "Completed" && outcome.text))
      assert.deepStrictEqual(texts, ["one", "two"])
    }).pipe(Effect.provide(Layer.merge(
      Layer.effect(One, OpenRouter.OpenRouter).pipe(
        Layer.provide(OpenRouter.layerTransport),
        Layer.provide(saying("one"))
      ),
      Layer.effect(Two, OpenRouter.OpenRouter).pipe(
        Layer.provide(OpenRouter.layerTransport),
        Layer.provide(saying("two"))
      )
    ))))

  it.effect("nest", () =>
    Effect.gen(function*() {
      const inner = OpenRouter.layerTransport.pipe(Layer.provide(saying("inner")))
      const texts = yield* Effect.all([ask(), Effect.provide(ask(), inner)])
      assert.deepStrictEqual(texts.map(({ text }) => text), ["outer", "inner"])
    }).pipe(Effect.provide(OpenRouter.layerTransport.pipe(Layer.provide(saying("outer"))))))

  it.effect("defaults of a layer that is given twice keep those between", () =>
    Effect.gen(function*() {
      const step = OpenRouter.layerDefaults({ model: "openai/gpt-4o" })
      yield* OpenRouter.respond({ input: "Hello" }).pipe(
        Effect.provide(step),
        OpenRouter.withDefaults({ user: "u-17" }),
        Effect.provide(step)
      )
      const [sent] = yield* (yield* Emulator.Emulator).requests
      assert.deepInclude(sent?.body, { model: "openai/gpt-4o", user: "u-17" })
    }).pipe(Effect.provide(emulated())))
})

type Send = Transport.Transport["Service"]["send"]

/** A transport whose answers pass through a function. */
const through = (f: (sent: ReturnType<Send>) => ReturnType<Send>) =>
  Layer.effect(
    Transport.Transport,
    Transport.Transport.useSync((transport) => ({
      ...transport,
      send: (request: Transport.Request, onSent: Effect.Effect<void>) => f(transport.send(request, onSent))
    }))
  )

const clients = {
  fetch: (apiUrl: string) => Transport.layerFetch({ apiKey, apiUrl }),
  "stock fetch": (apiUrl: string) => Transport.layer({ apiKey, apiUrl }).pipe(Layer.provide(FetchHttpClient.layer)),
  "stock undici": (apiUrl: string) =>
    Transport.layer({ apiKey, apiUrl }).pipe(Layer.provide(NodeHttpClient.layerUndici)),
  dispatch: (apiUrl: string) => Transport.layer({ apiKey, apiUrl }).pipe(Layer.provide(DispatchHttpClient.layer))
}

describe("who wraps a transport", () => {
  it.live.each(Object.entries(clients))("may spread its answers: %s", ([, transport]) =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) => {
        socket.on("error", () => {})
        const { body } = ok()
        socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`))
      })
      const spread = through((sent) =>
        Effect.map(sent, (answer) => ({ ...answer, headers: { ...answer.headers, "x-seen": "yes" } }))
      )
      const client = OpenRouter.layerTransport.pipe(Layer.provide(spread), Layer.provide(transport(url)))
      assert.strictEqual((yield* Effect.provide(ask(), client)).text, "Hi")
    }).pipe(Effect.scoped))

  it.live.each(Object.entries(clients))("may be given up behind the headers, which closes the connection: %s", (
    [over, transport]
  ) =>
    Effect.gen(function*() {
      let isClosed = false
      const { url } = yield* tcpServer((socket) => {
        socket.on("error", () => {})
        socket.on("close", () => isClosed = true)
        socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n"))
      })
      const stuck = through((sent) => Effect.andThen(sent, Effect.never))
      const client = OpenRouter.layerTransport.pipe(Layer.provide(stuck), Layer.provide(transport(url)))
      yield* Effect.gen(function*() {
        const error = yield* ask().pipe(Deadlines.with({ response: "150 millis" }), Effect.flip)
        assert.strictEqual(error._tag, "TimedOut", over)
        yield* S.eventually("the server sees it", Effect.sync(() => isClosed))
      }).pipe(Effect.provide(client))
    }).pipe(Effect.scoped))

  it.effect("and forgets to say when it sends is under the deadlines all the same", () =>
    Effect.gen(function*() {
      const fiber = yield* ask().pipe(
        Deadlines.with({ response: "10 seconds" }),
        Effect.flip,
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimedOut")
    }).pipe(Effect.provide(OpenRouter.layerTransport.pipe(Layer.provide(Layer.succeed(
      Transport.Transport,
      { account: "a", scrub: (text: string) => text, send: () => Effect.never }
    ))))))
})

describe("the pull of a stream", () => {
  it.effect("that was given up while it waited for its beginning sends no second request", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.Emulator
      const client = yield* OpenRouter.OpenRouter
      const scope = yield* Scope.make()
      const pull = yield* Channel.toTransform(client.events({ model: "emulator/hang", input: "Hello" }))(
        Effect.never,
        scope
      )
      const first = yield* Effect.forkChild(pull, { startImmediately: true })
      yield* Fiber.interrupt(first)
      const again = yield* Effect.exit(pull)
      assert.isTrue(Exit.hasInterrupts(again))
      assert.lengthOf(yield* emulator.requests, 1)
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(emulated())))

  it.live("ends soon after an error, although the connection stays open", () =>
    Effect.gen(function*() {
      const error = S.data({ type: "error", code: "rate_limit_exceeded", message: "slow", param: null })
      const open = OpenRouter.layerTransport.pipe(Layer.provide(Layer.succeed(
        Transport.Transport,
        Transport.make(() =>
          Effect.succeed(Transport.answer({
            headers: { "content-type": "text/event-stream" },
            body: Stream.concat(Stream.make(new TextEncoder().encode(error)), Stream.never)
          }))
        )
      )))
      const failure = yield* Stream.runDrain(OpenRouter.stream(S.request)).pipe(
        RetryPolicy.with(RetryPolicy.none),
        Effect.flip,
        Effect.timeout("1 second"),
        Effect.provide(open)
      )
      assert.strictEqual(failure._tag, "RateLimited")
    }))
})
