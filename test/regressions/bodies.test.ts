import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Stream } from "effect"
import { CostLedger, OpenRouter, type Outcome, RetryPolicy, Transport, Usd } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { FetchHttpClient, type HttpClient } from "effect/http"
import type * as Net from "node:net"
import * as Zlib from "node:zlib"
import { apiKey, ask, ok, tcpServer } from "../layers/client/support.ts"
import * as S from "../layers/stream/support.ts"

const { Reply } = Emulator

const once = RetryPolicy.with(RetryPolicy.none)

/** Tries again at once, so that what is sent twice is seen. */
const eager = RetryPolicy.with(RetryPolicy.make({ base: "1 millis", times: 2 }))

type Settings = Pick<Transport.ExchangeOptions, "maxAnswerBytes"> & { readonly apiUrl: string }

const overHttp = (client: Layer.Layer<HttpClient.HttpClient>) => (settings: Settings) =>
  OpenRouter.layer({ apiKey, ...settings }).pipe(Layer.provide(client))

const inflating = {
  fetch: (settings: Settings) =>
    OpenRouter.layerTransport.pipe(Layer.provide(Transport.layerFetch({ apiKey, ...settings }))),
  "stock fetch": overHttp(FetchHttpClient.layer),
  "/node": overHttp(DispatchHttpClient.layer)
}

const clients = { ...inflating, "stock undici": overHttp(NodeHttpClient.layerUndici) }

const ways = Object.entries(clients)

/** A server that answers each request in this way, and what it was sent. */
const answering = (answer: (socket: Net.Socket, request: string) => void) =>
  Effect.suspend(() => {
    const sent: Array<string> = []
    return Effect.map(
      tcpServer((socket) => {
        socket.on("error", () => {})
        socket.on("data", (data) => {
          sent.push(String(data))
          answer(socket, String(data))
        })
      }),
      ({ url }) => ({ sent, url })
    )
  })

const head = (headers: Readonly<Record<string, string>>, status = 200) =>
  `HTTP/1.1 ${status} Said\r\nconnection: close\r\n${
    Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("")
  }\r\n`

const streamed = (model = "openai/gpt-5") =>
  OpenRouter.streamOutcome({ model, input: "Tell me a story." }, () => Effect.void)

const textOf = (outcome: Outcome.Outcome) => outcome._tag === "Completed" ? outcome.text : outcome._tag

const events = S.created + S.delta("Once") + S.completed("Once") + S.done

