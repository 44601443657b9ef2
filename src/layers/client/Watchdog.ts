/**
 * Deadlines for many calls at once, at the price of one sleeping fiber for each clock.
 *
 * `Effect.timeout` forks a race and a timer each time. A client has many calls in flight and a stream waits for every piece
 * of its body, so here one fiber sleeps towards the next deadline and looks again when it wakes. It sleeps only while there
 * is something to watch, so that it keeps no process alive, and belongs to no layer: calls in flight outlive theirs.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Scheduler from "effect/Scheduler"

/**
 * An instant that may be moved while it is watched.
 *
 * @since 0.1.0
 */
export interface Deadline {
  /** Epoch milliseconds; `Infinity` while there is none. */
  at: number
  /** What happens when it passes; set by the watchdog. */
  expire: () => void
}

/**
 * Makes a deadline.
 *
 * @since 0.1.0
 */
export const deadline = (at: number): Deadline => ({ at, expire: nothing })

const nothing = (): void => {}

/** A timer cannot be set further ahead than this; it is set again when it wakes. */
const longestSleep = 24 * 60 * 60 * 1000

/**
 * Watches the deadlines of one clock.
 *
 * @since 0.1.0
 */
export class Watchdog {
  readonly #clock: Clock.Clock
  readonly #deadlines = new Set<Deadline>()
  #sleeper: Fiber.Fiber<void> | undefined
  #wakesAt = Infinity

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Begins to watch a deadline, or takes note that it was moved. */
  watch(deadline: Deadline): void {
    this.#deadlines.add(deadline)
    if (deadline.at < this.#wakesAt) this.#sleepUntil(deadline.at)
  }

  /** Takes note that a deadline was moved, if it is watched. */
  moved(deadline: Deadline): void {
    if (this.#deadlines.has(deadline)) this.watch(deadline)
  }

  forget(deadline: Deadline): void {
    if (this.#deadlines.delete(deadline) && this.#deadlines.size === 0) queueMicrotask(this.#stopUnused)
  }

  /** A stream that has begun waits for its events at once, and then the timer is as good as another one. */
  readonly #stopUnused = (): void => {
    if (this.#deadlines.size === 0) this.#stop()
  }

  #stop(): void {
    const sleeper = this.#sleeper
    this.#sleeper = undefined
    this.#wakesAt = Infinity
    sleeper?.interruptUnsafe()
  }

  #sleepUntil(at: number): void {
    this.#stop()
    this.#wakesAt = at
    const millis = Math.min(Math.max(0, at - this.#clock.currentTimeMillisUnsafe()), longestSleep)
    const sleeper = Effect.runFork(this.#clock.sleep(Duration.millis(millis)))
    this.#sleeper = sleeper
    sleeper.addObserver(() => {
      if (this.#sleeper === sleeper) this.#wake()
    })
  }

  #wake(): void {
    this.#sleeper = undefined
    this.#wakesAt = Infinity
    const now = this.#clock.currentTimeMillisUnsafe()
    let next = Infinity
    for (const deadline of this.#deadlines) {
      if (deadline.at > now) next = Math.min(next, deadline.at)
      else {
        this.#deadlines.delete(deadline)
        deadline.expire()
      }
    }
    if (next < this.#wakesAt) this.#sleepUntil(next)
  }

  /** Expires a deadline that has passed before anybody could watch it; watches it otherwise. */
  watchOrExpire(deadline: Deadline): void {
    if (deadline.at <= this.#clock.currentTimeMillisUnsafe()) deadline.expire()
    else this.watch(deadline)
  }

  /**
   * Runs an effect until it is done or its deadline has passed. Then it is interrupted, and once it has cleaned up, what
   * `onExpired` gives is the end; a success that came in the meantime is not lost. What is too late before it begins does
   * not begin.
   */
  guard<A, E, E2>(
    self: Effect.Effect<A, E>,
    deadline: Deadline,
    onExpired: () => Effect.Effect<A, E2>
  ): Effect.Effect<A, E | E2> {
    return Effect.contextWith((context): Effect.Effect<A, E | E2> =>
      deadline.at <= this.#clock.currentTimeMillisUnsafe() ? onExpired() : Effect.callback((resume) => {
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
        let isExpired = false
        fiber.addObserver((ended) => {
          this.forget(deadline)
          const { exit } = result
          if (exit !== undefined && (Exit.isSuccess(exit) || !isExpired)) resume(exit)
          else if (isExpired) resume(Effect.suspend(onExpired))
          else if (Exit.isFailure(ended)) resume(Effect.failCause(ended.cause))
        })
        deadline.expire = () => {
          isExpired = true
          fiber.interruptUnsafe()
        }
        this.watchOrExpire(deadline)
        return Effect.suspend(() => {
          this.forget(deadline)
          return Fiber.interrupt(fiber)
        })
      })
    )
  }
}

/**
 * Pulls under a deadline, in one fiber as long as the consumer keeps up with what arrives.
 *
 * A guard for every piece would fork a fiber for every piece. This one fiber goes on with the next piece if it is asked for
 * while the last one is handed over; it ends when nobody asks, and another one is started later.
 *
 * @since 0.1.0
 */
export class Pump<A, E, D, E2> {
  readonly #watchdog: Watchdog
  readonly #deadline: Deadline
  readonly #loop: Pull.Pull<void, E, D>
  readonly #fork: <E>(effect: Effect.Effect<void, E>) => Fiber.Fiber<void, E>
  readonly #onExpired: () => Pull.Pull<never, E2, D>
  #waiting: ((effect: Pull.Pull<A, E | E2, D>) => void) | undefined
  #fiber: Fiber.Fiber<void, E | Cause.Done<D>> | undefined
  #isAsked = false
  #isExpired = false

  constructor(options: {
    readonly pull: Pull.Pull<A, E, D>
    readonly watchdog: Watchdog
    readonly deadline: Deadline
    /** Where the pull runs. */
    readonly context: Context.Context<never>
    readonly onExpired: () => Pull.Pull<never, E2, D>
  }) {
    this.#watchdog = options.watchdog
    this.#deadline = options.deadline
    // It runs until it has to wait, so that a deadline never meets it on its way to a piece that is there.
    this.#fork = Effect.runForkWith(Context.add(options.context, Scheduler.PreventSchedulerYield, true))
    this.#onExpired = options.onExpired
    this.#loop = Effect.flatMap(options.pull, (piece) => this.#handOver(piece))
  }

  #handOver(piece: A): Pull.Pull<void, E, D> {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#deadline.at = Infinity
    waiting?.(Effect.succeed(piece))
    if (!this.#isAsked) return Effect.void
    this.#isAsked = false
    return this.#loop
  }

  #start(): void {
    const fiber = this.#fork(this.#loop)
    this.#fiber = fiber
    fiber.addObserver((exit) => {
      this.#fiber = undefined
      this.#isAsked = false
      const waiting = this.#waiting
      this.#waiting = undefined
      if (waiting === undefined || Exit.isSuccess(exit)) return
      waiting(this.#isExpired ? Effect.suspend(this.#onExpired) : Effect.failCause(exit.cause))
    })
  }

  /** The next piece; its deadline has to be set before. */
  readonly take: Pull.Pull<A, E | E2, D> = Effect.callback((resume) => {
    this.#waiting = resume
    if (this.#fiber === undefined) this.#start()
    else this.#isAsked = true
    // What is there already is never too late.
    if (this.#waiting === undefined) return
    this.#deadline.expire = this.#expire
    this.#watchdog.watchOrExpire(this.#deadline)
    return Effect.suspend(() => {
      this.#waiting = undefined
      this.#watchdog.forget(this.#deadline)
      return this.#fiber === undefined ? Effect.void : Fiber.interrupt(this.#fiber)
    })
  })

  readonly #expire = (): void => {
    this.#isExpired = true
    this.#fiber?.interruptUnsafe()
  }
}
