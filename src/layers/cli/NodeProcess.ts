/**
 * A command as a process of Node: its outputs, its signals, its exit code. It needs nothing but Node, so that
 * `npx effect-openrouter` runs where nothing else is installed.
 *
 * Results go to stdout and all else to stderr. What is wrong with a command line, and what ends a command, is one line;
 * `ExitCode` has the codes.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Runtime from "effect/Runtime"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import Process from "node:process"
import * as ExitCode from "./ExitCode.ts"
import * as NodeFiles from "./NodeFiles.ts"

/** Commands of this package ask nobody and start no process. */
const environment: Layer.Layer<Command.Environment> = Layer.mergeAll(
  NodeFiles.layer,
  Path.layer,
  Stdio.layerTest({ args: Effect.sync(() => Process.argv.slice(2)) }),
  Layer.sync(Terminal.Terminal, () =>
    Terminal.make({
      columns: Effect.sync(() => Process.stdout.columns ?? 80),
      rows: Effect.sync(() => Process.stdout.rows ?? 24),
      size: Effect.die("nothing here follows the size of a window"),
      readInput: Effect.die("there is nobody to ask"),
      readLine: Effect.die("there is nobody to ask"),
      display: (text) => Console.log(text)
    })),
  Layer.succeed(
    ChildProcessSpawner.ChildProcessSpawner,
    ChildProcessSpawner.make(() => Effect.die("no process is started by a command"))
  )
)

const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
        `${event.commandPath.join(" ")}: ${
          event.errors.map(({ message }) => ExitCode.oneLine(message)).join("; ")
        } (see --help)`
      )
      : CliOutput.defaultPresenter.present(event)
}

/** Whoever has no terminal has no use for a wizard, and there is no log whose level could be set. */
const settings = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })

/**
 * Runs a command with these arguments; gives the exit code.
 *
 * @since 0.1.0
 */
export const execute = <Name extends string, Input, ContextInput, E>(
  command: Command.Command<Name, Input, ContextInput, E, Command.Environment>,
  options: { readonly version: string; readonly args: ReadonlyArray<string> }
): Effect.Effect<number> =>
  Effect.flatMap(
    Layer.build(Layer.merge(environment, settings)),
    (services) =>
      Command.runWith(command, { version: options.version })(options.args).pipe(
        Effect.provideService(CliOutput.Presenter, presenter),
        Effect.provideContext(services)
      )
  ).pipe(
    Effect.scoped,
    Effect.as(0),
    Effect.catchCause((cause) => {
      const [message, code] = ExitCode.ofCause(cause)
      // Only what is interrupted as a whole ends as such.
      if (code === 130) return Effect.interrupt
      return Effect.as(message === undefined ? Effect.void : Console.error(`${command.name}: ${message}`), code)
    })
  )

/**
 * Runs a command with the arguments of the process, and ends the process with it. Ctrl-C interrupts it, and its finalizers
 * run; so do SIGTERM, and nobody reading what it writes.
 *
 * @since 0.1.0
 */
export const run = <Name extends string, Input, ContextInput, E>(
  command: Command.Command<Name, Input, ContextInput, E, Command.Environment>,
  version: string
): void => {
  // A reader such as `head` has seen enough; without this Node would crash with EPIPE.
  const onClosed = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE") throw error
    Process.exit(0)
  }
  Process.stdout.on("error", onClosed)
  Process.stderr.on("error", onClosed)
  runMain(execute(command, { version, args: Process.argv.slice(2) }), { disableErrorReporting: true })
}

const runMain = Runtime.makeRunMain(({ fiber }) => {
  let isInterrupted = false
  const interrupt = (): void => {
    // Whoever asks twice does not want to wait for what is being cleared up.
    if (isInterrupted) Process.exit(130)
    isInterrupted = true
    fiber.interruptUnsafe()
  }
  Process.on("SIGINT", interrupt)
  Process.on("SIGTERM", interrupt)
  fiber.addObserver((exit) => {
    Process.removeListener("SIGINT", interrupt)
    Process.removeListener("SIGTERM", interrupt)
    Process.exitCode = Exit.isSuccess(exit) ? Number(exit.value) : Cause.hasInterruptsOnly(exit.cause) ? 130 : 1
    // Else the process ends by itself, when everything is written.
    if (isInterrupted) Process.exit()
  })
})
