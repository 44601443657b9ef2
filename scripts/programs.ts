/** Runs programs one after another in one process, which costs a hundredth of a process for each. */
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"

const root = new URL("../", import.meta.url)

/** A program, and all that it gets from outside. */
export interface Job {
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly env: { readonly [name: string]: string | undefined }
  /** Its folder; default that of all. */
  readonly cwd?: string | undefined
}

/** How a program ended; no code if it was killed. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What the process tells of an end; the last one takes the process with it. */
export interface Report extends Ended {
  readonly isLast: boolean
}

export interface Programs {
  /** Waits for those before it, then for its end. */
  readonly run: (job: Job) => Promise<Ended>
  /** Ends their process, which else ends with the one that opened it. */
  readonly close: () => void
}

/**
 * Programs in which the package's name stands for its sources. None may take longer than `timeout` milliseconds.
 *
 * Their own file is evaluated for each run, what it imports only once: that must keep no state which matters to the next. After
 * a program that has changed a global, such as `fetch`, the next one has another process.
 */
export const open = (options: { readonly timeout: number; readonly cwd?: URL }): Programs => {
  let host: ChildProcess | undefined
  let hostEnv = ""
  let last: Promise<unknown> = Promise.resolve()

  const start = (env: Job["env"]): ChildProcess => {
    const child = fork(fileURLToPath(new URL("scripts/programs/host.ts", root)), [], {
      cwd: fileURLToPath(options.cwd ?? root),
      env,
      execArgv: ["--import", new URL("scripts/resolve-sources.ts", root).href],
      stdio: ["ignore", "ignore", "inherit", "ipc"]
    })
    child.once("exit", () => {
      if (host === child) host = undefined
    })
    return child
  }

  /** The environment is that of the process: Node and Effect read it once. */
  const hostFor = (env: Job["env"]): ChildProcess => {
    const text = JSON.stringify(env)
    if (host !== undefined && text !== hostEnv) {
      host.kill("SIGKILL")
      host = undefined
    }
    hostEnv = text
    return host ??= start(env)
  }

  /** Only a program that runs keeps the process from ending that waits for it. */
  const hold = (child: ChildProcess, isHeld: boolean): void => {
    for (const handle of [child, child.channel]) handle?.[isHeld ? "ref" : "unref"]()
  }

  const begin = (job: Job): Promise<Ended> =>
    new Promise((resolve) => {
      const child = hostFor(job.env)
      hold(child, true)
      const done = ({ isLast, ...ended }: Report): void => {
        clearTimeout(timer)
        child.off("message", done).off("exit", onExit)
        if (isLast) {
          host = undefined
          child.kill("SIGKILL")
        } else hold(child, false)
        resolve(ended)
      }
      const lost = (code: number | null, stderr: string) => done({ code, stdout: "", stderr, isLast: true })
      const onExit = (code: number | null): void => lost(code, "the process ended without a word")
      const timer = setTimeout(() => lost(null, `no end within ${options.timeout} ms`), options.timeout)
      child.on("message", done).on("exit", onExit)
      child.send(job)
    })

  return {
    run: (job) => {
      const ended = last.then(() => begin(job))
      last = ended
      return ended
    },
    close: () => host?.kill("SIGKILL")
  }
}
