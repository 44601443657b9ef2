/** A headless Chromium: the one that is installed, or Debian's, which is installed where it is missing and can be. */
import { Effect, Schema } from "effect"
import { type Browser, chromium } from "playwright-core"
import * as Debian from "../debian.ts"

/** There is no Chromium here, and why. */
export class NoBrowser extends Schema.TaggedError<NoBrowser>()("NoBrowser", { message: Schema.String }) {}

const names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]

const installed = Debian.installed("Chromium", () => Debian.find(names), [
  "chromium-headless-shell",
  "fonts-dejavu-core"
]).pipe(Effect.mapError(({ message }) => new NoBrowser({ message })))

/** Starts a browser that ends with the scope. */
export const make = Effect.gen(function*() {
  const executablePath = yield* installed
  return yield* Effect.acquireRelease(
    Effect.tryPromise({
      // Chromium has no sandbox for root.
      try: () => chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0, timeout: 30_000 }),
      catch: (cause) => new NoBrowser({ message: `Chromium cannot be started: ${String(cause).split("\n")[0]}` })
    }),
    (browser: Browser) => Effect.promise(() => browser.close())
  )
})
