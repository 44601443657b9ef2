/**
 * The emulator in a process of its own: `node server.ts OPTIONS`, with the options as JSON. It tells its parent the port,
 * and its books whenever it is sent anything; it ends with its parent.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpClientRequest, HttpServer } from "effect/http"
import { createServer } from "node:http"
import { booksOf } from "./virtual.ts"

const tell = (message: object) => Effect.sync(() => process.send?.(message))

/** A server that has just started answers its first hundreds of requests slowly, which no real one does. */
const warmUp = Effect.flatMap(Emulator.make(), ({ client }) =>
  Effect.repeat(
    client.execute(
      HttpClientRequest.post("http://warm.up/api/v1/responses").pipe(
        HttpClientRequest.bearerToken("herd"),
        HttpClientRequest.bodyJsonUnsafe({ model: "vendor/large", input: "Hello" })
      )
    ),
    { times: 300 }
  ))

const main = Effect.gen(function*() {
  yield* warmUp
  const emulator = yield* Emulator.Emulator
  const { address } = yield* HttpServer.HttpServer
  process.on("message", () => Effect.runFork(Effect.flatMap(booksOf(emulator), tell)))
  process.on("disconnect", () => process.exit(0))
  yield* tell({ port: "port" in address ? address.port : 0 })
  return yield* Effect.never
})

await main.pipe(
  Effect.provide(
    Emulator.layerServer(JSON.parse(process.argv[2] ?? "{}")).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    )
  ),
  Effect.runPromise
)
