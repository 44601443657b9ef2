import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Layer } from "effect"
import { DispatchHttpClient, OpenRouterNode, Sqlite } from "effect-openrouter/node"
import { vi } from "vitest"

// What an older Node says of both.
vi.mock("node:sqlite", () => {
  throw new Error("No such built-in module: node:sqlite")
})
vi.mock("@effect/platform-node/Undici", () => {
  throw new TypeError("Cannot read properties of undefined (reading 'bind')")
})

/** The words with which a layer dies when it is built. */
const dies = <A, E>(layer: Layer.Layer<A, E>) =>
  Layer.build(layer).pipe(
    Effect.scoped,
    Effect.exit,
    Effect.map((exit) => {
      assert.isTrue(Exit.hasDies(exit))
      return Exit.isFailure(exit) ? String(exit.cause) : ""
    })
  )

const config = ConfigProvider.layer(ConfigProvider.fromUnknown({ OPENROUTER_API_KEY: "any" }))

describe("a runtime that lacks what it takes", () => {
  it.effect("is told by the layers over undici when they are built, and what to take", () =>
    Effect.gen(function*() {
      const configured = OpenRouterNode.layerUndici.pipe(Layer.provide(config))
      for (const words of [yield* dies(DispatchHttpClient.layer), yield* dies(configured)]) {
        assert.include(words, `cannot be used on this runtime (${navigator.userAgent}): undici cannot be loaded`)
        assert.include(words, "It needs undici on Node 22.19 or newer; OpenRouter.layerFetch works on any runtime")
      }
    }))

  it.effect("is told by Sqlite.layer as well", () =>
    Effect.gen(function*() {
      const words = yield* dies(Sqlite.layer({ filename: ":memory:" }))
      assert.include(
        words,
        `Sqlite of effect-openrouter/node cannot be used on this runtime (${navigator.userAgent})`
      )
      assert.include(words, "It needs Node 22.19 or newer, Bun or Deno")
    }))

  it.effect("is told where the runtime has no name, too", () =>
    Effect.gen(function*() {
      vi.stubGlobal("navigator", undefined)
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllGlobals()))
      assert.include(
        yield* dies(DispatchHttpClient.layer),
        "this runtime (it tells no name, as Node before 21): undici"
      )
    }))
})