const codings: Readonly<Record<string, (body: string) => Buffer>> = {
  gzip: (body) => Zlib.gzipSync(body),
  "x-gzip": (body) => Zlib.gzipSync(body),
  deflate: (body) => Zlib.deflateSync(body),
  "Deflate": (body) => Zlib.deflateRawSync(body),
  br: (body) => Zlib.brotliCompressSync(body, { params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
  zstd: (body) => Zlib.zstdCompressSync(body),
  "identity, gzip": (body) => Zlib.gzipSync(body),
  "gzip, br": (body) => Zlib.brotliCompressSync(Zlib.gzipSync(body))
}

describe("a compressed answer over /node", () => {
  it.live.each(Object.entries(codings))(
    "#23 is read, in one piece, as a stream and as an error: %s",
    ([coding, compress]) =>
      Effect.gen(function*() {
        const { sent, url } = yield* answering((socket, request) => {
          const isStream = request.includes("\"stream\":true")
          const isError = request.includes("GET /")
          const body = isError ? "{\"error\":{\"code\":402,\"message\":\"pay\"}}" : isStream ? events : ok().body
          const bytes = compress(body)
          socket.write(head({
            "content-type": isStream ? "text/event-stream" : "application/json",
            "content-encoding": coding,
            ...(isStream ? {} : { "content-length": String(bytes.length) })
          }, isError ? 402 : 200))
          socket.end(bytes)
        })
        yield* Effect.gen(function*() {
          assert.strictEqual((yield* ask()).text, "Hi")
          assert.strictEqual(textOf(yield* streamed()), "Once")
          assert.deepInclude(yield* Effect.flip(OpenRouter.key), { _tag: "PaymentRequired", message: "pay" })
        }).pipe(once, Effect.provide(inflating["/node"]({ apiUrl: url })))
        for (const request of sent) assert.match(request, /accept-encoding: gzip, deflate, br, zstd\r\n/i)
      }).pipe(Effect.scoped)
  )

  it.live.each(["gzip", "br"] as const)("#23 arrives event by event: %s", (coding) =>
    Effect.gen(function*() {
      const encoder = coding === "gzip"
        ? Zlib.createGzip({ flush: Zlib.constants.Z_SYNC_FLUSH })
        : Zlib.createBrotliCompress({ flush: Zlib.constants.BROTLI_OPERATION_FLUSH })
      const closed = yield* Deferred.make<void>()
      const { url } = yield* answering((socket) => {
        socket.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
        socket.write(head({ "content-type": "text/event-stream", "content-encoding": coding }))
        encoder.on("data", (chunk: Buffer) => socket.write(chunk))
        encoder.write(S.created + S.delta("Once"))
      })
      // The server says no more before it has been heard, and is left when the reader leaves.
      yield* Effect.gen(function*() {
        const text = yield* Stream.mkString(Stream.take(OpenRouter.streamText(S.request), 1))
        assert.strictEqual(text, "Once")
        yield* Deferred.await(closed)
      }).pipe(Effect.timeout("8 seconds"), Effect.provide(inflating["/node"]({ apiUrl: url })))
    }).pipe(Effect.scoped))

  it.live("#23 that is large is read under back-pressure, as a stream and in one piece", () =>
    Effect.gen(function*() {
      const story = "x".repeat(3_000_000)
      const { url } = yield* answering((socket, request) => {
        const isStream = request.includes("\"stream\":true")
        socket.write(head({
          "content-type": isStream ? "text/event-stream" : "application/json",
          "content-encoding": "gzip"
        }))
        const pieces = Array.from({ length: 300 }, () => S.delta("x".repeat(10_000))).join("")
        const output = [{ type: "message", role: "assistant", content: [{ type: "output_text", text: story }] }]
        socket.end(Zlib.gzipSync(isStream ? S.created + pieces + S.completed(story) : ok({ output }).body))
      })
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* ask()).text, story)
        const text = yield* Stream.mkString(Stream.tap(OpenRouter.streamText(S.request), () => Effect.yieldNow))
        assert.strictEqual(text, story)
      }).pipe(Effect.provide(inflating["/node"]({ apiUrl: url })))
    }).pipe(Effect.scoped))

  it.live("#23 that is broken or has an unknown coding is final", () =>
    Effect.gen(function*() {
      let coding = "gzip"
      const { sent, url } = yield* answering((socket) =>
        socket.end(head({ "content-type": "application/json", "content-encoding": coding }) + "this is no gzip")
      )
      for (coding of ["gzip", "br", "zstd", "lzma", "gzip, gzip, gzip, gzip, gzip"]) {
        const error = yield* ask().pipe(eager, Effect.flip, Effect.provide(inflating["/node"]({ apiUrl: url })))
        assert.strictEqual(error._tag, "MalformedResponse", coding)
      }
      assert.lengthOf(sent, 5)
    }).pipe(Effect.scoped))

  it.live("#23 that has no body is read as such", () =>
    Effect.gen(function*() {
      const { url } = yield* answering((socket) =>
        socket.end(head({ "content-encoding": "gzip", "content-length": "0" }, 503))
      )
      const error = yield* ask().pipe(once, Effect.flip, Effect.provide(inflating["/node"]({ apiUrl: url })))
      assert.strictEqual(error._tag, "ProviderOverloaded")
    }).pipe(Effect.scoped))

  it.live("#23 breaks with its connection, and keeps what had arrived", () =>
    Effect.gen(function*() {
      const { url } = yield* answering((socket) => {
        const bytes = Zlib.gzipSync(S.created + S.delta("Once"), { finishFlush: Zlib.constants.Z_SYNC_FLUSH })
        socket.write(head({
          "content-type": "text/event-stream",
          "content-encoding": "gzip",
          "content-length": "100000"
        }))
        socket.end(bytes)
      })
      const error = yield* streamed().pipe(once, Effect.flip, Effect.provide(inflating["/node"]({ apiUrl: url })))
      assert.deepInclude(error, { _tag: "ConnectionFailed", phase: "receiving", partialText: "Once" })
    }).pipe(Effect.scoped))

  it.live("#23 leaves alone what a caller says about it", () =>
    Effect.gen(function*() {
      const { sent, url } = yield* answering((socket) => socket.end(head({}) + ok().body))
      yield* ask().pipe(
        OpenRouter.withHeaders({ "Accept-Encoding": "identity" }),
        Effect.provide(inflating["/node"]({ apiUrl: url }))
      )
      assert.match(sent[0] ?? "", /accept-encoding: identity\r\n/i)
    }).pipe(Effect.scoped))
})

