/**
 * `effect-openrouter report`: a page of a file of ledger entries, or of a journal.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as JournalLine from "../../domain/journal/JournalLine.ts"
import * as LedgerEntry from "../../domain/ledger/LedgerEntry.ts"
import * as CostLedger from "../../services/CostLedger.ts"
import * as Report from "../../services/Report.ts"
import { Unfinished } from "./ExitCode.ts"
import * as Screen from "./Screen.ts"
import * as Spending from "./Spending.ts"

const flags = {
  run: Argument.String("run").pipe(
    Argument.withDescription("Entries as CostLedger.toJsonl writes them, or the file of a journal")
  ),
  output: Flag.String("output").pipe(
    Flag.withAlias("o"),
    Flag.withMetavar("file"),
    Flag.withDescription("Where the page goes; - is stdout (default: the name of the run, with .html)"),
    Flag.optional
  ),
  title: Flag.String("title").pipe(
    Flag.withMetavar("text"),
    Flag.withDescription("The title of the page (default: the name of the run)"),
    Flag.optional
  )
}

const readEntry = Schema.decodeUnknownOption(LedgerEntry.LineFromJson)

const readJournal = Schema.decodeUnknownOption(JournalLine.FromJson)

const isHeader = (text: string): boolean => text.startsWith(`{"format":${JSON.stringify(JournalLine.format.name)}`)

/** The bookings of a file. A line that cannot be read counts as one that is missing. */
const read = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const entries: Array<LedgerEntry.Line> = []
  const journal: Array<JournalLine.JournalLine> = []
  let isJournal = false
  let dropped = 0
  yield* fs.stream(path).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEachArray((lines) =>
      Effect.sync(() => {
        for (const text of lines) {
          if (text.trim() === "") continue
          if (isHeader(text)) {
            isJournal = true
            continue
          }
          if (isJournal) {
            const line = readJournal(text)
            if (Option.isSome(line)) journal.push(line.value)
            else dropped++
          } else {
            const line = readEntry(text)
            if (Option.isSome(line)) entries.push(line.value)
            else dropped++
          }
        }
      })
    )
  )
  if (entries.length === 0 && !isJournal && dropped > 0) {
    return yield* new Unfinished({
      message: `${path} has neither the entries of a ledger nor a journal`,
      exitCode: 1
    })
  }
  const lines: ReadonlyArray<LedgerEntry.Line> = isJournal ? Report.fromJournal(journal) : entries
  return dropped === 0 ? lines : [...lines, { _tag: "Dropped" as const, count: dropped }]
})

const withoutExtension = (path: string): string => path.replace(/\.[^./\\]+$/, "")

/**
 * The command.
 *
 * @since 0.1.0
 */
export const command: Command.Command<
  "report",
  Command.Command.Config.Infer<typeof flags>,
  {},
  Unfinished | PlatformError.PlatformError,
  FileSystem.FileSystem
> = Command.make("report", flags, ({ output, run, title }) =>
  Effect.gen(function*() {
    const lines = yield* read(run)
    const name = run.replace(/^.*[/\\]/, "")
    const page = Report.toHtml(lines, { title: Option.getOrElse(title, () => name) })
    const path = Option.getOrElse(output, () => `${withoutExtension(run)}.html`)
    if (path === "-") return yield* Screen.print(page)
    if (path === run) return yield* new Unfinished({ message: `${path} would be overwritten`, exitCode: 2 })
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(path, page)
    yield* Console.log(`${path}: ${Spending.toLine(CostLedger.reportOf(lines))}`)
  })).pipe(
    Command.withDescription(
      "Make a page of what calls cost and when they ran: one HTML file, without any prompt in it."
    ),
    Command.withExamples([
      { command: "effect-openrouter report run.jsonl", description: "Writes run.html" },
      { command: "effect-openrouter report town.jsonl -o - --title 'The town' > town.html", description: "To stdout" }
    ])
  )
