/** What people see and do on a page of calls, how soon it is there, and whether its figures are those of the ledger. */
import { Effect } from "effect"
import { CostLedger, Report } from "effect-openrouter"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type { Browser, Page } from "playwright-core"
import type { Report as Checks } from "../conformance/report.ts"
import * as Axe from "./axe.ts"
import * as Calls from "./calls.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

const widths = [1280, 420]

const schemes = ["light", "dark"] as const

/** How a window is. */
interface Look {
  readonly width: number
  readonly colorScheme: "light" | "dark"
}

/** Milliseconds in which a page of 10,000 calls is there, of the quickest of five times: others share the machine. */
const soon = 1000

const largest = 2_000_000

/** Runs a check in a window of its own, in which the page is open. */
const inWindow = (
  browser: Browser,
  report: Checks,
  name: string,
  path: string,
  { colorScheme, width }: Look,
  use: (page: Page) => Promise<string | undefined>
) =>
  Effect.promise(async () => {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme })
    context.setDefaultTimeout(10_000)
    const title = `${name} (${width} px, ${colorScheme})`
    try {
      const page = await context.newPage()
      const problems: Array<string> = []
      page.on("pageerror", (error) => problems.push(error.message))
      page.on("console", (message) => {
        if (message.type() === "error") problems.push(message.text())
      })
      page.on("request", (request) => {
        if (request.url().split("#")[0] !== pathToFileURL(path).href) problems.push(`it asks for ${request.url()}`)
      })
      await page.goto(pathToFileURL(path).href)
      if (await page.locator("html").getAttribute("data-ready") !== "true") problems.push("its script did not end")
      report.check(title, await use(page) ?? problems[0])
    } catch (error) {
      report.check(title, String(error))
    } finally {
      await context.close()
    }
  })

/** A page that is wider than its window has a scroll bar that nobody wants. */
const excessOf = async (page: Page): Promise<string | undefined> => {
  const excess = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))
  return excess <= 0 ? undefined : `${excess} px too wide`
}

/** How many pixels of a canvas have the color of a variable of the page. */
const pixelsOf = async (page: Page, canvas: string, name: string): Promise<number> =>
  Number(
    await page.evaluate(`(() => {
      const canvas = document.getElementById("${canvas}")
      const color = getComputedStyle(document.documentElement).getPropertyValue("--${name}").trim()
      const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16))
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
      let count = 0
      for (let at = 0; at < data.length; at += 4) if (data[at] === r && data[at + 1] === g && data[at + 2] === b) count++
      return count
    })()`)
  )

const textOf = async (page: Page, name: string): Promise<string | null> =>
  await page.locator(`[data-name="${name}"]`).textContent()

/** The figures of a page that are not those of the ledger. */
const wrongFigures = async (page: Page, lines: ReadonlyArray<CostLedger.Line>): Promise<string | undefined> => {
  const ledger = CostLedger.reportOf(lines)
  const counted = (n: number) => n.toLocaleString("en")
  const expected = [
    ["Cost", String(ledger.cost)],
    ["Calls", counted(ledger.calls)],
    ["Failed", counted(ledger.failures)],
    ["Unknown", counted(ledger.unknown)],
    ["Tokens in", counted(ledger.inputTokens)],
    ["Tokens out", counted(ledger.outputTokens)],
    ...(ledger.savedCalls === 0 ? [] : [["Saved", String(ledger.saved)] as const])
  ] as const
  for (const [name, value] of expected) {
    const text = await textOf(page, name)
    if (text !== value) return `${name} is ${text}, not ${value}`
  }
  const [, cost, calls] = await page.locator("#scopes tbody tr").first().locator("th, td").allTextContents()
  return cost === String(ledger.cost) && calls === counted(ledger.calls)
    ? undefined
    : `the scope says ${cost}, ${calls}`
}

const trailOf = (page: Page) => page.locator("#trail button").allTextContents().then((names) => names.join(" › "))

