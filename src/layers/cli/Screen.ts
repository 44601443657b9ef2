/**
 * What a command reads and writes besides lines: pieces of a text, a bar that moves, the whole of stdin.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import Process from "node:process"
import { toBar, toLine } from "../../domain/batch/ProgressText.ts"
import type { Reader } from "../../services/BatchProgress.ts"
import { Unfinished } from "./ExitCode.ts"

/**
 * Whether people look at stdout.
 *
 * @since 0.1.0
 */
export const isTerminal: Effect.Effect<boolean> = Effect.sync(() => Process.stdout.isTTY === true)

/**
 * Whether people look at stderr.
 *
 * @since 0.1.0
 */
export const isWatched: Effect.Effect<boolean> = Effect.sync(() => Process.stderr.isTTY === true)

/** Waits until the text is on its way, so that a slow reader slows the writer down. */
const write = (to: NodeJS.WriteStream, text: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    to.write(text, () => resume(Effect.void))
  })

/**
 * Writes to stdout, without a line break.
 *
 * @since 0.1.0
 */
export const print = (text: string): Effect.Effect<void> => Effect.suspend(() => write(Process.stdout, text))

/**
 * What comes from stdin, as it comes.
 *
 * @since 0.1.0
 */
export const stdinText: Stream.Stream<string, Unfinished> = Stream.suspend(() => {
  const chunks: AsyncIterable<Uint8Array> = Process.stdin
  return Stream.fromAsyncIterable(
    chunks,
    (cause) => new Unfinished({ message: `stdin cannot be read: ${String(cause)}`, exitCode: 1 })
  ).pipe(Stream.decodeText())
})

/**
 * All that comes from stdin.
 *
 * @since 0.1.0
 */
export const stdin: Effect.Effect<string, Unfinished> = Stream.mkString(stdinText)

/** Plain lines come after each tenth, and at the end. */
const tenth = (total: number | undefined): number => Math.max(1, (total ?? 1000) / 10)

/**
 * Shows on stderr how far a batch is: a bar that moves on a terminal, plain lines elsewhere.
 *
 * @since 0.1.0
 */
export const progress: Reader<never> = (progress) => {
  let last = -1
  return Stream.runForEach(progress, (now) =>
    Effect.suspend(() => {
      if (Process.stderr.isTTY) {
        const bar = toBar(now, { columns: Process.stderr.columns })
        // Back to the beginning of the line, and nothing left of what was longer.
        return write(Process.stderr, `\r${bar}\u001B[K${now.isOver ? "\n" : ""}`)
      }
      if (!now.isOver && last !== -1 && now.ended - last < tenth(now.total)) return Effect.void
      last = now.ended
      return write(Process.stderr, `${toLine(now)}\n`)
    }))
}
