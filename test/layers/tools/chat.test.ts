/** The chat of `examples`, run as a command against the emulator. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../../examples/chat/main.ts", import.meta.url))

const withoutKey = () => {
  const { OPENROUTER_API_KEY: _, ...env } = process.env
  return env
}

/** Types each line when the chat waits for one, and gives what it has printed when it is over. */
const chat = (cwd: string, lines: ReadonlyArray<string>, onOutput?: (child: ChildProcess, stdout: string) => void) =>
  new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [main], { cwd, env: withoutKey() })
    let stdout = ""
    let stderr = ""
    let next = 0
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      onOutput?.(child, stdout)
      if (/(\] > |\[y\/N\] )$/.test(stdout) && next <= lines.length) child.stdin.write(`${lines[next++] ?? ""}\n`)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    child.on("close", (code) => resolve({ code, stdout, stderr }))
  })

const inFolder = async (use: (folder: string) => Promise<void>) => {
  const folder = mkdtempSync(join(tmpdir(), "chat-"))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const costsOf = (stdout: string) => Array.from(stdout.matchAll(/\[\$([\d.]+)\] > /g), ([, cost]) => Number(cost))

describe("the chat as a command", { timeout: 120_000 }, () => {
  it("calls tools, asks before it writes, and says what it has cost", () =>
    inFolder(async (folder) => {
      const first = await chat(folder, ["How late is it?", "Note: buy bread", "y", "Note: sell the mill", "n"])
      assert.strictEqual(first.code, 0)
      assert.include(first.stderr, "emulator")
      assert.match(first.stdout, /\(time …\)\n+This is what I got: \d{4}-\d\d-\d\dT/)
      assert.include(first.stdout, "this call was denied: the user says no")
      assert.strictEqual(readFileSync(join(folder, "notes.txt"), "utf8"), "Note: buy bread\n")
      const costs = costsOf(first.stdout)
      assert.strictEqual(costs.length, 4)
      assert.deepStrictEqual(costs, costs.toSorted((a, b) => a - b))
      assert.isAbove(costs.at(-1) ?? 0, 0)
    }))

  it("remembers what was said, also after a line was torn", () =>
    inFolder(async (folder) => {
      const history = join(folder, "chat.jsonl")
      const first = await chat(folder, ["Roll the dice"])
      writeFileSync(history, `{"items":[{"role":"us`, { flag: "a" })
      const second = await chat(folder, ["How late is it?"])
      assert.strictEqual(second.code, 0)
      assert.strictEqual(costsOf(second.stdout)[0], costsOf(first.stdout).at(-1))
      const third = await chat(folder, [])
      assert.strictEqual(costsOf(third.stdout)[0], costsOf(second.stdout).at(-1))
      assert.strictEqual(readFileSync(history, "utf8").split("\n").filter((line) => line.endsWith("}")).length, 2)
    }))

  it("ends when it is interrupted, in the middle of an answer too", () =>
    inFolder(async (folder) => {
      const { code } = await chat(folder, ["Tell me something long"], (child, stdout) => {
        if (/> \S+ \S+/.test(stdout)) child.kill("SIGINT")
      })
      assert.strictEqual(code, 130)
    }))
})
