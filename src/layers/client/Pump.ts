/**
 * Pulls under a deadline, in one fiber as long as the consumer keeps up with what arrives.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Scheduler from "effect/Scheduler"
import type { Deadline, Watchdog } from "./Watchdog.ts"

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
    this.#watchdog.begin(this.#deadline, this.#expire)
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
