/** The command `effect-openrouter`, as a server. */
import { assert, describe, it } from "@effect/vitest"
import type { ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import { at } from "../emulator/support.ts"
import { interruptedAt, run } from "./support.ts"

describe("effect-openrouter", { timeout: 60_000 }, () => {
  it("tells its version, and what it can do", async () => {
    const [version, help] = await Promise.all([run(["--version"]), run(["emulator", "--help"])])
    const manifest: { readonly version: string } = JSON.parse(
      readFileSync(new URL("../../../package.json", import.meta.url), "utf8")
    )
    assert.deepStrictEqual(version, { code: 0, stdout: `effect-openrouter v${manifest.version}\n`, stderr: "" })
    assert.strictEqual(help.code, 0)
    assert.include(help.stdout, "--verbose")
  })

  const wrong: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: string]> = [
    [
      ["emulator", "--prot", "1"],
      "Unrecognized flag: --prot in command effect-openrouter emulator. Did you mean --port?"
    ],
    [["emulator", "--port", "70000"], "Invalid value for flag --port: \"70000\". Expected a value between 0 and 65535"],
    [["emulator", "--credits", "much"], "Expected an amount such as 12.50"],
    [["emulatr"], "Unknown subcommand \"emulatr\" for \"effect-openrouter\". Did you mean emulator?"]
  ]

  it("says in one line what is wrong with a command line", async () => {
    for (const [index, { code, stderr, stdout }] of (await Promise.all(wrong.map(([args]) => run(args)))).entries()) {
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.match(stderr, /^effect-openrouter[^\n]* \(see --help\)\n$/)
      assert.include(stderr, wrong[index]?.[1] ?? "nothing")
    }
  })

  it("runs a program with the emulator in its environment, and ends as the program does", async () => {
    // The program writes to the process of the command itself.
    const inNode = (script: string) =>
      run(["emulator", "--key", "sk-of-mine", "--", process.execPath, "-e", script], {})
    const [good, bad, killed, none] = await Promise.all([
      inNode(`
        const { OPENROUTER_API_KEY: key, OPENROUTER_API_URL: url } = process.env
        const headers = { authorization: "Bearer " + key, "content-type": "application/json" }
        const body = JSON.stringify({ model: "emulator/echo", input: "Hello" })
        fetch(url + "/responses", { method: "POST", headers, body })
          .then((answer) => answer.json())
          .then(({ output }) => console.log(key, output.at(-1).content[0].text))
      `),
      inNode("process.exit(7)"),
      inNode("process.kill(process.pid, 'SIGTERM')"),
      run(["emulator", "--", "no-such-program"])
    ])
    assert.deepStrictEqual(good, { code: 0, stdout: "sk-of-mine Hello\n", stderr: "" })
    assert.deepStrictEqual([bad.code, bad.stdout], [7, ""])
    assert.match(bad.stderr, /^effect-openrouter: \S+ ended with exit code 7\n$/)
    assert.strictEqual(killed.code, 143)
    assert.strictEqual(none.code, 2)
    assert.match(none.stderr, /^effect-openrouter: cannot run no-such-program: .*ENOENT\n$/)
  })

  it("asks the program to end when it is interrupted, and waits for it", async () => {
    const script = `
      process.once("SIGINT", () => setTimeout(() => process.exit(console.log("told")), 100))
      setInterval(() => {}, 1000)
      console.log("up")
    `
    const { code, stdout } = await run(["emulator", "--", process.execPath, "-e", script], {
      onOutput: interruptedAt("up\n")
    })
    assert.deepStrictEqual([code, stdout], [130, "up\ntold\n"])
  })

  it("serves an emulator, logs, says that a port is used, and ends when it is interrupted", async () => {
    let url = ""
    let work: Promise<unknown> | undefined
    const post = (body: { readonly [name: string]: unknown }, signal?: AbortSignal) =>
      fetch(`${url}/responses`, {
        method: "POST",
        headers: { authorization: "Bearer any", "content-type": "application/json" },
        body: JSON.stringify({ input: "Hello", ...body }),
        ...(signal === undefined ? {} : { signal })
      })
    const failed = (promise: Promise<unknown>) => promise.then(() => false, () => true)
    const asking = async (child: ChildProcess) => {
      assert.strictEqual(at(await (await post({ model: "openai/gpt-5" })).json(), "status"), "completed")
      const stream = await (await post({ model: "openai/gpt-5", stream: true })).text()
      assert.match(stream, /data: \[DONE\]\n\n$/)
      assert.strictEqual(at(await (await fetch(new URL("/", url))).json(), "post"), "/api/v1/responses")
      assert.isTrue(await failed(post({ model: "emulator/disconnect" })))
      assert.isTrue(
        await failed(post({ model: "emulator/stream-reset", stream: true }).then((answer) => answer.text()))
      )
      assert.isTrue(await failed(post({ model: "emulator/hang" }, AbortSignal.timeout(200))))
      assert.strictEqual((await post({ model: "unheard/of" })).status, 400)
      const used = await run(["emulator", "--port", new URL(url).port])
      assert.deepStrictEqual(used, {
        code: 1,
        stdout: "",
        stderr: `effect-openrouter: port ${new URL(url).port} of 127.0.0.1 is in use; ` +
          "choose another with --port, or a free one with --port 0\n"
      })
      child.kill("SIGINT")
    }
    const { code, stderr, stdout } = await run(
      ["emulator", "--port", "0", "--verbose", "--listed-models"],
      {
        onOutput: (child, stdout) => {
          url = /^OpenRouter emulator: (\S+)\n$/.exec(stdout)?.[1] ?? ""
          work ??= asking(child).catch((error: unknown) => {
            child.kill("SIGKILL")
            throw error
          })
        }
      }
    )
    await work
    assert.strictEqual(code, 130)
    assert.strictEqual(stdout, `OpenRouter emulator: ${url}\n`)
    assert.deepStrictEqual(stderr.split("\n").map((line) => line.replace(/ in \d+ ms$/, "")), [
      "POST /api/v1/responses openai/gpt-5 -> 200",
      "POST /api/v1/responses openai/gpt-5 -> 200",
      "GET / -> 200",
      "POST /api/v1/responses emulator/disconnect -> connection broken",
      "POST /api/v1/responses emulator/stream-reset -> connection broken",
      "POST /api/v1/responses emulator/hang -> left by the caller",
      "POST /api/v1/responses unheard/of -> 400",
      ""
    ])
  })
})
