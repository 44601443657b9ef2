/** The packed package in a project of its own, and the runtimes, all in a folder that is gone in the end. */
import { Effect } from "effect"
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Missing } from "../debian.ts"
import { run } from "./command.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

const manifest: { readonly devDependencies: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8")
)

/** A folder that is gone with the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-openrouter-runtimes-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** Installs packages, at exact versions, into a new folder with this name; gives the folder. */
export const install = Effect.fnUntraced(function*(parent: string, name: string, packages: ReadonlyArray<string>) {
  const folder = join(parent, name)
  mkdirSync(folder)
  // Some packages fetch the program for this machine when they are installed.
  const allowScripts = { bun: true, deno: true, node: true }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", allowScripts }))
  const ended = yield* run(
    folder,
    ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", ...packages],
    300_000
  )
  if (ended.isFine) return folder
  const why = ended.output.split("\n").filter((line) => line.includes("npm error")).slice(0, 2).join(" ")
  return yield* new Missing({ message: `npm cannot install ${packages.join(" ")}: ${why}` })
})

/** Packs the package, and installs it into a project that has the programs. */
export const make = Effect.fnUntraced(function*(parent: string) {
  const packed = yield* run(root, ["npm", "pack", "--silent", "--pack-destination", parent], 300_000)
  if (!packed.isFine) return yield* Effect.die(new Error(`npm pack: ${packed.output}`))
  const tarballs = globSync(join(parent, "*.tgz"))
  const peers = ["effect", "@effect/platform-node"].map((name) => `${name}@${manifest.devDependencies[name]}`)
  // Without a registry nothing can be said; with one it is a failure.
  const isReachable = Effect.map(
    run(parent, ["npm", "view", `effect@${manifest.devDependencies["effect"]}`, "version"]),
    ({ isFine }) => isFine
  )
  const project = yield* install(parent, "project", [...tarballs, ...peers]).pipe(
    Effect.catch((missing) => Effect.flatMap(isReachable, (isReachable) => isReachable ? Effect.die(missing) : missing))
  )
  const programs = ["scripts/runtimes/programs/*", "scripts/consumer/kit/{village,node.test,mistakes}.ts"]
  for (const file of globSync(programs.map((pattern) => join(root, pattern)))) {
    copyFileSync(file, join(project, basename(file)))
  }
  return project
})
