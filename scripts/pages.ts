/**
 * Opens pages in a headless Chromium and checks what people see and do there: that of `examples/backend`, where somebody asks,
 * leaves, and lets everything fail, and those of calls that `Report.toHtml` makes.
 *
 *     npm run pages                     the checks
 *     npm run pages -- --only report    those of one kind of page, `backend` or `report`
 *     npm run pages -- --screenshots    the pictures of the docs, made again
 *
 * It installs Debian's Chromium by apt where there is none. Where it cannot be had, nothing is checked. Ends with `N passed,
 * N failed`; the exit code is 1 where a check fails.
 */
import { Effect, Logger } from "effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Browser as Playwright } from "playwright-core"
import { make as makeReport } from "./conformance/report.ts"
import * as Backend from "./pages/backend.ts"
import * as Browser from "./pages/browser.ts"
import * as CallsPage from "./pages/calls-page.ts"
import * as Checks from "./pages/checks.ts"

const report = makeReport(console.log)

const { values } = parseArgs({ options: { only: { type: "string" }, screenshots: { type: "boolean" } } })

const images = fileURLToPath(new URL("../docs/images", import.meta.url))

/** Each has a backend of its own: what fails at one may close the gate for a while. */
const failures = [
  { question: "/busy", tag: "UpstreamUnavailable", title: "Nobody is there to answer", retries: true },
  { question: "/slow", tag: "UpstreamTimeout", title: "That took too long", retries: true },
  { question: "/cut", tag: "UpstreamFailed", title: "The answer broke off", retries: true, text: "the beginning" },
  { question: "/refuse", tag: "RequestRefused", title: "No answer to this", retries: false },
  { question: "/long", tag: "InputTooLarge", title: "That is too long", retries: false },
  { question: "/key", tag: "UpstreamMisconfigured", title: "Something is wrong on our side", retries: false }
]

const checkBackend = Effect.fnUntraced(function*(browser: Playwright) {
  const backend = yield* Backend.make()
  yield* Checks.checkText(browser, backend, report)
  yield* Checks.checkLeaving(browser, backend, report)
  yield* Checks.checkUse(browser, backend, report)
  for (const failure of failures) {
    yield* Effect.scoped(
      Effect.flatMap(Backend.make(), (backend) => Checks.checkFailure(browser, backend, report, failure))
    )
  }
  const poor = yield* Backend.make({ perUser: "0.0018" })
  yield* Checks.checkBudget(browser, poor, report)
})

const main = Effect.gen(function*() {
  const browser = yield* Browser.make
  if (values.screenshots === true) {
    yield* Checks.picture(browser, yield* Backend.make(), join(images, "backend.png"))
    return yield* CallsPage.pictures(browser, images)
  }
  if (values.only !== "backend") yield* CallsPage.check(browser, report)
  if (values.only !== "report") yield* checkBackend(browser)
  if (!report.finish()) process.exitCode = 1
}).pipe(
  Effect.scoped,
  Effect.provide(Logger.layer([])),
  Effect.catchTag("NoBrowser", ({ message }) => Effect.sync(() => report.note(`skipped: ${message}`)))
)

await Effect.runPromise(main)
