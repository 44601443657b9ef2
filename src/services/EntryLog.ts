/**
 * Entries as lines of JSON, and reports of them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { LedgerBooks, type Options } from "../domain/ledger/LedgerBooks.ts"
import * as LedgerEntry from "../domain/ledger/LedgerEntry.ts"
import type { Report } from "../domain/ledger/LedgerReport.ts"

const encode = Schema.encodeSync(LedgerEntry.LineFromJson)

const decode = Schema.decodeUnknownOption(LedgerEntry.LineFromJson)

/**
 * Entries as text, a line of JSON for each, for a file that grows. {@link fromJsonl} reads it.
 *
 * @since 0.1.0
 */
export const toJsonl = <E, R>(entries: Stream.Stream<LedgerEntry.Line, E, R>): Stream.Stream<string, E, R> =>
  Stream.map(entries, (line) => `${encode(line)}\n`)

/**
 * Entries from the text that {@link toJsonl} wrote, cut anywhere.
 *
 * A line that cannot be read comes as one that was dropped: the last one is half written where the writer was killed.
 *
 * @since 0.1.0
 */
export const fromJsonl = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<LedgerEntry.Line, E, R> =>
  text.pipe(
    Stream.splitLines,
    Stream.filter((line) => line.trim() !== ""),
    Stream.map((line): LedgerEntry.Line => Option.getOrElse(decode(line), () => unreadable))
  )

const unreadable: LedgerEntry.Dropped = { _tag: "Dropped", count: 1 }

/**
 * The report of entries, the same as that of the ledger which booked them. Its memory is bounded like a ledger's.
 *
 * @since 0.1.0
 */
export const fromEntries = <E, R>(
  entries: Stream.Stream<LedgerEntry.Line, E, R>,
  options?: Options
): Effect.Effect<Report, E, R> =>
  Effect.suspend(() => {
    const books = new LedgerBooks(options)
    return Effect.map(
      Stream.runForEachArray(entries, (lines) =>
        Effect.sync(() => {
          for (const line of lines) books.add(line)
        })),
      () => books.report()
    )
  })
