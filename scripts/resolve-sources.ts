/** Preloaded with `node --import`: lets `effect-openrouter` mean the sources, so that examples run without a build. */
import { readFileSync } from "node:fs"
import { registerHooks } from "node:module"

const manifest: { readonly name: string; readonly exports: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8")
)

const sources = new Map(
  Object.entries(manifest.exports).map(([subpath, built]) => {
    const source = built.replace(/^\.\/dist\/(.+)\.js$/, "./src/$1.ts")
    return [`${manifest.name}${subpath.slice(1)}`, new URL(`../${source}`, import.meta.url).href] as const
  })
)

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const url = sources.get(specifier)
    return url === undefined ? nextResolve(specifier, context) : { url, shortCircuit: true }
  }
})
