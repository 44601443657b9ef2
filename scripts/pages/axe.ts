/** What `axe-core` has to say about a page, as it is now. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { Page } from "playwright-core"

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: ReadonlyArray<{ readonly html: string }>
}

/** Runs in the page; of its result only what is shown is taken out. */
const run = `axe.run().then(({ passes, violations }) => JSON.stringify({
  passes: passes.length,
  violations: violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 2).map(({ html }) => ({ html })) }))
}))`

/** Its findings in one line; undefined if there are none. A page that it finds nothing to look at in is a finding as well. */
export const findings = async (page: Page): Promise<string | undefined> => {
  await page.evaluate(source)
  const { passes, violations }: { readonly passes: number; readonly violations: ReadonlyArray<Violation> } = JSON.parse(
    String(await page.evaluate(run))
  )
  if (passes < 10) return `only ${passes} of its rules apply`
  if (violations.length === 0) return undefined
  return violations.map(({ id, impact, nodes }) =>
    `${id} (${impact}): ${nodes.map(({ html }) => html.slice(0, 80)).join(" ")}`
  )
    .join("; ")
}
