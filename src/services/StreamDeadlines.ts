/**
 * How long a stream may be silent, in a reference.
 *
 * Time is measured between events of the answer. Comments that only keep the connection alive do not count, so a stalled
 * model is noticed although the connection is busy. A deadline that passes ends the stream with `TimedOut`, which says
 * which one it was and carries the text so far.
 *
 * | deadline | from | default |
 * |---|---|---|
 * | `firstEvent` | sending the request, to the first event | 2 minutes |
 * | `idle` | one event, to the next | 2 minutes |
 * | `total` | sending the request, to the end | 1 hour |
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * The deadlines of a stream.
 *
 * @since 0.1.0
 */
export interface StreamDeadlines {
  readonly firstEvent: Duration.Duration
  readonly idle: Duration.Duration
  readonly total: Duration.Duration
}

/**
 * Makes deadlines; what is left out has its default. `Duration.infinity` means none.
 *
 * @since 0.1.0
 */
export const make = (
  options: { readonly [K in keyof StreamDeadlines]?: Duration.Input | undefined } = {}
): StreamDeadlines => ({
  firstEvent: Duration.fromInputUnsafe(options.firstEvent ?? "2 minutes"),
  idle: Duration.fromInputUnsafe(options.idle ?? "2 minutes"),
  total: Duration.fromInputUnsafe(options.total ?? "1 hour")
})

/**
 * The deadlines of the running program.
 *
 * @since 0.1.0
 */
export const CurrentStreamDeadlines: Context.Reference<StreamDeadlines> = Context.Reference<StreamDeadlines>(
  "effect-openrouter/StreamDeadlines",
  { defaultValue: () => make() }
)

const withDeadlines = (
  options: { readonly [K in keyof StreamDeadlines]?: Duration.Input | undefined }
): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> =>
  Effect.provideService(CurrentStreamDeadlines, make(options))

export {
  /**
   * Applies deadlines to all streams of an effect; what is left out has its default.
   *
   * @since 0.1.0
   */
  withDeadlines as with
}
