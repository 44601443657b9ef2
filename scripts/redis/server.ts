/** A Redis server of one's own: installed where it is missing and can be, on a loopback port, without a file. */
import { Effect, Schedule, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chownSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Debian from "../debian.ts"

/** There is no Redis here, and why. */
export class NoRedis extends Schema.TaggedError<NoRedis>()("NoRedis", { message: Schema.String }) {}

/** A running Redis, which can be stopped for a while or for good, and started again on its port. */
export interface RedisServer {
  readonly url: string
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Kills it at once; gives when it is gone. */
  readonly kill: Effect.Effect<void>
  readonly start: Effect.Effect<void, NoRedis>
}

const launch = (port: number, folder: string) =>
  Effect.callback<ChildProcess, NoRedis>((resume) => {
    const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
    const child = spawn("redis-server", settings, { ...Debian.nobody(), stdio: ["ignore", "pipe", "ignore"] })
    let said = ""
    const fail = (why: string) => resume(Effect.fail(new NoRedis({ message: `redis-server ${why}: ${said.trim()}` })))
    child.stdout.on("data", (data) => {
      said += String(data)
      if (said.includes("Ready to accept connections")) resume(Effect.succeed(child))
    })
    child.once("error", ({ message }) => fail(`cannot be started (${message})`))
    child.once("exit", (code) => fail(`ended with ${code}`))
    return Effect.sync(() => child.kill("SIGKILL"))
  }).pipe(Effect.timeoutOrElse({
    duration: "20 seconds",
    orElse: () => Effect.fail(new NoRedis({ message: "redis-server does not become ready" }))
  }))

const killed = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGKILL")
    await once(child, "exit")
  })

const installed = Debian.installed("redis-server", () => Debian.find(["redis-server"]), ["redis-server"]).pipe(
  Effect.mapError(({ message }) => new NoRedis({ message }))
)

/** Starts a Redis that ends with the scope. */
export const make = Effect.gen(function*() {
  yield* installed
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-openrouter-redis-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const { gid, uid } = Debian.nobody()
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid)
  // Somebody else may take the port before Redis does.
  const started = yield* Effect.retry(
    Effect.flatMap(Debian.freePort, (port) => Effect.map(launch(port, folder), (child) => ({ port, child }))),
    Schedule.recurs(2)
  )
  const { port } = started
  let { child } = started
  yield* Effect.addFinalizer(() => Effect.suspend(() => killed(child)))
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    signal: (signal) => Effect.sync(() => void child.kill(signal)),
    kill: Effect.suspend(() => killed(child)),
    start: Effect.map(launch(port, folder), (next) => {
      child = next
    })
  }
  return server
})
