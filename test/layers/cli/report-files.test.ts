/** What `effect-openrouter report` reads and writes: several files, stdin and stdout, a part of the time, files that are torn or foreign. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Stream } from "effect"
import { CostLedger, Costs, Journal, OpenRouter, Usd } from "effect-openrouter"
import { OpenRouterTest } from "effect-openrouter/testing"
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeFiles from "../../../src/layers/cli/NodeFiles.ts"
import * as RunFile from "../../../src/layers/cli/RunFile.ts"
import { at } from "../emulator/support.ts"
import { inFolder, run } from "./support.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))

const figure = (page: string, name: string): string | undefined =>
  new RegExp(`data-name="${name}">([^<]*)<`).exec(page)?.[1]

const figures = (page: string): ReadonlyArray<string | undefined> =>
  ["Cost", "Calls", "Unknown", "Entries missing"].map((name) => figure(page, name))

const entry = (id: string, time: string, cost: string | undefined): CostLedger.Entry => ({
  _tag: "Entry",
  id,
  time: DateTime.makeUnsafe(time),
  scopes: ["run", id],
  tags: {},
  model: "openai/gpt-5",
  outcome: cost === undefined ? "Interrupted" : "Completed",
  generationId: `gen-${id}`,
  costs: cost === undefined ? Costs.interrupted : { ...Costs.zero, calls: 1, cost: Usd.make(cost) },
  ...(cost === undefined ? {} : { cost: Usd.make(cost) })
})

const reconciled = (id: string, time: string, cost: string): CostLedger.Entry => ({
  ...entry(id, time, cost),
  outcome: "Reconciled",
  costs: Costs.subtract(
    { ...Costs.interrupted, unknown: 0, cost: Usd.make(cost) },
    Costs.interrupted
  )
})

const jsonl = (...lines: ReadonlyArray<CostLedger.Line>): Promise<string> =>
  Effect.runPromise(Stream.mkString(CostLedger.toJsonl(Stream.fromIterable(lines))))

/** A journal of one call, of $0.50. */
const journal = async (path: string): Promise<string> => {
  const client = OpenRouterTest.layer(() =>
    OpenRouterTest.answer({ text: "a secret", usage: { cost: Usd.make("0.50"), inputTokens: 3 } })
  )
  await OpenRouter.respond({ model: "openai/gpt-5", input: "What?" }).pipe(
    Journal.resumable("tick 1"),
    Effect.provide(Layer.merge(client, Journal.layerFile(path).pipe(Layer.provide(NodeFiles.layer)))),
    Effect.runPromise
  )
  return readFileSync(path, "utf8")
}

