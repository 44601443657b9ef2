/** A PostgreSQL of one's own, if it is installed or can be: on a loopback port, in a folder that goes with the scope. */
import { Effect, Schedule, Schema } from "effect"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { accessSync, chownSync, constants, globSync, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"

/** There is no PostgreSQL here, and why. */
export class NoPostgres extends Schema.TaggedError<NoPostgres>()("NoPostgres", { message: Schema.String }) {}

const isRoot = process.getuid?.() === 0

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The folder of `initdb` and `postgres`, the newest first; distributions keep it out of the path. */
const folderOf = (): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), ...globSync("/usr/lib/postgresql/*/bin").toSorted().reverse()]
    .find((folder) =>
      ["initdb", "postgres", "pg_isready", "createdb"].every((name) => isExecutable(join(folder, name)))
    )

const apt = (...args: ReadonlyArray<string>) =>
  execFileSync(isRoot ? "apt-get" : "sudo", [...(isRoot ? [] : ["-n", "apt-get"]), "-qq", ...args], {
    stdio: "ignore",
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  })

const installed = Effect.try({
  try: () => {
    const found = folderOf()
    if (found !== undefined) return found
    apt("update")
    apt("install", "-y", "postgresql")
    const made = folderOf()
    if (made === undefined) throw new Error("it is not where it is looked for")
    return made
  },
  catch: () => new NoPostgres({ message: "PostgreSQL is not installed, and apt-get could not install it" })
})

/** A port that is free now. */
export const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  return typeof address === "object" && address !== null ? address.port : 0
})

/** PostgreSQL refuses to run with all rights. */
const owner = (): { readonly uid?: number; readonly gid?: number } =>
  isRoot
    ? {
      uid: Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" })),
      gid: Number(execFileSync("id", ["-g", "nobody"], { encoding: "utf8" }))
    }
    : {}

/** Starts a PostgreSQL that ends with the scope, and gives its URL. */
export const make = Effect.gen(function*() {
  const bin = yield* installed
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-openrouter-postgres-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const rights = owner()
  if (rights.uid !== undefined && rights.gid !== undefined) chownSync(folder, rights.uid, rights.gid)
  const data = join(folder, "data")
  const port = yield* freePort
  yield* Effect.try({
    try: () =>
      execFileSync(join(bin, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], {
        ...rights,
        cwd: folder,
        stdio: "ignore"
      }),
    catch: () => new NoPostgres({ message: "initdb failed" })
  })
  let child: ChildProcess | undefined
  const stop = Effect.promise(async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGQUIT")
    await once(child, "exit")
  })
  yield* Effect.addFinalizer(() => stop)
  const isReady = Effect.retry(
    Effect.try({
      try: () => execFileSync(join(bin, "pg_isready"), ["-h", "127.0.0.1", "-p", `${port}`], { stdio: "ignore" }),
      catch: () => new NoPostgres({ message: `postgres does not become ready (exit code ${child?.exitCode})` })
    }),
    Schedule.spaced("200 millis").pipe(Schedule.upTo({ times: 100 }))
  )
  const start = Effect.andThen(
    Effect.sync(() => {
      child = spawn(join(bin, "postgres"), ["-D", data, "-p", `${port}`, "-h", "127.0.0.1", "-k", folder], {
        ...rights,
        cwd: folder,
        stdio: "ignore"
      })
    }),
    isReady
  )
  yield* start
  return {
    /** Ends the server as if it had crashed. */
    stop,
    /** Starts it again, over the same data. */
    start: Effect.orDie(start),
    /** Makes an empty database, and gives its URL. */
    database: (name: string) =>
      Effect.sync(() => {
        execFileSync(join(bin, "createdb"), ["-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres", name], {
          cwd: folder
        })
        return `postgres://postgres@127.0.0.1:${port}/${name}`
      })
  }
})
