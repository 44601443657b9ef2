/**
 * What several processes know together about their limits. Each has a gate of its own besides, and goes on with that alone
 * where the others cannot be reached, so nothing here fails.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/**
 * What the processes together say about one request.
 *
 * @since 0.1.0
 */
export interface Shared {
  /** Milliseconds until it may go; 0 if it is counted and may go now. */
  readonly waitMillis: number
  /** Which of the keys keeps it. */
  readonly index: number
  /** True if that one is closed; false if it is used up. */
  readonly isClosed: boolean
}

/**
 * The limits that processes share, by key.
 *
 * @since 0.1.0
 */
export interface SharedLimits {
  /** Counts a request under all keys, or under none if one of them keeps it. `extra` requests beyond a limit may go. */
  readonly pass: (keys: ReadonlyArray<string>, extra: number) => Effect.Effect<Shared>
  /** One was refused: it is closed for so long, and what was announced holds for all. */
  readonly closed: (key: string, closing: {
    readonly millis: number
    readonly limit: number | undefined
    readonly windowMillis: number | undefined
  }) => Effect.Effect<void>
  /** A request got through what was closed. */
  readonly opened: (key: string) => Effect.Effect<void>
}
