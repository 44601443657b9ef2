import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema } from "effect"
import { Tools } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { Tool, Toolkit } from "effect/ai"
import { HttpServer } from "effect/http"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { call, rules, scripted } from "./scripted.ts"

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

const root = here("../../../")

/** What a program prints that runs in a process of its own, on the sources. */
const printed = (file: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) =>
  Effect.callback<string, string>((resume) => {
    const options = { cwd: root, env: { ...process.env, ...env } }
    const command = ["--import", "./scripts/resolve-sources.ts", here(file), ...args]
    const child = execFile(
      process.execPath,
      command,
      options,
      (error, stdout, stderr) => resume(error === null ? Effect.succeed(stdout) : Effect.fail(stderr))
    )
    return Effect.sync(() => child.kill())
  })

const served = Layer.suspend(() =>
  Emulator.layerServer({ seed: 1, rules: rules([call("weather", { city: "Bern" }), "No umbrella."]) }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
  )
)

describe("a loop of tool calls", () => {
  it("is a program of eight lines, imports included", () => {
    const lines = readFileSync(here("shortest.ts"), "utf8").trimEnd().split("\n")
    assert.isAtMost(lines.length, 8)
    for (const line of lines) assert.isAtMost(line.length, 120)
  })

  it.live("which runs", () =>
    Effect.gen(function*() {
      const { address } = yield* HttpServer.HttpServer
      const url = `http://127.0.0.1:${"port" in address ? address.port : 0}/api/v1`
      const output = yield* printed("shortest.ts", [], { OPENROUTER_API_KEY: "sk-or-v1-test", OPENROUTER_API_URL: url })
      assert.include(output, "text: 'No umbrella.'")
      const emulator = yield* Emulator.Emulator
      const [, second] = yield* emulator.requests
      assert.include(JSON.stringify(second?.body), "It is sunny in Bern.")
    }).pipe(Effect.provide(served)), 60_000)
})

describe("a run that waits for approval", () => {
  it.live("is resumed by another process, which has the toolkit and the secret", () =>
    Effect.gen(function*() {
      const toolkit = Toolkit.make(Tool.make("pay", {
        parameters: Schema.Struct({ eur: Schema.Int }),
        success: Schema.String,
        needsApproval: true
      }))
      const secret = Redacted.make("shared")
      const end = yield* Tools.run({ model: "openai/gpt-5", input: "Pay.", toolkit, secret }).pipe(
        Effect.provide(toolkit.toLayer({ pay: () => Effect.die("not here") }))
      )
      assert(end._tag === "Pending")
      const pending = yield* Schema.encodeEffect(Schema.fromJsonString(Schema.toCodecJson(Tools.Pending)))(end)
      const decisions = JSON.stringify(end.calls.map((call) => Tools.approve(call)))
      const [text, transcript, calls] = JSON.parse(yield* printed("another-process.ts", [pending, decisions]))
      assert.strictEqual(text, "Done.")
      assert.strictEqual(calls, 2)
      assert.include(JSON.stringify(transcript), "paid 5 in another process")

      const forged = pending.replaceAll(`{\\"eur\\":5}`, `{\\"eur\\":9}`).replaceAll(`{"eur":5}`, `{"eur":9}`)
      const error = yield* Effect.flip(printed("another-process.ts", [forged, decisions]))
      assert.include(error, "InvalidSignature")
    }).pipe(Effect.provide(scripted([call("pay", { eur: 5 })]))), 60_000)
})
