import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Deadlines, OpenRouter, Transport } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import type { Socket } from "node:net"
import { apiKey, ask, once, tcpServer, ungated } from "./support.ts"

const mega = 1_000_000

const ways = {
  fetch: (apiUrl: string) => OpenRouter.layerTransport.pipe(Layer.provide(Transport.layerFetch({ apiKey, apiUrl }))),
  dispatch: (apiUrl: string) => OpenRouter.layer({ apiKey, apiUrl }).pipe(Layer.provide(DispatchHttpClient.layer))
}

/** Writes so many bytes of a text that does not end, as fast as they are read. */
const pour = (socket: Socket, bytes: number) => {
  const piece = Buffer.alloc(mega, "x")
  let written = 0
  const more = () => {
    while (written < bytes && !socket.destroyed) {
      written += piece.length
      if (!socket.write(piece)) {
        socket.once("drain", more)
        return
      }
    }
  }
  more()
}

describe("an answer of 200 MB", () => {
  it.live.each(Object.entries(ways))(
    "is refused by default, and is not read to its end: %s",
    ([, client]) =>
      Effect.gen(function*() {
        let socket: Socket | undefined
        const { url } = yield* tcpServer((opened) => {
          opened.on("error", () => {})
          opened.once("data", () => {
            socket = opened
            opened.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{\"id\":\"")
            pour(opened, 200 * mega)
          })
        })
        const error = yield* ask().pipe(Effect.flip, Effect.provide(Layer.merge(ungated(client(url)), once)))
        assert.deepInclude(error, { _tag: "MalformedResponse", reason: "tooLarge", attempts: 1 })
        // The default limit is 128 MiB; what is under way in buffers comes on top.
        assert.isBelow(socket?.bytesWritten ?? Infinity, 160 * mega)
      }).pipe(Effect.scoped),
    30_000
  )
})

describe("an answer that comes byte by byte", () => {
  it.live.each(Object.entries(ways))("meets the deadline of the response: %s", ([, client]) =>
    Effect.gen(function*() {
      const { url } = yield* tcpServer((socket) => {
        socket.on("error", () => {})
        socket.once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{")
          const timer = setInterval(() => socket.write(" "), 20)
          socket.once("close", () => clearInterval(timer))
        })
      })
      const error = yield* ask().pipe(
        Deadlines.with({ response: "300 millis" }),
        Effect.flip,
        Effect.provide(Layer.merge(ungated(client(url)), once))
      )
      assert.deepInclude(error, { _tag: "TimedOut", phase: "response" })
    }).pipe(Effect.scoped))
})
