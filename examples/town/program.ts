/** The command of the town; `main.ts` runs it. */
import { Console, Data, Effect, FileSystem, Option, Runtime, Schema, Stream } from "effect"
import { CostLedger, Journal, Report as Page } from "effect-openrouter"
import { OpenRouterNode } from "effect-openrouter/node"
import { Command, Flag } from "effect/cli"
import { run } from "../command.ts"
import * as data from "./data.ts"
import * as Emulated from "./Emulated.ts"
import * as Report from "./Report.ts"
import * as Town from "./Town.ts"

/** The story ended early, or its books are wrong; the report has said so. */
class Unfinished extends Data.TaggedError("Unfinished") {
  override readonly [Runtime.errorReported] = false
}

const about = Flag.withDescription
const positive = Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)))
const decimal = Flag.withSchema(Schema.String.check(Schema.isPattern(/^\d+(\.\d+)?$/)))

const flags = {
  ticks: Flag.Int("ticks").pipe(Flag.withDefault(3), positive, about("How long the story is (3)")),
  seed: Flag.Int("seed").pipe(Flag.withDefault(1), about("Another seed, another story (1)")),
  characters: Flag.Int("characters").pipe(Flag.withDefault(data.people.length), positive, about("How many people (8)")),
  credits: Flag.String("credits").pipe(Flag.withDefault("100"), decimal, about("USD that they may spend (100)")),
  budget: Flag.String("budget").pipe(decimal, Flag.optional, about("USD that a tick may cost (no limit)")),
  journal: Flag.String("journal").pipe(Flag.optional, about("A file: killed and run again, the story goes on there")),
  report: Flag.String("report").pipe(Flag.optional, about("A file: an HTML page of the calls and their costs")),
  json: Flag.Boolean("json").pipe(Flag.withDefault(false), about("One JSON document on stdout, and nothing else")),
  live: Flag.Boolean("live").pipe(Flag.withDefault(false), about("Ask openrouter.ai, with OPENROUTER_API_KEY")),
  model: Flag.String("model").pipe(Flag.withDefault("openai/gpt-5"), about("Who thinks for them (openai/gpt-5)"))
}

/** Writes a page of the calls of a story, however it ends. */
const reported = Effect.fnUntraced(function*<A, E, R>(story: Effect.Effect<A, E, R>, path: string) {
  const files = yield* FileSystem.FileSystem
  const ledger = yield* CostLedger.make()
  const lines: Array<CostLedger.Line> = []
  return yield* story.pipe(
    CostLedger.followed(ledger, Stream.runForEach((line) => Effect.sync(() => lines.push(line)))),
    Effect.onExit(() => files.writeFileString(path, Page.toHtml(lines, { title: "The town" })))
  )
})

const town = Command.make(
  "town",
  flags,
  Effect.fn(function*({ budget, characters, journal, json, live, report, ...options }) {
    const say = json ? () => Effect.void : Console.log
    const print = Effect.fn(function*(told: Report.Told) {
      yield* Console.log(json ? Report.toJson(told) : Report.toText(told))
      const end = Report.endOf(told)
      if (end !== undefined) yield* Console.error(end)
    })
    const setting = {
      ...options,
      budget: Option.getOrUndefined(budget),
      say,
      places: data.places,
      people: data.peopleOf(characters),
      onInterrupt: print
    }
    const story = live
      ? Effect.provide(Town.sayingWaits(Town.run(setting), say), OpenRouterNode.layerUndici)
      : Emulated.run(setting)
    const kept = Option.isNone(journal) ? story : story.pipe(
      Journal.resumable(`${options.model}, seed ${options.seed}`),
      Effect.provide(Journal.layerFile(journal.value))
    )
    const told: Report.Told = yield* Option.isNone(report) ? kept : reported(kept, report.value)
    yield* print(told)
    if (told.stoppedBy !== undefined || !Report.isExact(told)) return yield* new Unfinished()
  })
)

run(town)
