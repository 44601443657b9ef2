import { globSync, readFileSync } from "node:fs"
import { sep } from "node:path"
import { describe, expect, it } from "vitest"
import { check, checkNames, checkPortable, checkWeave, maxLines, render, runsWith } from "../scripts/architecture.ts"

const root = new URL("../", import.meta.url)

const sources = new Map(
  globSync("src/**/*.ts", { cwd: root })
    .map((file) => file.split(sep).join("/"))
    .toSorted()
    .map((file) => [file, readFileSync(new URL(file, root), "utf8")])
)

describe("src", () => {
  it("has the modules that this test is about", () => {
    expect(sources.size).toBeGreaterThan(3)
  })

  it("keeps to the rules of its rooms", () => {
    expect(Array.from(sources).flatMap(([file, text]) => check(file, text)).map(render)).toEqual([])
  })

  it("has no name twice below domain", () => {
    expect(checkNames(sources.keys()).map(render)).toEqual([])
  })

  it("brings span, retry and admission together in the kernel alone", () => {
    expect(checkWeave(sources, "src/layers/client/Kernel.ts").map(render)).toEqual([])
  })

  it("leaves budgets and prices out of a plain call", () => {
    const modules = Array.from(runsWith("src/layers/OpenRouter.ts", sources))
    expect(modules).toContain("src/layers/client/Kernel.ts")
    expect(modules.filter((file) => /Budget|Price/.test(file))).toEqual([])
  })

  const entries = Array.from(sources.keys()).filter((file) => file.split("/").length === 2)

  it.each(entries.filter((entry) => entry !== "src/node.ts"))("%s needs no platform", (entry) => {
    expect(checkPortable(entry, sources).map(render)).toEqual([])
  })
})

