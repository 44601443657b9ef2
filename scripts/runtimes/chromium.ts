/** Pages in a headless Chromium: with the client over the Worker that has the key, and over the emulator on another origin. */
import { Effect } from "effect"
import type { Browser, Page } from "playwright-core"
import * as Emulated from "./emulator.ts"
import { type Places, type Result, timed } from "./programs/program.ts"

declare global {
  /** What `programs/page.ts` leaves in the page. */
  var runChecks: (name: string, places: Places) => Promise<ReadonlyArray<Result>>
}

/** Opens a page at an address, and gives it with all that it has got and sent, as text. */
const open = (browser: Browser, url: string) =>
  Effect.gen(function*() {
    const page = yield* Effect.acquireRelease(
      Effect.promise(() => browser.newPage()),
      (page) => Effect.promise(() => page.close())
    )
    const seen: Array<string | Promise<string>> = []
    page.on("request", (request) => seen.push(JSON.stringify([request.url(), request.headers(), request.postData()])))
    page.on("response", (response) => {
      seen.push(JSON.stringify(response.headers()))
      // What was given up has no body.
      seen.push(response.text().catch(() => ""))
    })
    yield* Effect.promise(async () => {
      await page.goto(url)
      await page.waitForFunction(() => "runChecks" in globalThis)
    })
    return { page, seen }
  })

const evaluate = (page: Page, client: string, places: Places) =>
  Effect.promise(() =>
    page.evaluate(([client, places]) => globalThis.runChecks(client, places), [client, places] as const)
  )

/** Runs the program in a page at an address, with each of these clients. */
export const program = (browser: Browser, url: string, clients: ReadonlyArray<string>, places: Places) =>
  Effect.gen(function*() {
    const { page } = yield* open(browser, url)
    return yield* Effect.forEach(
      clients,
      (client) => Effect.map(evaluate(page, client, places), (results) => ({ client, results }))
    )
  }).pipe(Effect.scoped)

/** The same, and looks for the key in what the page got and sent. */
export const withoutKey = (browser: Browser, url: string, client: string, places: Places) =>
  Effect.gen(function*() {
    const { page, seen } = yield* open(browser, url)
    const results = yield* evaluate(page, client, places)
    const check = yield* timed(
      "the key is in nothing that the page got or sent",
      Effect.promise(async () => {
        const texts = await Promise.all([...seen, page.content()])
        const found = texts.find((text) => text.includes(Emulated.key))
        if (found !== undefined || texts.length < 20) throw new Error(found ?? `only ${texts.length} texts`)
      })
    )
    return [...results, check]
  }).pipe(Effect.scoped)
