/**
 * The lines of a journal in a file that only grows.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { JournalIndex } from "../../domain/journal/JournalIndex.ts"
import * as JournalLine from "../../domain/journal/JournalLine.ts"
import type { AppendLogError, LinePlace } from "../../services/AppendLog.ts"
import { JournalError, JournalInUse } from "../../services/Journal.ts"
import * as AppendLog from "../AppendLog.ts"
import type { Store } from "./JournalOf.ts"
import * as JournalText from "./JournalText.ts"

/**
 * How a file is kept.
 *
 * @since 0.1.0
 */
export interface Options {
  /**
   * Whether each line is forced to the disk, so that it survives a power cut and not only the death of the process. Default
   * false.
   */
  readonly fsync?: boolean | undefined
  /**
   * Changes every text of an answer or error before it is stored, such as one that takes names out; costs, times, ids and the names of
   * models and scopes stay. A run that is taken up again sees what was stored. Default: nothing is changed.
   */
  readonly redact?: ((text: string) => string) | undefined
}

/** A file is written anew when this share of its lines no longer counts. */
const staleShare = 0.25

/**
 * Opens the file, for as long as the scope is open.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  path: string,
  { fsync = false, redact }: Options
): Effect.fn.Return<Store, JournalError | JournalInUse, FileSystem.FileSystem | Scope.Scope> {
  let index = new JournalIndex<LinePlace>()
  const log = yield* AppendLog.open(path, {
    format: JournalLine.format,
    fsync,
    onLine: (text, place) => {
      const line = JournalText.readFacts(text)
      if (Result.isFailure(line)) return line.failure.message
      index.add(line.success, place)
      return undefined
    }
  }).pipe(
    Effect.mapError((error) => error.reason === "inUse" ? new JournalInUse({ message: error.message }) : failed(error))
  )

  // Whoever writes the file anew moves all lines, so nobody else may be at it.
  const turns = yield* Semaphore.make(everybody)
  const compact = Effect.suspend(() => {
    const counts = index.counting()
    const moved = new JournalIndex<LinePlace>()
    const kept = Stream.filter(log.lines, (text) => {
      const line = JournalText.readFacts(text)
      return Result.isSuccess(line) && counts(line.success)
    })
    return Effect.andThen(
      log.compact(kept, (text, place) => {
        const line = JournalText.readFacts(text)
        if (Result.isSuccess(line)) moved.add(line.success, place)
      }),
      Effect.sync(() => {
        index = moved
      })
    )
  }).pipe(turns.withPermits(everybody), Effect.mapError(failed))
  if (index.stale > staleShare * (index.live + index.stale)) yield* compact

  const read = (place: LinePlace): Effect.Effect<JournalLine.Ended, JournalError> =>
    Effect.flatMap(Effect.mapError(log.read(place), failed), (text) => JournalText.readEnded(text, path))

  const append = Effect.fnUntraced(function*(line: JournalLine.JournalLine) {
    const text = JournalText.write(line)
    const stored = redact === undefined || line._tag !== "Ended" ? text : JournalText.redacted(text, redact)
    yield* turns.withPermit(Effect.mapError(log.append(stored, (place) => index.add(line, place)), failed))
  })

  const find: Store["find"] = (run, key) =>
    Effect.suspend(() =>
      index.find(run, key) === undefined ? Effect.undefined : turns.withPermit(Effect.suspend(() => {
        const place = index.find(run, key)
        return place === undefined ? Effect.undefined : read(place)
      }))
    )

  return {
    append,
    find,
    // A place does not hold for long, a key does.
    entries: (run) =>
      Stream.suspend(() => Stream.fromIterable(index.keysOf(run))).pipe(
        Stream.mapEffect((key) => find(run, key)),
        Stream.filter((line) => line !== undefined)
      ),
    list: Effect.sync(() => index.summaries),
    forget: (run) =>
      Effect.suspend(() =>
        index.has(run)
          ? Effect.andThen(
            Effect.flatMap(DateTime.now, (time) => append({ _tag: "Forgotten", run, time })),
            compact
          )
          : Effect.void
      )
  }
})

/** More than ever are at a file at once. */
const everybody = 1_000_000

const failed = ({ message, reason }: AppendLogError): JournalError =>
  new JournalError({ reason: reason === "inUse" ? "storage" : reason, message })
