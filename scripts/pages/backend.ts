/** The backend of the examples on a port of its own, with the emulator behind it in this process. */
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import { Assistant, type Options } from "../../examples/backend/Assistant.ts"
import * as Emulated from "../../examples/backend/Emulated.ts"
import * as Server from "../../examples/backend/Server.ts"

/** A running backend, and OpenRouter as it is for it. */
export interface Backend {
  readonly url: string
  readonly emulator: Emulator.Emulator["Service"]
}

/** Starts one that ends with the scope. */
export const make = Effect.fnUntraced(function*(options?: Partial<Options>) {
  const context = yield* Layer.build(
    Server.layer.pipe(
      Layer.provide(Assistant.layer({ model: "openai/gpt-5-mini", perUser: "0.02", together: "1", ...options })),
      Layer.provideMerge(Emulated.layer),
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    )
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  if (address._tag !== "InetAddressV4") return yield* Effect.die("it listens at an address of IPv4")
  const backend: Backend = {
    url: `http://127.0.0.1:${address.port}`,
    emulator: Context.get(context, Emulator.Emulator)
  }
  return backend
})
