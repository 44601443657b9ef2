/**
 * The input of a batch: JSON lines, each an item with an id of its own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { BatchFileError } from "../../domain/batch/BatchFileError.ts"
import * as Wire from "../../domain/wire/Wire.ts"

/**
 * A line that was read.
 *
 * @since 0.1.0
 */
export interface InputLine<out I> {
  readonly id: string
  /** Its place among the lines that are not blank, from 0. */
  readonly index: number
  /** The number of its line in the file, from 1. */
  readonly line: number
  readonly item: I
}

/**
 * How lines are read.
 *
 * @since 0.1.0
 */
export interface Reading<I> {
  /** The item of some JSON, or what is wrong with it. */
  readonly decode: (json: unknown) => Result.Result<I, string>
  /** The id of an item; `undefined` for the member `id` of its JSON, or else its index. */
  readonly id: ((item: I, index: number) => string) | undefined
}

const jsonOf = (text: string): Result.Result<unknown, string> =>
  Result.try({ try: (): unknown => JSON.parse(text), catch: () => "it is not JSON" })

const idOf = (json: unknown, index: number): string => {
  const id = Wire.isJsonObject(json) ? json["id"] : undefined
  return typeof id === "string" || typeof id === "number" ? String(id) : String(index)
}

const unreadableOf = (path: string) => (problem: string, line?: number) =>
  new BatchFileError({
    path,
    reason: "unreadable",
    message: line === undefined ? `${path} cannot be read: ${problem}` : `line ${line} of ${path}: ${problem}`,
    ...Wire.compact({ line })
  })

/**
 * The items of a file, read as they are needed.
 *
 * @since 0.1.0
 */
export const read = <I>(
  path: string,
  reading: Reading<I>
): Stream.Stream<InputLine<I>, BatchFileError, FileSystem.FileSystem> =>
  Stream.unwrap(FileSystem.FileSystem.useSync((fs) => {
    const unreadable = unreadableOf(path)
    return fs.stream(path).pipe(
      Stream.mapError((error) => unreadable(error.message)),
      Stream.decodeText(),
      Stream.splitLines,
      Stream.mapAccum(() => ({ line: 0, index: 0 }), ({ index, line }, text) => {
        const next = line + 1
        return text.trim() === ""
          ? [{ line: next, index }, []]
          : [{ line: next, index: index + 1 }, [{ line: next, index, text }]]
      }),
      Stream.mapEffect(({ index, line, text }) =>
        Effect.fromResult(
          Result.flatMap(jsonOf(text), (json) =>
            Result.map(reading.decode(json), (item): InputLine<I> => ({
              id: reading.id === undefined ? idOf(json, index) : reading.id(item, index),
              index,
              line,
              item
            }))).pipe(Result.mapError((problem) => unreadable(problem, line)))
        )
      )
    )
  }))

/**
 * Reads the whole file, so that what is wrong with it is known before anything is paid for; gives the index of each id.
 *
 * @since 0.1.0
 */
export const check = <I>(
  path: string,
  reading: Reading<I>
): Effect.Effect<ReadonlyMap<string, number>, BatchFileError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const unreadable = unreadableOf(path)
    const { type } = yield* Effect.mapError(fs.stat(path), ({ message }) => unreadable(message))
    // What can be read once only, such as a pipe, would be empty when it is read for its items.
    if (type !== "File") return yield* unreadable("it is no file, and it is read twice")
    const ids = new Map<string, number>()
    yield* Stream.runForEach(read(path, reading), ({ id, index, line }) => {
      if (!ids.has(id)) {
        ids.set(id, index)
        return Effect.void
      }
      return Effect.fail(
        new BatchFileError({
          path,
          reason: "duplicateId",
          line,
          message: `line ${line} of ${path} has the id of an earlier one: ${id}`
        })
      )
    })
    return ids
  })
