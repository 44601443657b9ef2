/**
 * A deadline for each of many short waits, at the price of one sleeping fiber.
 *
 * `Effect.timeout` forks a race and a timer each time. A stream waits for every piece of its body, so here one fiber sleeps
 * towards the next deadline, and looks again if that has moved.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/**
 * Guards one wait at a time.
 *
 * @since 0.1.0
 */
export interface Watchdog {
  /** Runs an effect until it is done, or until `at` (epoch milliseconds), when it is interrupted for `onExpired`. */
  readonly guard: <A, E, E2>(
    self: Effect.Effect<A, E>,
    at: number,
    onExpired: () => E2
  ) => Effect.Effect<A, E | E2>
}

/**
 * Starts a watchdog that lives as long as its scope.
 *
 * A deadline may be at any time, but not earlier than `shortest` after the moment of its wait, or than `latest`.
 *
 * @since 0.1.0
 */
export const make = (options: {
  readonly clock: Clock.Clock
  readonly scope: Scope.Scope
  readonly shortest: Duration.Duration
  readonly latest: number
}): Effect.Effect<Watchdog> => {
  const { clock, latest, scope } = options
  const shortest = Duration.toMillis(options.shortest)
  let deadline: { readonly at: number; readonly expire: () => void } | undefined

  const watch: Effect.Effect<void> = Effect.suspend(() => {
    const now = clock.currentTimeMillisUnsafe()
    if (deadline !== undefined && deadline.at <= now) {
      deadline.expire()
      deadline = undefined
    }
    // A deadline that is set while this sleeps is not earlier than that.
    const next = Math.min(deadline?.at ?? Infinity, now + shortest, latest <= now ? Infinity : latest)
    return next === Infinity ? Effect.never : Effect.andThen(Effect.sleep(Duration.millis(next - now)), watch)
  })

  const guard: Watchdog["guard"] = (self, at, onExpired) =>
    at === Infinity
      ? self
      : Effect.contextWith((context) =>
        Effect.callback((resume) => {
          const fiber = Effect.runForkWith(context)(self)
          const done = fiber.pollUnsafe()
          // What is there already is never too late.
          if (done !== undefined) return resume(done)
          if (at <= clock.currentTimeMillisUnsafe()) {
            resume(Effect.fail(onExpired()))
            return fiber.interruptUnsafe()
          }
          deadline = {
            at,
            expire: () => {
              resume(Effect.fail(onExpired()))
              fiber.interruptUnsafe()
            }
          }
          fiber.addObserver((exit) => {
            deadline = undefined
            resume(exit)
          })
          return Effect.suspend(() => {
            deadline = undefined
            return Fiber.interrupt(fiber)
          })
        })
      )

  return Effect.as(Effect.forkIn(watch, scope), { guard })
}
