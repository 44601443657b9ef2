/**
 * Calls in flight that several fibers wait for.
 *
 * The call runs in a fiber of its own, as the one who started it would have made it: with its references, and so its
 * deadlines, policy, scopes and ledgers. Who leaves does not take it away from the others; the last one who leaves
 * interrupts it, and waits until it is over.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { OpenRouterError } from "../../domain/error/OpenRouterError.ts"
import * as Admission from "../../services/Admission.ts"

/** Is told how the call ended, or (nothing) that it is its turn to make it. */
type Waiter<A, E> = Deferred.Deferred<Exit.Exit<A, E> | undefined>

/** One call, and who waits for it. */
interface Flight<A, E> {
  readonly key: string
  /** In the order in which they came. */
  readonly waiting: Set<Waiter<A, E>>
  /** Who makes the call; it may have left. */
  leader: Waiter<A, E> | undefined
  /** Absent until the call has been started by its leader. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  /** True once a request has left. */
  isSent: boolean
}

/**
 * How a shared call ended, and whether whoever asked has started it.
 *
 * @since 0.1.0
 */
export interface Landing<A, E> {
  readonly exit: Exit.Exit<A, E>
  readonly isOwn: boolean
}

type Follows<E> = <B>(wait: Effect.Effect<B>) => Effect.Effect<B, E>

/**
 * The calls in flight, by key.
 *
 * @since 0.1.0
 */
export class Flights<A, E extends OpenRouterError> {
  readonly #flights = new Map<string, Flight<A, E>>()
  readonly #scope: Scope.Scope

  constructor(scope: Scope.Scope) {
    this.#scope = scope
  }

  /**
   * Waits for the call of this key that is in flight, or starts it.
   *
   * An end without anything sent, such as that of a budget of the one who started it, is not for others: the next of them
   * starts the call again, as its own. `follows` bounds the wait of those who have not started it.
   */
  join<R>(key: string, call: Effect.Effect<A, E, R>, follows: Follows<E>): Effect.Effect<Landing<A, E>, E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const flight = this.#flights.get(key)
        if (flight !== undefined) {
          const waiter = this.#boarded(flight)
          return Effect.flatMap(
            this.#told(flight, waiter, restore(follows(Deferred.await(waiter)))),
            (exit) => exit === undefined ? this.#led(flight, call, restore) : Effect.succeed({ exit, isOwn: false })
          )
        }
        const own: Flight<A, E> = { key, waiting: new Set(), leader: undefined, fiber: undefined, isSent: false }
        this.#flights.set(key, own)
        return this.#led(own, call, restore)
      })
    )
  }

  #boarded(flight: Flight<A, E>): Waiter<A, E> {
    const waiter: Waiter<A, E> = Deferred.makeUnsafe()
    flight.waiting.add(waiter)
    return waiter
  }

  /** Waits as one who may leave. */
  #told<B>(flight: Flight<A, E>, waiter: Waiter<A, E>, wait: Effect.Effect<B, E>): Effect.Effect<B, E> {
    return Effect.onExit(wait, (exit) => Exit.isSuccess(exit) ? Effect.void : this.#left(flight, waiter))
  }

  /** Makes the call. */
  #led<R>(
    flight: Flight<A, E>,
    call: Effect.Effect<A, E, R>,
    restore: <B, X, S>(effect: Effect.Effect<B, X, S>) => Effect.Effect<B, X, S>
  ): Effect.Effect<Landing<A, E>, E, R> {
    return Effect.suspend(() => {
      const waiter = this.#boarded(flight)
      flight.leader = waiter
      const watched = Admission.with(call, {
        stage: "observe",
        admit: () =>
          Effect.succeed((ended) =>
            Effect.sync(() => {
              if (ended._tag === "Sent") flight.isSent = true
            })
          )
      })
      return Effect.flatMap(Effect.forkIn(Effect.interruptible(watched), this.#scope), (fiber) => {
        flight.fiber = fiber
        // Also of a fiber that is interrupted before it has begun.
        fiber.addObserver((exit) => this.#landed(flight, exit))
        return Effect.flatMap(
          this.#told(flight, waiter, restore(Deferred.await(waiter))),
          // Who makes the call is told its end.
          (exit) => exit === undefined ? Effect.interrupt : Effect.succeed({ exit, isOwn: true })
        )
      })
    })
  }

  #landed(flight: Flight<A, E>, exit: Exit.Exit<A, E>): void {
    const told = Effect.succeed(exit)
    if (isForAll(exit, flight)) {
      this.#forget(flight)
      for (const waiter of flight.waiting) Deferred.doneUnsafe(waiter, told)
      return
    }
    const { leader } = flight
    if (leader !== undefined && flight.waiting.delete(leader)) Deferred.doneUnsafe(leader, told)
    this.#passed(flight)
  }

  /** The next one makes the call, if there is one. */
  #passed(flight: Flight<A, E>): void {
    flight.fiber = undefined
    flight.isSent = false
    const [next] = flight.waiting
    flight.leader = next
    if (next === undefined) this.#forget(flight)
    else {
      flight.waiting.delete(next)
      Deferred.doneUnsafe(next, Effect.undefined)
    }
  }

  #left(flight: Flight<A, E>, waiter: Waiter<A, E>): Effect.Effect<void> {
    const { fiber } = flight
    const isWaiting = flight.waiting.delete(waiter)
    if (fiber === undefined) {
      // It was its turn, and it has gone.
      if (!isWaiting && flight.leader === waiter) this.#passed(flight)
      return Effect.void
    }
    if (flight.waiting.size > 0) return Effect.void
    this.#forget(flight)
    return Fiber.interrupt(fiber)
  }

  #forget(flight: Flight<A, E>): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }
}

/** What the server said is for all; what kept the one who started it from asking is its own. */
const isForAll = <A, E extends OpenRouterError>(exit: Exit.Exit<A, E>, flight: Flight<A, E>): boolean => {
  if (Exit.isSuccess(exit)) return true
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  return flight.isSent && error?._tag !== "BudgetExceeded"
}
