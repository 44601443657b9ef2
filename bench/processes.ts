/** Starts the server and the measuring processes: the server on one core, clients on another, where there are two. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import type { Figures, Job } from "./tasks/task.ts"

export const here = fileURLToPath(new URL(".", import.meta.url))

/** True if processes can be kept apart. */
export const isPinned = availableParallelism() > 1 && spawnSync("taskset", ["--version"]).status === 0

/** A command on a core of its own, with as many open files as the system allows: ten thousand sockets need them. */
const onCore = (core: number, command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "sh",
  "-c",
  `ulimit -n "$(ulimit -Hn)"; exec "$@"`,
  "sh",
  ...(isPinned ? ["taskset", "-c", String(core)] : []),
  ...command
]

/** The environment of a user, without the settings of this machine that change what is measured. */
const environment = (): NodeJS.ProcessEnv => {
  const { NODE_OPTIONS: _options, NODE_EXTRA_CA_CERTS: _certificates, ...others } = process.env
  return { ...others, NODE_ENV: "production", OPENROUTER_API_KEY: "unused" }
}

/** Starts a server; the caller stops it. */
export const startServer = async (): Promise<{ readonly url: string; readonly stop: () => void }> => {
  const [command = "", ...args] = onCore(1, [process.execPath, `${here}server.ts`])
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: environment() })
  const [line] = await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(([code]) => {
      throw new Error(`the server ended with code ${code} before it was ready`)
    })
  ])
  const { port }: { port: number } = JSON.parse(String(line))
  return { url: `http://127.0.0.1:${port}`, stop: () => child.kill() }
}

/** What a process may take; the slowest peer needs a good part of it. */
const maxMillis = 300_000

/** Does a job in a fresh process. Throws if it does not come back with figures. */
export const measure = async (job: Job, nodeFlags: ReadonlyArray<string> = []): Promise<Figures> => {
  const [command = "", ...args] = onCore(0, [process.execPath, ...nodeFlags, `${here}worker.ts`, JSON.stringify(job)])
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: environment(), timeout: maxMillis })
  let output = ""
  let complaint = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => output += text)
  child.stderr.setEncoding("utf8").on("data", (text: string) => complaint += text)
  const [code, signal] = await once(child, "close")
  const figures = code === 0 ? figuresOf(output) : undefined
  if (figures === undefined) {
    throw new Error(
      `no valid result (${signal ?? `exit code ${code}`}) from ${JSON.stringify(job)}\n${complaint}${output}`
    )
  }
  return figures
}

const figuresOf = (output: string): Figures | undefined => {
  const line = output.trimEnd().split("\n").at(-1) ?? ""
  try {
    const { figures }: { figures?: Figures } = JSON.parse(line)
    return figures !== undefined && Object.values(figures).every(Number.isFinite) ? figures : undefined
  } catch {
    return undefined
  }
}
