import { globSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { documented, moduleDoc } from "../../scripts/module-docs.ts"

const root = new URL("../../", import.meta.url)

const doc = "/**\n * What it is.\n *\n * @since 0.1.0\n */"

describe("the documentation of modules", () => {
  it("is there for every module but the entries", () => {
    const without = globSync("src/*/**/*.ts", { cwd: root }).filter((file) => {
      const text = readFileSync(new URL(file, root), "utf8")
      // A module that is one class has one comment.
      return moduleDoc(text) === undefined && !/^\/\*\*[\s\S]*?\*\/\nexport /.test(text)
    })
    expect(without).toEqual([])
  })

  it("is brought into declarations that lost it, once", () => {
    const source = `${doc}\nimport * as A from "./A.ts"\n\n/** One. */\nexport const one = A.one\n`
    const declaration = "/** One. */\nexport declare const one: number;\n"
    const [text, lines] = documented(source, declaration)
    expect(text).toBe(`${doc}\n${declaration}`)
    expect(lines).toBe(5)
    expect(documented(source, text)).toEqual([text, 0])
  })

  it("is not taken for that of a statement, nor the other way round", () => {
    expect(moduleDoc("/** One. */\nexport const one = 1\n")).toBeUndefined()
    expect(moduleDoc(`${doc}\n\n/** One. */\nexport const one = 1\n`)).toBe(doc)
    expect(moduleDoc(`#!/usr/bin/env node\n${doc}\nimport "./a.ts"\n`)).toBe(doc)
  })
})
