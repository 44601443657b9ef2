/** A program on a runtime without `node:sqlite`, undici and, if that is wanted, a name: says how the layers of `/node` die there. */
import { ConfigProvider, Effect, Exit, Layer } from "effect"
import { registerHooks } from "node:module"

const missing = new Map([
  ["node:sqlite", "No such built-in module: node:sqlite"],
  ["@effect/platform-node/Undici", "Cannot read properties of undefined (reading 'bind')"]
])

registerHooks({
  resolve: (specifier, context, next) => {
    const problem = missing.get(specifier)
    if (problem !== undefined) throw new Error(problem)
    return next(specifier, context)
  }
})

if (process.argv[2] === "nameless") Reflect.deleteProperty(globalThis, "navigator")

const { DispatchHttpClient, OpenRouterNode, Sqlite } = await import("effect-openrouter/node")

const config = ConfigProvider.layer(ConfigProvider.fromUnknown({ OPENROUTER_API_KEY: "any" }))

/** The words with which a layer dies when it is built. */
const words = <A, E>(layer: Layer.Layer<A, E>) =>
  Effect.map(
    Effect.exit(Effect.scoped(Layer.build(layer))),
    (exit) => Exit.isFailure(exit) && Exit.hasDies(exit) ? String(exit.cause) : "it does not die"
  )

const said = Effect.all({
  client: words(DispatchHttpClient.layer),
  configured: words(OpenRouterNode.layerUndici.pipe(Layer.provide(config))),
  sqlite: words(Sqlite.layer({ filename: ":memory:" }))
})

process.stdout.write(JSON.stringify(await Effect.runPromise(said)))
