/**
 * The output of a batch, which is its journal: what became of each item, appended when it ended, and at last in the order of the
 * input.
 *
 * Of each line its id and its place are in memory, and not the line.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ResultLine from "../../domain/batch/ResultLine.ts"
import type { AppendLog, AppendLogError, LinePlace } from "../../services/AppendLog.ts"
import * as Log from "../AppendLog.ts"

/** Where the last line of an id is. */
interface Kept extends ResultLine.Head {
  readonly place: LinePlace
}

/** The index of what is not in the input. */
const last = Number.MAX_SAFE_INTEGER

/** How many lines are read at once when they are sorted. */
const readAhead = 16

/**
 * An open output.
 *
 * @since 0.1.0
 */
export class ResultLog {
  readonly #log: AppendLog
  readonly #kept: Map<string, Kept>
  /** What is no file, such as a pipe, cannot be read again. */
  readonly #isFile: boolean

  /** For {@link open} only. */
  constructor(log: AppendLog, kept: Map<string, Kept>, isFile: boolean) {
    this.#log = log
    this.#kept = kept
    this.#isFile = isFile
  }

  /** Whether there is a result for this id; one that is an error counts unless such errors are to be tried again. */
  has(id: string, retry: "transient" | "all" | "none"): boolean {
    const kept = this.#kept.get(id)
    if (kept === undefined) return false
    return retry === "none" || !(retry === "all" ? kept.isError : kept.isTransient)
  }

  /** Appends the line of an item; it takes the place of an earlier one of its id. */
  append(line: string, head: ResultLine.Head): Effect.Effect<void, AppendLogError> {
    return Effect.map(this.#log.append(line), (place) => {
      if (this.#isFile) this.#kept.set(head.id, { ...head, place })
    })
  }

  /** Puts the lines into the order of the input; what is no longer in the input comes last, in the order in which it was. */
  sort(ids: ReadonlyMap<string, number>): Effect.Effect<void, AppendLogError> {
    return Effect.suspend(() => {
      const inOrder = Array.from(this.#kept.values(), (kept) => ({ kept, index: ids.get(kept.id) })).sort(
        (a, b) => (a.index ?? last) - (b.index ?? last) || a.kept.place.offset - b.kept.place.offset
      )
      let offset = 0
      const isSorted = inOrder.every(({ index, kept: { index: known, place } }) => {
        const isHere = place.offset === offset && (index ?? known) === known
        offset += place.length + 1
        return isHere
      })
      return Effect.flatMap(
        this.#log.size,
        (size) =>
          !this.#isFile || isSorted && offset === size ? Effect.void : this.#log.compact(
            Stream.mapEffect(
              Stream.fromIterable(inOrder),
              ({ index, kept }) =>
                Effect.map(
                  this.#log.read(kept.place),
                  (line) => index === undefined || index === kept.index ? line : ResultLine.withIndex(line, index)
                ),
              { concurrency: readAhead }
            )
          )
      )
    })
  }
}

/**
 * Opens the output and finds out what is there; a torn last line is dropped. It is closed with the scope.
 *
 * @since 0.1.0
 */
export const open = /* @__PURE__ */ Effect.fnUntraced(function*(
  path: string,
  options: { readonly fsync: boolean | undefined }
): Effect.fn.Return<ResultLog, AppendLogError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const kept = new Map<string, Kept>()
  const log = yield* Log.open(path, {
    fsync: options.fsync,
    onLine: (line, place) => {
      const head = ResultLine.head(line)
      if (head === undefined) return "it is no result of a batch, which has an id and an index"
      // The last one of an id counts.
      kept.set(head.id, { ...head, place })
      return undefined
    }
  })
  const isFile = yield* Effect.map(
    Effect.orElseSucceed(fs.stat(path), () => undefined),
    (info) => info === undefined || info.type === "File"
  )
  return new ResultLog(log, kept, isFile)
})
