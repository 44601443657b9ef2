/** Processes of one's own that answer one question at a time. */
import { Effect, Schema } from "effect"
import { type ChildProcess, fork } from "node:child_process"

class ChildEnded extends Schema.TaggedError<ChildEnded>()("ChildEnded", { message: Schema.String }) {}

/** Starts a module as a process that ends with the scope. */
export const start = (module: URL, argument: string) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(module, [argument], { execArgv: ["--import", new URL("../resolve-sources.ts", import.meta.url).href] })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** The next message of a process. */
export const heard = <S extends Schema.ConstraintDecoder<unknown>>(child: ChildProcess, schema: S) =>
  Effect.callback<unknown, ChildEnded>((resume) => {
    const end = (effect: Effect.Effect<unknown, ChildEnded>) => {
      stop()
      resume(effect)
    }
    const onMessage = (message: unknown) => end(Effect.succeed(message))
    const onExit = (code: number | null) =>
      end(Effect.fail(new ChildEnded({ message: `a process ended with ${code}` })))
    const stop = () => child.off("message", onMessage).off("exit", onExit)
    child.on("message", onMessage).on("exit", onExit)
    return Effect.sync(stop)
  }).pipe(Effect.timeout("60 seconds"), Effect.flatMap(Schema.decodeUnknownEffect(schema)))

/** Asks a process, and gives its answer. */
export const asked = <S extends Schema.ConstraintDecoder<unknown>>(child: ChildProcess, question: object, schema: S) =>
  Effect.andThen(Effect.sync(() => child.send(question)), heard(child, schema))
