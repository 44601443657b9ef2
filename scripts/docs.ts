/**
 * Turns the examples in README, docs and docstrings into programs, so that they can be compiled and run.
 *
 * A fence opened with "ts" is compiled, "ts run" (or a first line `// run`) is also executed, "ts ignore" is neither, and "ts hello.ts" is
 * what the reader is told to save under that name. What
 * several examples of a document have in common is in a fence "ts setup" above them; each "ts situation" below is executed
 * with it.
 *
 * A fence "sh" holds commands for an empty project, "sh serve" one that goes on until it is stopped, "sh checkout" those
 * for a checkout of this package, and "sh ignore" some that need what only the reader has.
 */
import { execFile } from "node:child_process"
import { globSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type { Programs } from "./programs.ts"

/** One example, and the line of its first statement in the document. */
export interface Block {
  readonly file: string
  readonly line: number
  readonly mode: "check" | "run" | "ignore"
  readonly code: string
  /** The name under which the reader is told to save it. */
  readonly name?: string
  /** What stands above it in its document and belongs to it. */
  readonly setup?: Pick<Block, "line" | "code">
}

/** The files that may hold examples, relative to the root of the package. */
export const documents = (root: URL): ReadonlyArray<string> =>
  globSync(["README.md", "docs/**/*.md", "src/**/*.ts"], { cwd: fileURLToPath(root) })
    .map((file) => file.split(sep).join("/"))
    .toSorted()

/** Blanks everything outside of docstrings, and the stars inside of them; lines stay where they are. */
const docstrings = (text: string): ReadonlyArray<string> => {
  let inside = false
  return text.split("\n").map((line) => {
    if (!inside) {
      inside = /^\s*\/\*\*/.test(line) && !line.includes("*/")
      return ""
    }
    inside = !line.includes("*/")
    return inside ? line.replace(/^\s*\* ?/, "") : ""
  })
}

/** What stands between two fences, the line of its first line, and the words that opened it. */
interface Fenced {
  readonly language: string
  readonly flag: string | undefined
  readonly line: number
  readonly code: string
}

/** The fenced blocks of a Markdown file or of the docstrings of a module. */
const fenced = (file: string, text: string): ReadonlyArray<Fenced> => {
  const lines = file.endsWith(".md") ? text.split("\n") : docstrings(text)
  const found: Array<Fenced> = []
  let open: { readonly info: string; readonly line: number } | undefined
  for (const [index, line] of lines.entries()) {
    const fence = /^\s*```\s*(.*?)\s*$/.exec(line)
    if (!fence) continue
    if (open === undefined) {
      open = { info: fence[1] ?? "", line: index + 1 }
      continue
    }
    const [language = "", flag] = open.info.split(/\s+/)
    found.push({ language, flag, line: open.line + 1, code: lines.slice(open.line, index).join("\n") })
    open = undefined
  }
  if (open !== undefined) throw new Error(`${file}:${open.line}: this fence is never closed`)
  return found
}

/** Finds the TypeScript examples of a Markdown file or of the docstrings of a module. */
export const extract = (file: string, text: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let setup: Block["setup"]
  for (const { code, flag, language, line } of fenced(file, text)) {
    if (language !== "ts" && language !== "typescript") continue
    if (flag === "situation") {
      if (setup === undefined) throw new Error(`${file}:${line - 1}: there is no setup above this situation`)
      blocks.push({ file, line, mode: "run", code, setup })
    } else {
      if (flag === "setup") setup = { line, code }
      const mode = flag === "ignore" ? "ignore" : flag === "run" || code.startsWith("// run") ? "run" : "check"
      blocks.push({ file, line, mode, code, ...(flag?.endsWith(".ts") && { name: flag }) })
    }
  }
  return blocks
}

/** Commands of a document, and who can run them. */
export interface Commands extends Pick<Block, "file" | "line" | "code"> {
  readonly mode: "run" | "serve" | "checkout" | "ignore"
}

/** Finds the shell commands of a Markdown file. */
export const extractCommands = (file: string, text: string): ReadonlyArray<Commands> =>
  fenced(file, text).filter(({ language }) => language === "sh").map(({ code, flag = "run", line }) => {
    if (flag === "run" || flag === "serve" || flag === "checkout" || flag === "ignore") {
      return { file, line, mode: flag, code }
    }
    throw new Error(`${file}:${line - 1}: nobody knows how to run "sh ${flag}"`)
  })

/** The program of an example. Each line is where it is in the document. */
export const textOf = ({ code, line, setup }: Block): string => {
  const above = setup === undefined ? "" : `${"\n".repeat(setup.line - 1)}${setup.code}\n`
  return `${above}${"\n".repeat(line - 1 - above.split("\n").length + 1)}${code}\n`
}

/** The name of the file that holds the program of an example. */
export const nameOf = (block: Block): string => `${block.file.replaceAll(/[^\w]+/g, "_")}_${block.line}.ts`

/**
 * Writes one program per block into a new folder inside the package, where imports resolve as they do for its sources.
 *
 * Blank lines above the code put each line where it is in the document, so that errors need no translation.
 */
export const writeBlocks = (root: URL, blocks: ReadonlyArray<Block>): URL => {
  const cache = fileURLToPath(new URL(".cache/", root))
  mkdirSync(cache, { recursive: true })
  // A folder of its own for each run, because two test runs may overlap.
  const directory = pathToFileURL(`${mkdtempSync(`${cache}docs-`)}/`)
  for (const block of blocks) {
    writeFileSync(new URL(nameOf(block), directory), textOf(block))
  }
  const config = {
    extends: fileURLToPath(new URL("tsconfig.json", root)),
    // An example may end with a name that the reader is meant to use.
    compilerOptions: { noUnusedLocals: false },
    include: ["*.ts"]
  }
  writeFileSync(new URL("tsconfig.json", directory), JSON.stringify(config))
  return directory
}

interface Outcome {
  readonly exitCode: number
  readonly output: string
}

const node = (args: ReadonlyArray<string>, cwd: URL, timeout: number): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: fileURLToPath(cwd), timeout }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` })
    })
  })

