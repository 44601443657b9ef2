/**
 * `effect-openrouter report`: a page of files of ledger entries, or of journals.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type * as LedgerEntry from "../../domain/ledger/LedgerEntry.ts"
import * as CostLedger from "../../services/CostLedger.ts"
import * as Report from "../../services/Report.ts"
import { Misused, type Unfinished } from "./ExitCode.ts"
import * as RunFile from "./RunFile.ts"
import * as Screen from "./Screen.ts"
import * as Spending from "./Spending.ts"

const hasZone = /(Z|[+-]\d\d:?\d\d)$/i

const isDay = /^\d{4}-\d\d-\d\d$/

/** As the page writes them, instants are UTC. */
const instantOf = (text: string): DateTime.Utc | undefined =>
  Option.getOrUndefined(
    Option.map(DateTime.make(isDay.test(text) || hasZone.test(text) ? text : `${text}Z`), DateTime.toUtc)
  )

const instant = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/i, {
    expected: "an instant such as 2026-11-03 or 2026-11-03T09:30"
  }),
  Schema.makeFilter((text) => instantOf(text) !== undefined || "there is no such instant")
)

const time = (name: string, about: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("instant"),
    Flag.withDescription(about),
    Flag.withSchema(instant),
    Flag.optional
  )

const flags = {
  runs: Argument.String("run").pipe(
    Argument.withDescription(
      "Entries as CostLedger.toJsonl writes them, or a journal; several are one page, - is stdin"
    ),
    Argument.atLeast(1)
  ),
  output: Flag.String("output").pipe(
    Flag.withAlias("o"),
    Flag.withMetavar("file"),
    Flag.withDescription("Where the page goes; - is stdout (default: the name of the first run, with .html)"),
    Flag.optional
  ),
  title: Flag.String("title").pipe(
    Flag.withMetavar("text"),
    Flag.withDescription("The title of the page (default: the names of the runs)"),
    Flag.optional
  ),
  from: time("from", "Only calls that came at this instant or later, UTC unless it says otherwise (default: all)"),
  to: time("to", "Only calls that came before this instant (default: all)")
}

const withoutExtension = (path: string): string => path.replace(/\.[^./\\]+$/, "")

const nameOf = (path: string): string => path === "-" ? "stdin" : path.replace(/^.*[/\\]/, "")

const titleOf = ([first = "", ...others]: ReadonlyArray<string>): string =>
  others.length === 0
    ? nameOf(first)
    : others.length === 1
    ? `${nameOf(first)}, ${nameOf(others[0] ?? "")}`
    : `${nameOf(first)} and ${others.length} others`

const millisOf = (text: Option.Option<string>): number | undefined => {
  const instant = Option.isNone(text) ? undefined : instantOf(text.value)
  return instant === undefined ? undefined : DateTime.toEpochMillis(instant)
}

/**
 * The command.
 *
 * @since 0.1.0
 */
export const command: Command.Command<
  "report",
  Command.Command.Config.Infer<typeof flags>,
  {},
  Misused | Unfinished | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
> = Command.make("report", flags, ({ from, output, runs, title, to }) =>
  Effect.gen(function*() {
    const range = { from: millisOf(from), to: millisOf(to) }
    if (range.from !== undefined && range.to !== undefined && range.from >= range.to) {
      return yield* new Misused({ message: "--from is not before --to" })
    }
    if (runs.filter((run) => run === "-").length > 1) {
      return yield* new Misused({ message: "- can be one of the runs only" })
    }
    const [first = "-"] = runs
    const path = Option.getOrElse(output, () => first === "-" ? "-" : `${withoutExtension(first)}.html`)
    const { resolve } = yield* Path.Path
    // It would be written over.
    if (path !== "-" && runs.some((run) => run !== "-" && resolve(run) === resolve(path))) {
      return yield* new Misused({ message: `${path} would be overwritten; choose another --output` })
    }
    const all: Array<LedgerEntry.Entry> = []
    let count = 0
    for (const run of runs) {
      const { entries, missing, problem } = yield* RunFile.read(run)
      for (const entry of entries) all.push(entry)
      count += missing
      if (problem !== undefined) yield* Console.error(problem)
    }
    const entries = RunFile.within(all, range)
    const lines: ReadonlyArray<LedgerEntry.Line> = count === 0 ? entries : [...entries, { _tag: "Dropped", count }]
    const page = Report.toHtml(lines, { title: Option.getOrElse(title, () => titleOf(runs)) })
    if (path === "-") return yield* Screen.print(page)
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(path, page)
    yield* Console.log(`${path}: ${Spending.toLine(CostLedger.reportOf(lines))}`)
  })).pipe(
    Command.withDescription(
      "Make a page of what calls cost and when they ran: one HTML file, without any prompt in it."
    ),
    Command.withExamples([
      { command: "effect-openrouter report run.jsonl", description: "Writes run.html" },
      {
        command: "effect-openrouter report worker-*.jsonl -o today.html --from 2026-11-03",
        description: "One page of several processes, of one day"
      },
      {
        command: "ssh server cat town.jsonl | effect-openrouter report - --title 'The town' > town.html",
        description: "From stdin to stdout"
      }
    ])
  )