describe("the checker", () => {
  const clean = `import * as Schema from "effect/Schema"
import { Usd } from "./Usd.ts"
/** Unlike Date.now(), console.log or \`x as any\`, this is fine. */
export const Price = Schema.Struct({ usd: Usd, note: "new Date(), setTimeout, import x from 'effect'" as const })
`

  it("accepts clean modules, whatever their comments and strings say", () => {
    expect(check("src/domain/money/Price.ts", clean)).toEqual([])
    expect(
      check("src/services/Gate.ts", `import * as Context from "effect/Context"\nimport "../domain/money/Price.ts"`)
    )
      .toEqual([])
    expect(check("src/services/Gate.ts", `import type * as H from "effect/http/HttpClient"`)).toEqual([])
    expect(check("src/layers/Gate.ts", `import * as H from "effect/http/HttpClient"\nimport "../services/Gate.ts"`))
      .toEqual([])
    expect(check("src/node.ts", `export * as Undici from "./layers/node/Undici.ts"`)).toEqual([])
    expect(check("src/layers/testing/A.ts", `import "../../services/testing/B.ts"`)).toEqual([])
    expect(check("src/layers/cli/A.ts", `import "../testing/B.ts"`)).toEqual([])
    expect(check("src/layers/workflow/A.ts", `import "../node/B.ts"`)).toEqual([])
    expect(check("src/layers/workflow/A.ts", `const x = import("@effect/sql-pg/PgClient")`)).toEqual([])
    expect(check("src/layers/A.ts", `export const a = /* @__PURE__ */ dual(2, f)\nconst b = () => dual(2, f)`)).toEqual(
      []
    )
    expect(check("src/index.ts", `/** Docs. */\nexport * as Gate from "./layers/Gate.ts"`)).toEqual([])
  })

  it.each([
    ["src/domain/wire/A.ts", `import * as Http from "effect/http/HttpClient"`, "domain is pure"],
    ["src/domain/wire/A.ts", `import * as Ai from "effect/ai/LanguageModel"`, "domain is pure"],
    ["src/domain/wire/A.ts", `import type * as Layer from "effect/Layer"`, "domain is pure"],
    ["src/domain/wire/A.ts", `import * as Clock from "effect/Clock"`, "domain is pure"],
    ["src/domain/wire/A.ts", `import * as Random from "effect/Random"`, "domain is pure"],
    ["src/domain/wire/A.ts", `import * as Schedule from "effect/Schedule"`, "domain is pure"],
    ["src/domain/wire/A.ts", `import { readFileSync } from "node:fs"`, "domain is pure"],
    ["src/domain/wire/A.ts", `export * from "../../services/Gate.ts"`, "upwards"],
    ["src/domain/wire/A.ts", `type T = import("../../layers/Gate.ts").Gate`, "upwards"],
    ["src/services/A.ts", `export { x } from "../layers/Gate.ts"`, "upwards"],
    ["src/services/A.ts", `const x = import("../layers/Gate.ts")`, "upwards"],
    ["src/services/A.ts", `import * as Http from "effect/http/HttpClient"`, "services are contracts"],
    ["src/services/A.ts", `import * as Node from "@effect/platform-node/NodeHttpClient"`, "services are contracts"],
    ["src/layers/A.ts", `import "./testing/Emulator.ts"`, "only src/testing.ts"],
    ["src/services/A.ts", `import "./testing/Emulator.ts"`, "only src/testing.ts"],
    ["src/layers/testing/A.ts", `import "../node/Undici.ts"`, "only src/node.ts"],
    ["src/layers/testing/A.ts", `import "../cli/bin.ts"`, "of a folder cli"],
    ["src/layers/A.ts", `import "./workflow/B.ts"`, "only src/workflow.ts"],
    ["src/layers/workflow/A.ts", `import "../testing/B.ts"`, "only src/testing.ts"],
    ["src/layers/workflow/A.ts", `import * as PgClient from "@effect/sql-pg/PgClient"`, "depends on effect only"],
    ["src/layers/A.ts", `const x = import("@effect/sql-pg/PgClient")`, "depends on effect only"],
    ["src/index.ts", `export * as Undici from "./layers/node/Undici.ts"`, "only src/node.ts"],
    ["src/layers/A.ts", `import { Usd } from "../index.ts"`, "entry file"],
    ["src/layers/A.ts", `import { Usd } from "../domain/money/Usd"`, ".ts extension"],
    ["src/layers/A.ts", `import { Usd } from "../domain/money/Usd.js"`, ".ts extension"],
    ["src/layers/A.ts", `import { town } from "../../examples/town.ts"`, "outside of src"],
    ["src/layers/A.ts", `import { Effect } from "effect"`, "barrel"],
    ["src/layers/A.ts", `import { HttpClient } from "effect/http"`, "barrel"],
    ["src/layers/A.ts", `import { NodeHttpClient } from "@effect/platform-node"`, "barrel"],
    ["src/layers/A.ts", `import * as Self from "effect-openrouter"`, "depends on effect only"],
    ["src/layers/A.ts", `import OpenAI from "openai"`, "depends on effect only"],
    ["src/layers/A.ts", "const x = (name: string) => import(`./${name}.ts`)", "computed path"],
    ["src/layers/A.ts", `const x = Date.now()`, "Clock"],
    ["src/layers/A.ts", `const x = globalThis.Date["now"]()`, "Clock"],
    ["src/layers/A.ts", `const x = new Date(0)`, "DateTime"],
    ["src/layers/A.ts", `const x = Math.random`, "Random"],
    ["src/layers/A.ts", `globalThis.setTimeout(() => {}, 1)`, "Effect.sleep"],
    ["src/layers/A.ts", `setInterval(() => {}, 1)`, "Effect.sleep"],
    ["src/layers/A.ts", `console.log("x")`, "Effect.log"],
    ["src/layers/A.ts", `const x = process.env.KEY`, "Config"],
    ["src/layers/A.ts", `const x = 1 as any`, "Predicate"],
    ["src/layers/A.ts", `const x = <any> 1`, "Predicate"],
    ["src/layers/A.ts", `const x = 1 /* 2 */ as /* well */ any`, "Predicate"],
    ["src/layers/A.ts", `// @ts-ignore`, "fix the type"],
    ["src/layers/A.ts", `export const a = dual(2, f)`, "stays in every bundle"],
    ["src/layers/A.ts", `const a: B<C> = Context.Reference<C>("a", { defaultValue })`, "stays in every bundle"],
    ["src/utils/A.ts", `export const x = 1`, "move it"],
    ["src/index.ts", `export const x = 1`, "lines only"],
    ["src/index.ts", `import "./layers/Gate.ts"`, "lines only"],
    ["src/index.ts", `export { x } from "./layers/Gate.ts"`, "lines only"]
  ])("%s rejects %s", (file, text, message) => {
    const messages = check(file, text).map(render)
    expect(messages.join("\n")).toContain(message)
    expect(messages[0]).toMatch(/^src\/\S+\.ts:\d+: /)
  })

  const order = ["wire", "money", "response", "error"]
  const below: Readonly<Record<string, ReadonlyArray<string>>> = {
    ...Object.fromEntries(order.map((folder, index) => [folder, order.slice(0, index)])),
    request: order,
    outcome: order,
    object: [...order, "request"],
    stream: [...order, "request", "outcome"],
    endpoint: [...order, "request", "outcome"],
    ledger: [...order, "request", "outcome"],
    cassette: order,
    tool: [...order, "request", "outcome"],
    emulator: []
  }
  const pairs = Object.keys(below).flatMap((from) =>
    Object.keys(below).map((to) => ({ from, to, isFine: from === to || below[from]?.includes(to) === true }))
  )

  it.each(pairs)("lets domain/$from know domain/$to: $isFine", ({ from, isFine, to }) => {
    const found = check(`src/domain/${from}/A.ts`, `import type { B } from "../${to}/B.ts"`).map(render)
    expect(found).toEqual(isFine ? [] : [expect.stringContaining(`from ${from} to ${to}; domain/${from} may know`)])
  })

  it("knows the folders of domain, and no name twice", () => {
    expect(check("src/domain/A.ts", "export {}").map(render)).toEqual([expect.stringContaining("no folder of domain")])
    expect(check("src/domain/other/A.ts", "export {}").map(render).join()).toContain("no folder of domain")
    expect(checkNames(["src/domain/wire/A.ts", "src/domain/money/A.ts", "src/layers/A.ts"]).map(render)).toEqual([
      "src/domain/money/A.ts:1: has the name of src/domain/wire/A.ts; give it a name of its own"
    ])
  })

  it("knows who weaves the way of a call", () => {
    const kernel = "const x = RetryPolicy.retried(Effect.useSpan(attempt.settle(exit)))"
    const weave = (text: string) =>
      checkWeave(new Map([["src/layers/K.ts", kernel], ["src/layers/A.ts", text]]), "src/layers/K.ts").map(render)
    expect(weave("/** RetryPolicy.retried, Effect.useSpan */ const x = attempt.settle(exit) // Tracing.call")).toEqual(
      []
    )
    expect(weave("Effect.retry(attempt.settle(exit))")).toEqual([
      "src/layers/A.ts:1: weaves retry and admission; let src/layers/K.ts do it"
    ])
    expect(weave("RetryPolicy.retried(Effect.withSpan(x))")).toEqual([expect.stringContaining("span and retry")])
    expect(checkWeave(new Map([["src/layers/K.ts", "Effect.useSpan(x)"]]), "src/layers/K.ts").map(render))
      .toEqual([expect.stringContaining("weaves only span")])
  })

  it("rejects modules without content or with too much of it", () => {
    const long = (lines: number) => check("src/layers/A.ts", "export {}\n".repeat(lines)).map((_) => _.remedy)
    expect(long(maxLines)).toEqual([])
    expect(long(maxLines + 1)).toEqual(["split it into two concepts"])
    expect(long(0)).toEqual(["remove it"])
  })

  it("names the line", () => {
    expect(check("src/domain/wire/A.ts", `${clean}\n// 😀\nconst t = Date.now()`).map((_) => _.line)).toEqual([7])
  })

  it("follows imports to what only Node has", () => {
    const planted = new Map([
      ["src/index.ts", `export * as Gate from "./layers/Gate.ts"`],
      ["src/node.ts", `export * as Undici from "./layers/Undici.ts"`],
      ["src/layers/Gate.ts", `import "./Undici.ts"\nimport "./Gate.ts"`],
      ["src/layers/Undici.ts", `\nimport * as Node from "@effect/platform-node/NodeHttpClient"`]
    ])
    expect(checkPortable("src/index.ts", planted).map(render)).toEqual([
      `src/layers/Undici.ts:2: imports "@effect/platform-node/NodeHttpClient" and is reachable from src/index.ts; ` +
      `make it reachable from src/node.ts only`
    ])
  })
})