describe("the emulator over a port", () => {
  const cases = (["fetch", "dispatch"] as const).flatMap((way) =>
    ["gzip", "deflate", "br"].map((coding) => [way, coding] as const)
  )

  it.live.each(cases)("#23 compresses what it sends: %s, %s", ([way, coding]) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* OpenRouter.respond(S.request)).text, S.text)
      assert.strictEqual(textOf(yield* streamed()), S.text)
      yield* S.isClosed
    }).pipe(
      Effect.provide(
        S.reached(way, { rules: [{ reply: Reply.text(S.text, { headers: { "Content-Encoding": coding } }) }] })
      )
    ))
})

const mega = 1_000_000

/** So many bytes of white space before the end of a JSON text. */
const padded = (bytes: number) => `{${" ".repeat(bytes)}}`

describe("an answer beyond the limit", () => {
  const limit = 2 * mega

  const bombs = Object.entries(inflating).flatMap(([over, client]) =>
    (["gzip", "br", "zstd"] as const).flatMap((coding) =>
      [200, 500].map((status) => [over, coding, status, client] as const)
    )
  )

  it.live.each(bombs)(
    "#26 is not inflated to its end: %s, %s, status %i",
    ([, coding, status, client]) =>
      Effect.gen(function*() {
        const bomb = codings[coding]?.(padded(50 * mega)) ?? Buffer.alloc(0)
        const { sent, url } = yield* answering((socket) => {
          socket.write(head({
            "content-type": "application/json",
            "content-encoding": coding,
            "content-length": String(bomb.length)
          }, status))
          socket.end(bomb)
        })
        const ledger = yield* CostLedger.make()
        const error = yield* ledger.run(eager(ask())).pipe(
          Effect.flip,
          Effect.provide(client({ apiUrl: url, maxAnswerBytes: limit }))
        )
        assert.deepInclude(error, { _tag: "MalformedResponse", reason: "tooLarge", isRetryable: false, attempts: 1 })
        assert.include(error.message, `larger than ${limit} bytes`)
        assert.deepInclude(yield* ledger.report, { calls: 1, unknown: 1 })
        assert.lengthOf(sent, 1)
      }).pipe(Effect.scoped)
  )

  const shapes: Readonly<Record<string, readonly [type: string, body: string, status?: number]>> = {
    "an event": ["text/event-stream", S.created + S.delta("x".repeat(3 * mega)) + S.completed("x")],
    "an event of many lines": ["text/event-stream", S.created + `data: ${"x".repeat(900)}\n`.repeat(4000)],
    "a stream without end of line": ["text/event-stream", S.created + "x".repeat(3 * mega)],
    "a comment without end": ["text/event-stream", `${S.created}:${"x".repeat(3 * mega)}`],
    "an answer instead of a stream": ["application/json", padded(3 * mega)],
    "an answer under the name of a stream": ["text/event-stream", padded(3 * mega)],
    "a page": ["text/html", `<html>${"x".repeat(3 * mega)}`],
    "white space": ["application/json", " ".repeat(3 * mega)],
    "an error": ["application/json", padded(3 * mega), 503]
  }

  const cases = ways.flatMap(([over, client]) =>
    Object.entries(shapes).flatMap(([shape, [type, body, status]]) =>
      // Undici's stock client neither asks for compression nor undoes it.
      (over === "stock undici" ? [false] : [false, true]).map((isCompressed) =>
        [shape, over, isCompressed, type, body, status ?? 200, client] as const
      )
    )
  )

  it.live.each(cases)(
    "#26 is MalformedResponse, tooLarge: %s over %s, compressed: %s",
    ([, , isCompressed, type, body, status, client]) =>
      Effect.gen(function*() {
        const { sent, url } = yield* answering((socket) => {
          socket.write(head({ "content-type": type, ...(isCompressed ? { "content-encoding": "gzip" } : {}) }, status))
          socket.end(isCompressed ? Zlib.gzipSync(body, { level: 1 }) : body)
        })
        const ledger = yield* CostLedger.make()
        const error = yield* ledger.run(eager(streamed())).pipe(
          Effect.flip,
          Effect.provide(client({ apiUrl: url, maxAnswerBytes: limit }))
        )
        assert.deepInclude(error, { _tag: "MalformedResponse", reason: "tooLarge", isRetryable: false })
        assert.deepInclude(yield* ledger.report, { calls: 1, unknown: 1 })
        assert.lengthOf(sent, 1)
      }).pipe(Effect.scoped)
  )

  it.live("#26 is one also where the chunks are larger than the limit", () =>
    Effect.gen(function*() {
      const chunk = new TextEncoder().encode(S.created + S.delta("x".repeat(3 * mega)))
      const transport: Transport.Transport["Service"] = {
        ...Transport.make(() => Effect.succeed(Transport.answer({ body: Stream.make(chunk) }))),
        maxEventBytes: limit
      }
      const error = yield* streamed().pipe(
        once,
        Effect.flip,
        Effect.provide(Layer.provide(OpenRouter.layerTransport, Layer.succeed(Transport.Transport, transport)))
      )
      assert.deepInclude(error, { _tag: "MalformedResponse", reason: "tooLarge" })
    }))

  it.live.each(["fetch", "dispatch"] as const)(
    "#26 an event of 70 MB is too large by default: %s",
    (way) =>
      Effect.gen(function*() {
        const error = yield* streamed("emulator/stream-huge-70").pipe(eager, Effect.flip)
        assert.deepInclude(error, { _tag: "MalformedResponse", reason: "tooLarge", attempts: 1 })
        yield* S.isClosed
      }).pipe(Effect.provide(S.reached(way))),
    30_000
  )

  it.effect.each([0, -1, Number.NaN])("#26 a limit of %d is none", (maxAnswerBytes) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ask())
      assert.deepInclude(error, { _tag: "InvalidRequest", field: "maxAnswerBytes" })
    }).pipe(Effect.provide(inflating.fetch({ apiUrl: "http://127.0.0.1:9", maxAnswerBytes }))))

  it.live("#26 a stream of small events has no limit in bytes, but in what they say", () =>
    Effect.gen(function*() {
      const count = 40_000
      const { url } = yield* answering((socket) =>
        socket.end(
          head({ "content-type": "text/event-stream" }) + S.created + S.delta("four").repeat(count) + S.completed("x")
        )
      )
      for (const client of Object.values(inflating)) {
        const text = yield* Stream.mkString(OpenRouter.streamText(S.request)).pipe(
          Effect.provide(client({ apiUrl: url, maxAnswerBytes: 4 * count + 1000 }))
        )
        assert.lengthOf(text, 4 * count)
      }
    }).pipe(Effect.scoped))
})

