/** The emulator on a port of its own in this process, and a second port that tells what it sees of its callers. */
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { once } from "node:events"
import { createServer, type RequestListener, type Server } from "node:http"
import * as Debian from "../debian.ts"
import type { Places } from "./programs/program.ts"

const { Reply } = Emulator

/** Half a minute of it. */
const endless = Reply.text("And so they walked on. ".repeat(100), { stream: { eventDelay: "50 millis" } })

const rules: ReadonlyArray<Emulator.Rule> = [
  { when: { model: "town/endless" }, reply: endless },
  { when: { textIncludes: "endless" }, reply: endless },
  { when: { model: "town/split" }, reply: ({ text }) => Reply.text(text, { stream: { chunkBytes: 7 } }) },
  {
    when: { model: "town/breaks" },
    // A runtime may throw away what it has not passed on when the connection breaks, so it gets the time to.
    reply: ({ text }) =>
      Reply.text(text, { stream: { eventDelay: "20 millis", ending: { _tag: "Reset", after: { deltas: 3 } } } })
  }
]

/** What is a secret to the page, and what the emulator takes as a key beside it. */
export const key = "sk-or-v1-of-the-town"
const pageKey = "sk-or-v1-of-no-worth"

const addressOf = (server: Server): string => {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
}

/** A server on a port that is free, which ends with the scope and closes what is open. */
export const serve = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer(listener).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ).pipe(Effect.map(addressOf))

/** Starts one that ends with the scope. */
export const make = Effect.gen(function*() {
  let abandoned = 0
  const server = createServer()
  server.on("request", (request, response) => {
    response.on("close", () => {
      if (!response.writableFinished && request.socket.destroyed) abandoned++
    })
  })
  const context = yield* Layer.build(
    Emulator.layerServer({ rules, keys: [key, pageKey] }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
    )
  ).pipe(Effect.orDie)
  const { openRequests } = Context.get(context, Emulator.Emulator)
  const watchUrl = yield* serve((_, response) => {
    const seen = JSON.stringify({ open: Effect.runSync(openRequests), abandoned })
    response.writeHead(200, { "access-control-allow-origin": "*", "content-type": "application/json" }).end(seen)
  })
  const places: Places = {
    apiUrl: `${addressOf(server)}/api/v1`,
    apiKey: pageKey,
    closedUrl: `http://127.0.0.1:${yield* Debian.freePort}/api/v1`,
    watchUrl,
    isProxied: false
  }
  return places
})
