import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CostLedger, OpenRouter, Transport } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { FetchHttpClient } from "effect/http"
import { gzipSync } from "node:zlib"
import { apiKey, ask, once, tcpServer } from "./support.ts"

const limit = 2000

/** A JSON answer of about so many bytes. */
const body = (bytes: number) =>
  JSON.stringify({
    status: "completed",
    output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "ö".repeat(bytes / 2) }] }],
    usage: { cost: 0.25 }
  })

const chunked = (body: Buffer) => {
  const chunks: Array<Buffer> = []
  for (let at = 0; at < body.length; at += 333) {
    const chunk = body.subarray(at, at + 333)
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"))
  }
  return Buffer.concat([...chunks, Buffer.from("0\r\n\r\n")])
}

const head = (headers: string) =>
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n${headers}\r\n`)

const framings = {
  "content-length": (bytes: number) => {
    const whole = Buffer.from(body(bytes))
    return Buffer.concat([head(`content-length: ${whole.length}\r\n`), whole])
  },
  chunks: (bytes: number) => Buffer.concat([head("transfer-encoding: chunked\r\n"), chunked(Buffer.from(body(bytes)))]),
  gzip: (bytes: number) => {
    const whole = gzipSync(body(bytes))
    return Buffer.concat([head(`content-encoding: gzip\r\ncontent-length: ${whole.length}\r\n`), whole])
  }
}

const clients = {
  fetch: (apiUrl: string) =>
    OpenRouter.layerTransport.pipe(Layer.provide(Transport.layerFetch({ apiKey, apiUrl, maxAnswerBytes: limit }))),
  "stock fetch": (apiUrl: string) =>
    OpenRouter.layer({ apiKey, apiUrl, maxAnswerBytes: limit }).pipe(Layer.provide(FetchHttpClient.layer)),
  "stock undici": (apiUrl: string) =>
    OpenRouter.layer({ apiKey, apiUrl, maxAnswerBytes: limit }).pipe(Layer.provide(NodeHttpClient.layerUndici)),
  dispatch: (apiUrl: string) =>
    OpenRouter.layer({ apiKey, apiUrl, maxAnswerBytes: limit }).pipe(Layer.provide(DispatchHttpClient.layer))
}

const cases = Object.entries(clients).flatMap(([over, client]) =>
  Object.entries(framings).flatMap(([framing, make]) =>
    // Undici hands compressed bodies over as they are, and is not asked to accept any.
    framing === "gzip" && !over.includes("fetch") ? [] : [[over, framing, client, make] as const]
  )
)

describe("an answer in one piece", () => {
  it.live.each(cases)(
    "over %s, by %s, may have as many bytes as it may have",
    ([, , client, make]) =>
      Effect.gen(function*() {
        let bytes = 1000
        let requests = 0
        const { url } = yield* tcpServer((socket) => {
          socket.on("error", () => {})
          socket.on("data", () => {
            requests++
            socket.end(make(bytes))
          })
        })
        yield* Effect.gen(function*() {
          const answer = yield* ask()
          assert.strictEqual(answer.text, "ö".repeat(500))
          bytes = 1_000_000
          const ledger = yield* CostLedger.make()
          const error = yield* Effect.flip(ledger.run(ask()))
          assert.deepInclude(error, { _tag: "MalformedResponse", reason: "tooLarge", isRetryable: false, attempts: 1 })
          assert.include(error.message, `larger than ${limit} bytes`)
          assert.deepInclude(yield* ledger.report, { calls: 1, unknown: 1 })
        }).pipe(Effect.provide(Layer.merge(client(url), once)))
        assert.strictEqual(requests, 2)
      }).pipe(Effect.scoped)
  )
})
