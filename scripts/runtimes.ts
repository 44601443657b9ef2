/**
 * Installs the packed package into a project of a user, and uses it in every runtime: Node 22 and 24, Bun, Deno, workerd and a
 * headless Chromium, against the emulator. On Node also `/node`, and on a Node that is too old that it says so.
 *
 *     npm run runtimes                   all
 *     npm run runtimes -- bun workerd    those whose names begin so
 *
 * The runtimes are installed by npm into a temporary folder, Chromium by apt. What cannot be installed is skipped, with a line that
 * says why. One line for each check; ends with `N passed, N failed`, and the exit code is 1 where a check fails.
 */
import { Cause, Clock, Effect, Fiber, type Scope } from "effect"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { make as makeReport } from "./conformance/report.ts"
import type { Missing } from "./debian.ts"
import * as Browser from "./pages/browser.ts"
import * as Chromium from "./runtimes/chromium.ts"
import * as Emulated from "./runtimes/emulator.ts"
import * as Processes from "./runtimes/processes.ts"
import { clients, type Places, type Result } from "./runtimes/programs/program.ts"
import * as Project from "./runtimes/project.ts"
import * as Workers from "./runtimes/workers.ts"

/** What is installed for which of the sections. */
const packages = {
  node20: { names: ["Node 20"], versions: ["node@20.20.2"] },
  node22: { names: ["Node 22"], versions: ["node@22.23.3"] },
  bun: { names: ["Bun"], versions: ["bun@1.4.5"] },
  deno: { names: ["Deno"], versions: ["deno@2.9.6"] },
  workerd: { names: ["workerd", "Chromium"], versions: ["miniflare@4.20260730.0", "esbuild@0.28.2"] }
}

const { positionals } = parseArgs({ allowPositionals: true })

const isWanted = (name: string): boolean =>
  positionals.length === 0 || positionals.some((start) => name.toLowerCase().startsWith(start.toLowerCase()))

const report = makeReport(console.log)

const tell = (runtime: string, results: ReadonlyArray<Result>) =>
  Effect.sync(() => {
    for (const { millis, name, problem } of results) {
      report.check(`${runtime}: ${name} (${millis} ms)`, problem)
      if (problem === undefined) report.note(`ok   ${runtime}: ${name} (${millis} ms)`)
    }
  })

/** Checks that are skipped where something cannot be installed; what breaks otherwise is one failed check. */
const section = (
  name: string,
  checks: Effect.Effect<void, Missing | Browser.NoBrowser, Scope.Scope>
): Effect.Effect<void> =>
  !isWanted(name)
    ? Effect.void
    : Effect.scoped(checks).pipe(
      Effect.catch(({ message }) => Effect.sync(() => report.note(`skip ${name}: ${message}`))),
      Effect.catchCause((cause) => Effect.sync(() => report.check(name, Cause.pretty(cause))))
    )

const any = Object.keys(clients)

/** The program in a runtime that has processes, and what else each of them does. */
const inProcesses = Effect.fnUntraced(function*(
  name: string,
  project: string,
  runtime: ReadonlyArray<string>,
  own: ReadonlyArray<string>
) {
  const places = yield* Emulated.make
  for (const client of [...any, ...own]) {
    yield* tell(`${name}, ${client}`, yield* Processes.program(project, runtime, client, places))
  }
  yield* tell(name, yield* Processes.files(project, runtime, places))
})

const node = Effect.fnUntraced(function*(name: string, project: string, program: string) {
  yield* inProcesses(name, project, [program], ["/node"])
  const runner = [program, "--test"]
  yield* tell(name, [yield* Processes.nodeRecipe(project, runner), ...(yield* Processes.kit(project, runner))])
})

/** What a package brings as a program. */
const bin = (folder: string, name: string): string => join(folder, "node_modules", ".bin", name)

const remedy = ["It needs undici on Node 22.19 or newer", "OpenRouter.layerFetch works on any runtime"]
const undici = ["OpenRouterNode.layerUndici", "DispatchHttpClient.layer"]

