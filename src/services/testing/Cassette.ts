/**
 * A recording of exchanges: what of it was used, and what was added.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"

/**
 * An entry of a cassette, as far as it is of interest to those who look after the file.
 *
 * @since 0.1.0
 */
export interface EntrySummary {
  readonly method: string
  readonly path: string
  /** The body of the request, without what was scrubbed. */
  readonly body: Schema.Json | undefined
  readonly recordedAt: DateTime.Utc
}

/**
 * Beside the `Transport`, a cassette provides what happened to it since its layer was built.
 *
 * @since 0.1.0
 */
export class Cassette extends Context.Service<Cassette, {
  /** Where it is kept. */
  readonly path: string
  /** How many exchanges were answered from it. */
  readonly replayed: Effect.Effect<number>
  /** How many exchanges were recorded, those that still go on left out. */
  readonly recorded: Effect.Effect<number>
  /** The entries for which nobody has asked, in the order of the file. */
  readonly unused: Effect.Effect<ReadonlyArray<EntrySummary>>
}>()("effect-openrouter/Cassette") {}