/** What the compiler says of programs of these examples; each error starts with the file and line of the document. */
export const located = (output: string, blocks: ReadonlyArray<Block>): ReadonlyArray<string> => {
  const documentOf = new Map(blocks.map((block) => [nameOf(block), block.file]))
  return output.split("\n").filter((line) => line.trim() !== "" && !line.startsWith(" ")).map((line) =>
    line.replace(/^(?:.*[\\/])?([^\\/(]+)\((\d+),\d+\)/, (whole, name: string, row: string) => {
      const file = documentOf.get(name)
      return file === undefined ? whole : `${file}:${row}`
    })
  )
}

/** Type-checks all blocks in one go; each error starts with the file and line of the document. */
export const compile = async (
  root: URL,
  directory: URL,
  blocks: ReadonlyArray<Block>
): Promise<ReadonlyArray<string>> => {
  if (blocks.length === 0) return []
  const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", root))
  // Two checkers would check much of Effect twice, and the tests have the other core.
  const { exitCode, output } = await node([tsc, "-p", ".", "--pretty", "false", "--checkers", "1"], directory, 120_000)
  const errors = located(output, blocks)
  return exitCode === 0 || errors.length > 0 ? errors : [`tsc failed without a message (exit code ${exitCode})`]
}

/** Executes a block, after those before it in the same process, with the package's name standing for its sources. */
export const run = async (
  programs: Programs,
  directory: URL,
  block: Block,
  env: { readonly [name: string]: string } = {}
): Promise<Outcome> => {
  const file = fileURLToPath(new URL(nameOf(block), directory))
  const cwd = fileURLToPath(directory)
  const { code, stderr, stdout } = await programs.run({ file, args: [], env: { ...process.env, ...env }, cwd })
  return { exitCode: code ?? 1, output: `${stdout}${stderr}` }
}
