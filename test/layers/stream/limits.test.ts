import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Layer, Option, Stream } from "effect"
import { CostLedger, Deadlines, OpenRouter, type OpenRouterError, RetryPolicy } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { apiKey, tcpServer, ungated } from "../client/support.ts"
import * as S from "./support.ts"

const { Reply } = Emulator

const errorOf = <A, E>(exit: Exit.Exit<A, E>): E | undefined =>
  Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined

describe("deadlines", () => {
  it.effect("have defaults of two minutes, and one hour in all", () =>
    Effect.gen(function*() {
      const run = (name: string) =>
        Effect.gen(function*() {
          const startedAt = yield* Clock.currentTimeMillis
          const fiber = yield* Effect.forkChild(
            Effect.exit(Stream.runDrain(OpenRouter.stream({ model: `emulator/${name}`, input: "Hello" }))),
            { startImmediately: true }
          )
          yield* TestClock.adjust("3 hours")
          const error = errorOf(yield* Fiber.join(fiber))
          return [error?._tag === "TimedOut" ? error.phase : error?._tag, startedAt] as const
        })
      assert.strictEqual((yield* run("stream-stall-0"))[0], "firstEvent")
      assert.strictEqual((yield* run("stream-stall"))[0], "idle")
      assert.strictEqual((yield* run("stream-slow-119000"))[0], "total")
    }).pipe(Effect.provide(S.reached("in-process"))))

  it.effect("of infinity are none", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Effect.exit(
          Stream.runDrain(OpenRouter.stream({ model: "emulator/stream-stall", input: "Hello" })).pipe(
            Deadlines.with({ firstEvent: Infinity, idle: Infinity, total: Infinity })
          )
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(S.reached("in-process"))))

  it.effect("apply anew to each attempt", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Stream.mkString(OpenRouter.streamText(S.request)).pipe(Deadlines.with({ firstEvent: "10 seconds" })),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), S.text)
    }).pipe(Effect.provide(S.reached("in-process", {
      rules: [
        { times: 2, reply: Reply.failure(503, { delay: "8 seconds" }) },
        { reply: Reply.text(S.text, { delay: "8 seconds" }) }
      ]
    }))))
})

describe("what errors know", () => {
  it.effect("of a stream that was cut: the id of the generation, also if only the response tells it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(OpenRouter.stream(S.request)))
      assert.strictEqual(error._tag, "StreamInterrupted")
      assert.deepStrictEqual([error.generationId, error.model, error.partialText], ["gen-2", "served", "Once"])
    }).pipe(
      Effect.provide(
        S.answering([
          () => new Response(S.created + S.delta("Once"), { headers: { "content-type": "text/event-stream" } })
        ])
      )
    ))
})

describe("the end of a stream", () => {
  it.effect("may lack its blank line", () =>
    Effect.gen(function*() {
      const outcome = yield* OpenRouter.streamOutcome(S.request, () => Effect.void)
      assert.strictEqual(outcome._tag === "Completed" ? outcome.text : outcome._tag, "Once")
    }).pipe(Effect.provide(S.answering([S.sse([S.created, S.delta("Once"), S.completed("Once").trimEnd()])]))))

  it.effect("may come within a character", () =>
    Effect.gen(function*() {
      const bytes = new TextEncoder().encode(S.created + S.delta("ó"))
      const error = yield* Effect.flip(
        Effect.provide(
          Stream.runDrain(OpenRouter.stream(S.request)),
          S.answering([S.sse([bytes.subarray(0, bytes.indexOf(0xc3) + 1)])])
        )
      )
      assert.strictEqual(error._tag, "StreamInterrupted")
    }))

  it.effect("what comes after it is ignored", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const outcome = yield* OpenRouter.streamOutcome(S.request, (event) => Effect.sync(() => events.push(event.type)))
      assert.strictEqual(outcome._tag === "Completed" ? outcome.text : outcome._tag, "Once")
      assert.strictEqual(events.at(-1), "response.completed")
    }).pipe(Effect.provide(S.answering([
      S.sse([S.created, S.delta("Once"), S.completed("Once"), S.delta("lost"), S.completed("Twice"), S.done])
    ]))))

  it.effect("an error after it is ignored too", () =>
    Effect.gen(function*() {
      const outcome = yield* OpenRouter.streamOutcome(S.request, () => Effect.void)
      assert.strictEqual(outcome._tag, "Completed")
    }).pipe(Effect.provide(S.answering([
      S.sse([S.created, S.completed("Once"), S.data({ type: "error", code: "server_error", message: "late" })])
    ]))))

  it.effect("a byte order mark at the beginning is ignored", () =>
    Effect.gen(function*() {
      const text = yield* Stream.mkString(OpenRouter.streamText(S.request))
      assert.strictEqual(text, "Once")
    }).pipe(Effect.provide(S.answering([
      S.sse([`\uFEFF${S.delta("Once")}`, S.completed("Once"), S.done])
    ]))))

  it.effect("one event may have several data lines, and no space", () =>
    Effect.gen(function*() {
      const text = yield* Stream.mkString(OpenRouter.streamText(S.request))
      assert.strictEqual(text, "Once")
    }).pipe(Effect.provide(S.answering([
      S.sse([
        `data:{"type":"response.output_text.delta","output_index":0,"content_index":0,\ndata:"item_id":"m","delta":"Once"}\n\n`,
        S.completed("Once")
      ])
    ]))))
})

