/** A Redis server of one's own: installed where it is missing and can be, on a loopback port, without a file. */
import { Effect, Schedule, Schema } from "effect"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { accessSync, chownSync, constants, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"

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

const isInPath = (command: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const isRoot = process.getuid?.() === 0

const apt = (...args: ReadonlyArray<string>) =>
  Effect.try({
    try: () =>
      execFileSync(isRoot ? "apt-get" : "sudo", [...(isRoot ? [] : ["-n", "apt-get"]), "-qq", ...args], {
        stdio: "ignore",
        timeout: 180_000,
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
      }),
    catch: () => new NoRedis({ message: "redis-server is not installed, and apt-get could not install it" })
  })

/** Makes sure that `redis-server` can be started. */
const installed = Effect.suspend(() => {
  if (isInPath("redis-server")) return Effect.void
  if (!isInPath("apt-get") || !isRoot && !isInPath("sudo")) {
    return Effect.fail(new NoRedis({ message: "redis-server is not installed, and there is no way to install it" }))
  }
  const install = apt("install", "-y", "redis-server")
  return Effect.asVoid(Effect.catch(install, () => Effect.andThen(apt("update"), install)))
})

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  return typeof address === "object" && address !== null ? address.port : 0
})

/** Redis needs no rights, so it gets none where we have all. */
const nobody = (): { readonly uid?: number; readonly gid?: number } =>
  isRoot
    ? {
      uid: Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" })),
      gid: Number(execFileSync("id", ["-g", "nobody"], { encoding: "utf8" }))
    }
    : {}

const launch = (port: number, folder: string) =>
  Effect.callback<ChildProcess, NoRedis>((resume) => {
    const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
    const child = spawn("redis-server", settings, { ...nobody(), stdio: ["ignore", "pipe", "ignore"] })
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

/** Starts a Redis that ends with the scope. */
export const make = Effect.gen(function*() {
  yield* installed
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-openrouter-redis-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const { gid, uid } = nobody()
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid)
  // Somebody else may take the port before Redis does.
  const started = yield* Effect.retry(
    Effect.flatMap(freePort, (port) => Effect.map(launch(port, folder), (child) => ({ port, child }))),
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
