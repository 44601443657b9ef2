/** What a person sees, hears and does on the page of the backend. */
import { Effect } from "effect"
import type { Browser, BrowserContext, Page } from "playwright-core"
import type { Report } from "../conformance/report.ts"
import * as Axe from "./axe.ts"
import type { Backend } from "./backend.ts"

/** A page that is open, and what went wrong in it that nobody saw. */
interface Open {
  readonly page: Page
  readonly problems: Array<string>
}

const within = 10_000

/** Runs a check in a browser window of its own, so by a user of its own. */
const inWindow = (
  browser: Browser,
  backend: Backend,
  report: Report,
  name: string,
  use: (open: Open, context: BrowserContext) => Promise<string | undefined>
) =>
  Effect.promise(async () => {
    const context = await browser.newContext({ viewport: { width: 760, height: 560 } })
    context.setDefaultTimeout(within)
    try {
      const page = await context.newPage()
      const problems: Array<string> = []
      page.on("pageerror", (error) => problems.push(error.message))
      // A status that is no success is a line in the console as well, and no fault of the page.
      page.on("console", (message) => {
        if (message.type() === "error" && !message.text().includes("Failed to load resource")) {
          problems.push(message.text())
        }
      })
      await page.goto(backend.url, { waitUntil: "networkidle" })
      report.check(name, await use({ page, problems }, context) ?? problems[0])
    } catch (error) {
      report.check(name, String(error))
    } finally {
      await context.close()
    }
  })

const ask = async (page: Page, question: string) => {
  await page.getByLabel("Your question").fill(question)
  await page.keyboard.press("Enter")
}

const answerOf = (page: Page) => page.locator("#answer").textContent().then((text) => text ?? "")

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Asks again and again, from outside: the page's policy does not let anybody evaluate text in it later. */
const until = async (what: string, isSo: () => Promise<boolean>) => {
  const end = performance.now() + within
  while (!await isSo()) {
    if (performance.now() > end) throw new Error(`${what} within ${within} ms`)
    await pause(10)
  }
}

const untilText = (page: Page, length: number) =>
  until(`no answer of ${length} characters`, async () => (await answerOf(page)).length >= length)

const untilEnd = (page: Page) =>
  until("no end", async () => await page.locator("#answer").getAttribute("aria-busy") === "false")

/** Waits until OpenRouter has no open call; gives how long that took, in milliseconds. */
const untilQuiet = async ({ emulator }: Backend) => {
  const begin = performance.now()
  while (await Effect.runPromise(emulator.openRequests) > 0) {
    if (performance.now() - begin > within) return Number.POSITIVE_INFINITY
    await pause(20)
  }
  return performance.now() - begin
}

const isOpen = async ({ emulator }: Backend) => await Effect.runPromise(emulator.openRequests) === 1

/** An answer lasts several seconds, so one that ends this early was stopped. */
const soon = 1_500

export const checkText = (browser: Browser, backend: Backend, report: Report) =>
  inWindow(browser, backend, report, "text appears as it arrives", async ({ page }) => {
    await ask(page, "Hello")
    await untilText(page, 20)
    const early = await answerOf(page)
    if (await page.locator("#answer").getAttribute("aria-busy") !== "true") return "it is not busy while it is written"
    await untilText(page, early.length + 20)
    const later = await answerOf(page)
    if (!await isOpen(backend)) return "the answer came at once"
    await untilEnd(page)
    const whole = await answerOf(page)
    if (!later.startsWith(early) || !whole.startsWith(later)) return "the text does not grow"
    if (!whole.endsWith("before it asks.")) return `the text ends with ${whole.slice(-20)}`
    if (await page.getByRole("status").textContent() !== "Done.") return "nobody says that it is done"
    const spending = await page.locator("#spending").textContent()
    return /^\$0\.000[1-9] of \$0\.0200 spent today$/.test(spending ?? "") ? undefined : `spending: ${spending}`
  })

export const checkLeaving = (browser: Browser, backend: Backend, report: Report) =>
  Effect.gen(function*() {
    const leaves = (name: string, leave: (page: Page) => Promise<unknown>) =>
      inWindow(browser, backend, report, `${name} stops the call`, async ({ page }) => {
        await ask(page, "Hello")
        await untilText(page, 20)
        if (!await isOpen(backend)) return "there is no call to stop"
        await leave(page)
        const millis = await untilQuiet(backend)
        return millis < soon ? undefined : `OpenRouter was left after ${millis} ms`
      })
    yield* leaves("closing the page", (page) => page.close())
    yield* leaves("going elsewhere", (page) => page.goto("about:blank"))
    yield* leaves("Stop", (page) => page.getByRole("button", { name: "Stop" }).click())
    yield* leaves("Escape", (page) => page.keyboard.press("Escape"))
    yield* inWindow(browser, backend, report, "a stopped answer keeps its text", async ({ page }) => {
      await ask(page, "Hello")
      await untilText(page, 20)
      await page.keyboard.press("Escape")
      await untilEnd(page)
      if ((await answerOf(page)).length < 20) return "the text is gone"
      if (await page.getByRole("alert").textContent() !== "") return "it looks like a failure"
      return await page.getByRole("status").textContent() === "Stopped." ? undefined : "nobody says that it stopped"
    })
    yield* inWindow(browser, backend, report, "a second question takes the place of the first", async ({ page }) => {
      await ask(page, "Hello")
      await untilText(page, 20)
      await ask(page, "Hello again")
      await untilText(page, 40)
      if (!await isOpen(backend)) return "the first call goes on"
      await untilEnd(page)
      const text = await answerOf(page)
      return text.split("This is OpenRouter").length === 2 ? undefined : "two answers are mixed"
    })
  })

