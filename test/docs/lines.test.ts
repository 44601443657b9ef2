import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { afterAll } from "vitest"
import { type Block, extract, run, writeBlocks } from "../../scripts/docs.ts"
import { open } from "../../scripts/programs.ts"

const root = new URL("../../", import.meta.url)

const sameProcess = open({ timeout: 20_000 })
afterAll(sameProcess.close)

/** Programs that are whole, imports included, and how many lines they may have; the linter keeps them formatted. */
const programs: ReadonlyArray<readonly [what: string, file: string, call: string, most: number, prints: RegExp]> = [
  ["one call", "README.md", "OpenRouter.respond(", 4, /\$\d/],
  ["a structured answer", "docs/structured-answers.md", "OpenRouter.respondObject(", 5, /action: .[^]*hours: -?\d/],
  ["a stream", "docs/streaming.md", "OpenRouter.streamText(", 4, /\w+\s\w+/]
]

/** The shortest program of a page that makes the call and runs it. */
const programOf = (file: string, call: string): Block | undefined => {
  const blocks = extract(file, readFileSync(new URL(file, root), "utf8"))
  return blocks.filter(({ code }) =>
    code.includes(call) && code.includes("layerFetch") && code.includes("Effect.runPromise")
  )
    .toSorted((a, b) => linesOf(a) - linesOf(b))[0]
}

const linesOf = ({ code }: Block): number => code.split("\n").filter((line) => line.trim() !== "").length

/** What a program prints whose server is an emulator. */
const output = (block: Block) =>
  Effect.gen(function*() {
    const { address } = yield* HttpServer.HttpServer
    const port = "port" in address ? address.port : 0
    const directory = writeBlocks(root, [block])
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
    const { exitCode, output } = yield* Effect.promise(() =>
      run(sameProcess, directory, block, {
        OPENROUTER_API_KEY: "sk-or-v1-any",
        OPENROUTER_API_URL: `http://127.0.0.1:${port}/api/v1`
      })
    )
    assert.strictEqual(exitCode, 0, output)
    return output
  }).pipe(Effect.provide(
    Layer.provideMerge(Emulator.layerServer(), NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
  ))

describe("a program in so many lines", () => {
  it.live.each([...programs])("%s", ([_, file, call, most, prints]) =>
    Effect.gen(function*() {
      const block = programOf(file, call)
      if (block === undefined) return assert.fail(`${file} has no such program`)
      assert.isAtMost(linesOf(block), most, block.code)
      for (const line of block.code.split("\n")) assert.isAtMost(line.length, 120)
      assert.match(yield* output(block), prints)
    }), 30_000)
})
