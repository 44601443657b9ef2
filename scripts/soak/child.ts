/** A server of a soak in a process of its own, and what can be asked of it. */
import { Effect, Schema } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { Books, Started } from "./messages.ts"
import * as Plan from "./plan.ts"

class ChildEnded extends Schema.TaggedError<ChildEnded>()("ChildEnded", { message: Schema.String }) {}

/** Starts a module beside this one, with the library's sources; it is killed when the scope closes. */
export const start = (module: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL(module, import.meta.url), [...args], {
        execArgv: ["--import", new URL("../resolve-sources.ts", import.meta.url).href]
      })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** The next message of a child. */
export const heard = <S extends Schema.ConstraintDecoder<unknown>>(child: ChildProcess, schema: S) =>
  Effect.callback<unknown, ChildEnded>((resume) => {
    const leave = () => child.off("message", onMessage).off("exit", onExit)
    const onMessage = (message: unknown) => {
      leave()
      resume(Effect.succeed(message))
    }
    const onExit = (code: number | null) => {
      leave()
      resume(Effect.fail(new ChildEnded({ message: `the child ended with ${code}` })))
    }
    child.on("message", onMessage).on("exit", onExit)
    return Effect.sync(leave)
  }).pipe(Effect.timeout("60 seconds"), Effect.flatMap(Schema.decodeUnknownEffect(schema)))

/** Waits until a child has ended. */
export const exited = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
  })

/** Asks a child something and waits for its answer. */
export const asked = <S extends Schema.ConstraintDecoder<unknown>>(child: ChildProcess, schema: S) =>
  Effect.suspend(() => {
    const answer = heard(child, schema)
    return Effect.andThen(Effect.sync(() => child.send("tell")), answer)
  })

/** An emulator with the plan of a seed, or with no faults, on any port or on a given one. */
export const startServer = Effect.fnUntraced(
  function*(seed: number | "calm", port = 0, latencyMillis = Plan.latencyMillis) {
    const child = yield* start("./server.ts", [String(seed), String(port), String(latencyMillis)])
    const started = yield* heard(child, Started)
    return { child, port: started.port, url: `http://127.0.0.1:${started.port}/api/v1`, books: asked(child, Books) }
  }
)
