/**
 * A persisted store of answers that no call depends on.
 *
 * It is opened beside the program and read with a timeout, and what is written is written after the answer is on its way. A
 * store that fails or hangs is a miss; then it is left alone for a while, so that an outage costs one wait and not one for
 * each call. Answers that are being written are read from memory.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { BackingPersistence } from "effect/persistence/Persistence"
import type { BackingPersistenceStore } from "effect/persistence/Persistence"
import * as Scope from "effect/Scope"
import * as StoredAnswer from "./StoredAnswer.ts"

/** Answers of this library, whatever else the backing holds. */
const storeId = "openrouter_responses"

/** How many answers may wait to be written; those beyond are not kept. */
const maxWriting = 1000

/** Milliseconds that an answer may take to be written, and that it waits for the store to be opened before that. */
const patience = 5000

/** Milliseconds for which a store is left alone that has failed. */
const rest = 10_000

/**
 * A store of answers.
 *
 * @since 0.1.0
 */
export interface AnswerStore {
  /** The answer of a key, if the store has it and says so in time. */
  readonly read: (key: string) => Effect.Effect<StoredAnswer.StoredAnswer | undefined>
  /** Has an answer written in the background. */
  readonly write: (key: string, answer: StoredAnswer.StoredAnswer, timeToLive: Duration.Duration) => Effect.Effect<void>
}

/**
 * Opens a store. The scope closes it, when what is being written has been written.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<E, R>(
  backing: Layer.Layer<BackingPersistence, E, R>,
  readTimeout: Duration.Duration
): Effect.fn.Return<AnswerStore, never, R | Scope.Scope> {
  const context = yield* Effect.context<R>()
  const scope = yield* Scope.make()
  const opened = Effect.flatMap(
    Layer.build(backing),
    (built) => Context.get(built, BackingPersistence).make(storeId)
  )
  const store = new BackedStore(
    (scope) => Effect.provideContext(Scope.provide(opened, scope), context),
    scope,
    Duration.toMillis(readTimeout)
  )
  yield* Effect.addFinalizer((exit) => Effect.andThen(store.written, closed(scope, exit)))
  yield* store.opened
  return store
})

/** Closes a store; nobody waits for ever for one that hangs. */
const closed = (scope: Scope.Closeable, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.forkDetach(Scope.close(scope, exit)),
    (fiber) => Effect.asVoid(Effect.timeoutOption(Fiber.await(fiber), patience))
  )

type Open = (scope: Scope.Scope) => Effect.Effect<BackingPersistenceStore, unknown>

class BackedStore implements AnswerStore {
  readonly #open: Open
  readonly #scope: Scope.Scope
  readonly #readMillis: number
  #store: BackingPersistenceStore | undefined
  #opening: Deferred.Deferred<BackingPersistenceStore | undefined> | undefined
  /** True once a call has waited for it to be opened as long as one may: others do not. */
  #isSlow = false
  /** Epoch milliseconds until which it is left alone; absent while it works. */
  #restsUntil: number | undefined
  readonly #writing = new Map<string, { readonly answer: StoredAnswer.StoredAnswer; fiber?: Fiber.Fiber<void> }>()
  #isFull = false

  constructor(open: Open, scope: Scope.Scope, readMillis: number) {
    this.#open = open
    this.#scope = scope
    this.#readMillis = readMillis
  }

