/** A PostgreSQL server of one's own: installed where it is missing and can be, on a loopback port, in a folder that is gone after it. */
import { Effect, Schedule, Schema } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Debian from "../debian.ts"

/** There is no PostgreSQL here, and why. */
export class NoPostgres extends Schema.TaggedError<NoPostgres>()("NoPostgres", { message: Schema.String }) {}

const versions = "/usr/lib/postgresql"

/** Where the programs of the newest version are. */
const folderOf = (): string | undefined => {
  if (!existsSync(versions)) return undefined
  const [newest] = readdirSync(versions).toSorted((a, b) => Number(b) - Number(a))
  const folder = join(versions, newest ?? "", "bin")
  return existsSync(join(folder, "initdb")) ? folder : undefined
}

const installed = Debian.installed("PostgreSQL", folderOf, ["postgresql"]).pipe(
  Effect.mapError(({ message }) => new NoPostgres({ message }))
)

/** Starts a PostgreSQL that ends with the scope; gives its URL. */
export const make = Effect.gen(function*() {
  const programs = yield* installed
  const rights = Debian.nobody()
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-openrouter-postgres-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  if (rights.uid !== undefined && rights.gid !== undefined) chownSync(folder, rights.uid, rights.gid)
  yield* Effect.try({
    try: () =>
      execFileSync(
        join(programs, "initdb"),
        ["-D", join(folder, "data"), "-U", "postgres", "-A", "trust", "--no-sync"],
        {
          ...rights,
          cwd: folder,
          stdio: "ignore"
        }
      ),
    catch: (cause) => new NoPostgres({ message: `initdb failed: ${String(cause)}` })
  })
  const port = yield* Debian.freePort
  const settings = ["-D", join(folder, "data"), "-p", `${port}`, "-h", "127.0.0.1", "-k", folder, "-F"]
  const child = spawn(join(programs, "postgres"), settings, { ...rights, cwd: folder, stdio: "ignore" })
  yield* Effect.addFinalizer(() =>
    Effect.promise(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill("SIGQUIT")
      await once(child, "exit")
    })
  )
  const isReady = Effect.try({
    try: () => execFileSync(join(programs, "pg_isready"), ["-h", "127.0.0.1", "-p", `${port}`], { stdio: "ignore" }),
    catch: () => new NoPostgres({ message: "PostgreSQL does not become ready" })
  })
  yield* Effect.retry(isReady, { schedule: Schedule.spaced("200 millis"), times: 100 })
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres` }
})