export const checkFailure = (
  browser: Browser,
  backend: Backend,
  report: Report,
  { question, tag, title, retries, text = "" }: {
    readonly question: string
    readonly tag: string
    readonly title: string
    readonly retries: boolean
    readonly text?: string
  }
) =>
  inWindow(browser, backend, report, `${tag} has a face (${question})`, async ({ page }) => {
    await ask(page, question)
    const alert = page.getByRole("alert")
    await alert.getByText(title).waitFor()
    if (await alert.getAttribute("data-tag") !== tag) return `it is ${await alert.getAttribute("data-tag")}`
    if (await page.getByRole("button", { name: "Ask again" }).isVisible() !== retries) return "the button is wrong"
    await untilEnd(page)
    if (text !== "" && (await answerOf(page)).length === 0) return "the beginning of the answer is gone"
    return await page.getByLabel("Your question").inputValue() === question ? undefined : "the question is gone"
  })

export const checkBudget = (browser: Browser, backend: Backend, report: Report) =>
  inWindow(browser, backend, report, "a used-up budget has a face, and is a user's own", async ({ page }) => {
    const alert = page.getByRole("alert")
    for (let asked = 0; asked < 10 && await alert.textContent() === ""; asked++) {
      await ask(page, "/budget")
      await pause(50)
      await untilEnd(page)
    }
    const said = await alert.textContent() ?? ""
    if (!/^That was all for today.*Try again in \d+ (hours|minutes|seconds)\.$/.test(said)) return `it says ${said}`
    if (await page.getByRole("button", { name: "Ask again" }).isVisible()) return "it offers to ask again"
    const before = (await Effect.runPromise(backend.emulator.requests)).length
    await ask(page, "/budget")
    await pause(50)
    await untilEnd(page)
    const after = (await Effect.runPromise(backend.emulator.requests)).length
    if (after !== before) return "OpenRouter was asked"
    const other = await browser.newContext()
    try {
      const window = await other.newPage()
      await window.goto(backend.url, { waitUntil: "networkidle" })
      await ask(window, "Hello")
      await untilText(window, 5)
    } finally {
      await other.close()
    }
    return undefined
  })

export const checkUse = (browser: Browser, backend: Backend, report: Report) =>
  Effect.gen(function*() {
    yield* inWindow(browser, backend, report, "the keyboard is enough", async ({ page }) => {
      await page.keyboard.type("One")
      await page.keyboard.press("Shift+Enter")
      await page.keyboard.type("Two")
      if (await page.getByLabel("Your question").inputValue() !== "One\nTwo") return "the question has not the focus"
      await page.keyboard.press("Tab")
      await page.keyboard.press("Enter")
      await untilText(page, 5)
      // From the question itself, where the focus begins.
      await page.getByLabel("Your question").focus()
      await page.keyboard.press("Tab")
      await page.keyboard.press("Tab")
      const name = await page.evaluate("document.activeElement.textContent")
      if (name !== "Stop") return `the second stop is ${name}`
      await page.keyboard.press("Enter")
      await untilEnd(page)
      return await page.evaluate("document.activeElement.id") === "question" ? undefined : "the focus is lost"
    })
    yield* inWindow(browser, backend, report, "a screen reader finds its way", async ({ page }) => {
      const tree = await page.locator("body").ariaSnapshot()
      const missing = ["main", "heading \"Ask\"", "textbox \"Your question\"", "button \"Ask\"", "region \"Answer\""]
        .filter((part) => !tree.includes(part))
      if (missing.length > 0) return `${missing.join(", ")} is missing in ${tree}`
      return await page.locator("#answer").getAttribute("aria-live") === "polite" ? undefined : "answers are not read"
    })
    for (const colorScheme of ["light", "dark"] as const) {
      yield* inWindow(browser, backend, report, `${colorScheme}: everybody can read and use it`, async ({ page }) => {
        await page.emulateMedia({ colorScheme })
        await ask(page, "/long")
        await page.getByRole("alert").getByText("That is too long").waitFor()
        return await Axe.findings(page)
      })
    }
    yield* inWindow(browser, backend, report, "a narrow window has no horizontal scroll bar", async ({ page }) => {
      await page.setViewportSize({ width: 320, height: 560 })
      await ask(page, "Hello")
      await untilText(page, 60)
      const excess = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
      return Number(excess) <= 0 ? undefined : `${excess} px`
    })
    yield* inWindow(browser, backend, report, "a server that is away has a face", async ({ page }, context) => {
      await context.setOffline(true)
      await ask(page, "Hello")
      await page.getByRole("alert").getByText("The server cannot be reached").waitFor()
      await context.setOffline(false)
      await page.getByRole("button", { name: "Ask again" }).click()
      await untilText(page, 20)
      return undefined
    })
    yield* inWindow(browser, backend, report, "a browser without its name has a face", async ({ page }, context) => {
      await context.clearCookies()
      await ask(page, "Hello")
      await page.getByRole("alert").getByText("We do not know you").waitFor()
      return undefined
    })
  })

/** Takes the picture of the docs. */
export const picture = (browser: Browser, backend: Backend, path: string) =>
  Effect.promise(async () => {
    const context = await browser.newContext({ viewport: { width: 760, height: 500 }, colorScheme: "light" })
    try {
      const page = await context.newPage()
      await page.goto(backend.url, { waitUntil: "networkidle" })
      await ask(page, "What do I see here?")
      await untilText(page, 270)
      await page.screenshot({ path })
    } finally {
      await context.close()
    }
  })
