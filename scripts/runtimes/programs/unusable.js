/**
 * Builds what `effect-openrouter/node` has, where it cannot be used, and prints as JSON with which words each layer dies.
 *
 * Plain JavaScript, because it is for versions of Node that do not know types.
 */
import { ConfigProvider, Effect, Exit, Layer } from "effect"
import { DispatchHttpClient, OpenRouterNode, Sqlite } from "effect-openrouter/node"

const config = ConfigProvider.layer(ConfigProvider.fromUnknown({ OPENROUTER_API_KEY: "any" }))

const layers = {
  "OpenRouterNode.layerUndici": OpenRouterNode.layerUndici.pipe(Layer.provide(config)),
  "DispatchHttpClient.layer": DispatchHttpClient.layer,
  "Sqlite.layer": Sqlite.layer({ filename: ":memory:" })
}

const words = {}
for (const [name, layer] of Object.entries(layers)) {
  const exit = await Effect.runPromiseExit(Effect.scoped(Layer.build(layer)))
  words[name] = Exit.isFailure(exit) ? String(exit.cause) : "built"
}
console.log(JSON.stringify(words))
