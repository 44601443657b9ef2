/**
 * When a failed call is tried again, in a reference: a `Schedule`, and how long a call may wait in all.
 *
 * The policy drives all retries of this library: its schedule sees the typed error of every failed attempt and says how
 * long to wait or that it is over; then the call fails with that error. The default waits until the instant that the
 * server announced. An instant beyond the time that is left fails at once, so that the caller can do something better
 * than sleep. A stream is repeated only until the first piece of its answer. In the way of a call the retry loop stands
 * inside its span and outside the admissions of each attempt.
 *
 * | error | default |
 * |---|---|
 * | `isRetryable` is true | tried again, at most 4 times and 2 minutes after the first failure |
 * | the same, with a `cost` of more than nothing | not tried again: what was paid for is not bought again |
 * | with `resetAt` | waits for it, plus up to 5 % (at most 1 s), so that waiters do not wake together |
 * | without, or with one in the past | 500 ms, doubled each time, at most 20 s, ±20 % |
 * | `isRetryable` is false | not tried again |
 *
 * `TimedOut` is not retryable: the provider may bill the answer that came too late, and OpenRouter has no idempotency
 * key. Whoever accepts that passes a `while` of their own, around {@link isRetried}.
 *
 * **Example** (Watching and limiting the waits of one part of a program)
 *
 * ```ts
 * import { Console, Duration, Schedule } from "effect"
 * import { OpenRouter, RetryPolicy } from "effect-openrouter"
 *
 * const watched = RetryPolicy.mapSchedule(
 *   RetryPolicy.make({ times: 2, maxWait: "10 seconds" }),
 *   Schedule.tap(({ duration, input }) => Console.log(`${input._tag}, resuming in ${Duration.format(duration)}`))
 * )
 * const program = OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(RetryPolicy.with(watched))
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { OpenRouterError } from "../domain/error/OpenRouterError.ts"
import * as Usd from "../domain/money/Usd.ts"
import * as Costs from "../domain/outcome/Costs.ts"
import * as Program from "./Program.ts"

/**
 * When a failed call is tried again.
 *
 * @since 0.1.0
 */
export interface RetryPolicy extends Pipeable.Pipeable {
  /** Is fed with the errors of failed attempts. What it outputs does not matter. */
  readonly schedule: Schedule.Schedule<unknown, OpenRouterError>
  /** How long a call may wait for its attempts, counted from its first failure. */
  readonly maxWait: Duration.Duration
}

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
  /** Which errors are tried again. Default: {@link isRetried}. */
  readonly while?: ((error: OpenRouterError) => boolean) | undefined
}

const spread = (waitMillis: number): Effect.Effect<number> =>
  Effect.map(Random.next, (random) => random * Math.min(1000, waitMillis * 0.05))

/**
 * True for what is tried again by default: errors that say `isRetryable`, unless the attempt was billed, by OpenRouter or,
 * with a key of your own, by the provider. What was paid for is not bought again behind the caller's back.
 *
 * @since 0.1.0
 */
export const isRetried = (error: OpenRouterError): boolean => {
  if (!error.isRetryable) return false
  const { cost, upstreamCost } = Costs.ofUsage(error.usage, { failed: true, billed: false })
  return !Usd.isGreaterThan(Usd.sum(error.cost ?? cost, upstreamCost), Usd.zero)
}

/**
 * Makes a policy that waits for the announced reset, or backs off exponentially where none was announced.
 *
 * @since 0.1.0
 */
export const make = (options: Options = {}): RetryPolicy => {
  const shouldRetry = options.while ?? isRetried
  const schedule = Schedule.min([
    Schedule.exponential(options.base ?? "500 millis"),
    Schedule.spaced(options.cap ?? "20 seconds")
  ]).pipe(
    Schedule.jittered,
    Schedule.setInputType<OpenRouterError>(),
    Schedule.while(({ input }) => shouldRetry(input)),
    Schedule.modifyDelay(({ duration, input, now }) => {
      const resetAt = "resetAt" in input ? input.resetAt : undefined
      const wait = resetAt === undefined ? 0 : DateTime.toEpochMillis(resetAt) - now
      // A reset that is already past, by clocks that differ, is no reason to hammer.
      if (wait <= 0) return Effect.succeed(Duration.millis(Math.round(Duration.toMillis(duration))))
      return Effect.map(spread(wait), (extra) => Duration.millis(Math.ceil(wait + extra)))
    }),
    Schedule.upTo({ times: options.times ?? 4 })
  )
  const policy = fromSchedule(schedule, { maxWait: options.maxWait ?? "2 minutes" })
  // Who watches the schedule sees the waits that come about.
  return mapSchedule(policy, () => bounded(policy))
}

/**
 * Makes a policy of any schedule that takes these errors; it alone decides which of them are tried again.
 *
 * An attempt that would begin later than `maxWait` after the first failure is not made. Default: no limit.
 *
 * @since 0.1.0
 */
export const fromSchedule = (
  schedule: Schedule.Schedule<unknown, OpenRouterError>,
  options: { readonly maxWait?: Duration.Input | undefined } = {}
): RetryPolicy => {
  return new Policy(schedule, Duration.fromInputUnsafe(options.maxWait ?? Duration.infinity))
}

