/** Preloaded with `node --import`: lets `effect-openrouter` mean the sources, so that examples run without a build. */
import { registerHooks } from "node:module"

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const match = /^effect-openrouter(?:\/(.+))?$/.exec(specifier)
    return match
      ? { url: new URL(`../src/${match[1] ?? "index"}.ts`, import.meta.url).href, shortCircuit: true }
      : nextResolve(specifier, context)
  }
})
