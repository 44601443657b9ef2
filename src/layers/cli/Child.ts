/**
 * A program that is run by a command, with variables of its own in its environment.
 *
 * It has the inputs and outputs of the command itself.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { constants } from "node:os"
import Process from "node:process"
import { Misused, Unfinished } from "./ExitCode.ts"

/** What shells say of a program that a signal has ended. */
const codeOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal])

/**
 * Runs a program until it ends. Succeeds if it does; fails with its exit code otherwise, and if it cannot be started. An
 * interrupt asks it to end as Ctrl-C does, and waits for that;
 * after five seconds it is told more firmly.
 *
 * @since 0.1.0
 */
export const run = (
  [program = "", ...args]: ReadonlyArray<string>,
  variables: { readonly [name: string]: string }
): Effect.Effect<void, Misused | Unfinished> =>
  Effect.callback((resume) => {
    const child = spawn(program, args, {
      stdio: "inherit",
      env: { ...Process.env, ...variables },
      // Programs such as npm are scripts there, which only a shell finds.
      shell: Process.platform === "win32"
    })
    child.once("error", ({ message }) =>
      resume(Effect.fail(new Misused({ message: `cannot run ${program}: ${message}` }))))
    child.once("exit", (code, signal) => {
      const exitCode = codeOf(code, signal)
      resume(
        exitCode === 0
          ? Effect.void
          : Effect.fail(new Unfinished({ message: `${program} ended with exit code ${exitCode}`, exitCode }))
      )
    })
    const ended = Effect.callback<void>((end) => {
      if (child.exitCode !== null || child.signalCode !== null) {
        return end(Effect.void)
      }
      child.once("exit", () =>
        end(Effect.void))
    })
    const signal = (name: NodeJS.Signals) => Effect.sync(() => void child.kill(name))
    // A terminal has told it already, and to be told twice would mean to end at once.
    return (Process.stdin.isTTY ? Effect.void : signal("SIGINT")).pipe(
      Effect.andThen(Effect.timeoutOption(ended, "5 seconds")),
      Effect.andThen(signal("SIGTERM")),
      Effect.andThen(ended)
    )
  })