describe("report", { timeout: 120_000 }, () => {
  it("takes several files and stdin as one run, says what is torn, and shows a part of the time", () =>
    inFolder(async (path) => {
      const [one, two, third] = [path("one.jsonl"), path("two.jsonl"), path("third.jsonl")]
      const day = "2026-11-03T"
      writeFileSync(
        one,
        `\uFEFF${await jsonl(entry("a", `${day}09:00:00Z`, "1"), entry("b", `${day}10:00:00Z`, undefined))}{"_tag":"Ent`
      )
      // Lines of Windows, one of another kind, and one that says that others are missing.
      const rest = await jsonl(entry("c", `${day}11:00:00Z`, "0.25"), { _tag: "Dropped", count: 2 })
      writeFileSync(
        two,
        `${rest.replaceAll("\n", "\r\n")}{"level":"info"}\n\n${await jsonl(
          reconciled("b", "2026-11-04T00:00:00Z", "0.75")
        )}`
      )
      const stored = await journal(third)
      const whole = await run(["report", one, two, "-", "-o", path("all.html")], { stdin: stored })
      assert.deepStrictEqual([whole.code, whole.stdout.replace(path(""), "")], [
        0,
        `${path("all.html").replace(path(""), "")}: 4 calls cost $2.50\n`
      ])
      assert.deepStrictEqual(whole.stderr.split("\n"), [
        `${one}: the last line (3) is torn; it is missing on the page`,
        `${two}: 1 line cannot be read (3) and is missing on the page`,
        ""
      ])
      const page = readFileSync(path("all.html"), "utf8")
      assert.deepStrictEqual(figures(page), ["$2.50", "4", "0", "4"])
      assert.include(page, "<title>one.jsonl and 2 others</title>")
      assert.notInclude(page, "a secret")
      // Of a part of the time: by when a call came, with what became known of it later. Without a zone it is UTC.
      const part = await run(["report", one, two, "--from", `${day}10:00`, "--to", `${day}12:00:00+01:00`, "-o", "-"])
      assert.strictEqual(part.code, 0)
      assert.deepStrictEqual(figures(part.stdout).slice(0, 3), ["$0.75", "1", "0"])
      assert.include(part.stdout, "<title>one.jsonl, two.jsonl</title>")
      // Stdin goes to stdout, unless told otherwise.
      const piped = await run(["report", "-", "--from", "2026-11-04"], {
        stdin: await jsonl(entry("a", `${day}09:00:00Z`, "1"))
      })
      assert.deepStrictEqual([piped.code, piped.stderr, figure(piped.stdout, "Calls")], [0, "", "0"])
      assert.include(piped.stdout, "No call was booked.")
    }))

  it.effect("names the line and the kind of what it cannot take, and nothing of what it says", () =>
    Effect.promise(() =>
      inFolder(async (path) => {
        const ledger = CostLedger.reportOf([entry("a", "2026-11-03T09:00:00Z", "1")])
        const foreign: ReadonlyArray<readonly [name: string, text: string, says: string]> = [
          ["text", "\nMy secret diary\nhello\n", "line 2: it is not JSON"],
          ["list", "[1]\n", "line 1: it is not a JSON object"],
          ["sums", JSON.stringify(CostLedger.toJson(ledger)), "line 1: it is a report, which has sums only"],
          ["batch", `{"id":"1","index":0,"value":{}}\n`, "line 1: it is a result of a batch, which has no times"],
          ["other", `{"level":"info"}\n`, "line 1: it is a JSON object of another kind"],
          ["log", `{"format":"town/events","version":1}\n{"tick":1}\n`, "line 1: a log of town/events, not a journal"],
          ["newer", `{"format":"effect-openrouter/journal","version":2}\n`, "line 1: a journal of version 2"]
        ]
        for (const [name, text, says] of foreign) {
          writeFileSync(path(name), text)
          const error = await RunFile.read(path(name)).pipe(
            Effect.provide(NodeFiles.layer),
            Effect.flip,
            Effect.runPromise
          )
          assert.include(error.message, says)
          assert.include(error.message, path(name))
          assert.notInclude(error.message, "diary")
        }
        writeFileSync(path("empty"), "\n")
        const empty = await Effect.runPromise(Effect.provide(RunFile.read(path("empty")), NodeFiles.layer))
        assert.deepStrictEqual(empty, {
          entries: [],
          missing: 0,
          problem: `${path("empty")}: there are no calls in it`
        })
      })
    ))

  it("says in one line what is wrong, and writes nothing then", () =>
    inFolder(async (path) => {
      const file = path("run.html")
      const stored = await jsonl(entry("a", "2026-11-03T09:00:00Z", "1"))
      writeFileSync(file, stored)
      writeFileSync(path("diary.txt"), "hello\n")
      mkdirSync(path("folder"))
      const wrong: ReadonlyArray<readonly [args: ReadonlyArray<string>, code: number, says: string]> = [
        [[file], 2, "would be overwritten; choose another --output"],
        [[file, "--from", "noon"], 2, "an instant such as 2026-11-03 or 2026-11-03T09:30"],
        [[file, "-o", "-", "--from", "2026-11-04", "--to", "2026-11-03"], 2, "--from is not before --to"],
        [["-", "-"], 2, "- can be one of the runs only"],
        [
          [file, path("diary.txt"), "-o", "-"],
          1,
          "diary.txt has neither the entries of a ledger nor a journal; line 1: "
        ],
        [[file, path("none.jsonl"), "-o", "-"], 1, "none.jsonl"],
        [[path("folder")], 1, "folder"],
        [[file, "-o", path("none/page.html")], 1, "none/page.html"]
      ]
      const ended = await Promise.all(wrong.map(([args]) => run(["report", ...args])))
      for (const [index, { code, stderr, stdout }] of ended.entries()) {
        const [args = [], expected, says = "nothing"] = wrong[index] ?? []
        assert.deepStrictEqual([code, stdout], [expected, ""], args.join(" "))
        assert.match(stderr, /^effect-openrouter[^\n]*: [^\n]+\n$/)
        assert.include(stderr, says)
      }
      assert.strictEqual(readFileSync(file, "utf8"), stored)
      assert.deepStrictEqual(readdirSync(path("")).toSorted(), ["diary.txt", "folder", "run.html"])
    }))

  it("has its help, and the town writes a page with the figures of its books", () =>
    inFolder(async (path) => {
      const help = await run(["report", "--help"])
      assert.deepStrictEqual([help.code, help.stderr], [0, ""])
      for (const part of ["--output", "--title", "--from", "--to", "EXAMPLES", "run.jsonl"]) {
        assert.include(help.stdout, part)
      }
      const args = ["--import", "./scripts/resolve-sources.ts", "examples/town/main.ts", "--json"]
      const { status, stderr, stdout } = spawnSync(
        process.execPath,
        [...args, "--ticks", "1", "--characters", "4", "--report", path("town.html")],
        { cwd: root, encoding: "utf8", timeout: 60_000 }
      )
      assert.deepStrictEqual([status, stderr], [0, ""])
      const page = readFileSync(path("town.html"), "utf8")
      const told: unknown = JSON.parse(stdout)
      assert.deepStrictEqual([figure(page, "Cost"), figure(page, "Tokens in")], [
        `$${String(at(told, "costs.cost"))}`,
        String(at(told, "costs.inputTokens"))
      ])
      assert.include(page, "<title>The town</title>")
      assert.include(page, "tick 1")
    }))
})
