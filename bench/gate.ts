/**
 * The part of the benchmark that a CI machine can judge: heap allocated for a call, and sizes of bundles. What a stream
 * allocates depends on how its bytes happen to arrive, so it is no gate.
 *
 * `node bench/gate.ts` measures it and fails where a figure exceeds the one in `gates.json`, or is so far below it that the
 * gate guards nothing; with `--write` it writes that file, leaving 8 % of slack: what a timer or a late answer allocates depends on how busy the machine is.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { entryOf, scenarios } from "./catalog.ts"
import { bundleSizes } from "./coldstart.ts"
import { prepare } from "./prepare.ts"
import { here, measure, startServer } from "./processes.ts"

const slack = 1.08

const file = `${here}gates.json`

/** Rounded up, so that the file is readable and not stricter than what was found. */
const withSlack = (value: number): number => Math.ceil(value * slack * 10) / 10

/** The deterministic figures of our own variants, in kilobytes. */
const measureAll = async (): Promise<Readonly<Record<string, number>>> => {
  const found: Record<string, number> = {}
  const server = await startServer()
  try {
    for (const scenario of scenarios.filter(({ path, task }) => task === "allocation" && path !== "burst")) {
      for (const id of scenario.variants.filter((id) => id.startsWith("ours/"))) {
        const { module, tracing, transport } = entryOf(id)
        const job = { ...scenario, module, tracing, transport, server: server.url, scenario: scenario.path }
        const { kilobytes = NaN } = await measure(job, scenario.nodeFlags)
        found[`${scenario.id}/${id}`] = kilobytes
      }
    }
  } finally {
    server.stop()
  }
  for (const [id, { gzipped = NaN }] of await bundleSizes(["ours/call", "ours/stream"])) found[`bundle/${id}`] = gzipped
  return found
}

prepare(process.argv.includes("--no-build"))
const found = await measureAll()
if (process.argv.includes("--write")) {
  const gates = Object.fromEntries(Object.entries(found).map(([name, value]) => [name, withSlack(value)]))
  writeFileSync(file, `${JSON.stringify(gates, null, 2)}\n`)
  console.log(`wrote ${file}`)
} else {
  const gates: Readonly<Record<string, number>> = JSON.parse(readFileSync(file, "utf8"))
  let failed = 0
  for (const [name, value] of Object.entries(found)) {
    const gate = gates[name] ?? 0
    // A gate that is far too wide lets the next change give back what was gained.
    const problem = value > gate ? "too much" : value * slack ** 2 < gate * 0.95 ? "far below: use --write" : ""
    if (problem !== "") failed++
    console.log(
      `${problem === "" ? "ok    " : "FAILED"} ${name}: ${value.toFixed(1)} kB of ${gate.toFixed(1)} ${problem}`
    )
  }
  console.log(`${Object.keys(found).length - failed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
}
