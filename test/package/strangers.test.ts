import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { extract, extractCommands } from "../../scripts/docs.ts"
import { brokenLinks } from "../../scripts/reference/links.ts"
import * as Pages from "../../scripts/strangers/pages.ts"

const fence = "```"

const text = `# A page
${fence}sh
npm install effect effect-openrouter
${fence}
${fence}ts main.ts
import { Effect } from "effect"
import { Person } from "@scope/people/person"
import { join } from "node:path"
import * as Mine from "./mine.ts"
import "quiet"
${fence}
${fence}sh serve
npx effect-openrouter emulator
${fence}
${fence}sh checkout
npm run bench && node examples/town/main.ts
${fence}
${fence}sh ignore
git push
${fence}`

const page: Pages.Page = {
  file: "docs/x.md",
  programs: extract("docs/x.md", text),
  commands: extractCommands("docs/x.md", text)
}

describe("what a page asks of its reader", () => {
  it("is commands, and whoever can run them", () => {
    expect(page.commands.map(({ line, mode }) => [line, mode])).toEqual([
      [3, "run"],
      [13, "serve"],
      [16, "checkout"],
      [19, "ignore"]
    ])
    expect(() => extractCommands("docs/x.md", `${fence}sh twice\nls\n${fence}`)).toThrow("docs/x.md:1")
  })

  it("is programs, and the names under which they are saved", () => {
    expect(page.programs.map(({ line, mode, name }) => [line, mode, name])).toEqual([[6, "check", "main.ts"]])
  })

  it("is to install what its programs import", () => {
    expect(Pages.uninstalled(page, ["effect"])).toEqual(["@scope/people", "quiet"])
    const [first, ...others] = page.commands
    if (first === undefined) throw new Error("there are commands")
    const installing = { ...first, code: "npm install --save-dev quiet @scope/people" }
    expect(Pages.uninstalled({ ...page, commands: [installing, ...others] }, ["effect"])).toEqual([])
  })

  it("tells what is installed for all pages from what is done on one", () => {
    const isInstallation = (code: string) => Pages.isInstallation({ file: "x.md", line: 1, mode: "run", code })
    expect(isInstallation("npm install a b")).toBe(true)
    expect(isInstallation("npm install --global a")).toBe(false)
    expect(isInstallation("npm install a\nnode a.ts")).toBe(false)
  })

  it("serves on a free port, whichever the page has", () => {
    expect(Pages.onFreePort("npx effect-openrouter emulator --port 8787 --verbose")).toBe(
      "npx effect-openrouter emulator --port 0 --verbose"
    )
    expect(Pages.onFreePort("serve --port=80 && serve")).toBe("serve --port=0 && serve")
  })

  it("names files and scripts of a checkout", () => {
    const checkout = page.commands[2]
    expect(checkout && [Pages.filesNamed(checkout), Pages.scriptsNamed(checkout)]).toEqual([
      ["examples/town/main.ts"],
      ["bench"]
    ])
  })
})

describe("the links of the reference", () => {
  it("are followed to their place", () => {
    const folder = mkdtempSync(join(tmpdir(), "links-"))
    try {
      mkdirSync(join(folder, "sub"))
      writeFileSync(
        join(folder, "index.html"),
        `<a href="sub/a.html#there">a</a> <a href="https://effect.website">e</a>`
      )
      writeFileSync(
        join(folder, "sub", "a.html"),
        `<p id="there"> <a href="../index.html"></a> <a href="#no"></a> <img src="none.png">`
      )
      expect(brokenLinks(folder)).toEqual({
        links: 4,
        broken: [
          "sub/a.html leads to #no, a page without that place",
          "sub/a.html leads to none.png, which is not there"
        ]
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
