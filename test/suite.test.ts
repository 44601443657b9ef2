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

describe("the suite", () => {
  it("is there", () => expect(files.length).toBeGreaterThan(50))

  it.each(files)("%s sleeps no longer than two seconds and has no port of its own", (_, text) => {
    expect(longSleeps(text)).toEqual([])
    expect(fixedPorts(text)).toEqual([])
  })

  it("finds what it looks for", () => {
    expect(longSleeps("setTimeout(() => resolve(), 2_500)\nsetTimeout(done, 100)")).toHaveLength(1)
    expect(longSleeps("it.effect(Effect.sleep(\"5 minutes\"))\nit.live(Effect.sleep(\"3 seconds\"))")).toHaveLength(1)
    expect(fixedPorts("server.listen(8787)\nserver.listen(0)\n{ port: 0 }\n{ port: 80 }")).toHaveLength(2)
  })

  it("takes its clients from the test kit: nobody makes a service by hand", () => {
    expect(files.flatMap(([file, text]) => /OpenRouter\.of\(|mock\(OpenRouter/.test(text) ? [file] : [])).toEqual([])
    const users = files.filter(([, text]) => /from "effect-openrouter\/testing"|support\.ts"/.test(text))
    expect(users.length).toBeGreaterThan(40)
  })
})
