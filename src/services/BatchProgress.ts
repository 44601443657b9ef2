/**
 * The progress of a running batch, as a stream.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Progress, ProgressBook } from "../domain/batch/Progress.ts"
import * as CostLedger from "./CostLedger.ts"
import type * as Program from "./Program.ts"

/**
 * Reads how far a batch is. It cannot fail, and the batch does not fail with it.
 *
 * @since 0.1.0
 */
export type Reader<R> = (progress: Stream.Stream<Progress>) => Effect.Effect<unknown, never, R>

/**
 * Somebody who looks at a batch.
 *
 * @since 0.1.0
 */
export interface Observer {
  readonly book: ProgressBook
  /** Puts the calls of the batch into its books. */
  readonly run: <P extends Program.Program>(self: P) => Program.Within<P>
  readonly now: Effect.Effect<Progress>
  /** The batch is over: the reader is told, and has a while to end. */
  readonly end: Effect.Effect<void>
}

const patience: Duration.Input = "5 seconds"

/** Sums only: a batch may have any number of scopes. */
const books: CostLedger.Options = { maxScopes: 0, maxTagValues: 0, maxUnknownCalls: 0 }

/**
 * Looks at a batch for a reader, which runs in the scope.
 *
 * @since 0.1.0
 */
export const observe = /* @__PURE__ */ Effect.fnUntraced(function*<R>(
  reader: Reader<R> | undefined,
  options: { readonly total: number | undefined; readonly every: Duration.Input }
): Effect.fn.Return<Observer, never, R | Scope.Scope> {
  const book = new ProgressBook(yield* Clock.currentTimeMillis, options.total)
  const ledger = yield* CostLedger.make(books)
  const over = Latch.makeUnsafe(false)
  let isOver = false
  const now = Effect.flatMap(
    ledger.report,
    (costs) => Effect.map(Clock.currentTimeMillis, (now) => book.look(now, costs, isOver))
  )
  let isFirst = true
  let isTold = false
  const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Progress>> = Effect.suspend(() => {
    if (isTold) return Cause.done()
    const due = isFirst ? Effect.void : Effect.timeoutOption(over.await, options.every)
    isFirst = false
    return Effect.map(Effect.andThen(due, now), (progress) => {
      isTold = progress.isOver
      return Arr.of(progress)
    })
  })
  const read = reader === undefined ? undefined : yield* Effect.forkScoped(
    Effect.catchCause(
      Effect.suspend(() => reader(Stream.fromPull(Effect.succeed(pull)))),
      (cause) => Effect.logWarning("the reader of a batch's progress failed", cause)
    )
  )
  return {
    book,
    run: ledger.run,
    now,
    end: Effect.suspend(() => {
      isOver = true
      const told = Effect.andThen(over.open, read === undefined ? Effect.void : Fiber.await(read))
      return Effect.asVoid(Effect.timeoutOption(told, patience))
    })
  }
})