const focused = async (page: Page): Promise<string> =>
  String(await page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.tagName"))

/** The way is in the address, which tells of a change a little later. */
const isTrail = async (page: Page, expected: string, how: string): Promise<void> => {
  const end = performance.now() + 2000
  for (;;) {
    const trail = await trailOf(page)
    if (trail === expected) return
    if (performance.now() > end) throw new Error(`${how}: one is at ${trail}, not at ${expected}`)
  }
}

const useIcicle = async (page: Page): Promise<string | undefined> => {
  const bars = page.locator("#icicle button")
  const tick = await page.locator("#scopes tbody tr").nth(1).locator("th").textContent() ?? ""
  await bars.nth(1).click()
  await isTrail(page, `The town › ${tick}`, "a bar is chosen")
  if (!(await focused(page)).startsWith(tick)) return "the focus is lost"
  await page.keyboard.press("ArrowDown")
  const phase = (await focused(page)).split(/[ :]/)[0] ?? ""
  await page.keyboard.press("Enter")
  await isTrail(page, `The town › ${tick} › ${phase}`, "Enter")
  await page.keyboard.press("Escape")
  await isTrail(page, `The town › ${tick}`, "Escape")
  await page.goBack()
  await isTrail(page, `The town › ${tick} › ${phase}`, "back")
  await page.reload()
  await isTrail(page, `The town › ${tick} › ${phase}`, "reload")
  await bars.first().click()
  await isTrail(page, `The town › ${tick}`, "its own bar")
  await page.locator("#trail button").first().click()
  await isTrail(page, "The town", "the way above")
  await page.locator("#scopes").getByRole("button", { name: tick, exact: true }).click()
  await isTrail(page, `The town › ${tick}`, "the table")
  const stops = await page.locator("#icicle button[tabindex=\"0\"], #icicle button:not([tabindex])").count()
  return stops === 1 ? undefined : `there are ${stops} stops of the Tab key in it`
}

const useTimeline = async (page: Page): Promise<string | undefined> => {
  const [shown, tip, timeline] = [page.locator("#shown"), page.locator("#tip"), page.locator("#timeline")]
  await timeline.scrollIntoViewIfNeeded()
  for (const kind of ["answered", "failed", "waiting"]) {
    if (await pixelsOf(page, "timeline", kind) < 20) return `nothing is drawn as ${kind}`
    if (await pixelsOf(page, "overview", kind) < 5) return `nothing is drawn as ${kind} above`
  }
  await timeline.hover({ position: { x: 12, y: 12 } })
  await tip.waitFor()
  if (
    !/^tick 1 › perceive › .*(ms|s).*\$0\.\d+, google\/.*came at 09:30:00\.\d{3} UTC$/.test(
      await tip.innerText().then((text) => text.replaceAll("\n", " "))
    )
  ) {
    return `the tooltip says ${await tip.innerText()}`
  }
  await page.mouse.move(0, 0)
  await tip.waitFor({ state: "hidden" })
  await timeline.focus()
  await page.keyboard.press("ArrowRight")
  const first = await page.locator("#picked").textContent()
  await page.keyboard.press("ArrowRight")
  const second = await page.locator("#picked").textContent()
  if (!first?.startsWith("tick 1 ›") || second === first) return `the keyboard leads to ${first}, then to ${second}`
  await page.keyboard.press("Escape")
  const before = await shown.textContent()
  await page.getByRole("button", { name: "Closer", exact: true }).click()
  if (await shown.textContent() === before) return "nothing is closer"
  await page.getByRole("button", { name: "Later", exact: true }).click()
  await page.getByRole("button", { name: "All", exact: true }).click()
  if (!(await shown.textContent())?.startsWith("all of ")) return `all is ${await shown.textContent()}`
  const box = await timeline.boundingBox()
  if (box === null) return "there is no timeline"
  await page.mouse.move(box.x + box.width * 0.25, box.y + 60)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 4 })
  await page.mouse.up()
  return (await shown.textContent())?.startsWith("all of ") ? "dragging does nothing" : undefined
}

/** Milliseconds from the beginning of the navigation until all is drawn. */
const openedIn = async (browser: Browser, path: string): Promise<number> => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  try {
    // A frame that is asked for in a frame comes when the one before has been painted.
    await page.addInitScript(`addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(() => {
      window.isDrawn = document.documentElement.dataset.ready === "true" ? performance.now() : NaN
    })))`)
    await page.goto(pathToFileURL(path).href)
    for (;;) {
      const drawn = Number(await page.evaluate("window.isDrawn ?? -1"))
      if (drawn !== -1) return drawn
    }
  } finally {
    await page.close()
  }
}

const checkSpeed = (browser: Browser, report: Checks, path: string) =>
  Effect.promise(async () => {
    const size = readFileSync(path).length
    const times: Array<number> = []
    for (let n = 0; n < 5; n++) times.push(await openedIn(browser, path))
    const best = Math.min(...times)
    report.note(
      `10,000 calls: ${(size / 1e6).toFixed(2)} MB, open in ${Math.round(best)} ms at best (${
        times.map((time) => Math.round(time)).join(", ")
      })`
    )
    report.check("10,000 calls are in at most 2 MB", size <= largest ? undefined : `${size} bytes`)
    report.check(`10,000 calls are drawn within ${soon} ms`, best < soon ? undefined : `${best} ms`)
  })

/** The page that the town writes, and what it says that it cost. */
const checkTown = (browser: Browser, report: Checks, folder: string) =>
  Effect.suspend(() => {
    const path = join(folder, "town.html")
    const args = ["--import", "./scripts/resolve-sources.ts", "examples/town/main.ts"]
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [...args, "--json", "--ticks", "1", "--characters", "4", "--report", path],
      { cwd: root, encoding: "utf8", timeout: 60_000 }
    )
    if (status !== 0) {
      return Effect.sync(() => report.check("the town writes its page", `exit code ${status}: ${stderr}`))
    }
    const told: { readonly costs: { readonly inputTokens: number; readonly cost: string } } = JSON.parse(stdout)
    return inWindow(
      browser,
      report,
      "the page of the town",
      path,
      { width: 1280, colorScheme: "light" },
      async (page) => {
        const [cost, tokens] = [await textOf(page, "Cost"), await textOf(page, "Tokens in")]
        return cost === `$${told.costs.cost}` && tokens === told.costs.inputTokens.toLocaleString("en")
          ? undefined
          : `${tokens} tokens, ${cost}, and the town says ${told.costs.inputTokens}, ${told.costs.cost}`
      }
    )
  })

