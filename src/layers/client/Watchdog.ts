/**
 * A deadline for each of many short waits, at the price of one sleeping fiber.
 *
 * `Effect.timeout` forks a race and a timer each time. A stream waits for every piece of its body, and a client has many
 * calls in flight, so here one fiber sleeps towards the next deadline, and looks again when it wakes.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/**
 * Guards waits, also many at once.
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
  /** The same with a deadline that is so many milliseconds away. */
  readonly guardFor: <A, E, E2>(
    self: Effect.Effect<A, E>,
    millis: number,
    onExpired: () => E2
  ) => Effect.Effect<A, E | E2>
}

interface Deadline {
  readonly at: number
  readonly expire: () => void
}

/**
 * Starts a watchdog that lives as long as its scope.
 *
 * A deadline may be at any time, but not earlier than `shortest` after the moment of its wait, or than `latest`. With
 * `restsWhenIdle` it has no timer while there is nothing to guard, so that it does not keep a process alive. Deadlines are
 * instants of `clock`, so one that is set forward brings them nearer.
 *
 * @since 0.1.0
 */
export const make = (options: {
  readonly clock: Clock.Clock
  readonly scope: Scope.Scope
  readonly shortest: Duration.Duration
  readonly latest: number
  readonly restsWhenIdle: boolean
}): Effect.Effect<Watchdog> =>
  Effect.contextWith((ownContext: Context.Context<never>) => {
    const { clock, latest, scope } = options
    const shortest = Math.max(1, Duration.toMillis(options.shortest))
    const deadlines = new Set<Deadline>()
    /** Runs while there is something to watch. */
    let watcher: Fiber.Fiber<void> | undefined
    let isWatching = false

    /** Ends the sleep of the watch, if it rests when idle. */
    let rest: (() => void) | undefined

    const remove = (deadline: Deadline): void => {
      deadlines.delete(deadline)
      if (deadlines.size === 0) rest?.()
    }

    const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
      !options.restsWhenIdle ? Effect.sleep(duration) : Effect.callback((resume) => {
        const fiber = Effect.runFork(clock.sleep(duration))
        const stop = () => {
          rest = undefined
          fiber.interruptUnsafe()
        }
        rest = () => {
          stop()
          resume(Effect.void)
        }
        fiber.addObserver(() => resume(Effect.void))
        return Effect.sync(stop)
      })

    const watch: Effect.Effect<void> = Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      // A deadline that is set while this sleeps is not earlier than the shortest from now, or than the latest.
      let next = Math.min(now + shortest, latest <= now ? Infinity : latest)
      for (const deadline of deadlines) {
        if (deadline.at <= now) deadline.expire()
        else next = Math.min(next, deadline.at)
      }
      if (deadlines.size > 0) return Effect.andThen(sleep(Duration.millis(next - now)), watch)
      isWatching = false
      return Effect.void
    })

    const guard = <A, E, E2>(
      self: Effect.Effect<A, E>,
      at: number,
      onExpired: () => E2
    ): Effect.Effect<A, E | E2> =>
      at === Infinity
        ? self
        : Effect.contextWith((context) =>
          Effect.callback((resume) => {
            const result: { exit?: Exit.Exit<A, E> } = {}
            // The fiber itself ends with nothing: who still holds it, as a response that is tracked weakly does until the
            // next full garbage collection, does not hold the answer.
            const fiber = Effect.runForkWith(context)(Effect.matchCauseEager(self, {
              onSuccess: (value) => {
                result.exit = Exit.succeed(value)
              },
              onFailure: (cause) => {
                result.exit = Exit.failCause(cause)
              }
            }))
            // What is there already is never too late.
            if (result.exit !== undefined) return resume(result.exit)
            if (at <= clock.currentTimeMillisUnsafe()) {
              resume(Effect.fail(onExpired()))
              return fiber.interruptUnsafe()
            }
            const deadline: Deadline = {
              at,
              expire: () => {
                remove(deadline)
                resume(Effect.fail(onExpired()))
                fiber.interruptUnsafe()
              }
            }
            deadlines.add(deadline)
            if (!isWatching) {
              isWatching = true
              watcher = Effect.runForkWith(ownContext)(watch)
            }
            fiber.addObserver((ended) => {
              remove(deadline)
              if (result.exit !== undefined) resume(result.exit)
              else if (Exit.isFailure(ended)) resume(Effect.failCause(ended.cause))
            })
            return Effect.suspend(() => {
              remove(deadline)
              return Fiber.interrupt(fiber)
            })
          })
        )

    const stop = Effect.suspend(() => watcher === undefined ? Effect.void : Fiber.interrupt(watcher))
    const guardFor: Watchdog["guardFor"] = (self, millis, onExpired) =>
      Effect.suspend(() => guard(self, clock.currentTimeMillisUnsafe() + millis, onExpired))
    return Effect.as(Scope.addFinalizer(scope, stop), { guard, guardFor })
  })
