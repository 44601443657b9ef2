/**
 * A stranger's path: packs the package, makes an empty folder, and does there what README and each page of the docs say.
 *
 * Commands are typed as they are written, `npm install effect-openrouter` included: a registry on this machine has the
 * tarball, and sends who asks for others to the usual one. Programs are saved as they are written, compiled with the
 * strictest settings by an unpatched compiler, and run by Node. That OpenRouter is an emulator is said in the environment
 * alone, and what serves on a port that a page names takes a free one. What needs a server of another kind is compiled only.
 *
 *     npm run strangers -- [page …] [--keep]
 *
 * Prints one line per page and ends with `N passed, N failed`.
 */
import { execFileSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, delimiter, join, sep } from "node:path"
import { parseArgs } from "node:util"
import { type Block, type Commands, located, nameOf, textOf } from "./docs.ts"
import { compilerOptions, conclude, manifest, pack, report, root } from "./packed.ts"
import * as Pages from "./strangers/pages.ts"
import * as Registry from "./strangers/registry.ts"
import * as Shell from "./strangers/shell.ts"

const { positionals, values } = parseArgs({ allowPositionals: true, options: { keep: { type: "boolean" } } })

const temporary = mkdtempSync(join(tmpdir(), "strangers-"))
const project = join(temporary, "project")
const tools = join(temporary, "tools")

type Problems = ReadonlyArray<string>

/** README is followed in the empty folder itself; each other page has a folder of its own in that project. */
const folderOf = (file: string) => file === "README.md" ? project : join(project, basename(file, ".md"))

const pageAt = (file: string) => Pages.read(root, file)

const problemsOf = (what: string, { exitCode, output }: Shell.Ended): Problems =>
  exitCode === 0 ? [] : [`${what}: exit code ${exitCode}\n${output.trim().replaceAll(/^/gm, "  ")}`]

const check = (name: string, problems: Problems) =>
  report(name, problems.length === 0 ? undefined : problems.join("\n"))

/** Saves a program where its page has it, and under the name that the page gives it. */
const save = (block: Block) => {
  const folder = folderOf(block.file)
  mkdirSync(folder, { recursive: true })
  if (block.name !== undefined) writeFileSync(join(folder, block.name), `${block.code}\n`)
  writeFileSync(join(folder, nameOf(block)), textOf(block))
}

/** Does what commands say. */
const follow = async (commands: Commands, env: Shell.Place["env"]): Promise<Problems> => {
  const { code, file, line, mode } = commands
  const place = { cwd: folderOf(file), env }
  const what = `${file}:${line}`
  switch (mode) {
    case "ignore":
      return []
    case "checkout":
      return [
        ...Pages.filesNamed(commands).filter((name) => !existsSync(join(root, name))),
        ...Pages.scriptsNamed(commands).filter((name) => manifest.scripts[name] === undefined)
      ].map((name) => `${what}: a checkout has no ${name}`)
    case "serve":
      try {
        const server = await Shell.serve(Pages.onFreePort(code), place, 60)
        const { status } = await fetch(new URL("/", server.url))
        await server.stop()
        return status === 200 ? [] : [`${what}: ${server.url} answers ${status}`]
      } catch (error) {
        return [`${what}: ${String(error)}`]
      }
    case "run":
      return problemsOf(what, await Shell.run("bash", ["-e", "-o", "pipefail", "-c", code], place, 120))
  }
}

const runProgram = async (block: Block, env: Shell.Place["env"]): Promise<Problems> => {
  const place = { cwd: folderOf(block.file), env }
  return problemsOf(`${block.file}:${block.line}`, await Shell.run(process.execPath, [nameOf(block)], place, 60))
}

/** Reads a page to its end: commands and programs in their order. */
const readPage = async ({ commands, file, programs }: Pages.Page, env: Shell.Place["env"]) => {
  const runnable = programs.filter(({ mode }) => mode === "run")
  // What has to be installed for the other pages is there already.
  const followed = commands.filter((commands) => file === "README.md" || !Pages.isInstallation(commands))
  const steps = [
    ...runnable.map((block) => ({ line: block.line, take: () => runProgram(block, env) })),
    ...followed.map((commands) => ({ line: commands.line, take: () => follow(commands, env) }))
  ].toSorted((a, b) => a.line - b.line)
  const problems: Array<string> = []
  for (const { take } of steps) problems.push(...await take())
  check(`${file}: ${runnable.length} of ${programs.length} programs run, ${followed.length} commands`, problems)
}

/** Reads two pages at a time. */
const readPages = async (pages: ReadonlyArray<Pages.Page>, env: Shell.Place["env"]) => {
  const left = pages.values()
  const reader = async () => {
    for (const page of left) await readPage(page, env)
  }
  await Promise.all([reader(), reader()])
}