/** Names as nobody should choose them. */
const odd = (): ReadonlyArray<CostLedger.Line> =>
  Calls.make(60).map((entry, index) => ({
    ...entry,
    model: `${"a-model-of-an-endless-name/".repeat(4)}${index % 3}`,
    servedModel: "<b>bold</b>",
    scopes: index % 4 === 0
      ? []
      : Array.from({ length: index % 4 === 1 ? 14 : 2 }, (_, depth) =>
        `${"inside of the ".repeat(8)}${depth} & <i>"more"</i>`)
  }))

/** Checks all; files are in a folder that is gone afterwards. */
export const check = (browser: Browser, report: Checks) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-openrouter-pages-"))),
    Effect.fnUntraced(function*(folder) {
      const write = (name: string, lines: ReadonlyArray<CostLedger.Line>) => {
        const path = join(folder, `${name}.html`)
        writeFileSync(path, Report.toHtml(lines, { title: "The town" }))
        return { name, lines, path }
      }
      const few = write("100 calls", Calls.make(100))
      const many = write("10,000 calls", Calls.make(10_000))
      const tooMany = write("30,000 calls", Calls.make(30_000))
      const pages = [write("no calls", []), write("one call", Calls.make(1)), few, many, tooMany]
      for (const width of widths) {
        for (const colorScheme of schemes) {
          const look = { width, colorScheme }
          for (const { lines, name, path } of pages) {
            yield* inWindow(
              browser,
              report,
              `${name} have the figures of the ledger, and fit`,
              path,
              look,
              async (page) =>
                lines.length < 2 ? await excessOf(page) : await wrongFigures(page, lines) ?? await excessOf(page)
            )
          }
          const strange = write("odd names", odd())
          yield* inWindow(browser, report, "odd names fit", strange.path, look, excessOf)
          yield* inWindow(browser, report, "scopes can be looked into", many.path, look, useIcicle)
          yield* inWindow(browser, report, "calls can be looked at", many.path, look, useTimeline)
          yield* inWindow(browser, report, "everybody can read and use it", few.path, look, async (page) => {
            const whole = await Axe.findings(page)
            if (whole !== undefined) return whole
            await page.locator("#icicle button").nth(1).click()
            await page.locator("button.all").first().click()
            await page.locator("#timeline").focus()
            await page.keyboard.press("ArrowRight")
            const inside = await Axe.findings(page)
            return inside === undefined ? undefined : `looked into: ${inside}`
          })
        }
      }
      yield* inWindow(browser, report, "too many calls are said to be", tooMany.path, {
        width: 1280,
        colorScheme: "light"
      }, async (page) => {
        const text = await page.locator("main").innerText()
        if (await page.locator("#timeline").count() !== 0) return "each is drawn"
        if (await pixelsOf(page, "overview", "answered") < 1000) return "nothing is drawn"
        return text.includes("All figures of this page count every call.") ? undefined : "nobody says so"
      })
      const size = readFileSync(tooMany.path).length
      report.note(`30,000 calls: ${(size / 1e6).toFixed(2)} MB`)
      report.check("30,000 calls are in at most 2 MB", size <= largest ? undefined : `${size} bytes`)
      yield* checkSpeed(browser, report, many.path)
      yield* checkTown(browser, report, folder)
    }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )

/** Takes the pictures of the docs: what it cost, and in the dark when it ran. */
export const pictures = (browser: Browser, folder: string) =>
  Effect.promise(async () => {
    const files = mkdtempSync(join(tmpdir(), "effect-openrouter-pages-"))
    const open = async (count: number, colorScheme: Look["colorScheme"]) => {
      const path = join(files, `${count}.html`)
      writeFileSync(path, Report.toHtml(Calls.make(count), { title: "The town" }))
      const page = await browser.newPage({ viewport: { width: 1000, height: 720 }, colorScheme })
      await page.goto(pathToFileURL(path).href)
      return page
    }
    try {
      const costs = await open(120, "light")
      await costs.screenshot({ path: join(folder, "report.png") })
      await costs.close()
      const time = await open(600, "dark")
      await time.evaluate("scrollTo(0, document.getElementById('h-time').getBoundingClientRect().top - 12)")
      await time.locator("#timeline").hover({ position: { x: 520, y: 199 } })
      await time.screenshot({ path: join(folder, "report-timeline.png") })
      await time.close()
    } finally {
      rmSync(files, { recursive: true })
    }
  })
