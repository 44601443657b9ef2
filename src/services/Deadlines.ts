/**
 * How long a call may take, in a reference.
 *
 * | deadline | from | to | default |
 * |---|---|---|---|
 * | `response` | sending the request of a plain call | the end of its answer | 10 minutes, or the layer's `timeout` |
 * | `firstEvent` | sending the request of a stream | its first event | 2 minutes |
 * | `idle` | one event of a stream | the next | 2 minutes |
 * | `total` | the beginning of a call of either kind | its end, waits and retries included | 1 hour for streams, else none |
 *
 * Time is measured by the caller's `Clock`. In a stream it is measured between events of the answer: comments and
 * keep-alive events do not count, so a stalled model is noticed although the connection is busy; nor does the time in which
 * nobody asked for the next event. A deadline that passes ends the call with `TimedOut`, which says which one it was and
 * carries the text so far; by then the connection is closed. A `total` that passes between two attempts ends it with the
 * error of the last one. `Duration.infinity` means none.
 *
 * In the way of a call, `total` stands around the retry loop, and the others around the exchange of each attempt, inside
 * of its admissions. The clock of `response` and `firstEvent` starts when the request leaves, below whatever
 * `transformClient` adds.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Program from "./Program.ts"

/**
 * The deadlines of a call.
 *
 * @since 0.1.0
 */
export interface Deadlines {
  readonly response: Duration.Duration
  readonly firstEvent: Duration.Duration
  readonly idle: Duration.Duration
  readonly total: Duration.Duration
}

/**
 * Deadlines to set; what is left out stays as it is.
 *
 * @since 0.1.0
 */
export type Options = { readonly [K in keyof Deadlines]?: Duration.Input | undefined }

/**
 * The deadlines where none are set; `total` holds for streams only.
 *
 * @since 0.1.0
 */
export const defaults: Deadlines = {
  response: Duration.minutes(10),
  firstEvent: Duration.minutes(2),
  idle: Duration.minutes(2),
  total: Duration.hours(1)
}

/**
 * The deadlines that the running program has set, over those of the layer and the defaults.
 *
 * @since 0.1.0
 */
export const CurrentDeadlines: Context.Reference<Partial<Deadlines>> = /* @__PURE__ */ Context.Reference<
  Partial<Deadlines>
>(
  "effect-openrouter/Deadlines",
  { defaultValue: () => ({}) }
)

/**
 * Deadlines as they are held in {@link CurrentDeadlines}.
 *
 * @since 0.1.0
 */
export const make = (options: Options): Partial<Deadlines> => {
  const made: { -readonly [K in keyof Deadlines]?: Deadlines[K] } = {}
  for (const name of names) {
    const duration = options[name]
    if (duration !== undefined) made[name] = Duration.fromInputUnsafe(duration)
  }
  return made
}

const names: ReadonlyArray<keyof Deadlines> = ["response", "firstEvent", "idle", "total"]

const withDeadlines: {
  (options: Options): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, options: Options): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, options: Options): Program.Within<P> =>
    Program.update(self, CurrentDeadlines, (outer) => ({ ...outer, ...make(options) }))
)

export {
  /**
   * Sets deadlines for all calls of an effect or a stream; what is left out stays as it is outside.
   *
   * @since 0.1.0
   */
  withDeadlines as with
}
