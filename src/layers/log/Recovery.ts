/**
 * What a log finds in its file when it is opened, and what a writer left there that was killed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import { AppendLogError } from "../../services/AppendLog.ts"
import type { LinePlace } from "../../services/AppendLog.ts"
import { LineReader, textOf } from "./LineReader.ts"
import type { PlacedLine } from "./LineReader.ts"
import * as LogHeader from "./LogHeader.ts"

/**
 * How a log is opened.
 *
 * @since 0.1.0
 */
export interface Options {
  /** The format of the file, which its first line says. Default: the file has lines only, such as the output of a batch. */
  readonly format?: LogHeader.Format | undefined
  /**
   * Whether each line is forced to the disk, so that it survives a power cut and not only the death of the process. Default
   * false; lines that come together share the cost.
   */
  readonly fsync?: boolean | undefined
  /**
   * Is told every line that is there, in order, before the log opens. What it gives back says why the line cannot be read: then
   * the log does not open (`unreadable`).
   */
  readonly onLine?: ((line: string, place: LinePlace) => string | undefined) | undefined
}

/**
 * What was found in a file.
 *
 * @since 0.1.0
 */
export interface Found {
  /** Bytes of whole lines. */
  readonly length: number
  /** Whether the last line is whole, but its end is missing. */
  readonly lacksEnd: boolean
  /** Whether a part of a line follows. */
  readonly isTorn: boolean
}

/**
 * Reads the lines of a file and finds out where they end.
 *
 * A last line without an end is what a writer left that was killed. It is dropped, unless it is a whole JSON object: then only
 * the line break is missing, as in a file that was written by hand.
 *
 * @since 0.1.0
 */
export const recover = Effect.fnUntraced(
  function*(
    fs: FileSystem.FileSystem,
    path: string,
    options: Options
  ): Effect.fn.Return<Found, AppendLogError | PlatformError, Scope.Scope> {
    const file = yield* fs.open(path, { flag: "r" })
    const reader = new LineReader(file, 0, Infinity)
    let number = 0
    const problemOf = ({ place, text }: PlacedLine): AppendLogError | undefined => {
      number++
      if (number === 1 && options.format !== undefined) return headerProblem(path, text, options.format)
      const problem = options.onLine?.(text, place)
      return problem === undefined ? undefined : new AppendLogError({
        path,
        reason: "unreadable",
        line: number,
        message: `line ${number} of ${path} cannot be read: ${problem}`
      })
    }
    for (let lines = yield* reader.next; lines !== undefined; lines = yield* reader.next) {
      for (const line of lines) {
        const problem = problemOf(line)
        if (problem !== undefined) return yield* problem
      }
    }
    const offset = reader.restOffset
    const rest = reader.takeRest()
    if (rest.length === 0) return { length: offset, lacksEnd: false, isTorn: false }
    const text = textOf(rest)
    if (isWhole(text)) {
      const problem = problemOf({ text, place: { offset, length: rest.length } })
      if (problem !== undefined) return yield* problem
      return { length: offset + rest.length, lacksEnd: true, isTorn: false }
    }
    return number === 0 && options.format !== undefined && !LogHeader.isTorn(text, options.format)
      ? yield* foreign(path, options.format)
      : { length: offset, lacksEnd: false, isTorn: true }
  }
)

/** A JSON object has no beginning that is one as well. */
const isWhole = (text: string): boolean => {
  if (!text.startsWith("{")) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const headerProblem = (path: string, text: string, format: LogHeader.Format): AppendLogError | undefined => {
  switch (LogHeader.check(text, format)) {
    case "known":
      return undefined
    case "newer":
      return new AppendLogError({
        path,
        reason: "newer",
        message:
          `${path} was written by a newer version of this library; version ${format.version} is the newest known here`
      })
    case "foreign":
      return foreign(path, format)
  }
}

const foreign = (path: string, format: LogHeader.Format): AppendLogError =>
  new AppendLogError({ path, reason: "foreign", message: `${path} is no file of the format ${format.name}` })
