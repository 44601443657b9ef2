/**
 * A log that only grows: whole lines of JSON in one file, which survive a process that is killed.
 *
 * - Each line is written in one piece before `append` succeeds. A process that is killed leaves whole lines, and at most a part
 *   of the last one, which is dropped when the log is opened again.
 * - One owner at a time: a second one gets `inUse`. Whoever was killed owns nothing any more.
 * - A disk that is full is a typed error, and leaves no part of a line; once there is room, appending goes on.
 * - `compact` replaces the whole file at once.
 * - The first line tells the format and its version: a file of a newer version, or of another kind, is left as it is.
 *
 * It needs a `FileSystem`, such as that of `@effect/platform-node`.
 *
 * **Example** (A log of what happened)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { AppendLog } from "effect-openrouter"
 *
 * const program = Effect.gen(function*() {
 *   const log = yield* AppendLog.open("events.jsonl", { format: { name: "town/events", version: 1 } })
 *   yield* log.append(JSON.stringify({ tick: 1, who: "Bob" }))
 *   return yield* Stream.runCollect(log.lines)
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import type { AppendLog, AppendLogError } from "../services/AppendLog.ts"
import * as LogFailure from "./log/LogFailure.ts"
import * as LogFile from "./log/LogFile.ts"
import * as Owner from "./log/Owner.ts"
import * as Recovery from "./log/Recovery.ts"

export * from "../services/AppendLog.ts"
export type { Format } from "./log/LogHeader.ts"
export type { Options } from "./log/Recovery.ts"

/**
 * Opens a log, and makes the file if there is none; closes it with the scope.
 *
 * What a killed writer left is mended first: a part of a line, a file that was to take the place of this one. What is no file, such
 * as a pipe or `/dev/stdout`, is only written to.
 *
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(
  function*(
    path: string,
    options: Recovery.Options = {}
  ): Effect.fn.Return<AppendLog, AppendLogError, FileSystem.FileSystem | Scope.Scope> {
    const fs = yield* FileSystem.FileSystem
    const failing = Effect.mapError(LogFailure.ofPlatform(path))
    const nothing = { length: 0, lacksEnd: false, isTorn: false }
    const kind = Effect.map(fs.stat(path), ({ type }) => type).pipe(
      Effect.catchIf(LogFailure.is("NotFound"), () => Effect.succeed("None" as const)),
      failing
    )
    const type = yield* kind
    if (type !== "File" && type !== "None") {
      return yield* failing(LogFile.LogFile.open(fs, path, options, undefined, nothing))
    }
    const owner = yield* Owner.acquire(fs, path)
    yield* Effect.ignore(fs.remove(LogFile.draftOf(path)))
    // It may have been made or replaced before this one became its owner.
    if ((yield* kind) === "None") return yield* failing(LogFile.LogFile.open(fs, path, options, owner, nothing))
    const found = yield* Effect.scoped(Recovery.recover(fs, path, options)).pipe(
      Effect.catchTag("PlatformError", (error) => Effect.fail(LogFailure.ofPlatform(path)(error)))
    )
    if (found.isTorn) yield* failing(fs.truncate(path, found.length))
    return yield* failing(LogFile.LogFile.open(fs, path, options, owner, found))
  }
)
