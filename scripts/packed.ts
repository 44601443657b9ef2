/** What scripts that use the package as its users do have in common: checks that are counted, the tarball, a strict compiler. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The root of the package. */
export const root: string = fileURLToPath(new URL("..", import.meta.url))

/** What the scripts read of package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** The package's own. */
export const manifest: Manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

const tally = { passed: 0, failed: 0 }

/** Prints the outcome of a check; one without a problem has passed. */
export const report = (name: string, problem: string | undefined): void => {
  if (problem === undefined) tally.passed += 1
  else tally.failed += 1
  console.log(problem === undefined ? `ok   ${name}` : `FAIL ${name}\n${problem.replaceAll(/^/gm, "     ")}`)
}

/** Prints how many checks have passed; the process fails if one has not. */
export const conclude = (): void => {
  console.log(`${tally.passed} passed, ${tally.failed} failed`)
  if (tally.failed > 0) process.exitCode = 1
}

/** Runs a command as a check; its output is shown only if it fails. */
export const command = (name: string, cwd: string, program: string, ...args: ReadonlyArray<string>): boolean => {
  const { error, status, stderr, stdout } = spawnSync(program, args, { cwd, encoding: "utf8", timeout: 300_000 })
  report(name, status === 0 ? undefined : `${error?.message ?? `exit code ${status}`}\n${stdout ?? ""}${stderr ?? ""}`)
  return status === 0
}

/** Builds and packs the package into a folder; gives the tarball. */
export const pack = (folder: string): string | undefined =>
  command("npm pack", root, "npm", "pack", "--pack-destination", folder)
    ? join(folder, `${manifest.name}-${manifest.version}.tgz`)
    : undefined

/** The strictest settings that a user may have. */
export const compilerOptions = {
  target: "ES2022",
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  types: ["node"]
}
