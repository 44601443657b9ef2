/**
 * When a failed call is tried again, as a `Schedule` in a reference.
 *
 * This schedule drives all retries of this library: it sees the typed error of every failed attempt and says how long to
 * wait or that it is over; then the call fails with that error. The default waits until the instant
 * that the server announced. An instant beyond the time that is left fails at once, so that the caller can do something
 * better than sleep.
 *
 * | error | default |
 * |---|---|
 * | `isRetryable` is true | tried again, at most 4 times and 2 minutes after the first failure |
 * | with `resetAt` | waits for it, plus up to 5 % (at most 1 s), so that waiters do not wake together |
 * | without, or with one in the past | 500 ms, doubled each time, at most 20 s, ±20 % |
 * | `isRetryable` is false | not tried again |
 *
 * `TimedOut` is not retryable: the provider may bill the answer that came too late, and OpenRouter has no idempotency
 * key. Whoever accepts that passes a `while` of their own.
 *
 * **Example** (Watching and limiting the waits of one part of a program)
 *
 * ```ts
 * import { Console, Duration, Schedule } from "effect"
 * import { OpenRouter, RetryPolicy } from "effect-openrouter"
 *
 * const watched = RetryPolicy.make({ times: 2, maxWait: "10 seconds" }).pipe(
 *   Schedule.tap(({ duration, input }) => Console.log(`${input._tag}, resuming in ${Duration.format(duration)}`))
 * )
 * const program = OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(RetryPolicy.with(watched))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { OpenRouterError } from "../domain/error/OpenRouterError.ts"

/**
 * A schedule that is fed with the errors of failed attempts. What it outputs does not matter.
 *
 * @since 0.1.0
 */
export type RetryPolicy = Schedule.Schedule<unknown, OpenRouterError>

/**
 * How {@link make} retries; each has a default.
 *
 * @since 0.1.0
 */
export interface Options {
  /** Attempts after the first. Default 4. */
  readonly times?: number | undefined
  /** No attempt begins later than this after the first failure. Default 2 minutes. */
  readonly maxWait?: Duration.Input | undefined
  /** The first delay where the server announced none. Default 500 milliseconds. */
  readonly base?: Duration.Input | undefined
  /** The longest delay where the server announced none, before it is spread. Default 20 seconds. */
  readonly cap?: Duration.Input | undefined
  /** Which errors are tried again. Default: those that say `isRetryable`. */
  readonly while?: ((error: OpenRouterError) => boolean) | undefined
}

const spread = (waitMillis: number): Effect.Effect<number> =>
  Effect.map(Random.next, (random) => random * Math.min(1000, waitMillis * 0.05))

/**
 * Makes a policy that waits for the announced reset, or backs off exponentially where none was announced.
 *
 * @since 0.1.0
 */
export const make = (options: Options = {}): RetryPolicy => {
  const maxWait = Duration.toMillis(Duration.fromInputUnsafe(options.maxWait ?? "2 minutes"))
  const shouldRetry = options.while ?? ((error: OpenRouterError) => error.isRetryable)
  return Schedule.min([
    Schedule.exponential(options.base ?? "500 millis"),
    Schedule.spaced(options.cap ?? "20 seconds")
  ]).pipe(
    Schedule.jittered,
    Schedule.setInputType<OpenRouterError>(),
    Schedule.while(({ input }) => shouldRetry(input)),
    Schedule.modifyDelay(({ duration, input, now }) => {
      const resetAt = "resetAt" in input ? input.resetAt : undefined
      if (resetAt === undefined) return Effect.succeed(duration)
      const wait = DateTime.toEpochMillis(resetAt) - now
      // A reset that is already past, by clocks that differ, is no reason to hammer.
      if (wait <= 0) return Effect.succeed(duration)
      return Effect.map(spread(wait), (extra) => Duration.millis(Math.ceil(wait + extra)))
    }),
    Schedule.while(({ duration, elapsed }) => elapsed + Duration.toMillis(duration) <= maxWait),
    Schedule.upTo({ times: options.times ?? 4 })
  )
}

/**
 * Every failure is final.
 *
 * @since 0.1.0
 */
export const none: RetryPolicy = Schedule.recurs(0)

/**
 * The policy of the running program; {@link make}`()` unless {@link with} says otherwise.
 *
 * @since 0.1.0
 */
export const CurrentRetryPolicy: Context.Reference<RetryPolicy> = Context.Reference<RetryPolicy>(
  "effect-openrouter/RetryPolicy",
  { defaultValue: () => make() }
)

/**
 * What comes after a failed attempt: waits until the next one may begin, or fails with the given error because it is over.
 *
 * @since 0.1.0
 */
export type Again = <E extends OpenRouterError>(error: E) => Effect.Effect<void, E>

/**
 * Starts the current policy for one call. Needed only where an attempt is more than an effect, as for a stream; others
 * use {@link retried}.
 *
 * @since 0.1.0
 */
export const start: Effect.Effect<Again> = Effect.flatMap(CurrentRetryPolicy, (policy) =>
  Effect.map(
    Schedule.toStepWithSleep(policy),
    (step): Again => (error) => Pull.catchDone(Effect.asVoid(step(error)), () => Effect.fail(error))
  ))

/**
 * Runs a call under the current policy.
 *
 * `call` is given the number of the attempt, from 1. The loop costs nothing until the first attempt has failed.
 *
 * @since 0.1.0
 */
export const retried = <A, E extends OpenRouterError, R>(
  call: (attempt: number) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.catch(call(1), (first) =>
    Effect.flatMap(start, (again) => {
      const next = (error: E, attempt: number): Effect.Effect<A, E, R> =>
        Effect.flatMap(again(error), () => Effect.catch(call(attempt), (error) => next(error, attempt + 1)))
      return next(first, 2)
    }))

const withPolicy = (policy: RetryPolicy): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> =>
  Effect.provideService(CurrentRetryPolicy, policy)

export {
  /**
   * Applies a policy to all calls of an effect, forked ones included.
   *
   * @since 0.1.0
   */
  withPolicy as with
}
