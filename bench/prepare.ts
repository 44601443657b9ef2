/**
 * Makes ready what is measured: the peers as their lock files say, and our package as a user gets it.
 *
 * Our package is built from the sources into `node_modules`, where it shares the one copy of effect with the benchmark.
 */
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { here } from "./processes.ts"

const root = `${here}..`

const install = (folder: string, ...flags: ReadonlyArray<string>): void => {
  const lock = readFileSync(`${folder}/package-lock.json`, "utf8")
  const stamp = `${folder}/node_modules/.bench-lock`
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return
  console.error(`installing ${folder}`)
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...flags]
  execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] })
  writeFileSync(stamp, lock)
}

/** Builds the package into `node_modules`; fails if it does not compile, and leaves the one before in its place. */
const build = (): void => {
  const built = `${here}.cache/package`
  const target = `${here}node_modules/effect-openrouter`
  rmSync(built, { recursive: true, force: true })
  mkdirSync(built, { recursive: true })
  cpSync(`${root}/package.json`, `${built}/package.json`)
  const compiler = `${root}/node_modules/.bin/tsc`
  execFileSync(compiler, ["-p", `${root}/tsconfig.build.json`, "--outDir", `${built}/dist`], { stdio: "inherit" })
  rmSync(target, { recursive: true, force: true })
  renameSync(built, target)
}

/** `isBuilt`: what was built last is measured again. */
export const prepare = (isBuilt = false): void => {
  install(here)
  install(`${here}effect3`, "--legacy-peer-deps")
  if (!isBuilt) build()
}
