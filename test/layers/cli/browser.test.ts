/** Pages in a headless Chromium, where there is one: in the path, or named by `CHROMIUM`. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import { CostLedger, Costs, Report, Usd } from "effect-openrouter"
import { spawnSync } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { inFolder } from "./support.ts"

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]

const found = [process.env["CHROMIUM"] ?? ""].concat(
  (process.env["PATH"] ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)))
).find((path) => path !== "" && existsSync(path))

const entries = (count: number): ReadonlyArray<CostLedger.Entry> =>
  Array.from({ length: count }, (_, n) => ({
    _tag: "Entry",
    id: String(n),
    time: DateTime.makeUnsafe(1_800_000_000_000 + n * 20),
    scopes: ["run", `tick ${n % 10}`, `character ${n % 30}`],
    tags: {},
    model: "openai/gpt-5",
    outcome: n % 9 === 0 ? "Refused" : "Completed",
    attempt: 1,
    duration: Duration.millis(300 + n % 13 * 100),
    waited: Duration.millis(n % 5 * 50),
    cost: Usd.make("0.0001"),
    costs: { ...Costs.zero, calls: 1, failures: n % 9 === 0 ? 1 : 0, cost: Usd.make("0.0001") }
  }))

/** The page as it is when its script has run. */
const opened = (chromium: string, page: string): string =>
  spawnSync(chromium, ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", `file://${page}`], {
    encoding: "utf8",
    timeout: 60_000,
    maxBuffer: 2 ** 26
  }).stdout

describe(
  found === undefined
    ? "a page in a browser (skipped: no Chromium in the path, CHROMIUM names none)"
    : "a page in a browser",
  { timeout: 90_000 },
  () => {
    it.skipIf(found === undefined).each([100, 20_001])(
      "draws %d calls, with the figures of the ledger",
      (count) =>
        inFolder((path) => {
          const lines = entries(count)
          const report = CostLedger.reportOf(lines)
          writeFileSync(path("page.html"), Report.toHtml(lines))
          const dom = opened(found ?? "", path("page.html"))
          assert.include(dom, "data-ready=\"true\"")
          assert.include(dom, `data-name="Cost">${report.cost}</dd>`)
          assert.include(dom, `data-name="Calls">${report.calls.toLocaleString("en")}</dd>`)
          assert.match(dom, /title="run: \$/)
          // The whole, the run, 10 ticks with 3 characters each.
          assert.strictEqual(dom.split("data-depth=").length - 1, 42)
          return Promise.resolve()
        })
    )
  }
)
