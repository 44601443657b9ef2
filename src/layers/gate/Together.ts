/**
 * Passes the gate of this process, and then what several processes share.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import type * as Admission from "../../services/Admission.ts"
import type { GateTime } from "./GateTime.ts"
import type { Lane } from "./Lane.ts"
import type { Answer, KnownWindow, SharedLimits } from "./SharedLimits.ts"
import type { Turn } from "./Turns.ts"

/**
 * One who asks the gate of this process.
 *
 * @since 0.1.0
 */
export interface Asking extends Admission.Attempt {
  /** Called if it is let go although a limit is held, to try that. */
  readonly tries?: (() => void) | undefined
}

/**
 * Passes both; who is kept by the others comes back here, and keeps its turn.
 *
 * @since 0.1.0
 */
export const pass = <T extends Turn>({ attempt, here, laneOf, shared, time }: {
  readonly attempt: Admission.Attempt
  readonly shared: SharedLimits
  readonly time: GateTime
  readonly here: (asking: Asking) => Effect.Effect<Admission.Settle, RequestError>
  readonly laneOf: (now: number) => Lane<T>
}): Effect.Effect<Admission.Settle, RequestError> =>
  Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    /** What it has taken here and there, and has to give back. */
    let place: Admission.Settle | undefined
    let counted: Effect.Effect<void> | undefined
    let begun: (() => void) | undefined
    let tries = false
    const settle: Admission.Settle = (ended) => {
      const here = place?.(ended) ?? Effect.void
      return ended._tag === "Sent" || counted === undefined ? here : Effect.andThen(here, counted)
    }
    const asking: Asking = {
      call: attempt.call,
      number: attempt.number,
      startedAt: attempt.startedAt,
      tries: () => {
        tries = true
      },
      took: (taken, beginning) => {
        place = taken
        begun = beginning
      }
    }
    const keep = (lane: Lane<T>, { hold }: Answer): Effect.Effect<void> => {
      if (hold === undefined) return Effect.void
      const now = time.now(clock)
      lane.limiters[hold.index]?.heldElsewhere(now, hold.until + time.ahead, hold.isClosed)
      const back = place?.({ _tag: "NotSent", exit: Exit.void }) ?? Effect.void
      place = undefined
      return back
    }
    const once: Effect.Effect<boolean, RequestError> = Effect.flatMap(
      Effect.suspend(() => {
        tries = false
        return here(asking)
      }),
      () => {
        const lane = laneOf(time.now(clock))
        const known = lane.limiters.map(({ window }): KnownWindow => ({
          limit: window.limit,
          length: window.length,
          startsAt: window.startsAt - time.ahead
        }))
        // In one piece with what asks, so that nothing is counted of which nobody knows.
        return Effect.uninterruptible(Effect.flatMap(shared.pass(lane.keys, known, tries), (answer) => {
          agree(lane, answer, time.now(clock), time.ahead)
          if (answer.hold !== undefined) return Effect.as(keep(lane, answer), false)
          counted = shared.giveBack(lane.keys, answer)
          return Effect.succeed(true)
        }))
      }
    )
    attempt.took?.(settle, () => begun?.())
    const passed: Effect.Effect<Admission.Settle, RequestError> = Effect.flatMap(
      once,
      (goes) => goes ? Effect.succeed(settle) : passed
    )
    // Whoever asks without `took` is not told the end of what it never got.
    return attempt.took === undefined
      ? Effect.onInterrupt(passed, () => settle({ _tag: "NotSent", exit: Exit.interrupt() }))
      : passed
  })

/** What processes together know wins over what this one has learned. */
const agree = <T extends Turn>(
  { limiters }: Lane<T>,
  { isTogether, windows }: Answer,
  now: number,
  ahead: number
): void => {
  for (let index = 0; index < limiters.length; index++) {
    const window = windows[index]
    if (window !== undefined) {
      limiters[index]?.agree(now, ahead === 0 ? window : { ...window, startsAt: window.startsAt + ahead })
    } else if (!isTogether) limiters[index]?.window.goAlone()
  }
}
