/**
 * Packs the package and uses it as a stranger would: installed from the tarball into an empty project, compiled by an
 * unpatched compiler with its strictest settings, and run.
 *
 * Prints one line per check and ends with `N passed, N failed`.
 */
import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join, sep } from "node:path"
import { undocumented } from "./module-docs.ts"
import { command, compilerOptions, conclude, manifest, pack, report, root } from "./packed.ts"

const temporary = mkdtempSync(join(tmpdir(), "effect-openrouter-"))

const allowedFiles = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^docs\/(.+\.md|images\/.+\.png)$/,
  /^src\/.+(?<!\.test)\.ts$/,
  /^dist\/.+\.(js|d\.ts)(\.map)?$/
]

const requiredFiles = ["LICENSE", "dist/index.js", "dist/index.d.ts", "dist/node.js", "dist/testing.js", "src/index.ts"]

/** Compares what was packed with what the package promises to contain. */
const checkFiles = (installed: string) => {
  const files = globSync("**/*", { cwd: installed, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1).split(sep).join("/"))
  const extra = files.filter((file) => !allowedFiles.some((pattern) => pattern.test(file)))
  const missing = requiredFiles.filter((file) => !files.includes(file))
  const stale = files.filter((file) => file.endsWith(".js") && !files.includes(sourceOf(file)))
  const problems = [
    ...extra.map((file) => `unexpected ${file}`),
    ...missing.map((file) => `missing ${file}`),
    ...stale.map((file) => `${file} has no source`)
  ]
  report(`the tarball has the right files (${files.length})`, problems.length === 0 ? undefined : problems.join("\n"))
}

const sourceOf = (file: string) => file.replace(/^dist\//, "src/").replace(/\.js$/, ".ts")

/** Each module's documentation is in its declarations, where users see it. */
const checkDocs = (installed: string) => {
  const without = undocumented(installed)
  report("declarations have the documentation of their modules", without.length === 0 ? undefined : without.join("\n"))
}

/** The places of a page that links may lead to, as GitHub names them. */
const placesOf = (text: string): ReadonlyArray<string> =>
  Array.from(
    text.matchAll(/^#+ (.+)$/gm),
    ([, title = ""]) => title.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-")
  )

/** Whoever has only the tarball can follow every link of its README and its docs. */
const checkLinks = (installed: string) => {
  const pages = ["README.md", "CHANGELOG.md", ...globSync("docs/**/*.md", { cwd: installed })]
  const broken = pages.flatMap((page) => {
    const text = readFileSync(join(installed, page), "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "")
    const links = Array.from(text.matchAll(/\]\((?![a-z]+:)([^)#]*)(?:#([^)]*))?\)/g))
    return links.flatMap(([link, target = "", place]) => {
      const file = target === "" ? join(installed, page) : join(installed, dirname(page), target)
      if (!existsSync(file)) return [`${page}: ${link} is not in the tarball`]
      const isPlace = place === undefined || placesOf(readFileSync(file, "utf8")).includes(place)
      return isPlace ? [] : [`${page}: ${link} is no place of that page`]
    })
  })
  report("links of README and docs lead to files of the tarball", broken.length === 0 ? undefined : broken.join("\n"))
}

/** An installer has nothing to warn of. */
const checkInstallation = (tarball: string) => {
  const project = join(temporary, "quiet")
  mkdirSync(project)
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "quiet", private: true }))
  const args = ["install", "--no-audit", "--no-fund", "--prefer-offline", "effect", tarball]
  const { status, stderr } = spawnSync("npm", args, { cwd: project, encoding: "utf8", timeout: 300_000 })
  const isQuiet = status === 0 && !/\b(?:warn|deprecated)\b/i.test(stderr)
  report("npm installs it without a warning", isQuiet ? undefined : stderr)
}

/** Every subpath can be imported by who has installed what it needs. */
const checkSubpaths = (project: string) => {
  const names = Object.keys(manifest.exports).filter((subpath) => subpath !== "./package.json")
    .map((subpath) => `${manifest.name}${subpath.slice(1)}`)
  const program = `for (const name of ${JSON.stringify(names)}) await import(name)`
  command(`${names.length} subpaths load`, project, process.execPath, "--input-type=module", "--eval", program)
}

/** The command runs with nothing but the package and `effect`, and serves until it is interrupted. */
const checkCommand = (installed: string) => {
  const bin = join(installed, "dist", "layers", "cli", "bin.js")
  command("the command tells its version", installed, process.execPath, bin, "--version")
  command("the command answers without a key", installed, process.execPath, bin, "ask", "Hello", "--emulator")
  const args = [bin, "emulator", "--port", "0"]
  const { stderr, stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: 5000,
    killSignal: "SIGINT"
  })
  const isServing = /^OpenRouter emulator: http:\S+\n$/.test(stdout)
  report("the command serves an emulator", isServing ? undefined : `${stdout}${stderr}`)
}

/** As somebody who has nothing yet tries it out: in an empty folder, without a key, with a page at the end. */
const checkNpx = (tarball: string) => {
  const folder = join(temporary, "empty")
  mkdirSync(folder)
  const npx = ["exec", "--yes", "--prefix", folder, `--package=${tarball}`, "--", manifest.name]
  const keyless = { ...process.env, OPENROUTER_API_KEY: "" }
  const { status, stderr, stdout } = spawnSync("npm", [
    ...npx,
    "ask",
    "Hello",
    "--emulator",
    "--model",
    "emulator/echo"
  ], {
    cwd: folder,
    encoding: "utf8",
    timeout: 300_000,
    env: keyless
  })
  report(
    "npx answers from the tarball, in an empty folder and without a key",
    status === 0 && stdout === "Hello\n" ? undefined : `exit code ${status}\n${stdout}${stderr}`
  )
}

/** Installs the tarball and the given packages into an empty project with these files of `scripts/consumer`. */
const install = (
  name: string,
  files: ReadonlyArray<string>,
  tarball: string,
  packages: ReadonlyArray<string>
): string | undefined => {
  const project = join(temporary, name)
  mkdirSync(project)
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
  const names = files.map((file) => basename(file))
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: names }))
  for (const [index, file] of files.entries()) {
    copyFileSync(join(root, "scripts", "consumer", file), join(project, names[index] ?? file))
  }
  const versions = [...packages, "typescript", "@types/node"].map((name) => `${name}@${manifest.devDependencies[name]}`)
  const isInstalled = command(
    `${name}: installs`,
    project,
    "npm",
    "install",
    "--no-audit",
    "--no-fund",
    tarball,
    ...versions
  )
  return isInstalled ? project : undefined
}

