/** How the programs here run as commands: what goes to which output, and what happens when nobody reads it. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { CliOutput, Command } from "effect/cli"

/** What was asked for goes to stdout; how to ask goes to stderr, so that stdout holds results and nothing else. */
const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const formatter = CliOutput.defaultFormatter({ colors: process.stderr.isTTY })
    return Console.error(`${formatter.formatHelpDoc(event.helpDoc)}\n${formatter.formatErrors(event.errors)}`)
  }
}

/** A reader such as `head` has seen enough; without this Node would crash with EPIPE. */
const onClosed = (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
}

/** Runs a command with the arguments of the process. Ctrl-C interrupts it, and its finalizers run. */
export const run = <Name extends string, Input, E>(
  command: Command.Command<Name, Input, object, E, Command.Environment>
) => {
  process.stdout.on("error", onClosed)
  process.stderr.on("error", onClosed)
  Command.run(command, { version: "0.1.0" }).pipe(
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain
  )
}
