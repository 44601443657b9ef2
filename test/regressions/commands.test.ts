/** The programs of `examples`, run as commands. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schema } from "effect"
import { Batch } from "effect-openrouter"
import { TestClock } from "effect/testing"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"
import { show } from "../../examples/batch/progress.ts"
import * as data from "../../examples/town/data.ts"
import * as Emulated from "../../examples/town/Emulated.ts"
import * as Report from "../../examples/town/Report.ts"
import type * as Town from "../../examples/town/Town.ts"
import { type Ended, open } from "../../scripts/programs.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

const programs = open({ timeout: 30_000 })
afterAll(programs.close)

/** Runs a program to its end, after those before it in the same process; each of its runs evaluates this file anew. */
const toTheEnd = ([file, ...args]: readonly [file: string, ...args: ReadonlyArray<string>]): Promise<Ended> =>
  programs.run({ file: join(root, file), args, env: process.env })

/** Runs a program in a process of its own; `onOutput` may end it, or stop reading. Who has no `onOutput` is not read at all. */
const run = (
  args: ReadonlyArray<string>,
  onOutput?: (child: ChildProcess, stdout: string) => void
): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
    let stdout = ""
    let stderr = ""
    if (onOutput === undefined) child.stdout.destroy()
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      onOutput?.(child, stdout)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    child.on("close", (code) => resolve({ code, stdout, stderr }))
  })

const town = "examples/town/main.ts"

const townProgram = "examples/town/program.ts"

const emulator = "examples/emulator.ts"

const batch = "examples/batch/program.ts"

const readId = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ id: Schema.String })))

/** Interrupts a program, as Ctrl-C does, once its output holds a text. A second time would end it at once. */
const interruptedAt = (text: string) => {
  let isInterrupted = false
  return (child: ChildProcess, stdout: string) => {
    if (isInterrupted || !stdout.includes(text)) return
    isInterrupted = child.kill("SIGINT")
  }
}

/** Stops reading, as `head` does, once the output holds a text. */
const readUntil = (text: string) => (child: ChildProcess, stdout: string) => {
  if (stdout.includes(text)) child.stdout?.destroy()
}

const readStory = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({
  ticks: Schema.Array(Schema.Unknown),
  stopped: Schema.optionalKey(Schema.Struct({ by: Schema.String }))
})))

// A process starts within a second, on a machine that has nothing else to do.
describe("the town as a command", { timeout: 60_000 }, () => {
  it("#36 writes one JSON document and nothing else", async () => {
    const { code, stderr, stdout } = await toTheEnd([townProgram, "--ticks", "1", "--json"])
    assert.strictEqual(readStory(stdout).ticks.length, 1)
    assert.deepStrictEqual([code, stderr], [0, ""])
  })

  it("#36 ends when its reader has seen enough", async () => {
    const { code, stderr, stdout } = await run([town], readUntil("Tick 1"))
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.notInclude(stdout, "Costs by")
  })

  it("#36 says on stderr how it is used", async () => {
    const { code, stderr, stdout } = await toTheEnd([townProgram, "--tick", "3"])
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.include(stderr, "--characters")
    assert.include(stderr, "Unrecognized flag: --tick")
  })

  it("#36 says on stderr what stopped it", async () => {
    const { code, stderr, stdout } = await toTheEnd([townProgram, "--credits", "0.01"])
    assert.strictEqual(code, 1)
    assert.match(stderr, /^\nStopped by PaymentRequired: .*\n$/)
    assert.notInclude(stdout, "Stopped by")
    assert.include(stdout, "Costs by phase")
  })

  it("#36 shows what it has cost so far when it is interrupted", async () => {
    const { code, stderr, stdout } = await run([town, "--ticks", "9"], interruptedAt("intentions:"))
    assert.strictEqual(code, 130)
    assert.match(stdout, /^ {2}intentions .*\$0\.\d+$/m)
    assert.include(stderr, "Stopped by Interrupted")
  })
})

describe("the batch as a command", { timeout: 60_000 }, () => {
  it("shows plain lines without a terminal, and goes on where it was", async () => {
    const folder = mkdtempSync(join(tmpdir(), "effect-openrouter-batch-"))
    try {
      const [input, output] = [join(folder, "in.jsonl"), join(folder, "out.jsonl")]
      writeFileSync(
        input,
        Array.from({ length: 40 }, (_, n) => `{"id":"p-${n}","prompt":"Tell me ${n} secrets."}\n`).join("")
      )
      const args = [batch, "--input", input, "--output", output] as const
      const broke = await toTheEnd([...args, "--credits", "0.001", "--concurrency", "2"])
      assert.strictEqual(broke.code, 1)
      assert.match(broke.stdout, /^NotStarted +\d+/m)
      assert.match(broke.stderr, /^\d+\/40, .*\$0\.00/m)
      assert.notInclude(broke.stderr, "\r")
      assert.include(broke.stderr, "stopped by PaymentRequired")
      const whole = await toTheEnd(args)
      assert.strictEqual(whole.code, 0)
      assert.match(whole.stdout, /^Skipped +\d+/m)
      const ids = readFileSync(output, "utf8").trim().split("\n").map((line) => readId(line).id)
      assert.deepStrictEqual(ids, Array.from({ length: 40 }, (_, n) => `p-${n}`))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("shows a bar on a terminal", async () => {
    const written: Array<string> = []
    await Batch.run([1, 2], (n) => Effect.succeed(n), {
      onProgress: show({ isTTY: true, columns: 60, write: (text) => written.push(text) })
    }).pipe(Effect.runPromise)
    const last = written.at(-1) ?? ""
    assert.match(last, /^\r\[={24}\] 2\/2, \$0\.00, .*\n$/)
  })
})

describe("a story that is interrupted", () => {
  it.effect("#36 has the ticks and the costs so far, in tables and as JSON", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_800_000_000_000)
      const stories = yield* Ref.make<ReadonlyArray<Town.Story>>([])
      const fiber = yield* Effect.forkChild(Emulated.run({
        model: "openai/gpt-5",
        ticks: 99,
        people: data.peopleOf(2),
        places: data.places.slice(0, 1),
        seed: 1,
        credits: "100",
        say: () => Effect.void,
        onInterrupt: (story) => Ref.update(stories, (stories) => [...stories, story])
      }))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(fiber)
      const [story, ...others] = yield* Ref.get(stories)
      if (story === undefined) return assert.fail("nothing was told")
      assert.deepStrictEqual(others, [])
      assert.isAbove(story.ticks.length, 0)
      assert.isAbove(story.costs.calls, 0)
      assert.include(Report.toText(story), "Costs by phase")
      const read = readStory(Report.toJson(story))
      assert.deepStrictEqual([read.ticks.length, read.stopped?.by], [story.ticks.length, "Interrupted"])
    }), 30_000)
})

describe("the emulator as a command", { timeout: 60_000 }, () => {
  it("#36 listens until it is interrupted", async () => {
    const { code, stderr, stdout } = await run([emulator, "--port", "0"], interruptedAt("/api/v1"))
    assert.match(stdout, /^OpenRouter emulator: http:\/\/.*:\d+\/api\/v1\n$/)
    assert.deepStrictEqual([code, stderr], [130, ""])
  })

  it("#36 ends when nobody reads", async () => {
    const { code, stderr } = await run([emulator, "--port", "0"])
    assert.deepStrictEqual([code, stderr], [0, ""])
  })
})
