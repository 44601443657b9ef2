/**
 * The contract of a log that only grows: whole lines of text in one file, which survive a process that is killed.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"

/**
 * What a log cannot do, and why. `path` is the file; the lines that were written before are whole, and stay.
 *
 * | reason | what happened |
 * |---|---|
 * | `inUse` | another owner has the log open |
 * | `full` | there is no room, or no leave to grow: the disk, a quota, a limit |
 * | `newer` | a newer version of this library wrote the file |
 * | `foreign` | the file is something else; it was left as it is |
 * | `unreadable` | a line in the middle, `line` of the file, cannot be read |
 * | `lost` | another owner took the log over, because this one stood still for too long |
 * | `storage` | the file system failed otherwise |
 *
 * @since 0.1.0
 */
export class AppendLogError extends Schema.TaggedError<AppendLogError>("effect-openrouter/AppendLogError")(
  "AppendLogError",
  {
    message: Schema.String,
    path: Schema.String,
    reason: Schema.Literals(["inUse", "full", "newer", "foreign", "unreadable", "lost", "storage"]),
    /** The number of the line that cannot be read, from 1. */
    line: Schema.optionalKey(Schema.Int)
  }
) {}

/**
 * Where a line is in its file, in bytes. It holds until the log is compacted.
 *
 * @since 0.1.0
 */
export interface LinePlace {
  readonly offset: number
  readonly length: number
}

/**
 * An open log. It is closed with the scope in which it was opened.
 *
 * @since 0.1.0
 */
export interface AppendLog {
  readonly path: string
  /** Bytes of the file, its header included. */
  readonly size: Effect.Effect<number>
  /**
   * Writes a line, a JSON object without a line break in it, and succeeds once the system has it: then it survives the death of
   * this process, and with `fsync` that of the machine. Lines that come while another one is written go together. It cannot be
   * interrupted, so that nobody has to ask whether the line is there. What failed leaves no part of a line. `onWritten` is called at
   * the moment when the line is there, before anything else is done to the log: an index that it keeps is never behind the file
   * when that is compacted.
   */
  readonly append: (line: string, onWritten?: (place: LinePlace) => void) => Effect.Effect<LinePlace, AppendLogError>
  /** Reads one line again. */
  readonly read: (place: LinePlace) => Effect.Effect<string, AppendLogError>
  /** The lines that are there now, in their order, read as they are needed. */
  readonly lines: Stream.Stream<string, AppendLogError>
  /**
   * Replaces the whole content by these lines, at once: whoever is killed meanwhile leaves the old file or the new one.
   * Appending waits. `onLine` is told where each line is in the new file.
   */
  readonly compact: <E, R>(
    lines: Stream.Stream<string, E, R>,
    onLine?: (line: string, place: LinePlace) => void
  ) => Effect.Effect<void, AppendLogError | E, R>
}