  /** Begins to open it, beside the program. */
  get opened(): Effect.Effect<Deferred.Deferred<BackingPersistenceStore | undefined>> {
    return Effect.suspend(() => {
      if (this.#opening !== undefined) return Effect.succeed(this.#opening)
      const opening = Deferred.makeUnsafe<BackingPersistenceStore | undefined>()
      this.#opening = opening
      this.#isSlow = false
      const scope = Scope.forkUnsafe(this.#scope)
      const opened = Effect.onExit(this.#open(scope), (exit) => {
        if (Exit.isSuccess(exit)) {
          this.#store = exit.value
          return Deferred.succeed(opening, exit.value)
        }
        this.#opening = undefined
        return Effect.andThen(
          Scope.close(scope, exit),
          Effect.andThen(this.#failed(exit.cause), Deferred.succeed(opening, undefined))
        )
      })
      return Effect.as(Effect.forkIn(Effect.exit(opened), this.#scope), opening)
    })
  }

  read(key: string): Effect.Effect<StoredAnswer.StoredAnswer | undefined> {
    return Effect.suspend(() => {
      const writing = this.#writing.get(key)
      if (writing !== undefined) return Effect.succeed(writing.answer)
      return Effect.map(
        this.#asked((store) => store.get(key), true),
        (json) => json === undefined ? undefined : StoredAnswer.fromJson(json)
      )
    })
  }

  write(key: string, answer: StoredAnswer.StoredAnswer, timeToLive: Duration.Duration): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#writing.size >= maxWriting) return this.#full()
      this.#isFull = false
      const before = this.#writing.get(key)?.fiber
      const entry: { readonly answer: StoredAnswer.StoredAnswer; fiber?: Fiber.Fiber<void> } = { answer }
      this.#writing.set(key, entry)
      const written = Effect.suspend(() => {
        const json = StoredAnswer.toJson(answer)
        return json === undefined
          ? Effect.void
          : Effect.asVoid(this.#asked((store) => store.set(key, json, timeToLive), false))
      })
      const ended = Effect.ensuring(
        // The last one that was written is the one that stays.
        before === undefined ? written : Effect.andThen(Fiber.await(before), written),
        Effect.sync(() => {
          if (this.#writing.get(key) === entry) this.#writing.delete(key)
        })
      )
      return Effect.map(Effect.forkIn(ended, this.#scope), (fiber) => {
        entry.fiber = fiber
      })
    })
  }

  /** Waits until all is written that is being written; each has its own time limit. */
  get written(): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach(
        Array.from(this.#writing.values()),
        ({ fiber }) => fiber === undefined ? Effect.void : Fiber.await(fiber),
        { concurrency: "unbounded", discard: true }
      )
    )
  }

  /** What the store says, if it is there, works and says it in time. */
  #asked<A>(ask: (store: BackingPersistenceStore) => Effect.Effect<A, unknown>, isRead: boolean) {
    return Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<A | undefined> => {
      if (this.#restsUntil !== undefined) {
        if (now < this.#restsUntil) return Effect.undefined
        // One of many goes ahead and sees whether it is back.
        this.#restsUntil = now + rest
      }
      const millis = isRead ? this.#readMillis : patience
      const asked = (store: BackingPersistenceStore) =>
        this.#within(Effect.tap(Effect.suspend(() => ask(store)), () => this.#works()), millis)
      if (this.#store !== undefined) return asked(this.#store)
      return Effect.flatMap(this.opened, (opening): Effect.Effect<A | undefined> => {
        if (isRead && this.#isSlow) return Effect.undefined
        return Effect.flatMap(Effect.timeoutOption(Deferred.await(opening), millis), (opened) => {
          if (Option.isSome(opened)) return opened.value === undefined ? Effect.undefined : asked(opened.value)
          this.#isSlow = true
          return isRead ? Effect.undefined : this.#failed(Cause.fail(`not open within ${millis} milliseconds`))
        })
      })
    })
  }

  /** Runs what may hang, even uninterruptibly, in a fiber that nobody has to wait for. */
  #within<A>(asked: Effect.Effect<A | undefined, unknown>, millis: number): Effect.Effect<A | undefined> {
    return Effect.flatMap(Effect.forkIn(asked, this.#scope, { startImmediately: true }), (fiber) => {
      const abandoned = Effect.sync(() => fiber.interruptUnsafe())
      return Fiber.await(fiber).pipe(
        Effect.timeoutOption(millis),
        Effect.onInterrupt(() => abandoned),
        Effect.flatMap((exit) => {
          if (Option.isNone(exit)) {
            return Effect.andThen(abandoned, this.#failed(Cause.fail(`no answer within ${millis} milliseconds`)))
          }
          return Exit.isSuccess(exit.value) ? Effect.succeed(exit.value.value) : this.#failed(exit.value.cause)
        })
      )
    })
  }

  #works(): Effect.Effect<void> {
    if (this.#restsUntil === undefined) return Effect.void
    this.#restsUntil = undefined
    return Effect.logInfo("the store of the response cache is back")
  }

  #failed(cause: Cause.Cause<unknown>): Effect.Effect<undefined> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const isKnown = this.#restsUntil !== undefined
      this.#restsUntil = now + rest
      return isKnown ? Effect.undefined : Effect.as(
        Effect.logWarning("the store of the response cache does not work; calls go on without it", cause),
        undefined
      )
    })
  }

  #full(): Effect.Effect<void> {
    if (this.#isFull) return Effect.void
    this.#isFull = true
    return Effect.logWarning(`${maxWriting} answers wait to be written to the response cache; others are not kept`)
  }
}
