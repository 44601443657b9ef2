/** Commands as a stranger types them: in a shell that knows nothing of this checkout. */
import { type ChildProcess, spawn } from "node:child_process"
import { delimiter, dirname, sep } from "node:path"

/** How commands ended, and all that they wrote. */
export interface Ended {
  readonly exitCode: number
  readonly output: string
}

/** The environment without what `npm run` and this checkout have put into it. */
export const bareEnvironment = (root: string): Readonly<Record<string, string>> => {
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(npm_|OPENROUTER_|NODE_(OPTIONS|PATH|ENV|COMPILE_CACHE)$|INIT_CWD$)/i.test(name)
      ? []
      : [[name, value] as const]
  )
  const path = (process.env["PATH"] ?? "").split(delimiter)
    .filter((folder) => !folder.startsWith(root) && !folder.endsWith(`${sep}node_modules${sep}.bin`))
  return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), ...path].join(delimiter), NO_COLOR: "1" }
}

/** Sends a signal to a program and to all that it has started. */
const signal = ({ pid }: ChildProcess, name: NodeJS.Signals) => {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch {
    // It has ended already.
  }
}

/** Who may use it, and where. */
export interface Place {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** Runs a program until it ends, or until it has taken too long. */
export const run = (
  program: string,
  args: ReadonlyArray<string>,
  { cwd, env }: Place,
  seconds: number
): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true })
    const timer = setTimeout(() => signal(child, "SIGKILL"), seconds * 1000)
    let output = ""
    const add = (text: string) => void (output += text)
    child.stdout.setEncoding("utf8").on("data", add)
    child.stderr.setEncoding("utf8").on("data", add)
    child.on("error", ({ message }) => add(message))
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      resolve({ exitCode: code ?? 1, output: signal === null ? output : `${output}\nended by ${signal}` })
    })
  })

/** A server that is up. */
export interface Served {
  /** The address that it has written. */
  readonly url: string
  /** Ends it as Ctrl-C does. */
  readonly stop: () => Promise<Ended>
}

/** Starts commands that serve until they are stopped, and waits for an address among what they write. */
export const serve = (commands: string, { cwd, env }: Place, seconds: number): Promise<Served> =>
  new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", commands], { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true })
    const timer = setTimeout(() => signal(child, "SIGKILL"), seconds * 1000)
    let output = ""
    const ended = new Promise<Ended>((end) => {
      child.on("close", (code) => {
        clearTimeout(timer)
        end({ exitCode: code ?? 1, output })
        reject(new Error(`it serves nothing:\n${output}`))
      })
    })
    const add = (text: string) => {
      output += text
      const url = /http:\/\/\S+(?=\s)/.exec(output)?.[0]
      if (url === undefined) return
      clearTimeout(timer)
      resolve({
        url,
        stop: () => {
          signal(child, "SIGINT")
          return ended
        }
      })
    }
    child.stdout.setEncoding("utf8").on("data", add)
    child.stderr.setEncoding("utf8").on("data", add)
  })