/** Installs a project of one program, then compiles and runs it there. */
const consume = (program: string, tarball: string, packages: ReadonlyArray<string>) => {
  const project = install(program.replace(/\.ts$/, ""), [program], tarball, packages)
  if (project === undefined) return
  const tsc = join(project, "node_modules", "typescript", "bin", "tsc")
  command(`${program}: compiles`, project, process.execPath, tsc, "--skipLibCheck", "true")
  command(`${program}: compiles with every declaration file checked`, project, process.execPath, tsc)
  command(`${program}: runs`, project, process.execPath, program)
  return join(project, "node_modules", manifest.name)
}

/** What a test with a mistake has to say. */
const mistakes = [
  `replies that nobody asked for: 1 of 2 replies: "left over"`,
  "call 1 has no reply: its list had 0 replies, and all are used",
  "at goTo: ",
  "this test forbids calls (layerForbidden)",
  "expected the error Refused, but it failed with ServerError"
]

/** Installs a project that tests its own program with the test kit, and runs its tests. */
const consumeKit = (tarball: string) => {
  const files = ["village.ts", "village.test.ts", "node.test.ts", "mistakes.ts"]
  const packages = ["effect", "vitest", "@effect/vitest"]
  const project = install("kit", files.map((file) => `kit/${file}`), tarball, packages)
  if (project === undefined) return
  const bin = (name: string, ...path: ReadonlyArray<string>) => join(project, "node_modules", name, ...path)
  command("kit: compiles", project, process.execPath, bin("typescript", "bin", "tsc"), "--skipLibCheck", "true")
  command("kit: tests pass in vitest", project, process.execPath, bin("vitest", "vitest.mjs"), "run", "village.test.ts")
  command("kit: tests pass in node:test", project, process.execPath, "--test", "node.test.ts")
  const { status, stdout } = spawnSync(process.execPath, ["--test", "mistakes.ts"], { cwd: project, encoding: "utf8" })
  const missing = mistakes.filter((words) => !stdout.includes(words))
  const isWrong = status === 0 || !/^(ℹ|#) fail 5$/m.test(stdout) || missing.length > 0
  report(
    "kit: tests with mistakes fail and say why",
    isWrong ? [`exit code ${status}`, ...missing.map((words) => `missing: ${words}`), stdout].join("\n") : undefined
  )
}

try {
  const tarball = pack(temporary)
  if (tarball !== undefined) {
    command("publint", root, "npm", "exec", "--", "publint", "--strict", tarball)
    command("attw", root, "npm", "exec", "--", "attw", tarball, "--profile", "esm-only")
    const installed = consume("main.ts", tarball, ["effect"])
    if (installed !== undefined) {
      checkFiles(installed)
      checkDocs(installed)
      checkLinks(installed)
      checkCommand(installed)
    }
    checkInstallation(tarball)
    checkNpx(tarball)
    const node = consume("node.ts", tarball, ["effect", "@effect/platform-node"])
    if (node !== undefined) checkSubpaths(join(node, "..", ".."))
    consumeKit(tarball)
  }
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

conclude()
