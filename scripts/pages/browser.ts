/** A headless Chromium: the one that is installed, or Debian's, which is installed where it is missing and can be. */
import { Effect, Schema } from "effect"
import { execFileSync } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { type Browser, chromium } from "playwright-core"

/** There is no Chromium here, and why. */
export class NoBrowser extends Schema.TaggedError<NoBrowser>()("NoBrowser", { message: Schema.String }) {}

const names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]

const find = (names: ReadonlyArray<string>): string | undefined => {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
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

const apt = (...args: ReadonlyArray<string>) =>
  Effect.try({
    try: () =>
      execFileSync(isRoot ? "apt-get" : "sudo", [...(isRoot ? [] : ["-n", "apt-get"]), "-qq", ...args], {
        stdio: "ignore",
        timeout: 300_000,
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
      }),
    catch: () => new NoBrowser({ message: "Chromium is not installed, and apt-get could not install it" })
  })

const installed = Effect.suspend(() => {
  const found = find(names)
  if (found !== undefined) return Effect.succeed(found)
  if (find(["apt-get"]) === undefined || !isRoot && find(["sudo"]) === undefined) {
    return Effect.fail(new NoBrowser({ message: "Chromium is not installed, and there is no way to install it" }))
  }
  const install = apt("install", "-y", "--no-install-recommends", "chromium-headless-shell", "fonts-dejavu-core")
  return Effect.catch(install, () => Effect.andThen(apt("update"), install)).pipe(
    Effect.flatMap(() => {
      const path = find(names)
      return path === undefined
        ? Effect.fail(new NoBrowser({ message: "Chromium was installed, but is not in the path" }))
        : Effect.succeed(path)
    })
  )
})

/** Starts a browser that ends with the scope. */
export const make = Effect.gen(function*() {
  const executablePath = yield* installed
  return yield* Effect.acquireRelease(
    Effect.tryPromise({
      // Chromium has no sandbox for root.
      try: () => chromium.launch({ executablePath, chromiumSandbox: !isRoot, timeout: 30_000 }),
      catch: (cause) => new NoBrowser({ message: `Chromium cannot be started: ${String(cause).split("\n")[0]}` })
    }),
    (browser: Browser) => Effect.promise(() => browser.close())
  )
})
