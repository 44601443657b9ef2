/** Programs that are run to their end. */
import { Effect } from "effect"
import { execFile } from "node:child_process"

/** How a program has ended; `output` is all it said, `stdout` what it said there. */
export interface Ended {
  readonly isFine: boolean
  readonly stdout: string
  readonly output: string
}

/** Runs a program, for two minutes at most unless told otherwise. */
export const run = (
  cwd: string,
  [program = "", ...args]: ReadonlyArray<string>,
  timeout = 120_000
): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const child = execFile(program, args, { cwd, timeout, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      const why = error === null ? "" : error.killed === true ? `ended after ${timeout} ms\n` : `${error.message}\n`
      resume(Effect.succeed({ isFine: error === null, stdout, output: `${why}${stdout}${stderr}` }))
    })
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
