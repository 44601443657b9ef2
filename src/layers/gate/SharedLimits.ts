/**
 * What several processes know together about their limits. Each has a gate of its own besides, and goes on with that alone
 * where the others cannot be reached, so nothing here fails.
 *
 * All instants are epoch milliseconds by the clock of this process.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { SharedWindow } from "../../domain/gate/AnnouncedWindow.ts"

/**
 * The processes together keep a request back.
 *
 * @since 0.1.0
 */
export interface Hold {
  readonly until: number
  /** Which of the keys keeps it. */
  readonly index: number
  /** True if that one is closed; false if it is used up. */
  readonly isClosed: boolean
}

/**
 * What the processes together say about one request.
 *
 * @since 0.1.0
 */
export interface Answer {
  /** False where the others cannot be reached, and this process goes on alone. */
  readonly isTogether: boolean
  /** Absent if the request is counted and may go. */
  readonly hold: Hold | undefined
  /** The window of each key, where its limit is known. */
  readonly windows: ReadonlyArray<SharedWindow | undefined>
}

/**
 * What one process knows of the window of a limit, so that processes which have forgotten it know again.
 *
 * @since 0.1.0
 */
export interface KnownWindow {
  readonly limit: number | undefined
  readonly length: number | undefined
  readonly startsAt: number
}

/**
 * The limits that processes share, by key.
 *
 * @since 0.1.0
 */
export interface SharedLimits {
  /**
   * Counts a request under all keys, or under none if one of them keeps it. `known` is what this process knows of each key.
   * One that `tries` may go although they are closed, once a minute. Interrupted, it counts nothing; its wait is interruptible
   * wherever it is called from.
   */
  readonly pass: (
    keys: ReadonlyArray<string>,
    known: ReadonlyArray<KnownWindow>,
    tries: boolean
  ) => Effect.Effect<Answer>
  /** A request that was counted has not been sent. Returns at once, as the ones that follow do. */
  readonly giveBack: (keys: ReadonlyArray<string>, answer: Answer) => Effect.Effect<void>
  /** One that was let through at `takenAt` was refused until an instant, and `limit` requests per window were announced, or nothing. */
  readonly closed: (key: string, until: number, limit: number | undefined, takenAt: number) => Effect.Effect<void>
  /** A request got through what was closed. */
  readonly opened: (key: string) => Effect.Effect<void>
  /** What is known of these is to be forgotten. */
  readonly forget: (keys: ReadonlyArray<string>) => Effect.Effect<void>
}