/** Installs what pages say, one after the other. */
const installWhatPagesSay = async (pages: ReadonlyArray<Pages.Page>, env: Shell.Place["env"]) => {
  const unnamed = pages.flatMap((page) =>
    Pages.uninstalled(page, ["effect", manifest.name]).map((name) => `${page.file} does not say how to install ${name}`)
  )
  check("pages say what their programs need", unnamed)
  const installations = pages.flatMap(({ commands }) => commands).filter(Pages.isInstallation)
  for (const code of new Set(installations.map(({ code }) => code))) {
    check(code, problemsOf("npm", await Shell.run("bash", ["-e", "-c", code], { cwd: project, env }, 300)))
  }
}

/** Compiles all programs as users would who are strict; a compiler is the one thing that no page has to name. */
const compile = async (blocks: ReadonlyArray<Block>, env: Shell.Place["env"]) => {
  const files = blocks.map((block) => join(folderOf(block.file), nameOf(block)))
  const typeRoots = [join(tools, "node_modules", "@types")]
  writeFileSync(
    join(tools, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { ...compilerOptions, typeRoots }, files })
  )
  const tsc = join(tools, "node_modules", "typescript", "bin", "tsc")
  const args = [tsc, "-p", ".", "--pretty", "false", "--skipLibCheck"]
  const ended = await Shell.run(process.execPath, args, { cwd: tools, env }, 120)
  const errors = located(ended.output, blocks)
  check(`${blocks.length} programs compile`, errors.length > 0 ? errors : problemsOf("tsc", ended))
}

const npmSetting = (name: string, env: Shell.Place["env"]) =>
  execFileSync("npm", ["config", "get", name], { cwd: temporary, env, encoding: "utf8" }).trim()

/** What strangers have in their environment, with a registry that knows the tarball. */
const environment = (bare: Shell.Place["env"], registry: Registry.Registry): Shell.Place["env"] => {
  const global = join(temporary, "global")
  return {
    ...bare,
    PATH: [join(global, "bin"), bare["PATH"] ?? ""].join(delimiter),
    NODE_COMPILE_CACHE: join(temporary, "compiled"),
    npm_config_registry: registry.url,
    npm_config_prefix: global,
    // It would be looked for below the prefix.
    npm_config_globalconfig: npmSetting("globalconfig", bare),
    npm_config_fund: "false",
    npm_config_audit: "false",
    npm_config_update_notifier: "false"
  }
}

/** Follows README and the pages. */
const walk = async (registry: Registry.Registry, bare: Shell.Place["env"]) => {
  const env = environment(bare, registry)
  mkdirSync(tools)
  mkdirSync(project)
  writeFileSync(join(tools, "package.json"), JSON.stringify({ private: true }))
  const compiler = ["typescript", "@types/node"].map((name) => `${name}@${manifest.devDependencies[name]}`)
  check("a compiler", problemsOf("npm", await Shell.run("npm", ["install", ...compiler], { cwd: tools, env }, 120)))

  const readme = pageAt("README.md")
  const pages = globSync("docs/*.md", { cwd: root }).map((file) => file.split(sep).join("/")).toSorted()
    .filter((file) => positionals.length === 0 || positionals.includes(basename(file, ".md")))
    .map(pageAt)
  const programs = [readme, ...pages].flatMap(({ programs }) => programs)
  for (const block of programs) save(block)
  for (const { file } of pages) mkdirSync(folderOf(file), { recursive: true })

  const command = `exec "${process.execPath}" dist/layers/cli/bin.js emulator --port 0`
  const openRouter = await Shell.serve(command, { cwd: root, env }, 60)
  try {
    const keyless = { ...env, OPENROUTER_API_URL: openRouter.url }
    await readPage(readme, keyless)
    if (!existsSync(join(project, "node_modules", manifest.name))) return
    await installWhatPagesSay(pages, env)
    const account = { ...keyless, OPENROUTER_API_KEY: "sk-or-v1-stranger" }
    await Promise.all([compile(programs, env), readPages(pages, account)])
  } finally {
    await openRouter.stop()
  }
}

try {
  const tarball = pack(temporary)
  if (tarball !== undefined) {
    const bare = Shell.bareEnvironment(root)
    const registry = await Registry.serve(tarball, manifest, npmSetting("registry", bare))
    try {
      await walk(registry, bare)
    } finally {
      registry.close()
    }
  }
} finally {
  if (values.keep) console.log(`kept: ${temporary}`)
  else rmSync(temporary, { recursive: true, force: true })
}

conclude()
