/**
 * A command as a process of Node: its outputs, its signals, its exit code. It needs nothing but Node, so that
 * `npx effect-openrouter` runs where nothing else is installed.
 *
 * Results go to stdout and all else to stderr. What is wrong with a command line, and what ends a command, is one line.
 *
 * | exit code | |
 * |---|---|
 * | 0 | done, help was asked for, or nobody reads the output any more |
 * | 1 | it failed |
 * | 2 | the command line is wrong |
 * | 130 | interrupted |
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Runtime from "effect/Runtime"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import Process from "node:process"

/** Commands of this package neither prompt nor touch files by these; those that will do bring the services of a platform. */
const environment: Layer.Layer<Command.Environment> = Layer.mergeAll(
  FileSystem.layerNoop({}),
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
        `${event.commandPath.join(" ")}: ${event.errors.map(({ message }) => oneLine(message)).join("; ")} (see --help)`
      )
      : CliOutput.defaultPresenter.present(event)
}

const oneLine = (text: string): string =>
  text.trim()
    .replace("Expected: Schema validation failed: ", "")
    .replace(/\s*Did you mean this\?\s*([\s\S]+)$/, ". Did you mean $1?")
    .replaceAll(/\s*\n\s*/g, " ")

/** Whoever has no terminal has no use for a wizard, and there is no log whose level could be set. */
const settings = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })

/** How a command ends that did not succeed: what is said, if it was not said yet, and the exit code. */
const endOf = (cause: Cause.Cause<unknown>): readonly [message: string | undefined, code: number] => {
  if (Cause.hasInterruptsOnly(cause)) return [undefined, 130]
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (CliError.isCliError(error)) {
    return error._tag === "ShowHelp"
      ? [undefined, error.errors.length > 0 ? 2 : 0]
      : [error.message, 2]
  }
  return [Predicate.isError(error) ? oneLine(error.message) : Cause.pretty(cause), 1]
}

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
      const [message, code] = endOf(cause)
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