const main = Effect.gen(function*() {
  const folder = yield* Project.folder
  const begun = yield* Clock.currentTimeMillis
  // They are on their way while the package is built.
  const installing = yield* Effect.forEach(
    Object.entries(packages),
    ([name, { names, versions }]) =>
      names.some(isWanted)
        ? Effect.map(Effect.forkScoped(Project.install(folder, name, versions)), (fiber) => [[name, fiber] as const])
        : Effect.succeed([])
  )
  const fibers = new Map(installing.flat())
  const install = (name: keyof typeof packages): Effect.Effect<string, Missing> => {
    const fiber = fibers.get(name)
    return fiber === undefined ? Effect.die(new Error(`${name} is not wanted`)) : Fiber.join(fiber)
  }
  const project = yield* Project.make(folder)

  const worker = "workerd (miniflare 4.20260730.0)"
  const sections = [
    section(
      "Node 20",
      Effect.gen(function*() {
        const program = bin(yield* install("node20"), "node")
        const words = (name: ReadonlyArray<string>, words: ReadonlyArray<string>) =>
          Processes.unusable(project, [program], name, ["this runtime (it tells no name, as Node before 21)", ...words])
        yield* tell("Node 20.20.2", [
          yield* words(undici, remedy),
          yield* words(["Sqlite.layer"], ["it has no module node:sqlite", "It needs Node 22.19 or newer, Bun or Deno"])
        ])
      })
    ),
    section(
      "Node 22",
      Effect.flatMap(install("node22"), (folder) => node("Node 22.23.3", project, bin(folder, "node")))
    ),
    section("Node 24", node(`Node ${process.versions.node}`, project, process.execPath)),
    section(
      "Bun",
      Effect.gen(function*() {
        const program = bin(yield* install("bun"), "bun")
        yield* inProcesses("Bun 1.4.5", project, [program], [])
        const runner = [program, "test"]
        yield* tell("Bun 1.4.5", [
          yield* Processes.bunRecipe(project, runner),
          ...(yield* Processes.kit(project, runner)),
          yield* Processes.unusable(project, [program], undici, ["this runtime (Bun/1.4.5)", ...remedy])
        ])
      })
    ),
    section(
      "Deno",
      Effect.gen(function*() {
        const program = bin(yield* install("deno"), "deno")
        yield* inProcesses("Deno 2.9.6", project, [program, "run", "--allow-all", "--no-prompt"], ["/node"])
        yield* tell(
          "Deno 2.9.6",
          yield* Processes.kit(project, [program, "test", "--allow-all", "--no-prompt", "--no-check"])
        )
      })
    ),
    section(
      "workerd",
      Effect.gen(function*() {
        const tools = yield* install("workerd")
        const places = yield* Emulated.make
        const runProgram = yield* Workers.program(tools, yield* Workers.bundle(project, tools, "worker.ts"))
        for (const client of any) yield* tell(`${worker}, ${client}`, yield* runProgram(client, places))
        yield* tell(worker, yield* Workers.asking(project, tools, places))
      })
    ),
    section(
      "Chromium",
      Effect.gen(function*() {
        const browser = yield* Browser.make
        const name = `Chromium ${browser.version()}`
        const tools = yield* install("workerd")
        const places = yield* Emulated.make
        const page = yield* Workers.bundle(project, tools, "page.ts")
        const across = yield* Chromium.program(browser, yield* Workers.elsewhere(page), any, places)
        for (const { client, results } of across) yield* tell(`${name}, another origin, ${client}`, results)
        const url = yield* Workers.proxy(project, tools, page, places)
        const proxied: Places = {
          ...places,
          apiUrl: new URL("/api/v1", url).href,
          apiKey: Workers.session,
          isProxied: true
        }
        for (const client of any) {
          const results = yield* Chromium.withoutKey(browser, url, client, proxied)
          yield* tell(`${name}, through the Worker with the key, ${client}`, results)
        }
      })
    )
  ]
  // They wait more than they work.
  yield* Effect.all(sections, { concurrency: 2 })

  const seconds = ((yield* Clock.currentTimeMillis) - begun) / 1000
  report.note(`took ${seconds.toFixed(0)} s`)
  if (!report.finish()) process.exitCode = 1
}).pipe(
  Effect.scoped,
  Effect.catchTag("Missing", ({ message }) => Effect.sync(() => report.note(`skipped: ${message}`))),
  Effect.catchCause((cause) =>
    Effect.sync(() => {
      report.check("the package is packed and installed", Cause.pretty(cause))
      report.finish()
      process.exitCode = 1
    })
  )
)

await Effect.runPromise(main)
