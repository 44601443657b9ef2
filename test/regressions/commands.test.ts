/** The programs of `examples`, run as commands. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as data from "../../examples/town/data.ts"
import * as Emulated from "../../examples/town/Emulated.ts"
import * as Report from "../../examples/town/Report.ts"
import type * as Town from "../../examples/town/Town.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program from the sources; `onOutput` may end it, or stop reading. Who has no `onOutput` is not read at all. */
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

const emulator = "examples/emulator.ts"

const toTheEnd = () => {}

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
    const { code, stderr, stdout } = await run([town, "--ticks", "1", "--json"], toTheEnd)
    assert.strictEqual(readStory(stdout).ticks.length, 1)
    assert.deepStrictEqual([code, stderr], [0, ""])
  })

  it("#36 ends when its reader has seen enough", async () => {
    const { code, stderr, stdout } = await run([town], readUntil("Tick 1"))
    assert.deepStrictEqual([code, stderr], [0, ""])
    assert.notInclude(stdout, "Costs by")
  })

  it("#36 says on stderr how it is used", async () => {
    const { code, stderr, stdout } = await run([town, "--tick", "3"], toTheEnd)
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.include(stderr, "--characters")
    assert.include(stderr, "Unrecognized flag: --tick")
  })

  it("#36 says on stderr what stopped it", async () => {
    const { code, stderr, stdout } = await run([town, "--credits", "0.01"], toTheEnd)
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
