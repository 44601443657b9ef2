/** A PostgreSQL server of one's own: installed where it is missing and can be, on a loopback port, in a folder that is gone after it. */
import { Effect, Schedule } from "effect"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chownSync, globSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, delimiter, dirname, join } from "node:path"
import * as Debian from "./debian.ts"

/** Of the newest version first; distributions keep its programs out of the path. */
const folders = (): ReadonlyArray<string> => [
  ...(process.env["PATH"] ?? "").split(delimiter),
  ...globSync("/usr/lib/postgresql/*/bin").toSorted((a, b) =>
    Number(basename(dirname(b))) - Number(basename(dirname(a)))
  )
]

const programs = ["initdb", "postgres", "pg_isready", "createdb"]

/** The folder that has all of its programs. */
const folderOf = (): string | undefined =>
  folders().find((folder) => programs.every((name) => Debian.find([name], [folder]) !== undefined))

/** Starts a PostgreSQL that ends with the scope, and gives its URL. */
export const make = Effect.gen(function*() {
  const bin = yield* Debian.installed("PostgreSQL", folderOf, ["postgresql"])
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-openrouter-postgres-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  // It refuses to run with all rights.
  const rights = Debian.nobody()
  if (rights.uid !== undefined && rights.gid !== undefined) chownSync(folder, rights.uid, rights.gid)
  const data = join(folder, "data")
  const port = yield* Debian.freePort
  yield* Effect.try({
    try: () =>
      execFileSync(join(bin, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], {
        ...rights,
        cwd: folder,
        stdio: "ignore"
      }),
    catch: () => new Debian.Missing({ message: "initdb failed" })
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
      catch: () => new Debian.Missing({ message: `postgres does not become ready (exit code ${child?.exitCode})` })
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
