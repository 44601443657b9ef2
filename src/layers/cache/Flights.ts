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

/** One call, and who waits for it. */
interface Flight<A, E> {
  readonly landed: Deferred.Deferred<Exit.Exit<A, E>>
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  waiting: number
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
      Effect.flatMap(
        this.#boarded(key, call, restore, follows),
        ({ exit, flight, isOwn }) =>
          isOwn || isForAll(exit, flight) ? Effect.succeed({ exit, isOwn }) : restore(this.join(key, call, follows))
      )
    )
  }

  #boarded<R>(
    key: string,
    call: Effect.Effect<A, E, R>,
    restore: <B, X, S>(effect: Effect.Effect<B, X, S>) => Effect.Effect<B, X, S>,
    follows: Follows<E>
  ): Effect.Effect<Landing<A, E> & { readonly flight: Flight<A, E> }, E, R> {
    return Effect.suspend(() => {
      const running = this.#flights.get(key)
      const flight: Flight<A, E> = running ??
        { landed: Deferred.makeUnsafe(), fiber: undefined, waiting: 0, isSent: false }
      flight.waiting++
      const isOwn = running === undefined
      const wait = Deferred.await(flight.landed)
      const landed = Effect.onExit(
        restore(isOwn ? wait : follows(wait)),
        (exit) => Exit.isSuccess(exit) ? Effect.void : this.#left(key, flight)
      )
      const landing = Effect.map(landed, (exit) => ({ exit, flight, isOwn }))
      return isOwn ? Effect.andThen(this.#started(key, call, flight), landing) : landing
    })
  }

  #started<R>(key: string, call: Effect.Effect<A, E, R>, flight: Flight<A, E>): Effect.Effect<void, never, R> {
    this.#flights.set(key, flight)
    const watched = Admission.with(call, {
      stage: "observe",
      admit: () =>
        Effect.succeed((ended) =>
          Effect.sync(() => {
            if (ended._tag === "Sent") flight.isSent = true
          })
        )
    })
    return Effect.map(Effect.forkIn(Effect.interruptible(watched), this.#scope), (fiber) => {
      flight.fiber = fiber
      // Also of a fiber that is interrupted before it has begun.
      fiber.addObserver((exit) => {
        this.#forget(key, flight)
        Deferred.doneUnsafe(flight.landed, Effect.succeed(exit))
      })
    })
  }

  #left(key: string, flight: Flight<A, E>): Effect.Effect<void> {
    flight.waiting--
    if (flight.waiting > 0 || flight.fiber === undefined) return Effect.void
    this.#forget(key, flight)
    return Fiber.interrupt(flight.fiber)
  }

  #forget(key: string, flight: Flight<A, E>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

/** What the server said is for all; what kept the one who started it from asking is its own. */
const isForAll = <A, E extends OpenRouterError>(exit: Exit.Exit<A, E>, flight: Flight<A, E>): boolean => {
  if (Exit.isSuccess(exit)) return true
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  return flight.isSent && error?._tag !== "BudgetExceeded"
}
