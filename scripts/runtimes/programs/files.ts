/**
 * What a process keeps on disk: `files.ts <places as JSON>`. Prints its results as JSON.
 *
 * Copied into a project that has the packed package installed.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer } from "effect"
import { CostLedger, Journal, OpenRouter } from "effect-openrouter"
import { Sqlite } from "effect-openrouter/node"
import Process from "node:process"
import { at, type Places, timed } from "./program.ts"

const [text = ""] = Process.argv.slice(2)
const places: Places = JSON.parse(text)

const tick = Effect.forEach(["Ann", "Bob"], (name) =>
  OpenRouter.respond({ model: "emulator/echo", input: name }).pipe(
    Effect.map((answer) => answer.text),
    CostLedger.scope(name)
  )).pipe(Journal.resumable("tick 1"), CostLedger.measured)

/** The second process is answered by the journal of the first. */
const isResumed = <E, R>(journal: (folder: string) => Layer.Layer<Journal.Journal, E, R>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const process = Effect.provide(tick, journal(folder), { local: true })
    const [texts, paid] = yield* process
    const [again, saved] = yield* process
    if (texts.join() !== "Ann,Bob" || again.join() !== "Ann,Bob" || paid.calls !== 2 || saved.savedCalls !== 2) {
      return yield* Effect.die(new Error(JSON.stringify({ texts, again, calls: paid.calls, saved: saved.savedCalls })))
    }
  }).pipe(Effect.scoped)

const results = Effect.all([
  timed("a journal in a file", isResumed((folder) => Journal.layerFile(`${folder}/town.jsonl`))),
  timed(
    "a journal in SQLite",
    isResumed((folder) => Journal.layerSql().pipe(Layer.provide(Sqlite.layer({ filename: `${folder}/town.db` }))))
  )
]).pipe(
  Effect.provide(Layer.merge(at(OpenRouter.layerFetch, places.apiKey, places.apiUrl), NodeServices.layer)),
  Effect.orDie
)

console.log(JSON.stringify(await Effect.runPromise(results)))
