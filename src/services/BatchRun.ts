/**
 * The engine of a batch: workers that take its items, and hand over what became of them.
 *
 * A worker is a fiber that runs one item after another. There are as many as may run at once, started when they are needed.
 * Items are read as there is room for what becomes of them, so memory is bounded however long the input is.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { NotStarted } from "../domain/batch/NotStarted.ts"
import type { ProgressBook } from "../domain/batch/Progress.ts"
import { nameOf, type StopWatch } from "../domain/batch/StopRule.ts"
import type { Entry, WorkQueue } from "../domain/batch/WorkQueue.ts"

/**
 * The rest of the input, piece by piece.
 *
 * @since 0.1.0
 */
export type Source<I, E, R> = Pull.Pull<Arr.NonEmptyReadonlyArray<I>, E, unknown, R>

/**
 * What became of an item.
 *
 * @since 0.1.0
 */
export type Ended<A, E> = Result.Result<A, E | NotStarted>

/**
 * What a batch is made of.
 *
 * @since 0.1.0
 */
export interface Parts<I, A, E, R> {
  readonly queue: WorkQueue<I>
  readonly concurrency: number
  readonly f: (item: I, index: number) => Effect.Effect<A, E, R>
  readonly stop: StopWatch<E>
  /** Where nobody looks there is nothing to count. */
  readonly book: ProgressBook | undefined
  /** Is given what became of an item. */
  readonly put: (entry: Entry<I>, ended: Ended<A, E>) => void
}

/**
 * A running batch.
 *
 * @since 0.1.0
 */
export class BatchRun<I, A, E, R, SE, SR> {
  readonly #parts: Parts<I, A, E, R>
  readonly #source: Source<I, SE, SR>
  readonly #scope: Scope.Scope
  #workers = 0
  /** Workers with nothing to do. */
  #idle: Array<(effect: Effect.Effect<void>) => void> = []
  #isReading = false
  #isRead = false
  #stopped: NotStarted | undefined
  /** Why it cannot go on: a defect, or an input that failed. */
  #failure: Cause.Cause<SE> | undefined
  #isCrashed = false
  readonly #onChange: () => void

  /** `onChange` is told after an item was put, and when the batch is over. */
  constructor(parts: Parts<I, A, E, R>, source: Source<I, SE, SR>, scope: Scope.Scope, onChange: () => void) {
    this.#parts = parts
    this.#source = source
    this.#scope = scope
    this.#onChange = onChange
  }

  /** True when the last worker has gone. */
  get isOver(): boolean {
    return this.#workers === 0
  }

  /** Why it ended before its input did. */
  get failure(): Cause.Cause<SE> | undefined {
    return this.#failure
  }

  /** Why no more items are started. */
  get stopped(): NotStarted | undefined {
    return this.#stopped
  }

  /** Starts it; it ends with its scope. */
  get start(): Effect.Effect<void, never, R | SR> {
    return this.#staff(1)
  }

  /** So many of what was put are given out, and there is room for others. */
  givenOut(count: number): void {
    this.#parts.queue.givenOut(count)
    this.#wake(count)
  }

  /** Lets so many workers look whether there is something to do, new ones if need be. */
  #staff(count: number): Effect.Effect<void, never, R | SR> {
    return Effect.suspend(() => {
      const missing = Math.min(count - this.#wake(count), this.#parts.concurrency - this.#workers)
      if (missing <= 0) return Effect.void
      // The first items begin at once, as with `Effect.forEach`; later ones must not, or each would begin inside of the one before.
      const startImmediately = this.#parts.queue.taken === 0
      const hired = Effect.suspend(() => {
        this.#workers++
        return Effect.forkIn(this.#worker(), this.#scope, { startImmediately })
      })
      return Effect.asVoid(Effect.repeat(hired, { times: missing - 1 }))
    })
  }

  #worker(): Effect.Effect<void, never, R | SR> {
    return Effect.catchCause(this.#work(), (cause) => Effect.sync(() => this.#crash(cause))).pipe(
      Effect.ensuring(Effect.sync(() => {
        this.#workers--
        // What the others wait for may not come any more.
        this.#wake(Infinity)
        if (this.#workers === 0) this.#onChange()
      }))
    )
  }

  readonly #work = Effect.fnUntraced({ self: this }, function*(
    this: BatchRun<I, A, E, R, SE, SR>
  ): Effect.fn.Return<void, never, R | SR> {
    const { book, f, queue } = this.#parts
    let entry: Entry<I> | undefined
    for (;;) {
      if (this.#isCrashed) return
      entry ??= queue.take()
      if (entry === undefined) {
        if (queue.isUsedUp && this.#isRead) return
        if (queue.isUsedUp && !this.#isReading && !queue.isFull) yield* this.#read()
        else yield* this.#wait()
        continue
      }
      if (this.#stopped !== undefined) {
        book?.notStarted()
        entry = this.#put(entry, Result.fail(this.#stopped))
        continue
      }
      if (book !== undefined) book.running++
      const { index, item }: Entry<I> = entry
      const exit = yield* Effect.exit(Effect.suspend(() => f(item, index)))
      const ended = this.#endOf(exit)
      if (ended === undefined) return
      entry = this.#put(entry, ended)
    }
  })

  /** Hands over what became of an item; gives the next one of its key. */
  #put(entry: Entry<I>, ended: Ended<A, E>): Entry<I> | undefined {
    this.#parts.put(entry, ended)
    const next = this.#parts.queue.finish(entry)
    this.#onChange()
    return next
  }

  /** What an item came to; `undefined` if it broke the batch. */
  #endOf(exit: Exit.Exit<A, E>): Ended<A, E> | undefined {
    const { book, stop } = this.#parts
    if (Exit.isSuccess(exit)) {
      book?.worked()
      stop.succeeded()
      return Result.succeed(exit.value)
    }
    const error = Cause.findError(exit.cause)
    if (Result.isFailure(error)) {
      book?.worked("Defect")
      this.#crash(error.failure)
      return undefined
    }
    book?.worked(nameOf(error.success))
    this.#stopped ??= stop.failed(error.success)
    return Result.fail(error.success)
  }

  /** Starts nothing any more; what runs goes on to its end, because it may be paid for. */
  #crash(cause: Cause.Cause<never>): void {
    this.#failure ??= cause
    this.#isCrashed = true
    this.#wake(Infinity)
  }

  #read(): Effect.Effect<void, never, R | SR> {
    return Effect.suspend(() => {
      this.#isReading = true
      return Effect.flatMap(Effect.exit(this.#source), (exit) => {
        this.#isReading = false
        if (Exit.isSuccess(exit)) {
          this.#parts.queue.add(exit.value)
          // One for each, of which this is the first, and one who reads on.
          return this.#staff(exit.value.length)
        }
        this.#isRead = true
        const end = Pull.doneExitFromCause(exit.cause)
        if (Exit.isFailure(end)) this.#failure ??= end.cause
        this.#wake(Infinity)
        return Effect.void
      })
    })
  }

  #wait(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.#idle.push(resume)
      return Effect.sync(() => {
        this.#idle = this.#idle.filter((other) => other !== resume)
      })
    })
  }

  /** Lets so many workers look whether there is something to do; tells how many of them had nothing. */
  #wake(count: number): number {
    // Whoever is woken runs at once, and may be idle again before this is over.
    const woken = this.#idle.splice(-count, count)
    for (const resume of woken) resume(Effect.void)
    return woken.length
  }
}