describe("a stream whose server does not say what it sends", () => {
  const http = { fetch: FetchHttpClient.layer, dispatch: DispatchHttpClient.layer }

  it.live.each(["fetch", "dispatch"] as const)("is read while it arrives: %s", (way) =>
    Effect.gen(function*() {
      const seen = Deferred.makeUnsafe<void>()
      const { url } = yield* tcpServer((socket) => {
        socket.once("data", () => {
          socket.write(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${S.created}${S.delta("Once")}`)
          Effect.runFork(Effect.andThen(Deferred.await(seen), Effect.sync(() => socket.end(S.completed("Once")))))
        })
      })
      // The server says the rest only after the text has been seen.
      const pieces = yield* OpenRouter.streamText(S.request).pipe(
        Stream.tap(() => Deferred.succeed(seen, undefined)),
        Stream.runCollect,
        Effect.provide(Layer.provide(OpenRouter.layer({ apiKey, apiUrl: url }), http[way])),
        Effect.timeout("2 seconds")
      )
      assert.deepStrictEqual(pieces, ["Once"])
    }).pipe(Effect.scoped))
})

describe("a consumer that makes a call for an event", () => {
  const http = { fetch: FetchHttpClient.layer, dispatch: DispatchHttpClient.layer }
  const pieces = Array.from({ length: 3000 }, (_, n) => `${n} `.padEnd(100, "."))
  const answer = JSON.stringify({
    id: "gen-3",
    status: "completed",
    output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Yes" }] }]
  })

  it.live.each(["fetch", "dispatch"] as const)(
    "gets the rest of its stream, which was held back: %s",
    (way) =>
      Effect.gen(function*() {
        const { url } = yield* tcpServer((socket) => {
          socket.on("error", () => {})
          socket.on("data", (request) => {
            if (!request.toString().includes("\"stream\":true")) {
              const head =
                `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n`
              Effect.runFork(Effect.delay(Effect.sync(() => socket.write(head + answer)), "50 millis"))
              return
            }
            const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            socket.end(head + S.created + pieces.map(S.delta).join("") + S.completed(pieces.join("")))
          })
        })
        const texts = yield* OpenRouter.stream(S.request).pipe(
          Stream.filter((event) => event.type === "response.output_text.delta"),
          Stream.mapEffect((event, index) =>
            index % 500 === 0 ? Effect.as(OpenRouter.respond(S.request), event.delta) : Effect.succeed(event.delta)
          ),
          Stream.runCollect,
          Effect.provide(Layer.provide(OpenRouter.layer({ apiKey, apiUrl: url }), http[way])),
          Effect.timeout("5 seconds")
        )
        assert.strictEqual(texts.join(""), pieces.join(""))
      }).pipe(Effect.scoped)
  )
})

describe("many streams at once", () => {
  it.live.each([...S.ways])("do not disturb each other: %s", (way) =>
    Effect.gen(function*() {
      const ledger = yield* CostLedger.make()
      const names = ["echo", "stream-cut", "stream-error", "stream-reset", "stream-no-terminal", "stream-noise"]
      const all = yield* ledger.run(
        Effect.forEach(Array.from({ length: 120 }, (_, n) => n), (n) =>
          OpenRouter.streamOutcome(
            { model: `emulator/${names[n % names.length]}`, input: `Number ${n} says: hello to you all.` },
            () => Effect.void
          ).pipe(
            Effect.match({
              onFailure: (error: OpenRouterError.OpenRouterError) => error._tag,
              onSuccess: (outcome) => outcome._tag === "Completed" ? outcome.text : outcome._tag
            })
          ), { concurrency: "unbounded" })
      )
      for (const [n, result] of all.entries()) {
        const expected = ["Number", "StreamInterrupted", "ServerError", "ConnectionFailed", "StreamInterrupted", ""]
        assert.include(result, expected[n % names.length] ?? "")
        if (n % names.length === 0) assert.strictEqual(result, `Number ${n} says: hello to you all.`)
      }
      const { calls, failures, unknown } = yield* ledger.report
      assert.deepStrictEqual({ calls, failures, unknown }, { calls: 120, failures: 80, unknown: 80 })
      yield* S.isClosed
    }).pipe(RetryPolicy.with(RetryPolicy.none), Effect.provide(ungated(S.reached(way)))))
})
