/**
 * An emulator in a process of its own. It says when it has accepted a batch, and answers a while later; sent a message, it tells
 * its books.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { createServer, type IncomingMessage, request as ask, type ServerResponse } from "node:http"
import { type Books, heldBack } from "./api.ts"

let accepted = 0

/** Hands a request to the emulator, and its answer back. */
const forwardTo = (port: number) => (incoming: IncomingMessage, response: ServerResponse) => {
  const isBatch = incoming.method === "POST" && (incoming.url ?? "").endsWith("/batches")
  const { headers, method, url } = incoming
  const upstream = ask({ host: "127.0.0.1", port, path: url, method, headers }, (answer) => {
    const isAccepted = isBatch && (answer.statusCode ?? 500) < 300
    if (isAccepted) process.send?.({ accepted: ++accepted })
    setTimeout(() => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    }, isAccepted ? heldBack : 0)
  })
  // Whoever asked was killed.
  response.on("error", () => {})
  upstream.on("error", () => response.destroy())
  incoming.pipe(upstream)
}

// Nobody is left to stop it.
process.on("disconnect", () => process.exit())

const main = Effect.gen(function*() {
  const { address } = yield* HttpServer.HttpServer
  const { ledger } = yield* Emulator.Emulator
  process.on("message", () => {
    const books: typeof Books.Type = { accepted, paid: Effect.runSync(ledger).calls }
    process.send?.(books)
  })
  const front = createServer(forwardTo("port" in address ? address.port : 0)).listen(0, "127.0.0.1", () => {
    const place = front.address()
    process.send?.(typeof place === "object" && place !== null ? place.port : 0)
  })
  return yield* Effect.never
})

main.pipe(
  Effect.provide(
    Emulator.layerServer({ batchTime: "150 millis" }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    )
  ),
  Effect.runFork
)
