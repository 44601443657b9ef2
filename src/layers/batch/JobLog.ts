/**
 * The batches of a program in a file, which outlives the program.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import { JobBook, toText } from "../../domain/batch/JobBook.ts"
import type { AppendLogError } from "../../services/AppendLog.ts"
import type { Jobs } from "../../services/BatchJobs.ts"
import * as Log from "../AppendLog.ts"

const format = { name: "effect-openrouter/batches", version: 1 }

/**
 * Opens the file, and makes it if there is none; it is closed with the scope. One process at a time has it.
 *
 * @since 0.1.0
 */
export const jobs = Effect.fnUntraced(function*(
  path: string,
  options: { readonly fsync?: boolean | undefined } = {}
): Effect.fn.Return<Jobs, AppendLogError, FileSystem.FileSystem | Scope.Scope> {
  const book = new JobBook()
  const log = yield* Log.open(path, { format, fsync: options.fsync, onLine: (line) => book.read(line) })
  return { book, write: (line) => Effect.asVoid(log.append(toText(line), () => book.note(line))) }
})