class Policy extends Pipeable.Class implements RetryPolicy {
  readonly schedule: RetryPolicy["schedule"]
  readonly maxWait: Duration.Duration
  constructor(schedule: RetryPolicy["schedule"], maxWait: Duration.Duration) {
    super()
    this.schedule = schedule
    this.maxWait = maxWait
  }
}

/**
 * Changes the schedule of a policy, for instance to watch it; `maxWait` stays.
 *
 * @since 0.1.0
 */
export const mapSchedule: {
  (
    f: (
      schedule: Schedule.Schedule<unknown, OpenRouterError>
    ) => Schedule.Schedule<unknown, OpenRouterError>
  ): (self: RetryPolicy) => RetryPolicy
  (
    self: RetryPolicy,
    f: (
      schedule: Schedule.Schedule<unknown, OpenRouterError>
    ) => Schedule.Schedule<unknown, OpenRouterError>
  ): RetryPolicy
} = /* @__PURE__ */ dual(
  2,
  (
    self: RetryPolicy,
    f: (
      schedule: Schedule.Schedule<unknown, OpenRouterError>
    ) => Schedule.Schedule<unknown, OpenRouterError>
  ): RetryPolicy => fromSchedule(f(self.schedule), self)
)

/**
 * Every failure is final.
 *
 * @since 0.1.0
 */
export const none: RetryPolicy = fromSchedule(Schedule.recurs(0), { maxWait: Duration.zero })

/**
 * The policy of the running program; {@link make}`()` unless {@link with} says otherwise.
 *
 * @since 0.1.0
 */
export const CurrentRetryPolicy: Context.Reference<RetryPolicy> = /* @__PURE__ */ Context.Reference<RetryPolicy>(
  "effect-openrouter/RetryPolicy",
  { defaultValue: () => make() }
)

/**
 * What the retry loop asks of whoever runs a call.
 *
 * @since 0.1.0
 */
export interface Loop {
  /** Puts a bound on the wait for the next attempt, given the error before it. */
  readonly within: <E extends OpenRouterError>(wait: Effect.Effect<void, E>, error: E) => Effect.Effect<void, E>
  /** What follows an error, see `Admission.Admission`; the policy says it if this does not. */
  readonly after: (error: OpenRouterError) => "wait" | "end" | undefined
  /** Takes note that there will be another attempt, after so many milliseconds, and the error before it. */
  readonly retries: (error: OpenRouterError, delayMillis: number) => void
}

/**
 * Runs a call under the current policy.
 *
 * `call` is given the number of the attempt, from 1. The loop costs nothing until the first attempt has failed.
 *
 * @since 0.1.0
 */
export const retried = <A, E extends OpenRouterError, R>(
  call: (attempt: number) => Effect.Effect<A, E, R>,
  loop: Loop
): Effect.Effect<A, E, R> =>
  Effect.catch(
    call(1),
    (first) =>
      Effect.flatMap(CurrentRetryPolicy, (policy) => {
        const schedule = bounded(policy)
        const noted = Schedule.tap(
          schedule,
          ({ duration, input }) => Effect.sync(() => loop.retries(input, Duration.toMillis(duration)))
        )
        return Effect.flatMap(Schedule.toStepWithSleep(noted), (step) => {
          const wait = (error: E): Effect.Effect<void, E> => {
            switch (loop.after(error)) {
              case "end":
                return Effect.fail(error)
              case "wait":
                return loop.within(
                  Effect.andThen(repeats(schedule, error), Effect.sync(() => loop.retries(error, 0))),
                  error
                )
              case undefined:
                return loop.within(orFail(step(error), error), error)
            }
          }
          const next = (error: E, attempt: number): Effect.Effect<A, E, R> =>
            Effect.flatMap(
              wait(error),
              () => Effect.catch(call(attempt), (error) => next(error, attempt + 1))
            )
          return next(first, 2)
        })
      })
  )

const orFail = <E>(step: Pull.Pull<unknown, never, unknown>, error: E): Effect.Effect<void, E> =>
  Pull.catchDone(Effect.asVoid(step), () => Effect.fail(error))

/** Fails if the schedule would not repeat after this error, were it the first. */
const repeats = <E extends OpenRouterError>(
  schedule: RetryPolicy["schedule"],
  error: E
): Effect.Effect<void, E> =>
  Effect.flatMap(
    Schedule.toStep(schedule),
    (step) => Effect.flatMap(Clock.currentTimeMillis, (now) => orFail(step(now, error), error))
  )

/** The schedule of a policy, which ends where the next wait would exceed `maxWait`. */
const bounded = ({ maxWait, schedule }: RetryPolicy): RetryPolicy["schedule"] =>
  Schedule.while(
    schedule,
    ({ duration, elapsed }) => elapsed + Duration.toMillis(duration) <= Duration.toMillis(maxWait)
  )

const withPolicy: {
  (policy: RetryPolicy): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, policy: RetryPolicy): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, policy: RetryPolicy): Program.Within<P> =>
    Program.update(self, CurrentRetryPolicy, () => policy)
)

export {
  /**
   * Applies a policy to all calls of an effect or a stream, forked ones included.
   *
   * @since 0.1.0
   */
  withPolicy as with
}
