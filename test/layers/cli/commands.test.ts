/** What the commands write where, and with which exit code they end. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync, writeFileSync } from "node:fs"
import { at } from "../emulator/support.ts"
import { inFolder, interruptedAt, run } from "./support.ts"

const emulated = (...args: ReadonlyArray<string>) => run([...args, "--emulator"])

const json = (text: string): unknown => JSON.parse(text)

describe("every command", { timeout: 120_000 }, () => {
  it("has help with an example and its defaults, on stdout", async () => {
    const commands = ["ask", "batch", "models", "key", "generation", "emulator"]
    const helps = await Promise.all(commands.map((command) => run([command, "--help"])))
    for (const [index, { code, stderr, stdout }] of helps.entries()) {
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.include(stdout, `effect-openrouter ${commands[index]}`)
      assert.include(stdout, "EXAMPLES")
    }
    assert.include(helps[0]?.stdout, "(default openrouter/auto)")
    assert.include(helps[1]?.stdout, "(default 16)")
    assert.include(helps[5]?.stdout, "(default 8787, or 0 for a program)")
  })

  const wrong: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: string]> = [
    [["ask"], "Missing required argument: prompt"],
    [["ask", "one", "two"], "Unexpected positional argument"],
    [["ask", "Hi", "--modle", "x"], "Did you mean --model?"],
    [["ask", "Hi", "--temperature", "3"], "--temperature"],
    [["ask", "Hi", "--tool", "hammer"], "web_search"],
    [["ask", "Hi", "--budget", "much"], "an amount such as 12.50"],
    [["ask", "Hi", "--schema", "/nowhere/s.json"], "File does not exist: /nowhere/s.json"],
    [["batch", "in.jsonl"], "Missing required argument: output"],
    [["batch", "a", "b", "--concurrency", "0"], "--concurrency"],
    [["models", "--sort", "beauty"], "price"],
    [["models", "--max-price", "-1"], "--max-price"],
    [["generation"], "Missing required argument: id"],
    [["generation", "gen-1", "--wait", "long"], "--wait"]
  ]

  it("says in one line on stderr what is wrong with a command line, and ends with 2", async () => {
    for (const [index, { code, stderr, stdout }] of (await Promise.all(wrong.map(([args]) => run(args)))).entries()) {
      const [args, says = "nothing"] = wrong[index] ?? []
      assert.deepStrictEqual([code, stdout], [2, ""], args?.join(" "))
      assert.match(stderr, /^effect-openrouter[^\n]* \(see --help\)\n$/)
      assert.include(stderr, says)
    }
    const bad = await Promise.all([
      emulated("ask", "Hi", "--json", "--stream"),
      emulated("ask", "  "),
      run(["ask", "-", "--emulator"])
    ])
    for (const { code, stderr, stdout } of bad) {
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.match(stderr, /^effect-openrouter: [^\n]+\n$/)
    }
  })

  it("ends with 3 without a key, and says how to do without", async () => {
    for (const args of [["ask", "Hi"], ["models"], ["key"], ["generation", "gen-1"]]) {
      const { code, stderr, stdout } = await run(args)
      assert.deepStrictEqual([code, stdout], [3, ""])
      assert.match(stderr, /^effect-openrouter: .*OPENROUTER_API_KEY.*--emulator[^\n]*\n$/)
    }
  })

  it("has colors where they are wanted only", async () => {
    const [plain, forced, none] = await Promise.all([
      run(["ask", "--help"]),
      run(["ask", "--help"], { env: { FORCE_COLOR: "1" } }),
      run(["ask", "--help"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })
    ])
    assert.notInclude(plain.stdout, "\u001B")
    assert.include(forced.stdout, "\u001B[")
    assert.notInclude(none.stdout, "\u001B")
  })

  it("ends with the code of the group of errors, and one line on stderr", async () => {
    const codes: ReadonlyArray<readonly [model: string, code: number, says: string]> = [
      ["emulator/status-401", 3, "InvalidApiKey: "],
      ["emulator/context-length", 3, "ContextLengthExceeded: "],
      ["emulator/no-credits", 4, "PaymentRequired: "],
      ["emulator/html", 5, "MalformedResponse: "],
      ["emulator/refusal", 6, "Refused: "],
      ["emulator/empty", 6, ""]
    ]
    const ended = await Promise.all(codes.map(([model]) => emulated("ask", "Hi", "--model", model)))
    for (const [index, { code, stderr, stdout }] of ended.entries()) {
      const [model, expected, says = ""] = codes[index] ?? []
      assert.deepStrictEqual([code, stdout], [expected, ""], model)
      assert.match(stderr, /^effect-openrouter: \w+: [^\n]+\n$/)
      assert.include(stderr, says)
    }
    const spent = await emulated("ask", "Hi", "--budget", "0")
    assert.strictEqual(spent.code, 4)
    assert.include(spent.stderr, "BudgetExceeded: ")
  })
})

describe("ask", { timeout: 120_000 }, () => {
  it("writes the answer and nothing else, whole or streamed, from an argument or from stdin", async () => {
    const [whole, streamed, piped] = await Promise.all([
      emulated("ask", "Hello", "--model", "emulator/echo"),
      emulated("ask", "Hello", "--model", "emulator/echo", "--stream"),
      run(["ask", "-", "--model", "emulator/echo", "--emulator"], { stdin: "Hello" })
    ])
    for (const ended of [whole, streamed, piped]) {
      assert.deepStrictEqual(ended, { code: 0, stdout: "Hello\n", stderr: "" })
    }
  })

  it("says on stderr what it cost, if asked", async () => {
    const { code, stderr, stdout } = await emulated("ask", "Hello", "--cost")
    assert.strictEqual(code, 0)
    assert.match(stdout, /\n$/)
    assert.match(stderr, /^1 call cost \$0\.\d+, \d+ tokens in, \d+ out\n$/)
  })

  it("writes one JSON document, also of what is no answer", async () => {
    const good = await emulated("ask", "Hello", "--model", "emulator/echo", "--json")
    assert.deepStrictEqual([good.code, good.stderr], [0, ""])
    const answer = json(good.stdout)
    assert.deepStrictEqual([at(answer, "outcome"), at(answer, "text")], ["Completed", "Hello"])
    assert.strictEqual(at(answer, "response.status"), "completed")
    assert.match(String(at(answer, "cost")), /^0\.\d+$/)
    const cut = await emulated("ask", "Hello", "--model", "emulator/incomplete", "--json")
    assert.strictEqual(cut.code, 6)
    assert.deepStrictEqual([at(json(cut.stdout), "outcome"), at(json(cut.stdout), "reason")], [
      "Incomplete",
      "max_output_tokens"
    ])
    const none = await emulated("ask", "Hello", "--model", "emulator/no-credits", "--json")
    assert.deepStrictEqual([none.code, none.stdout], [4, ""])
  })

  it("keeps half an answer", async () => {
    for (const stream of ["--stream", "--no-stream"]) {
      const { code, stderr, stdout } = await emulated("ask", "Hello", "--model", "emulator/incomplete", stream)
      assert.strictEqual(code, 6)
      assert.match(stdout, /^\w.*\n$/)
      assert.match(stderr, /^effect-openrouter: Incomplete: /)
    }
  })

  it("gives JSON of a schema, and says where it does not fit", () =>
    inFolder(async (path) => {
      const schema = {
        type: "object",
        properties: { city: { type: "string" }, people: { type: "integer" } },
        required: ["city", "people"],
        additionalProperties: false
      }
      writeFileSync(path("s.json"), JSON.stringify(schema))
      writeFileSync(path("bad.json"), "[1]")
      const good = await emulated("ask", "Bern?", "--schema", path("s.json"))
      assert.deepStrictEqual([good.code, good.stderr], [0, ""])
      assert.isNumber(at(json(good.stdout), "people"))
      const ask = (text: string) =>
        emulated("ask", text, "--schema", path("s.json"), "--model", "emulator/echo", "--json")
      const fenced = await ask("```json\n{\"city\":\"Bern\",\"people\":3}\n```")
      assert.deepStrictEqual(at(json(fenced.stdout), "value"), { city: "Bern", people: 3 })
      const misfit = await ask("{\"city\":\"Bern\",\"people\":\"few\"}")
      assert.strictEqual(misfit.code, 6)
      assert.strictEqual(at(json(misfit.stdout), "outcome"), "InvalidOutput")
      assert.include(String(at(json(misfit.stdout), "issue")), "people")
      const bad = await emulated("ask", "Bern?", "--schema", path("bad.json"))
      assert.deepStrictEqual([bad.code, bad.stdout], [2, ""])
    }))

  it("tells the cost so far when it is interrupted", async () => {
    const { code, stderr, stdout } = await run(
      ["ask", "Hello", "--emulator", "--stream", "--model", "emulator/stream-silence"],
      { onOutput: interruptedAt(" ") }
    )
    assert.strictEqual(code, 130)
    assert.match(stdout, /^\w.*\n$/)
    assert.match(stderr, /interrupted: 1 call cost \$0\.00, 1 of unknown cost so far\n$/)
  })

  it("ends when nobody reads any more", async () => {
    const { code, stderr } = await run(
      ["ask", "Hello", "--emulator", "--stream", "--model", "emulator/stream-slow-100"],
      { onOutput: (child) => child.stdout?.destroy() }
    )
    assert.deepStrictEqual([code, stderr], [0, ""])
  })
})

describe("models, key and generation", { timeout: 120_000 }, () => {
  it("list models by price, as a table and as JSON", async () => {
    const [table, document, none] = await Promise.all([
      emulated("models"),
      emulated("models", "gpt", "--sort", "id", "--json"),
      emulated("models", "--max-price", "0", "--json")
    ])
    assert.deepStrictEqual([table.code, document.code, document.stderr], [0, 0, ""])
    assert.match(table.stdout, /^model +context +\$\/M in +\$\/M out +takes\n/)
    const ids = table.stdout.trim().split("\n").slice(1).map((line) => line.split(" ")[0])
    assert.isBelow(ids.indexOf("openai/gpt-5-mini"), ids.indexOf("openai/gpt-5"))
    const found = json(document.stdout)
    if (!Array.isArray(found)) return assert.fail("no list")
    assert.deepStrictEqual(found.map((model: unknown) => at(model, "id")), [
      "openai/gpt-4o",
      "openai/gpt-5",
      "openai/gpt-5-mini"
    ])
    assert.isString(at(found[0], "pricing.prompt"))
    const free = json(none.stdout)
    assert.isTrue(Array.isArray(free) && free.every((model: unknown) => String(at(model, "id")).endsWith(":free")))
  })

  it("show the key and its credits", async () => {
    const [text, document] = await Promise.all([emulated("key"), emulated("key", "--json")])
    assert.match(text.stdout, /^credits left +\$100\.00$/m)
    assert.strictEqual(at(json(document.stdout), "credits.total_credits"), 100)
    assert.deepStrictEqual([text.stderr, document.stderr], ["", ""])
  })

  it("show a call that was made over a socket, and say that there is none", async () => {
    let url = ""
    let work: Promise<void> | undefined
    const env = () => ({ OPENROUTER_API_KEY: "sk-or-any", OPENROUTER_API_URL: url })
    const asking = async () => {
      const answer = json((await run(["ask", "Hello", "--json"], { env: env() })).stdout)
      const id = String(at(answer, "generationId"))
      const record = await run(["generation", id, "--json", "--wait", "5 seconds"], { env: env() })
      assert.deepStrictEqual([record.code, record.stderr], [0, ""])
      assert.strictEqual(String(at(json(record.stdout), "total_cost")), String(at(answer, "cost")))
      assert.match((await run(["generation", id], { env: env() })).stdout, /^cost +\$0\.\d+$/m)
      const none = await run(["generation", "gen-none"], { env: env() })
      assert.deepStrictEqual([none.code, none.stdout], [3, ""])
    }
    const { code } = await run(["emulator", "--port", "0"], {
      onOutput: (child, stdout) => {
        url = /^OpenRouter emulator: (\S+)\n$/.exec(stdout)?.[1] ?? ""
        work ??= asking().finally(() => child.kill("SIGINT"))
      }
    })
    await work
    assert.strictEqual(code, 130)
  })
})

describe("batch", { timeout: 120_000 }, () => {
  const prompts = (count: number) =>
    Array.from({ length: count }, (_, n) => `{"id":"p-${n}","prompt":"Tell me ${n} secrets."}\n`).join("")

  it("estimates, asks, compares, and goes on where it was", () =>
    inFolder(async (path) => {
      const [input, output] = [path("in.jsonl"), path("out.jsonl")]
      writeFileSync(input, prompts(12))
      const batch = (...args: ReadonlyArray<string>) =>
        emulated("batch", input, output, "--model", "openai/gpt-5", ...args)
      const estimate = await batch("--dry-run")
      assert.deepStrictEqual([estimate.code, estimate.stderr], [0, ""])
      assert.match(estimate.stdout, /^cost +about \$0\.\d+ \(\$0\.\d+ to \$0\.\d+\)$/m)
      assert.throws(() => readFileSync(output))
      const first = await batch()
      assert.deepStrictEqual([first.code, first.stdout.includes("\r")], [0, false])
      assert.match(first.stdout, /^Success +12 /m)
      assert.match(first.stdout, /^cost +\$0\.\d+ +\$0\.\d+, \d+ %$/m)
      assert.match(first.stderr, /^12\/12, \$0\.\d+, /m)
      const lines = readFileSync(output, "utf8").trim().split("\n").map(json)
      assert.deepStrictEqual(lines.map((line) => at(line, "id")), Array.from({ length: 12 }, (_, n) => `p-${n}`))
      assert.isString(at(lines[0], "value.text"))
      writeFileSync(input, prompts(14))
      const planned = json((await batch("--dry-run", "--json")).stdout)
      assert.deepStrictEqual([at(planned, "calls"), at(planned, "there")], [2, 12])
      const second = await batch("--json", "--quiet")
      assert.deepStrictEqual([second.code, second.stderr], [0, ""])
      assert.deepStrictEqual(at(json(second.stdout), "outcomes"), { Success: 2, Skipped: 12 })
    }))

  it("takes requests as the API has them, and refuses what is none before anything is sent", () =>
    inFolder(async (path) => {
      const [input, output] = [path("in.jsonl"), path("out.jsonl")]
      writeFileSync(input, `{"id":7,"model":"emulator/echo","input":"Hi","max_output_tokens":20}\n`)
      assert.strictEqual((await emulated("batch", input, output, "--quiet")).code, 0)
      assert.strictEqual(at(json(readFileSync(output, "utf8")), "value.text"), "Hi")
      for (
        const line of [`{"id":"x"}`, `{"prompt":"a","input":"b"}`, `[1]`, `{"prompt":`, `{"prompt":"a","messages":[]}`]
      ) {
        writeFileSync(input, `{"prompt":"fine"}\n${line}\n`)
        const { code, stderr, stdout } = await emulated("batch", input, path("none.jsonl"))
        assert.deepStrictEqual([code, stdout], [1, ""], line)
        assert.match(stderr, /^effect-openrouter: line 2 of [^\n]+\n$/)
      }
      assert.strictEqual((await emulated("batch", path("nowhere"), output)).code, 1)
    }))

  it("says how many items failed, and asks them again if told", () =>
    inFolder(async (path) => {
      const [input, output] = [path("in.jsonl"), path("out.jsonl")]
      writeFileSync(input, prompts(2))
      const failed = await emulated("batch", input, output, "--quiet", "--model", "emulator/refusal")
      assert.strictEqual(failed.code, 1)
      assert.include(failed.stderr, "2 of 2 items failed")
      assert.match(failed.stdout, /^Refused +2 /m)
      const again = await emulated("batch", input, output, "--quiet", "--model", "emulator/echo", "--retry-errors")
      assert.deepStrictEqual([again.code, again.stderr], [0, ""])
      assert.match(again.stdout, /^Success +2 /m)
    }))

  it("stops with the code of what stopped it, keeps what was paid, and stays in its budget", () =>
    inFolder(async (path) => {
      const [input, output] = [path("in.jsonl"), path("out.jsonl")]
      writeFileSync(input, prompts(30))
      const broke = await emulated("batch", input, output, "--quiet", "--model", "emulator/no-credits")
      assert.strictEqual(broke.code, 4)
      assert.include(broke.stderr, "stopped by PaymentRequired")
      const args = ["batch", input, output, "--quiet", "--json", "--model", "openai/gpt-5", "--max-tokens", "300"]
      const { code, stdout } = await emulated(...args, "--budget", "0.01", "--concurrency", "2")
      assert.strictEqual(code, 4)
      assert.isAtMost(Number(at(json(stdout), "cost")), 0.01)
      assert.isAbove(Number(at(json(stdout), "calls")), 2)
      const rest = await emulated(...args)
      assert.strictEqual(rest.code, 0)
      assert.isAbove(Number(at(json(rest.stdout), "outcomes.Skipped")), 2)
    }))

  it("tells the cost so far when it is interrupted", () =>
    inFolder(async (path) => {
      const [input, output] = [path("in.jsonl"), path("out.jsonl")]
      writeFileSync(input, prompts(3))
      const { code, stderr, stdout } = await run(
        ["batch", input, output, "--emulator", "--model", "emulator/hang"],
        { onOutput: interruptedAt("0/3") }
      )
      assert.deepStrictEqual([code, stdout], [130, ""])
      assert.match(stderr, /interrupted: \d calls? cost \$0\.00.* so far\n$/)
    }))
})
