/** What a program pays before its first call: size of the bundle, time to import, time to build schemas and first use them. */
import { mkdirSync, writeFileSync } from "node:fs"
import { gzipSync } from "node:zlib"
import { here, measure } from "./processes.ts"
import type { Figures } from "./tasks/task.ts"

const cache = `${here}.cache`

/** The programs whose bundles are weighed, by the name of their measure. */
const programs: Readonly<Record<string, string>> = {
  "ours/call": "bundles/ours-call.ts",
  "ours/stream": "bundles/ours-stream.ts",
  "ours/call, by the barrels": "bundles/ours-call-barrel.ts",
  "effect alone": "bundles/effect-only.ts",
  openai: "bundles/openai-call.ts",
  "@openrouter/sdk": "bundles/openrouter-sdk-call.ts",
  ai: "bundles/ai-sdk-call.ts",
  "@effect/ai-openrouter": "effect3/call.ts"
}

/** Imported when it is needed: the benchmark installs it first. */
const esbuild = () => import("esbuild")

interface Bundle {
  readonly text: string
  /** Bytes that each module has in the text, by its path. */
  readonly modules: ReadonlyArray<readonly [path: string, bytes: number]>
}

const bundled = async (file: string): Promise<Bundle> => {
  const { build } = await esbuild()
  const result = await build({
    entryPoints: [`${here}${file}`],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "node",
    metafile: true,
    // The paths of the repository's tsconfig would lead to our sources, and from there to another copy of effect.
    tsconfigRaw: {},
    logLevel: "error"
  })
  const modules = Object.values(result.metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).map(([path, { bytesInOutput }]) => [path, bytesInOutput] as const)
  )
  return { text: result.outputFiles[0]?.text ?? "", modules }
}

const compressed = (text: string): number => gzipSync(text, { level: 9 }).length

/** Minified and compressed sizes in kilobytes. */
export const bundleSizes = async (ids = Object.keys(programs)): Promise<ReadonlyMap<string, Figures>> => {
  const sizes = new Map<string, Figures>()
  for (const id of ids) {
    const { text } = await bundled(programs[id] ?? "")
    sizes.set(id, { minified: Buffer.byteLength(text) / 1000, gzipped: compressed(text) / 1000 })
  }
  return sizes
}

/** A module without what comes before its package, and the folder of ours that it is in, or its package. */
const partOf = (path: string, isFine: boolean): string => {
  const module = path.replace(/^.*node_modules\//, "").replace("/dist/", "/")
  const ours = /^effect-openrouter\/(.*)$/.exec(module)?.[1]
  if (isFine) return module
  return ours === undefined ? /^(?:@[^/]+\/)?[^/]+/.exec(module)?.[0] ?? module : ours.replace(/\/[^/]*$/, "")
}

/**
 * What a bundle is made of, the largest part first, in kilobytes: packages and our folders, or each module. How far a part
 * is compressed by itself nobody knows, so each has the ratio of the whole.
 */
export const bundleParts = async (id: string, isFine: boolean): Promise<ReadonlyArray<readonly [string, Figures]>> => {
  const { modules, text } = await bundled(programs[id] ?? "")
  const ratio = compressed(text) / Buffer.byteLength(text)
  const sums = new Map<string, number>()
  for (const [path, bytes] of modules) {
    const part = partOf(path, isFine)
    if (bytes > 0) sums.set(part, (sums.get(part) ?? 0) + bytes)
  }
  return Array.from(sums).toSorted(([, a], [, b]) => b - a).map(([part, bytes]) => [
    part,
    { minified: bytes / 1000, gzipped: bytes * ratio / 1000 }
  ])
}

/** Our modules as one script that gets effect from outside, and the effect modules that it asks for. */
const ownModules = async (): Promise<{ readonly script: string; readonly needed: ReadonlyArray<string> }> => {
  const { build } = await esbuild()
  const { outputFiles } = await build({
    stdin: { contents: "export * from \"effect-openrouter\"", resolveDir: here },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    external: ["effect", "effect/*"],
    tsconfigRaw: {},
    logLevel: "error"
  })
  const needed = new Set<string>()
  // A module cannot be evaluated apart from being loaded, a function can.
  const script = (outputFiles[0]?.text ?? "")
    .replace(/^import "[^"]+";$/gm, "")
    .replace(/^import (?:\* as (\S+)|\{([^}]*)\}) from "([^"]+)";$/gm, (_, all, some, specifier) => {
      needed.add(specifier)
      return `const ${all ?? `{${some.replaceAll(" as ", ": ")}}`} = require("${specifier}");`
    })
    .replace(
      /^export \{([^}]*)\};?$/m,
      (_, names: string) => `module.exports = {${names.replace(/(\w+) as (\w+)/g, "$2: $1")}};`
    )
  return { script: `(function (module, require) {\n${script}\n})`, needed: [...needed].toSorted() }
}

/** Imports in milliseconds, and what the schemas take; each a list of one figure for every round. */
export const coldStart = async (rounds: number): Promise<ReadonlyMap<string, ReadonlyArray<Figures>>> => {
  mkdirSync(cache, { recursive: true })
  const { needed, script } = await ownModules()
  const file = `${cache}/own-modules.js`
  writeFileSync(file, script)
  const imports: Readonly<Record<string, ReadonlyArray<string>>> = {
    effect: needed,
    ours: ["effect-openrouter"],
    "ours/node": ["effect-openrouter", "effect-openrouter/node"],
    "effect and platform-node": [...needed, "@effect/platform-node/NodeHttpClient"],
    openai: ["openai"],
    "@openrouter/sdk": ["@openrouter/sdk"],
    ai: ["ai", "@openrouter/ai-sdk-provider"],
    "@effect/ai-openrouter": [`${here}effect3/imports.ts`]
  }
  const figures = new Map<string, Array<Figures>>()
  const add = (id: string, one: Figures) => figures.set(id, [...figures.get(id) ?? [], one])
  for (let round = 0; round < rounds; round++) {
    for (const [id, specifiers] of Object.entries(imports)) {
      // All at once, as a program imports them: one after the other takes longer.
      const program = `${cache}/import.mjs`
      writeFileSync(program, specifiers.map((specifier) => `import ${JSON.stringify(specifier)}\n`).join(""))
      add(`import/${id}`, await measure({ task: "importing", specifiers: [program] }))
    }
    add("schemas/ours", await measure({ task: "schemas", specifiers: [file, ...needed] }))
  }
  return figures
}
