/**
 * The files that `effect-openrouter report` reads: the entries of a ledger, or a journal.
 *
 * A line that cannot be read, as the last one of a process that was killed, is counted as missing and named. A file without any
 * line that can be read is refused.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as JournalLine from "../../domain/journal/JournalLine.ts"
import * as LedgerEntry from "../../domain/ledger/LedgerEntry.ts"
import * as CallSums from "../../domain/report/CallSums.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as Report from "../../services/Report.ts"
import { Unfinished } from "./ExitCode.ts"
import * as Screen from "./Screen.ts"

/**
 * What a file tells.
 *
 * @since 0.1.0
 */
export interface RunFile {
  readonly entries: ReadonlyArray<LedgerEntry.Entry>
  /** How many entries are missing, those included that could not be read. */
  readonly missing: number
  /** What could not be read, in one line for people. */
  readonly problem: string | undefined
}

const readEntry = Schema.decodeUnknownOption(LedgerEntry.LineFromJson)

const readJournal = Schema.decodeUnknownOption(JournalLine.FromJson)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The name and the version of the format that a log says in its first line. */
const headerOf = (text: string): { readonly name: string; readonly version: unknown } | undefined => {
  if (!text.startsWith("{\"format\":")) return undefined
  const json = parse(text)
  if (!Wire.isJsonObject(json)) return undefined
  const { format, version } = json
  return typeof format === "string" ? { name: format, version } : undefined
}

/** What a line is that is neither; never what it says. */
const kindOf = (text: string): string => {
  const json = parse(text)
  if (json === undefined) return "it is not JSON"
  if (!Wire.isJsonObject(json)) return "it is not a JSON object"
  if (Array.isArray(json["scopes"])) return "it is a report, which has sums only; CostLedger.toJsonl writes entries"
  if (json["index"] !== undefined && json["id"] !== undefined) return "it is a result of a batch, which has no times"
  return "it is a JSON object of another kind"
}

/** Reads the lines of one file, in their order. */
class Reading {
  readonly #name: string
  readonly #entries: Array<LedgerEntry.Entry> = []
  readonly #journal: Array<JournalLine.JournalLine> = []
  readonly #unreadable: Array<number> = []
  #isJournal = false
  #missing = 0
  #line = 0
  #first = ""
  /** Why the whole file is none that can be read. */
  refused: string | undefined

  constructor(name: string) {
    this.#name = name
  }

  add(raw: string): void {
    this.#line++
    // A shell of Windows begins a file with a mark.
    const text = (this.#line === 1 ? raw.replace(/^\uFEFF/, "") : raw).trim()
    if (text === "") return
    const header = headerOf(text)
    if (header !== undefined) return this.#begin(header)
    const isRead = this.#isJournal ? this.#addJournal(text) : this.#addEntry(text)
    if (isRead) return
    if (this.#unreadable.length === 0) this.#first = text
    this.#unreadable.push(this.#line)
  }

  #begin({ name, version }: { readonly name: string; readonly version: unknown }): void {
    if (name === JournalLine.format.name && version === JournalLine.format.version) this.#isJournal = true
    else {
      this.refused = name === JournalLine.format.name
        ? `${this.#name}, line ${this.#line}: a journal of version ${String(version)}, which this version cannot read`
        : `${this.#name}, line ${this.#line}: a log of ${name}, not a journal`
    }
  }

  #addEntry(text: string): boolean {
    const line = Option.getOrUndefined(readEntry(text))
    if (line?._tag === "Entry") this.#entries.push(line)
    else if (line !== undefined) this.#missing += line.count
    return line !== undefined
  }

  #addJournal(text: string): boolean {
    const line = Option.getOrUndefined(readJournal(text))
    if (line !== undefined) this.#journal.push(line)
    return line !== undefined
  }

  end(): RunFile | string {
    if (this.refused !== undefined) return this.refused
    const [first] = this.#unreadable
    if (first !== undefined && !this.#isJournal && this.#entries.length === 0) {
      return `${this.#name} has neither the entries of a ledger nor a journal; line ${first}: ${kindOf(this.#first)}`
    }
    const entries = this.#isJournal ? Report.fromJournal(this.#journal) : this.#entries
    const count = this.#unreadable.length
    const lines = this.#unreadable.slice(0, 5).join(", ") + (count > 5 ? ", …" : "")
    return {
      entries,
      missing: this.#missing + count,
      problem: count === 0
        ? entries.length === 0 && this.#missing === 0 ? `${this.#name}: there are no calls in it` : undefined
        : count === 1 && first === this.#line
        ? `${this.#name}: the last line (${first}) is torn; it is missing on the page`
        : `${this.#name}: ${count === 1 ? "1 line" : `${count} lines`} cannot be read (${lines}) and ${
          count === 1 ? "is" : "are"
        } missing on the page`
    }
  }
}

/**
 * Reads a file; `-` is stdin.
 *
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<RunFile, Unfinished | PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const reading = new Reading(path === "-" ? "stdin" : path)
  const lines: Stream.Stream<string, Unfinished | PlatformError.PlatformError> = path === "-"
    ? Screen.stdinText
    : Stream.decodeText(fs.stream(path))
  yield* Stream.splitLines(lines).pipe(
    Stream.takeWhile(() => reading.refused === undefined),
    Stream.runForEachArray((lines) =>
      Effect.sync(() => {
        for (const line of lines) reading.add(line)
      })
    )
  )
  const run = reading.end()
  return typeof run === "string" ? yield* new Unfinished({ message: run, exitCode: 1 }) : run
})

/**
 * Those entries that came at or after `from` and before `to` (epoch milliseconds). What became known later of a call belongs to
 * the call.
 *
 * @since 0.1.0
 */
export const within = (
  entries: ReadonlyArray<LedgerEntry.Entry>,
  range: { readonly from: number | undefined; readonly to: number | undefined }
): ReadonlyArray<LedgerEntry.Entry> => {
  const { from = -Infinity, to = Infinity } = range
  if (from === -Infinity && to === Infinity) return entries
  const isLater = ({ generationId, outcome }: LedgerEntry.Entry) =>
    outcome === "Reconciled" && generationId !== undefined
  const ids = new Map<string, boolean>()
  const isWithin = (entry: LedgerEntry.Entry) => {
    const came = CallSums.cameAt(entry)
    return from <= came && came < to
  }
  for (const entry of entries) {
    if (!isLater(entry) && entry.generationId !== undefined) ids.set(entry.generationId, isWithin(entry))
  }
  return entries.filter((entry) =>
    (isLater(entry) && entry.generationId !== undefined ? ids.get(entry.generationId) : undefined) ?? isWithin(entry)
  )
}
