/**
 * Measures our client and its peers side by side: `npm run bench`, `npm run bench -- --quick`.
 *
 * `--profile SCENARIO [VARIANT]` shows where one of our variants spends its time instead; `--only SCENARIO,…` measures
 * some scenarios; `--no-build` measures again what was built last. The exit code is 1 where a bar is missed.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { type Verdict, verdicts } from "./bars.ts"
import { entryOf, type Scenario, scenarios } from "./catalog.ts"
import { bundleSizes, coldStart } from "./coldstart.ts"
import { Measures } from "./measures.ts"
import { prepare } from "./prepare.ts"
import { here, measure, startServer } from "./processes.ts"
import { profile } from "./profile.ts"
import * as Report from "./report.ts"

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    profile: { type: "string" },
    only: { type: "string" },
    "no-build": { type: "boolean", default: false }
  }
})

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

/** The scenarios of this run, as they are run. */
const chosen = (): ReadonlyArray<Scenario> => {
  const only = options.only?.split(",")
  const wanted = only === undefined ? scenarios : scenarios.filter(({ id }) => only.includes(id))
  if (only !== undefined && wanted.length < only.length) {
    throw new Error(`scenarios are ${scenarios.map(({ id }) => id).join(", ")}`)
  }
  if (!options.quick) return wanted
  return wanted.flatMap((scenario) =>
    scenario.quick === undefined
      ? []
      : [{ ...scenario, ...scenario.quick, numbers: { ...scenario.numbers, ...scenario.quick.numbers } }]
  )
}

/** What one process of a scenario has to do; a slow client is given less of it. */
const jobOf = (scenario: Scenario, id: string, server: string) => {
  const { module, slowness = 1, tracing, transport } = entryOf(id)
  const { count = 0, ...others } = scenario.numbers
  const isLong = scenario.task === "streams" && scenario.path !== "paced"
  const numbers = isLong
    ? { ...others, count: Math.ceil(count / slowness) }
    : scenario.numbers
  return { task: scenario.task, module, tracing, transport, server, scenario: scenario.path, numbers }
}

/** Round by round, each variant in a process of its own; the first one differs, so that none is always first. */
const runScenario = async (scenario: Scenario, server: string, measures: Measures): Promise<void> => {
  for (let round = 0; round < scenario.rounds; round++) {
    const shift = round % scenario.variants.length
    for (const id of [...scenario.variants.slice(shift), ...scenario.variants.slice(0, shift)]) {
      measures.add(`${scenario.id}/${id}`, await measure(jobOf(scenario, id, server), scenario.nodeFlags))
    }
  }
}

const runColdStart = async (measures: Measures): Promise<string> => {
  const sizes = await bundleSizes()
  for (const [id, figures] of sizes) measures.add(`bundle/${id}`, figures)
  const imports = await coldStart(options.quick ? 3 : 9)
  for (const [id, rounds] of imports) for (const figures of rounds) measures.add(id, figures)
  const ids = [...imports.keys()].flatMap((id) => id.startsWith("import/") ? [id.slice("import/".length)] : [])
  return [
    Report.listTable("Import, ms", measures, "import", ids, { millis: "ms" }),
    Report.listTable("Schemas, ms", measures, "schemas", ["ours"], {
      construction: "built at import",
      firstResponse: "first response decoded",
      firstEvents: "first events decoded"
    }),
    Report.listTable("Bundle of a program of one call, kB", measures, "bundle", [...sizes.keys()], {
      minified: "minified",
      gzipped: "and gzipped"
    })
  ].join("\n\n")
}

const write = (measures: Measures, tables: ReadonlyArray<string>, all: ReadonlyArray<Verdict>): void => {
  const facts = { date: new Date().toISOString(), machine: Report.machine(), versions: Report.versions() }
  const results = { ...facts, quick: options.quick, bars: all, measures }
  mkdirSync(`${here}.cache`, { recursive: true })
  const isWhole = !options.quick && options.only === undefined
  writeFileSync(`${here}${isWhole ? "results.json" : ".cache/results.json"}`, `${JSON.stringify(results, null, 2)}\n`)
  if (!isWhole) return
  const page = `${here}../docs/performance.md`
  const named = Object.entries(facts.versions).map(([name, version]) => `${name} ${version}`).join(", ")
  const text = [`Measured on ${facts.date.slice(0, 10)}: ${facts.machine}.\n\nVersions: ${named}.`, ...tables].join(
    "\n\n"
  )
  writeFileSync(page, Report.withGenerated(existsSync(page) ? readFileSync(page, "utf8") : undefined, text))
}

const bench = async (): Promise<void> => {
  const measures = new Measures()
  const tables: Array<string> = []
  const server = await startServer()
  const show = (table: string) => {
    tables.push(table)
    console.log(`${table}\n`)
  }
  say(Report.machine())
  try {
    for (const scenario of chosen()) {
      const start = performance.now()
      await runScenario(scenario, server.url, measures)
      show(Report.scenarioTable(scenario, measures))
      say(`${scenario.id}: ${((performance.now() - start) / 1000).toFixed(0)} s`)
    }
  } finally {
    server.stop()
  }
  if (options.only === undefined) show(await runColdStart(measures))
  const all = verdicts(measures)
  show(Report.barTable(all))
  write(measures, tables, all)
  if (all.some(({ isMet }) => !isMet)) {
    process.exitCode = 1
    if (options.quick) say("a quick run has few rounds: judge what it misses by a whole one, on a machine at rest")
  }
}

if (options.profile === undefined && positionals.length > 0) {
  throw new Error(`there is no ${positionals.join(" ")}: a profile is --profile <scenario> <variant>`)
}
prepare(options["no-build"])
if (options.profile === undefined) await bench()
else await profile(options.profile, positionals[0] ?? "ours/node")
