/** Pages of the files that ledgers and journals write. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { CostLedger, Journal, OpenRouter, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { readFileSync, writeFileSync } from "node:fs"
import * as NodeFiles from "../../../src/layers/cli/NodeFiles.ts"
import { at } from "../emulator/support.ts"
import { inFolder, run } from "./support.ts"

const dataOf = (page: string): unknown => JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "")

const totalOf = (page: string, name: string): string | undefined =>
  new RegExp(`data-name="${name}">([^<]*)<`).exec(page)?.[1]

const reply = OpenRouterTest.answer({ text: "a secret", usage: { cost: Usd.make("0.10"), inputTokens: 3 } })

const client = OpenRouterTest.layer(() => reply)

const ask = (name: string) =>
  OpenRouter.respond({ model: "openai/gpt-5", input: `What does ${name} want?` }).pipe(CostLedger.scope(name))

const asking = Effect.forEach(["Ann", "Bob", "Cleo"], ask)

describe("report", { timeout: 120_000 }, () => {
  it("shows the entries of a ledger, and no text of a call", () =>
    inFolder(async (path) => {
      const lines: Array<string> = []
      const ledger = await Effect.gen(function*() {
        const ledger = yield* CostLedger.make()
        yield* asking.pipe(
          CostLedger.followed(ledger, (entries) =>
            Stream.runForEach(CostLedger.toJsonl(entries), (line) => Effect.sync(() => lines.push(line))))
        )
        return yield* ledger.report
      }).pipe(Effect.provide(client), Effect.runPromise)
      // The writer was killed in its last line.
      writeFileSync(path("run.jsonl"), `${lines.join("")}{"_tag":"Ent`)
      const { code, stderr, stdout } = await run(["report", path("run.jsonl")])
      assert.deepStrictEqual([code, stderr, stdout], [
        0,
        `${path("run.jsonl")}: the last line (4) is torn; it is missing on the page\n`,
        `${path("run.html")}: 3 calls cost ${ledger.cost}\n`
      ])
      const page = readFileSync(path("run.html"), "utf8")
      assert.deepStrictEqual(
        ["Cost", "Calls", "Tokens in", "Entries missing"].map((name) =>
          totalOf(page, name)
        ),
        [String(ledger.cost), "3", String(ledger.inputTokens), "1"]
      )
      assert.notInclude(page, "a secret")
      assert.notInclude(page, "What does")
    }))

  it("shows a journal, which another process may have open", () =>
    inFolder(async (path) => {
      const file = path("town.jsonl")
      let page = ""
      await Effect.gen(function*() {
        yield* asking.pipe(Journal.resumable("tick 1"))
        const ended = yield* Effect.promise(() => run(["report", file, "--output", "-", "--title", "The <town>"]))
        assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
        page = ended.stdout
        assert.strictEqual(totalOf(page, "Cost"), String(yield* Journal.costs("tick 1")))
      }).pipe(
        Effect.provide(Layer.merge(client, Journal.layerFile(file).pipe(Layer.provide(NodeFiles.layer)))),
        Effect.runPromise
      )
      assert.strictEqual(totalOf(page, "Calls"), "3")
      assert.strictEqual(at(dataOf(page), "scopes.3.0.0"), "tick 1")
      assert.include(page, "<title>The &#60;town&#62;</title>")
      assert.notInclude(page, "a secret")
    }))
})
