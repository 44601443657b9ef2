/**
 * Deadlines for many calls at once, at the price of one sleeping fiber for each clock.
 *
 * `Effect.timeout` forks a race and a timer each time. A client has many calls in flight and a stream waits for every piece
 * of its body, so here one fiber sleeps towards the next deadline and looks again when it wakes. It sleeps only while there
 * is something to watch, so that it keeps no process alive, and belongs to no layer: calls in flight outlive theirs.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

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
 * Begins what calls back once with its end; what it gives breaks it off.
 *
 * @since 0.1.0
 */
export type Start<A, E> = (end: (effect: Effect.Effect<A, E>) => void) => () => void

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
    deadline.expire = nothing
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

  /**
   * Begins to watch a deadline; one that has passed before anybody could watch it expires at once.
   *
   * `expire` is an argument because V8 puts a closure that is assigned to a property among the old objects: until the next
   * full collection it would keep the answer, which it can reach.
   */
  begin(deadline: Deadline, expire: () => void): void {
    deadline.expire = expire
    if (deadline.at <= this.#clock.currentTimeMillisUnsafe()) expire()
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
      deadline.at <= this.#clock.currentTimeMillisUnsafe()
        ? onExpired()
        : Effect.callback((resume) => guarded(this, deadline, { self, onExpired, resume }, context))
    )
  }

  /** The same for what calls back, and takes no fiber to be broken off: then it has cleaned up at once. */
  guardCallback<A, E, E2>(
    start: Start<A, E>,
    deadline: Deadline,
    onExpired: () => Effect.Effect<A, E2>
  ): Effect.Effect<A, E | E2> {
    return Effect.callback((resume) => {
      if (deadline.at <= this.#clock.currentTimeMillisUnsafe()) return resume(onExpired())
      let isOver = false
      const end = (effect: Effect.Effect<A, E | E2>): void => {
        if (isOver) return
        isOver = true
        this.forget(deadline)
        resume(effect)
      }
      const breakOff = start(end)
      if (isOver) return
      const give = (): void => {
        isOver = true
        this.forget(deadline)
        breakOff()
      }
      this.begin(deadline, () => {
        give()
        resume(Effect.suspend(onExpired))
      })
      return Effect.sync(give)
    })
  }
}

/**
 * What is known of an effect under a deadline; it is let go of when it is over: a fiber or a callback that somebody holds
 * for longer must not hold the answer, or the garbage collector would carry many of them along.
 */
interface Known<A, E, E2> {
  self: Effect.Effect<A, E> | undefined
  onExpired: (() => Effect.Effect<A, E2>) | undefined
  resume: ((effect: Effect.Effect<A, E | E2>) => void) | undefined
  exit?: Exit.Exit<A, E> | undefined
  fiber?: Fiber.Fiber<void> | undefined
}

const guarded = <A, E, E2>(
  watchdog: Watchdog,
  deadline: Deadline,
  known: Known<A, E, E2>,
  context: Context.Context<never>
): Effect.Effect<void> | undefined => {
  const { self } = known
  if (self === undefined) return undefined
  known.self = undefined
  const end = (effect: Effect.Effect<A, E | E2>): void => {
    const { resume } = known
    known.resume = undefined
    known.onExpired = undefined
    known.exit = undefined
    known.fiber = undefined
    watchdog.forget(deadline)
    resume?.(effect)
  }
  const fiber = Effect.runForkWith(context)(Effect.matchCauseEager(self, {
    onSuccess: (value) => {
      known.exit = Exit.succeed(value)
    },
    onFailure: (cause) => {
      known.exit = Exit.failCause(cause)
    }
  }))
  // What is there already is never too late.
  if (known.exit !== undefined) {
    end(known.exit)
    return undefined
  }
  known.fiber = fiber
  let isExpired = false
  fiber.addObserver((ended) => {
    const { exit, onExpired } = known
    if (exit !== undefined && (Exit.isSuccess(exit) || !isExpired)) end(exit)
    else if (isExpired && onExpired !== undefined) end(Effect.suspend(onExpired))
    else if (Exit.isFailure(ended)) end(Effect.failCause(ended.cause))
  })
  watchdog.begin(deadline, () => {
    isExpired = true
    known.fiber?.interruptUnsafe()
  })
  return Effect.suspend(() => {
    const { fiber } = known
    known.resume = undefined
    watchdog.forget(deadline)
    return fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
  })
}
