/**
 * The part of the packed package that needs `@effect/platform-node`, against the emulator on a real port.
 *
 * `scripts/check-package.ts` compiles and runs this file in a project that has it installed.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Layer } from "effect"
import { OpenRouter } from "effect-openrouter"
import { OpenRouterNode } from "effect-openrouter/node"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import assert from "node:assert"
import { createServer } from "node:http"

const server = Emulator.layerServer().pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
)

const program = Effect.gen(function*() {
  const { address } = yield* HttpServer.HttpServer
  assert.ok(address._tag === "InetAddressV4")
  const config = ConfigProvider.layer(ConfigProvider.fromUnknown({
    OPENROUTER_API_KEY: "sk-or-v1-any",
    OPENROUTER_API_URL: `http://127.0.0.1:${address.port}/api/v1`
  }))
  const { attempts, text } = yield* OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(
    Effect.provide(OpenRouterNode.layerUndici.pipe(Layer.provide(config)))
  )
  assert.ok(text.length > 0)
  yield* Console.log(`answered over undici at attempt ${attempts}`)
})

await program.pipe(Effect.provide(server), Effect.runPromise)