describe("a stream under another name", () => {
  const types = ["text/plain", "text/plain; charset=utf-8", "application/octet-stream", "application/json", "text/html"]

  const cases = S.ways.flatMap((way) => types.map((type) => [way, type] as const))

  it.live.each(cases)("#21 is a stream: %s, %s", ([way, type]) =>
    Effect.gen(function*() {
      const outcome = yield* streamed()
      assert.strictEqual(textOf(outcome), S.text)
      assert.strictEqual(Usd.toText(outcome.cost ?? Usd.zero) === "0", false)
    }).pipe(
      Effect.provide(S.reached(way, {
        stream: { keepAlive: { before: 2 }, retry: 10 },
        rules: [{ reply: Reply.text(S.text, { headers: { "content-type": type } }) }]
      }))
    ))

  it.live.each(Object.entries(inflating))("#21 is read as it arrives: %s", ([, client]) =>
    Effect.gen(function*() {
      const { url } = yield* answering((socket) => {
        // Not even the name of the first field has to come in one piece.
        const body = S.created + S.delta("Once")
        socket.write(`${head({ "content-type": "text/plain" })}\n${body.slice(0, 2)}`)
        socket.write(body.slice(2))
      })
      const text = yield* OpenRouter.streamText(S.request).pipe(
        Stream.take(1),
        Stream.mkString,
        Effect.timeout("8 seconds"),
        Effect.provide(client({ apiUrl: url }))
      )
      assert.strictEqual(text, "Once")
    }).pipe(Effect.scoped))

  it.live.each(S.ways)("#21 what is neither stream nor JSON is MalformedResponse: %s", (way) =>
    Effect.gen(function*() {
      for (const type of ["text/plain", "text/html", "text/event-stream"]) {
        const error = yield* streamed(`odd/${type}`).pipe(once, Effect.flip)
        assert.strictEqual(error._tag === "MalformedResponse" && error.reason === undefined, true)
      }
    }).pipe(Effect.provide(S.reached(way, {
      rules: [{ reply: ({ model }) => Reply.raw("<html>Sorry</html>", { contentType: model.slice(4), stream: {} }) }]
    }))))
})

