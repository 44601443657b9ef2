import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const Words = Schema.fromJsonString(
  Schema.Struct({ client: Schema.String, configured: Schema.String, sqlite: Schema.String })
)

const sources = new URL("../../../scripts/resolve-sources.ts", import.meta.url).href
const program = fileURLToPath(new URL("older-runtime.ts", import.meta.url))

const onOlder = async (...args: ReadonlyArray<string>) => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", sources, program, ...args])
  return Schema.decodeSync(Words)(stdout)
}

describe("a runtime that lacks what it takes", () => {
  it("is told by the layers of /node when they are built, and what to take", async () => {
    const { client, configured, sqlite } = await onOlder()
    const onThis = `cannot be used on this runtime (${navigator.userAgent})`
    for (const words of [client, configured]) {
      assert.include(words, `${onThis}: undici cannot be loaded`)
      assert.include(words, "It needs undici on Node 22.19 or newer; OpenRouter.layerFetch works on any runtime")
    }
    assert.include(sqlite, `Sqlite of effect-openrouter/node ${onThis}`)
    assert.include(sqlite, "It needs Node 22.19 or newer, Bun or Deno")
  })

  it("is told where the runtime has no name, too", async () => {
    const { client } = await onOlder("nameless")
    assert.include(client, "this runtime (it tells no name, as Node before 21): undici")
  })
})
