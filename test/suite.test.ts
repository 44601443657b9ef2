import { BigDecimal, DateTime, Option, Redacted } from "effect"
import { globSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"

const root = new URL("./", import.meta.url)

const files = globSync("**/*.ts", { cwd: root })
  .filter((file) => file !== "suite.test.ts")
  .toSorted()
  .map((file) => [file, readFileSync(new URL(file, root), "utf8")] as const)

const unitMillis: { readonly [unit: string]: number } = { milli: 1, second: 1000, minute: 60_000, hour: 3_600_000 }

/** Sleeps of more than two seconds by the wall clock: `setTimeout`, and `Effect.sleep` where no test clock runs. */
const longSleeps = (text: string): ReadonlyArray<string> => {
  const timers = Array.from(text.matchAll(/setTimeout\([^"'`]*?,\s*([\d_]+)\)/g))
    .flatMap(([call, millis = ""]) => Number(millis.replaceAll("_", "")) > 2000 ? [call] : [])
  // What is further in belongs to the test above it.
  const live = text.split(/\n(?= {0,2}\S)/).filter((test) => test.trimStart().startsWith("it.live"))
  const sleeps = live.flatMap((test) => Array.from(test.matchAll(/\.(?:sleep|delay)\([^)]*?"(\d+) (\w+?)s?"/g)))
    .flatMap(([call, count, unit = ""]) => Number(count) * (unitMillis[unit] ?? 0) > 2000 ? [call] : [])
  return [...timers, ...sleeps]
}

/** A port that another program may have taken. */
const fixedPorts = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/\b(?:listen\(|port: )([1-9]\d*)\b/g), ([call]) => call)

/** What a file would leave to those that are run after it in the same thread. */
const leftBehind = (file: string, text: string): ReadonlyArray<string> => [
  ...Array.from(text.matchAll(/\bvi\.(?:mock|doMock|stub\w+|useFakeTimers)\(/g), ([call]) => call),
  ...Array.from(text.matchAll(/\b(?:globalThis(?:\.\w+)+|process\.env(?:\.\w+|\[[^\]]*\])) = /g), ([write]) => write),
  ...Array.from(text.matchAll(/\bprocess\.(?:on|chdir)\(/g), ([call]) => call),
  // A module that tests share is loaded once, a test file each time.
  ...file.endsWith(".test.ts")
    ? []
    : Array.from(text.matchAll(/^(?:export )?let |^(?:before|after)(?:All|Each)\(/gm), ([start]) => start)
]

describe("the suite", () => {
  it("is there", () => expect(files.length).toBeGreaterThan(50))

  it.each(files)("%s sleeps no longer than two seconds and has no port of its own", (_, text) => {
    expect(longSleeps(text)).toEqual([])
    expect(fixedPorts(text)).toEqual([])
  })

  it.each(files)("%s leaves nothing behind", (file, text) => expect(leftBehind(file, text)).toEqual([]))

  it("finds what it looks for", () => {
    const leaving =
      "vi.stubEnv(\"A\", \"1\")\nprocess.env[\"A\"] = \"1\"\nglobalThis.fetch = mine\nprocess.on(\"x\", f)\n"
    expect(leftBehind("a.test.ts", `let a = 1\n${leaving}`)).toHaveLength(4)
    expect(leftBehind("support.ts", "let a = 1\nafterAll(close)\n  let b = 2\n")).toHaveLength(2)
    expect(longSleeps("setTimeout(() => resolve(), 2_500)\nsetTimeout(done, 100)")).toHaveLength(1)
    expect(longSleeps("it.effect(Effect.sleep(\"5 minutes\"))\nit.live(Effect.sleep(\"3 seconds\"))")).toHaveLength(1)
    expect(fixedPorts("server.listen(8787)\nserver.listen(0)\n{ port: 0 }\n{ port: 80 }")).toHaveLength(2)
  })

  it("takes its clients from the test kit: nobody makes a service by hand", () => {
    expect(files.flatMap(([file, text]) => /OpenRouter\.of\(|mock\(OpenRouter/.test(text) ? [file] : [])).toEqual([])
    const users = files.filter(([, text]) => /from "effect-openrouter\/testing"|support\.ts"/.test(text))
    expect(users.length).toBeGreaterThan(40)
  })

  it("compares data by their own equality", () => {
    const decimal = BigDecimal.fromStringUnsafe
    expect([Option.some(decimal("1.0"))]).toEqual([Option.some(decimal("1.00"))])
    expect(DateTime.makeUnsafe(0)).toEqual(DateTime.makeUnsafe(0))
    for (
      const [a, b] of [
        [Redacted.make("a"), Redacted.make("b")],
        [Option.some(1), Option.some(2)],
        [decimal("1"), decimal("2")]
      ]
    ) expect({ a }).not.toEqual({ a: b })
  })
})