describe("what comes with the end of a stream", () => {
  const bodies: Readonly<Record<string, readonly [body: string, tag: string]>> = {
    "events behind the last one": [
      S.created + S.delta("Once") + S.completed("Once") + S.delta(" more") + S.completed("Else"),
      "Once"
    ],
    "events behind [DONE]": [S.created + S.delta("Once") + S.completed("Once") + S.done + S.completed("Else"), "Once"],
    "[DONE] without an end": [S.created + S.delta("Once") + S.done + S.completed("Else"), "StreamInterrupted"],
    "[DONE] alone": [S.done, "StreamInterrupted"],
    "comments behind the end": [`${events}: bye\n\n: bye\n\n`, "Once"],
    "junk behind the end": [`${events}data: {"type":\n\n<html>`, "Once"],
    "JSON": [ok().body, "Hi"],
    "JSON behind white space": [`${" ".repeat(100)}\n${ok().body}`, "Hi"],
    "a JSON error": ["{\"error\":{\"code\":402,\"message\":\"pay\"}}", "PaymentRequired"],
    "JSON that is cut": [ok().body.slice(0, 100), "MalformedResponse"]
  }

  const cases = S.ways.flatMap((way) =>
    Object.entries(bodies).map(([name, [body, end]]) => [name, way, body, end] as const)
  )

  it.live.each(cases)("#24 %s, %s", ([, way, body, end]) =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const result = yield* OpenRouter.streamOutcome(
        S.request,
        (event) => Effect.sync(() => void seen.push(event.type))
      ).pipe(
        once,
        Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: textOf })
      )
      assert.strictEqual(result, end)
      assert.isAtMost(seen.filter((type) => type === "response.completed").length, 1)
      assert.isAtMost(seen.filter((type) => type === "response.output_text.delta").length, 1)
      yield* S.isClosed
    }).pipe(
      Effect.provide(S.reached(way, {
        rules: [{ reply: Reply.raw(body, { contentType: "text/event-stream", stream: { chunkBytes: 50 } }) }]
      }))
    ))
})
