/**
 * Lets herds of calls loose on a limited server and checks how the client's gate keeps its bars.
 *
 *     npm run herd -- [--virtual | --sockets] [--only TEXT] [--client TEXT]
 *
 * In-process under virtual time, and over real sockets in real time against an emulator in another process. `--only` takes
 * the scenarios, and `--client` the clients, whose name contains a text. Beside the client as it comes the table has the
 * client without its gate, and with Effect's `HttpClient.withRateLimiter` in its place. Where the client as it comes misses
 * a bar, the exit code is 1.
 */
import { Effect } from "effect"
import { parseArgs } from "node:util"
import { clients, gated, ungated } from "./herd/clients.ts"
import { missed } from "./herd/measure.ts"
import { head, row } from "./herd/report.ts"
import { scenarios, warmUp } from "./herd/scenarios.ts"
import { runOverSockets, type Way } from "./herd/sockets.ts"
import { runVirtual } from "./herd/virtual.ts"

const { values: flags } = parseArgs({
  options: {
    virtual: { type: "boolean", default: false },
    sockets: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    client: { type: "string", default: "" }
  }
})

const print = (text: string) => process.stdout.write(`${text}\n`)

/** Where a scenario runs: in-process, or over sockets by one of the client's ways. */
type Place = "virtual" | Way

const placesOf = (overSockets: boolean): ReadonlyArray<Place> => [
  ...(flags.sockets ? [] : ["virtual" as const]),
  ...(flags.virtual || !overSockets ? [] : ["/node" as const, "fetch" as const])
]

const failures: Array<string> = []

const warm = new Set<Way>()

const main = Effect.gen(function*() {
  print(head)
  for (const scenario of scenarios.filter(({ name }) => name.includes(flags.only))) {
    // Where refusals come by dice, what the same calls take without a gate is the ideal.
    const thrown = scenario.dice === undefined ? [] : yield* runVirtual(scenario, ungated)
    for (const place of placesOf(scenario.overSockets)) {
      for (const client of clients.filter(({ name, suits }) => name.includes(flags.client) && suits(scenario))) {
        // What is only there to be compared runs over one kind of sockets.
        if (place === "fetch" && client !== gated) continue
        if (place !== "virtual" && !warm.has(place)) {
          warm.add(place)
          yield* runOverSockets(warmUp, gated, place)
        }
        const rows = yield* (place === "virtual"
          ? runVirtual(scenario, client)
          : runOverSockets(scenario, client, place))
        for (const [at, [herd, measured]] of rows.entries()) {
          const figures = { ...measured, ideal: thrown[at]?.[1].wall ?? measured.ideal }
          const name = `${scenario.name}${herd.name === "" ? "" : `: ${herd.name}`}, ${place}`
          const misses = client === gated ? missed(herd, figures) : []
          for (const miss of misses) failures.push(`${name}: ${miss}`)
          print(row(name, client.name, figures, client !== gated ? "" : misses.length === 0 ? "kept" : "missed"))
        }
      }
    }
  }
  print("")
  for (const failure of failures) print(`missed  ${failure}`)
  print(failures.length === 0 ? "all bars are kept" : `${failures.length} bars are missed`)
  process.exitCode = failures.length === 0 ? 0 : 1
})

await Effect.runPromise(main)
