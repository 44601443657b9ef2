/** The command `effect-openrouter`, run as users run it. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Ended, open } from "../../../scripts/programs.ts"

const bin = fileURLToPath(new URL("../../../src/layers/cli/bin.ts", import.meta.url))

export interface Options {
  readonly stdin?: string
  readonly env?: { readonly [name: string]: string }
  /** Is told of each piece of output, with all that came before it. */
  readonly onOutput?: (child: ChildProcess, stdout: string, stderr: string) => void
}

/** Without a key, and without the colors of the terminal that runs the tests. */
const bare = {
  PATH: process.env["PATH"] ?? "",
  HOME: tmpdir(),
  NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? ""
}

/** Their process ends with the one of the tests. */
const programs = open({ timeout: 30_000 })

/**
 * Runs the command with these arguments. It has a process of its own if `options` ask for what needs one: an input, colors,
 * a signal, a reader that leaves. Else it is one of many that share a process, which is a hundred times faster.
 */
export const run = (args: ReadonlyArray<string>, options?: Options): Promise<Ended> =>
  options === undefined ? programs.run({ file: bin, args, env: bare }) : spawned(args, options)

const spawned = (args: ReadonlyArray<string>, { env, onOutput, stdin = "" }: Options): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, ...args], { env: { ...bare, ...env }, stdio: ["pipe", "pipe", "pipe"] })
    let stdout = ""
    let stderr = ""
    child.stdin.on("error", () => {}).end(stdin)
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      onOutput?.(child, stdout, stderr)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
      onOutput?.(child, stdout, stderr)
    })
    child.on("close", (code) => resolve({ code, stdout, stderr }))
  })

/** Interrupts the process once, as Ctrl-C does, when its output holds a text. */
export const interruptedAt = (text: string): NonNullable<Options["onOutput"]> => {
  let isInterrupted = false
  return (child, stdout, stderr) => {
    if (isInterrupted || !`${stdout}${stderr}`.includes(text)) return
    isInterrupted = child.kill("SIGINT")
  }
}

/** A folder that is gone afterwards. */
export const inFolder = async (use: (path: (name: string) => string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-openrouter-cli-"))
  try {
    await use((name) => join(folder, name))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
