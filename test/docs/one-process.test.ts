/** Programs that share a process are told apart as if each had one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { open } from "../../scripts/programs.ts"

const folder = mkdtempSync(join(tmpdir(), "programs-"))
const programs = open({ timeout: 1500 })

afterAll(() => {
  programs.close()
  rmSync(folder, { recursive: true })
})

const run = (name: string, code: string, args: ReadonlyArray<string> = [], env: { [name: string]: string } = {}) => {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, code)
  return programs.run({ file, args, env })
}

const pid = "console.log(process.pid)"

describe("programs in one process", { timeout: 30_000 }, () => {
  it("have their own arguments, environment, outputs and code, and end when nothing is left to do", async () => {
    const code = `
      setTimeout(() => console.log("late", process.argv.slice(2), process.env.NAME), 20)
      console.error("early")
      process.exitCode = 3`
    expect(await run("own", code, ["a"], { NAME: "x" })).toEqual({
      code: 3,
      stdout: "late [ 'a' ] x\n",
      stderr: "early\n"
    })
    expect(await run("next", "console.log(process.argv.length, process.env.NAME, process.exitCode)")).toEqual({
      code: 0,
      stdout: "2 undefined undefined\n",
      stderr: ""
    })
  })

  it("are evaluated anew each time, in the same process", async () => {
    const first = await run("pid", pid)
    expect(await run("pid", pid)).toEqual(first)
    expect(first.stdout).toMatch(/^\d+\n$/)
  })

  it("change no global for the next, and are in their own folder if they have one", async () => {
    const first = await run("pid", pid)
    expect((await run("fetch", "Object.assign(globalThis, { fetch: () => {} })")).code).toBe(0)
    const second = await run("pid", pid)
    expect(second.stdout).not.toBe(first.stdout)
    const file = join(folder, "folder.mjs")
    writeFileSync(file, "console.log(process.cwd())")
    expect((await programs.run({ file, args: [], env: {}, cwd: folder })).stdout).toBe(`${folder}\n`)
    expect(await run("pid", pid)).toEqual(second)
  })

  it("may end it, and the next has another", async () => {
    const first = await run("pid", pid)
    const exit = "console.log(1); setInterval(() => {}, 1000); process.exit(4); console.log(2)"
    expect(await run("exit", exit)).toEqual({ code: 4, stdout: "1\n", stderr: "" })
    const second = await run("pid", pid)
    expect(second.code).toBe(0)
    expect(second.stdout).not.toBe(first.stdout)
  })

  it("fail by what they throw, at once or later, and by what they reject", async () => {
    for (
      const code of [
        "throw new Error('planted')",
        "setTimeout(() => { throw new Error('planted') }, 1)",
        "Promise.reject(new Error('planted')); setInterval(() => {}, 1000)",
        "import './planted.mjs'",
        "this is no program // planted"
      ]
    ) {
      const ended = await run("fails", code)
      expect([ended.code, ended.stdout]).toEqual([1, ""])
      expect(ended.stderr).toMatch(/planted|SyntaxError/)
    }
  })

  it("fail if they wait at their top for what never comes, or do not end", async () => {
    expect((await run("waits", "await new Promise(() => {})")).code).toBe(13)
    expect(await run("stays", "setInterval(() => {}, 1000)")).toEqual({
      code: null,
      stdout: "",
      stderr: "no end within 1500 ms"
    })
    expect(await run("after", "console.log(1)")).toEqual({ code: 0, stdout: "1\n", stderr: "" })
  })
})
