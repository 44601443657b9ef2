/** What the scripts need that start programs of their own: programs of the system, installed where they are missing and can be. */
import { Effect, Schema } from "effect"
import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { accessSync, constants } from "node:fs"
import { createServer } from "node:net"
import { delimiter, join } from "node:path"

/** A program is not there, and why. */
export class Missing extends Schema.TaggedError<Missing>()("Missing", { message: Schema.String }) {}

/** The first of these programs that is in one of the folders; by default those of the path. */
export const find = (
  names: ReadonlyArray<string>,
  folders: ReadonlyArray<string> = (process.env["PATH"] ?? "").split(delimiter)
): string | undefined => {
  for (const folder of folders) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return join(folder, name)
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined
}

const isRoot = process.getuid?.() === 0

const apt = (program: string, ...args: ReadonlyArray<string>) =>
  Effect.try({
    try: () =>
      execFileSync(isRoot ? "apt-get" : "sudo", [...(isRoot ? [] : ["-n", "apt-get"]), "-qq", ...args], {
        stdio: "ignore",
        timeout: 300_000,
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
      }),
    catch: () => new Missing({ message: `${program} is not installed, and apt-get could not install it` })
  })

/** Where a program is, which is installed by apt with these packages if it is not there. */
export const installed = (
  program: string,
  where: () => string | undefined,
  packages: ReadonlyArray<string>
): Effect.Effect<string, Missing> =>
  Effect.suspend(() => {
    const found = where()
    if (found !== undefined) return Effect.succeed(found)
    if (find(["apt-get"]) === undefined || !isRoot && find(["sudo"]) === undefined) {
      return Effect.fail(new Missing({ message: `${program} is not installed, and there is no way to install it` }))
    }
    const install = apt(program, "install", "-y", "--no-install-recommends", ...packages)
    return Effect.catch(install, () => Effect.andThen(apt(program, "update"), install)).pipe(
      Effect.flatMap(() => {
        const path = where()
        return path === undefined
          ? Effect.fail(new Missing({ message: `${program} was installed, and is not where it should be` }))
          : Effect.succeed(path)
      })
    )
  })

/** A port of this machine that nobody uses now. */
export const freePort: Effect.Effect<number> = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  return typeof address === "object" && address !== null ? address.port : 0
})

/** Servers need no rights, so they get none where we have all. */
export const nobody = (): { readonly uid?: number; readonly gid?: number } =>
  isRoot
    ? {
      uid: Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" })),
      gid: Number(execFileSync("id", ["-g", "nobody"], { encoding: "utf8" }))
    }
    : {}
