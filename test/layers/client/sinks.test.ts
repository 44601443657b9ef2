import { NodeFileSystem, NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Metric, Redacted } from "effect"
import {
  Conversations,
  CostLedger,
  Journal,
  OpenRouter,
  ResponseCache,
  RetryPolicy,
  Transport
} from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Cassette } from "effect-openrouter/testing"
import { FetchHttpClient } from "effect/http"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { inspect } from "node:util"
import { failure, json, model, ok, once, scripted, ungated } from "./support.ts"
import type { Reply } from "./support.ts"

const secret = "sk-or-v1-5ec7e75ec7e75ec7e75ec7e7"

const said = `you sent Authorization: Bearer ${secret}`

const options: OpenRouter.Options = { apiKey: Redacted.make(secret) }

/** Servers that repeat the key in what they refuse. */
const replies: ReadonlyArray<Reply | "disconnect"> = [
  ok(),
  failure(400, { message: said, code: secret }),
  failure(403, { metadata: { patterns: [secret], reasons: [secret] } }),
  json({ error: { code: 400, message: said } }),
  ok({ status: "failed", output: [], error: { code: "moon", message: said } }),
  { status: 400, body: said, headers: { "x-generation-id": secret, "x-echo": secret } },
  ok()
]

const calls = Effect.forEach(
  replies,
  (_, n) => Effect.exit(OpenRouter.respond({ model, input: `question ${n}` })),
  { discard: true }
).pipe(RetryPolicy.with(RetryPolicy.none))

const absent = (text: string, where: string) =>
  assert.isFalse(
    text.includes(secret),
    `the key is in ${where}: ${text.slice(Math.max(0, text.indexOf(secret) - 300), text.indexOf(secret))}`
  )

/** All files below a fresh folder, after something was done with a path in it. */
const filesOf = <A, E, R>(use: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    yield* use(`${folder}/file`)
    const names = yield* fs.readDirectory(folder, { recursive: true })
    const texts = yield* Effect.forEach(names, (name) => fs.readFileString(`${folder}/${name}`))
    assert.isAbove(texts.join("").length, 100)
    return texts.join("\n")
  }).pipe(Effect.scoped)

describe("no file, store or metric has the key", () => {
  it.effect("not a journal", () =>
    Effect.gen(function*() {
      const text = yield* filesOf((path) =>
        Effect.provide(Journal.resumable(calls, "run"), Journal.layerFile(path), { local: true })
      )
      assert.include(text, "you sent")
      absent(text, "the journal")
    }).pipe(Effect.provide([ungated(scripted(replies, options)), NodeFileSystem.layer])))

  it.effect("not a store of conversations", () =>
    Effect.gen(function*() {
      const text = yield* filesOf((path) =>
        Effect.forEach(
          replies,
          (_, n) => Effect.exit(Conversations.respond("talk", { model, input: `question ${n}` })),
          {
            discard: true
          }
        ).pipe(
          RetryPolicy.with(RetryPolicy.none),
          Effect.provide(Conversations.layerFile(path), { local: true })
        )
      )
      absent(text, "the conversations")
    }).pipe(Effect.provide([ungated(scripted(replies, options)), NodeFileSystem.layer])))

  it.effect("not a cassette", () =>
    Effect.gen(function*() {
      const http = (request: IncomingMessage, response: ServerResponse) => {
        request.resume()
        response.writeHead(400, { "content-type": "application/json", "x-echo": request.headers.authorization })
        response.end(JSON.stringify({ error: { code: 400, message: `you sent ${request.headers.authorization}` } }))
      }
      const port = yield* serving(http)
      const text = yield* filesOf((path) =>
        calls.pipe(Effect.provide(
          ungated(OpenRouter.layerTransport).pipe(
            Layer.provide(Cassette.layer(path, "record")),
            Layer.provide(Transport.layerFetch({ ...options, apiUrl: `http://127.0.0.1:${port}/api/v1` }))
          ),
          { local: true }
        ))
      )
      assert.include(text, "you sent")
      absent(text, "the cassette")
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)))

  it.effect("not a cache in memory, a ledger or a metric", () =>
    Effect.gen(function*() {
      const [, spent] = yield* CostLedger.measured(calls)
      absent(inspect(spent, { depth: null, showHidden: true }), "the ledger")
      absent(inspect(yield* Metric.snapshot, { depth: null }), "the metrics")
      const context = yield* Effect.context<OpenRouter.OpenRouter>()
      absent(inspect(context, { depth: null, showHidden: true }), "the client with a cache")
    }).pipe(Effect.provide(ResponseCache.layer().pipe(Layer.provide(ungated(scripted(replies, options)))))))
})

/** A server on a port of its own, for as long as the scope is open. */
const serving = (listener: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(listener).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  ).pipe(Effect.map((server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }))

const ways = {
  fetch: (apiUrl: string) =>
    OpenRouter.layerTransport.pipe(Layer.provide(Transport.layerFetch({ ...options, apiUrl }))),
  "stock fetch": (apiUrl: string) =>
    OpenRouter.layer({ ...options, apiUrl }).pipe(Layer.provide(FetchHttpClient.layer)),
  "stock undici": (apiUrl: string) =>
    OpenRouter.layer({ ...options, apiUrl }).pipe(Layer.provide(NodeHttpClient.layerUndici)),
  dispatch: (apiUrl: string) => OpenRouter.layer({ ...options, apiUrl }).pipe(Layer.provide(DispatchHttpClient.layer))
}

describe("a redirect to another host", () => {
  it.live.each(
    Object.entries(ways).flatMap(([over, client]) => [301, 302, 303, 307, 308].map((s) => [over, s, client] as const))
  )(
    "does not carry the key there: %s, %s",
    ([, status, client]) =>
      Effect.gen(function*() {
        const received: Array<string> = []
        // Another port is another origin.
        const other = yield* serving((request, response) => {
          received.push(JSON.stringify(request.rawHeaders))
          request.resume()
          response.end("{}")
        })
        const port = yield* serving((request, response) => {
          request.resume()
          response.writeHead(status, { location: `http://127.0.0.1:${other}/api/v1/responses` }).end()
        })
        const error = yield* OpenRouter.respond({ model, input: "Hello" }).pipe(
          Effect.flip,
          Effect.provide(Layer.merge(ungated(client(`http://127.0.0.1:${port}/api/v1`)), once))
        )
        assert.isString(error._tag)
        absent(received.join("\n"), "a request to another host")
      }).pipe(Effect.scoped)
  )
})
