/**
 * One at a time for each key. There are as many locks as there are keys in use at the moment.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"

interface Lock {
  readonly semaphore: Semaphore.Semaphore
  /** Those who have it or wait for it. */
  users: number
}

/**
 * Locks by key.
 *
 * @since 0.1.0
 */
export class KeyLocks {
  readonly #locks = new Map<string, Lock>()

  /** How many locks there are. */
  get size(): number {
    return this.#locks.size
  }

  /** Waits for the lock of a key, first come first served, and has it until the scope is closed. */
  acquire(key: string): Effect.Effect<void, never, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const lock = this.#locks.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
        this.#locks.set(key, lock)
        lock.users++
        const left = Effect.sync(() => {
          lock.users--
          if (lock.users === 0) this.#locks.delete(key)
        })
        return restore(lock.semaphore.take(1)).pipe(
          Effect.onError(() => left),
          Effect.andThen(Effect.addFinalizer(() => Effect.andThen(lock.semaphore.release(1), left)))
        )
      })
    )
  }

  /** Runs an effect while it has the lock of a key. */
  with<A, E, R>(key: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.scoped(Effect.andThen(this.acquire(key), effect))
  }
}
