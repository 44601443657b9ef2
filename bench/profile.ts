/** Where one of our variants spends its time in a scenario: self time of a CPU profile, summed up by area. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { entryOf, scenarios } from "./catalog.ts"
import { here, measure, startServer } from "./processes.ts"

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

interface CpuProfile {
  readonly nodes: ReadonlyArray<{ readonly id: number; readonly callFrame: CallFrame }>
  readonly samples: ReadonlyArray<number>
  readonly timeDeltas: ReadonlyArray<number>
}

/** The first pattern that fits an address names its area. */
const areas: ReadonlyArray<readonly [pattern: RegExp, area: string]> = [
  [/effect-openrouter\/dist\/(.+)\.js$/, "ours: $1"],
  [/\/effect\/dist\/.*(Schema|schema)/, "effect: Schema"],
  [/\/effect\/dist\/(unstable\/)?(http|encoding)\//, "effect: http, encoding"],
  [/\/effect\/dist\/.*(Stream|Channel|Pull)/, "effect: Stream, Channel"],
  [/\/effect\/dist\//, "effect: runtime"],
  [/\/@effect\/platform-node/, "platform-node"],
  [/node_modules\/undici\//, "undici"],
  [/node:internal\/deps\/undici/, "undici of Node"],
  [/^node:internal\/(webstreams|deps\/cjs)/, "web streams"],
  [/^node:/, "Node"],
  [/\/bench\//, "benchmark"],
  [/node_modules\/((?:@[^/]+\/)?[^/]+)\//, "$1"]
]

const areaOf = ({ functionName, url }: CallFrame): string => {
  if (functionName === "(garbage collector)") return "garbage collection"
  if (functionName === "(idle)") return "idle"
  if (functionName === "(program)") return "the process itself"
  if (url === "") return "native"
  for (const [pattern, area] of areas) {
    const match = pattern.exec(url)
    if (match !== null) return area.replace("$1", match[1] ?? "")
  }
  return url
}

/** What is asked of a profiled process: enough work that warming up does not matter. */
const longer = 6

const printShares = (title: string, times: ReadonlyMap<string, number>, total: number, cpu: number): void => {
  console.log(`\n${title}`)
  for (const [name, time] of [...times].toSorted(([, a], [, b]) => b - a).slice(0, 40)) {
    const share = time / total
    console.log(`${(share * cpu).toFixed(2).padStart(9)} µs ${(share * 100).toFixed(1).padStart(5)} %  ${name}`)
  }
}

/** Shares of the profile, and what they are of the CPU time of one call or event. */
const summarize = (file: string, cpu: number): void => {
  const { nodes, samples, timeDeltas }: CpuProfile = JSON.parse(readFileSync(file, "utf8"))
  const frames = new Map(nodes.map(({ callFrame, id }) => [id, callFrame]))
  const byArea = new Map<string, number>()
  const byFunction = new Map<string, number>()
  let total = 0
  // The first half is left out: it warms up.
  for (let index = samples.length >> 1; index < samples.length; index++) {
    const frame = frames.get(samples[index] ?? -1)
    const micros = timeDeltas[index] ?? 0
    if (frame === undefined || micros < 0) continue
    const area = areaOf(frame)
    if (area === "idle") continue
    const name = `${frame.functionName || "(anonymous)"} ${frame.url.replace(/^.*node_modules\//, "")}:${
      frame.lineNumber + 1
    }`
    byArea.set(area, (byArea.get(area) ?? 0) + micros)
    byFunction.set(name, (byFunction.get(name) ?? 0) + micros)
    total += micros
  }
  printShares("self time by area", byArea, total, cpu)
  printShares("self time by function", byFunction, total, cpu)
}

/** Profiles a variant and prints self time of one call, or of one event. */
export const profile = async (scenarioId: string, id: string): Promise<void> => {
  const scenario = scenarios.find((scenario) =>
    scenario.id === scenarioId && ["calls", "streams"].includes(scenario.task)
  )
  if (scenario === undefined) throw new Error("profile call-2k, call-50k, rate-limit, stream-burst or stream-blocks")
  const { module, tracing, transport } = entryOf(id)
  const directory = `${here}.cache/profile`
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const isStream = scenario.task === "streams"
  const { c32 = 0, count = 0 } = scenario.numbers
  const numbers = isStream
    ? { warm: count * longer / 4, count: count * longer / 4, concurrency: 1 }
    : { warm: c32 * longer / 2, c32: c32 * longer / 2 }
  const server = await startServer()
  let cpu = NaN
  try {
    const figures = await measure(
      { task: scenario.task, module, tracing, transport, server: server.url, scenario: scenario.path, numbers },
      ["--cpu-prof", "--cpu-prof-interval=200", `--cpu-prof-dir=${directory}`]
    )
    cpu = figures["c32"] ?? figures["perEvent"] ?? NaN
    console.log(`${scenario.title}\n${entryOf(id).label}: ${cpu.toFixed(2)} µs, profiling included`)
  } finally {
    server.stop()
  }
  const [file] = readdirSync(directory)
  if (file === undefined) throw new Error("the process wrote no profile")
  summarize(`${directory}/${file}`, cpu)
}
