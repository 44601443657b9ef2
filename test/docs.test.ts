import { existsSync, readFileSync, rmSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Block, compile, documents, extract, run, writeBlocks } from "../scripts/docs.ts"
import { open } from "../scripts/programs.ts"

const root = new URL("../", import.meta.url)

const blocks = documents(root).flatMap((file) => extract(file, readFileSync(new URL(file, root), "utf8")))
const checked = blocks.filter((block) => block.mode !== "ignore")
const runnable = blocks.filter((block) => block.mode === "run")
const ignored = blocks.filter((block) => block.mode === "ignore")
const programs = open({ timeout: 19_000 })
afterAll(programs.close)

const at = (block: Block) => `${block.file}:${block.line}`

describe("the examples in README, docs and docstrings", () => {
  let directory: URL

  beforeAll(() => {
    directory = writeBlocks(root, checked)
  })

  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it("are there: README shows how to begin", () => {
    expect(blocks.filter((block) => block.file === "README.md").length).toBeGreaterThan(1)
  })

  it(`type-check (${checked.length} blocks)`, async () => {
    expect(await compile(root, directory, checked)).toEqual([])
  }, 120_000)

  it.each(runnable.map((block) => [at(block), block] as const))("%s runs", async (_, block) => {
    const { exitCode, output } = await run(programs, directory, block)
    expect(exitCode, output).toBe(0)
  }, 20_000)

  // Shown as skipped, so that the report tells how many examples nobody checks.
  it.skip.each(ignored.map(at))("%s is ignored", () => {})
})

describe("the situations of a test author", () => {
  const situations = blocks.filter(({ file, setup }) => file === "docs/testing.md" && setup !== undefined)

  it("are ten at least", () => expect(situations.length).toBeGreaterThanOrEqual(10))

  it.each(situations.map((block) => [at(block), block] as const))("%s has five lines at most", (_, { code }) => {
    expect(code.split("\n").length).toBeLessThanOrEqual(5)
    expect(Math.max(...code.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(120)
  })
})

describe("the links in README and docs", () => {
  const links = documents(root).filter((file) => file.endsWith(".md")).flatMap((file) => {
    const text = readFileSync(new URL(file, root), "utf8")
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = ""]) => target)
    return targets.map((target) => [file, target] as const)
  })

  it("are there", () => expect(links.length).toBeGreaterThan(0))

  it.each(links)("of %s lead to a file: %s", (file, target) => {
    expect(existsSync(new URL(target, new URL(file, root)))).toBe(true)
  })
})

describe("the extractor", () => {
  const fence = "```"

  it("finds fenced blocks in Markdown, with their lines and modes", () => {
    const text = `# Title
${fence}ts
const a = 1
${fence}
${fence}sh
npm test
${fence}
- item
  ${fence}ts ignore
  a fragment
  ${fence}
${fence}typescript run
const b = 2
${fence}
${fence}ts
// run
const c = 3
${fence}`
    expect(extract("docs/x.md", text)).toEqual([
      { file: "docs/x.md", line: 3, mode: "check", code: "const a = 1" },
      { file: "docs/x.md", line: 10, mode: "ignore", code: "  a fragment" },
      { file: "docs/x.md", line: 13, mode: "run", code: "const b = 2" },
      { file: "docs/x.md", line: 16, mode: "run", code: "// run\nconst c = 3" }
    ])
  })

  it("puts what examples have in common above each of them, at its lines", () => {
    const text = `${fence}ts setup
const a: number = 1
${fence}
${fence}ts situation
const b: string = a
${fence}`
    const [setup, situation] = extract("docs/x.md", text)
    expect(setup).toEqual({ file: "docs/x.md", line: 2, mode: "check", code: "const a: number = 1" })
    expect(situation).toEqual({
      file: "docs/x.md",
      line: 5,
      mode: "run",
      code: "const b: string = a",
      setup: { line: 2, code: "const a: number = 1" }
    })
    expect(() => extract("docs/x.md", text.slice(text.indexOf("situation") - 6))).toThrow(
      "docs/x.md:1: there is no setup"
    )
  })

  it("finds fenced blocks in docstrings only, without the stars", () => {
    const text = `const a = \`
${fence}ts
not documentation
${fence}\`
/**
 * Says hello.
 *
 * @example
 * ${fence}ts
 * const x = 1
 *
 *   const y = 2
 * ${fence}
 */
export const b = 1`
    expect(extract("src/a.ts", text)).toEqual([
      { file: "src/a.ts", line: 10, mode: "check", code: "const x = 1\n\n  const y = 2" }
    ])
  })

  it("rejects a fence that is never closed", () => {
    expect(() => extract("docs/x.md", `${fence}ts\nconst a = 1`)).toThrow("docs/x.md:1")
  })
})

describe("the compiler and the runner", () => {
  const planted: ReadonlyArray<Block> = [
    {
      file: "docs/good.md",
      line: 2,
      mode: "run",
      code: "import { Effect } from \"effect\"\nEffect.runSync(Effect.void)"
    },
    { file: "docs/bad.md", line: 7, mode: "check", code: "export const ok = 1\nexport const a: string = 1" },
    { file: "docs/loose.md", line: 3, mode: "check", code: "export const a: { b?: 1 } = { b: undefined }" },
    {
      file: "docs/situation.md",
      line: 6,
      mode: "check",
      code: "export const b: string = a",
      setup: { line: 2, code: "const a: number = 1\nexport const c: string = a" }
    },
    { file: "docs/fails.md", line: 1, mode: "run", code: "throw new Error(\"planted\")" }
  ]
  let directory: URL

  beforeAll(() => {
    directory = writeBlocks(root, planted)
  })

  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it("reports each error at its place in the document", async () => {
    const errors = await compile(root, directory, planted)
    expect(errors.map((error) => error.slice(0, error.indexOf("error")))).toEqual([
      "docs/bad.md:8: ",
      "docs/loose.md:3: ",
      "docs/situation.md:3: ",
      "docs/situation.md:6: "
    ])
  }, 120_000)

  it("tells a program that ends well from one that throws", async () => {
    const outcomes = await Promise.all(
      [planted[0], planted.at(-1)].flatMap((block) => block === undefined ? [] : [run(programs, directory, block)])
    )
    expect(outcomes.map((_) => _.exitCode)).toEqual([0, 1])
    expect(outcomes[1]?.output).toContain("planted")
  }, 20_000)
})
