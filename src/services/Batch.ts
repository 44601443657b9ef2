/**
 * Many calls: one effect for each item, so many at once, and a `Result` for each of them.
 *
 * Whatever becomes of an item is a value, so one that fails takes nothing away from the others. What ends the batch is what would
 * end every item: a wrong key, spent credits, a spent budget around the batch. Then no more items are started, those that run go
 * on to their end because they are paid for, and the rest are `NotStarted`.
 *
 * A defect of the function ends the batch as well: what runs goes on to its end, and then the batch dies with it.
 *
 * **Example** (What do all of them want?)
 *
 * ```ts
 * import { Console, Effect, Result } from "effect"
 * import { Batch, CostLedger, OpenRouter } from "effect-openrouter"
 *
 * const intention = (name: string) =>
 *   OpenRouter.respond({ model: "openai/gpt-5", input: `What does ${name} want?` }).pipe(CostLedger.scope(name))
 *
 * const program = Effect.gen(function*() {
 *   const results = yield* Batch.run(["Ann", "Bob", "Cid"], intention, { concurrency: 2, stopOn: { failures: 0.2 } })
 *   for (const result of results) {
 *     yield* Console.log(Result.isSuccess(result) ? result.success.text : result.failure.message)
 *   }
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { NotStarted } from "../domain/batch/NotStarted.ts"
import { type StopRules, StopWatch } from "../domain/batch/StopRule.ts"
import { type Key, WorkQueue } from "../domain/batch/WorkQueue.ts"
import { isAccountWide, OpenRouterError } from "../domain/error/OpenRouterError.ts"
import { lazy } from "../domain/wire/Lazy.ts"
import * as Admission from "./Admission.ts"
import * as BatchProgress from "./BatchProgress.ts"
import { BatchRun, type Ended, type Parts, type Source } from "./BatchRun.ts"
import { withMiddleware } from "./Middleware.ts"
import { numbered } from "./Sampling.ts"
import * as WarmUp from "./WarmUp.ts"

export { NotStarted } from "../domain/batch/NotStarted.ts"
export type { Outcomes, Progress } from "../domain/batch/Progress.ts"
export { toBar, toLine, toTable } from "../domain/batch/ProgressText.ts"
export type { StopRule, StopRules, TagOf, TooMany } from "../domain/batch/StopRule.ts"
export type { Key } from "../domain/batch/WorkQueue.ts"
export type { Reader } from "./BatchProgress.ts"
export type { Ended } from "./BatchRun.ts"

/**
 * How a batch goes about its items; each has a default.
 *
 * @since 0.1.0
 */
export interface Options<I, E, R = never> {
  /** How many items run at once. Default 64. */
  readonly concurrency?: number | undefined
  /** Items with the same key run one after another, in their order. Default: none has a key, and neither has `undefined`. */
  readonly key?: ((item: I, index: number) => Key | undefined) | undefined
  /**
   * When no more items are started; the rest are `NotStarted`. Tags of errors, tests, and `{ failures }`: a share of the items that
   * have ended (0.2, once 20 have), or their number (5).
   *
   * Default: the errors that every further item would meet, which are those of `OpenRouterError.isAccountWide`, and
   * `BudgetExceeded` of a budget that encloses the batch. Tags and tests take their place, `{ failures }` is added to them;
   * with `[]` nothing stops the batch.
   */
  readonly stopOn?: StopRules<E> | undefined
  /**
   * Reads how far the batch is: at once, then every `progressEvery`, and at last how it ended. The batch waits five seconds at most
   * until it has read the last one.
   */
  readonly onProgress?: BatchProgress.Reader<R> | undefined
  /** Default 1 second. */
  readonly progressEvery?: Duration.Input | undefined
  /**
   * Whether one call begins to answer before the others of the same model and `promptCacheKey` are sent, so that a prompt cache is
   * written once. A plain call has begun when it has ended. Default false.
   */
  readonly warm?: boolean | undefined
}

/**
 * How {@link stream} goes about its items.
 *
 * @since 0.1.0
 */
export interface StreamOptions<I, E, R = never> extends Options<I, E, R> {
  /** Whether items come as they end. Default false: in the order of the input. */
  readonly unordered?: boolean | undefined
  /**
   * How many items may have begun or wait for their key that the reader of the stream is not done with. The input is read when
   * there is room for more, piece by piece as it comes. Default: 16 for each that runs at once.
   */
  readonly bufferSize?: number | undefined
}

/**
 * An item, and what became of it.
 *
 * @since 0.1.0
 */
export interface Item<out I, out A, out E> {
  /** The place of the item in the input, from 0. */
  readonly index: number
  readonly item: I
  readonly result: Result.Result<A, E | NotStarted>
}

/**
 * How many items run at once unless the program says otherwise.
 *
 * @internal
 */
export const defaultConcurrency = 64

const isOpenRouterError = /* @__PURE__ */ lazy(() => Schema.is(OpenRouterError))

/**
 * What stops the batches of the running program, unless they say otherwise.
 *
 * @internal
 */
export const stopWatch = <E>(rules: StopRules<E> | undefined): Effect.Effect<StopWatch<E>> =>
  Effect.map(
    Admission.CurrentAdmissions,
    (admissions) =>
      new StopWatch(rules, (error: E): boolean =>
        isOpenRouterError()(error) &&
        (isAccountWide(error) || admissions.some((admission) => admission.endsAll?.(error) === true)))
  )

/**
 * A batch under way, and how to learn that it has changed.
 *
 * @internal
 */
export interface Launched<SE> {
  readonly isOver: () => boolean
  readonly failure: () => Cause.Cause<SE> | undefined
  /** Why no more items are started. */
  readonly stopped: () => NotStarted | undefined
  readonly givenOut: (count: number) => void
  /** Waits until something has been put, or the batch is over; at once if that was so since the last time. */
  readonly changed: Effect.Effect<void>
  readonly observer: BatchProgress.Observer | undefined
}

/**
 * Starts a batch, which ends with the scope.
 *
 * @internal
 */
export const launch = /* @__PURE__ */ Effect.fnUntraced(function*<I, A, E, R, SE, SR>(given: {
  readonly queue: WorkQueue<I>
  readonly source: Source<I, SE, SR>
  readonly f: (item: I, index: number) => Effect.Effect<A, E, R>
  readonly put: Parts<I, A, E, R>["put"]
  readonly concurrency: number
  readonly stop: StopWatch<E>
  readonly warm: boolean | undefined
  readonly observer: BatchProgress.Observer | undefined
}): Effect.fn.Return<Launched<SE>, never, R | SR | Scope.Scope> {
  const { concurrency, f, observer, put, queue, source, stop, warm } = given
  const changed = Latch.makeUnsafe(false)
  const run = new BatchRun(
    { queue, concurrency, f, put, stop, book: observer?.book },
    source,
    yield* Scope.Scope,
    () => Latch.openUnsafe(changed)
  )
  // Of equal calls the n-th gets the n-th answer that a cache has.
  const counted = numbered(run.start)
  const start = warm === true ? withMiddleware(counted, WarmUp.make()) : counted
  yield* observer === undefined ? start : observer.run(start)
  return {
    observer,
    isOver: () => run.isOver,
    failure: () => run.failure,
    stopped: () => run.stopped,
    givenOut: (count) => run.givenOut(count),
    changed: Effect.andThen(changed.await, Effect.sync(() => Latch.closeUnsafe(changed)))
  }
})

/**
 * Looks at a batch if its options ask for that.
 *
 * @internal
 */
export const observed = <I, E, R>(
  options: Options<I, E, R>,
  total: number | undefined
): Effect.Effect<BatchProgress.Observer | undefined, never, R | Scope.Scope> =>
  options.onProgress === undefined
    ? Effect.undefined
    : BatchProgress.observe(options.onProgress, { total, every: options.progressEvery ?? "1 second" })

/**
 * How many at once.
 *
 * @internal
 */
export const concurrencyOf = (options: { readonly concurrency?: number | undefined }): number =>
  Math.max(1, Math.floor(options.concurrency ?? defaultConcurrency))

/** All items at once. */
const onceOnly = <I>(items: ReadonlyArray<I>): Pull.Pull<Arr.NonEmptyReadonlyArray<I>> => {
  let isRead = false
  return Effect.suspend(() => {
    if (isRead || !Arr.isReadonlyArrayNonEmpty(items)) return Cause.done()
    isRead = true
    return Effect.succeed(items)
  })
}

const runAll = <I, A, E, R, RP = never>(
  items: Iterable<I>,
  f: (item: I, index: number) => Effect.Effect<A, E, R>,
  options: Options<I, E, RP> = {}
): Effect.Effect<Array<Ended<A, E>>, never, R | RP> =>
  Effect.scoped(Effect.gen(function*() {
    const all = Arr.fromIterable(items)
    const pending: Ended<A, E> = Result.fail(new NotStarted({ message: "not ended", reason: "error" }))
    const results = all.map(() => pending)
    const observer = yield* observed(options, all.length)
    const batch = yield* launch({
      queue: new WorkQueue<I>(Infinity, options.key),
      source: onceOnly(all),
      f,
      put: ({ index }, ended) => {
        results[index] = ended
      },
      concurrency: concurrencyOf(options),
      stop: yield* stopWatch(options.stopOn),
      warm: options.warm,
      observer
    })
    while (!batch.isOver()) yield* batch.changed
    if (observer !== undefined) yield* observer.end
    const failure = batch.failure()
    return failure === undefined ? results : yield* Effect.failCause(failure)
  }))

/**
 * Runs an effect for each item, so many at once, and gives what became of each, in the order of the items.
 *
 * It does not fail: what `f` fails with is in the results, and so is `NotStarted` where the batch was stopped (`stopOn`). To
 * interrupt it interrupts all items that run.
 *
 * @since 0.1.0
 */
export const run: {
  <I, A, E, R, RP = never>(
    f: (item: I, index: number) => Effect.Effect<A, E, R>,
    options?: Options<NoInfer<I>, NoInfer<E>, RP>
  ): (items: Iterable<I>) => Effect.Effect<Array<Result.Result<A, E | NotStarted>>, never, R | RP>
  <I, A, E, R, RP = never>(
    items: Iterable<I>,
    f: (item: I, index: number) => Effect.Effect<A, E, R>,
    options?: Options<NoInfer<I>, NoInfer<E>, RP>
  ): Effect.Effect<Array<Result.Result<A, E | NotStarted>>, never, R | RP>
} = /* @__PURE__ */ dual(([first]) => typeof first !== "function", runAll)

/** What was put and not given out yet. */
class Shelf<I, A, E> {
  readonly #isOrdered: boolean
  #items: Array<Item<I, A, E>> = []
  /** By their places, those that came before their turn. */
  readonly #early = new Map<number, Item<I, A, E>>()
  #next = 0

  constructor(isOrdered: boolean) {
    this.#isOrdered = isOrdered
  }

  put(item: Item<I, A, E>): void {
    if (!this.#isOrdered) this.#items.push(item)
    else if (item.index !== this.#next) this.#early.set(item.index, item)
    else {
      this.#items.push(item)
      for (let next = this.#early.get(++this.#next); next !== undefined; next = this.#early.get(++this.#next)) {
        this.#early.delete(this.#next)
        this.#items.push(next)
      }
    }
  }

  /** What is due; `rest` is all that there is, once no more will come. */
  take(rest: boolean): ReadonlyArray<Item<I, A, E>> {
    const taken = this.#items
    this.#items = []
    if (!rest || this.#early.size === 0) return taken
    taken.push(...Array.from(this.#early.values()).toSorted((a, b) => a.index - b.index))
    this.#early.clear()
    return taken
  }
}

const streamAll = <I, SE, SR, A, E, R, RP = never>(
  items: Stream.Stream<I, SE, SR> | Iterable<I>,
  f: (item: I, index: number) => Effect.Effect<A, E, R>,
  options: StreamOptions<I, E, RP> = {}
): Stream.Stream<Item<I, A, E>, SE, SR | R | RP> =>
  Stream.unwrap(Effect.gen(function*() {
    const concurrency = concurrencyOf(options)
    const shelf = new Shelf<I, A, E>(options.unordered !== true)
    const total = Array.isArray(items) ? items.length : undefined
    const batch = yield* launch({
      queue: new WorkQueue<I>(Math.max(concurrency, options.bufferSize ?? concurrency * 16), options.key),
      source: yield* Stream.toPull(Stream.isStream(items) ? items : Stream.fromIterable(items)),
      f,
      put: ({ index, item }, result) => shelf.put({ index, item, result }),
      concurrency,
      stop: yield* stopWatch(options.stopOn),
      warm: options.warm,
      observer: yield* observed(options, total)
    })
    let held = 0
    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Item<I, A, E>>, SE> = Effect.suspend(() => {
      // Who asks for more is done with what it was given.
      batch.givenOut(held)
      const isOver = batch.isOver()
      const taken = shelf.take(isOver)
      held = taken.length
      if (Arr.isReadonlyArrayNonEmpty(taken)) return Effect.succeed(taken)
      if (!isOver) return Effect.andThen(batch.changed, pull)
      const failure = batch.failure()
      const end: Pull.Pull<never, SE> = failure === undefined ? Cause.done() : Effect.failCause(failure)
      return batch.observer === undefined ? end : Effect.andThen(batch.observer.end, end)
    })
    return Stream.fromPull(Effect.succeed(pull))
  }))

/**
 * Runs an effect for each item, so many at once, and gives what became of each, in the order of the items.
 *
 * For more items than should be in memory: it reads no further ahead than `bufferSize`. It fails as the input does, after the
 * items before that have ended. Once it was stopped it gives the rest of the input as `NotStarted`, without an end where the input
 * has none. Whoever leaves the stream interrupts the items that run.
 *
 * **Example** (A hundred thousand questions)
 *
 * ```ts
 * import { Console, Effect, Result, Stream } from "effect"
 * import { Batch, OpenRouter } from "effect-openrouter"
 *
 * const program = Stream.range(1, 100_000).pipe(
 *   Batch.stream((n) => OpenRouter.respond({ model: "openai/gpt-5-nano", input: `Is ${n} a prime?` })),
 *   Stream.runForEach(({ item, result }) =>
 *     Result.isSuccess(result) ? Console.log(item, result.success.text) : Effect.void
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
export const stream: {
  <I, A, E, R, RP = never>(
    f: (item: I, index: number) => Effect.Effect<A, E, R>,
    options?: StreamOptions<NoInfer<I>, NoInfer<E>, RP>
  ): <SE = never, SR = never>(
    items: Stream.Stream<I, SE, SR> | Iterable<I>
  ) => Stream.Stream<Item<I, A, E>, SE, SR | R | RP>
  <I, A, E, R, SE = never, SR = never, RP = never>(
    items: Stream.Stream<I, SE, SR> | Iterable<I>,
    f: (item: I, index: number) => Effect.Effect<A, E, R>,
    options?: StreamOptions<NoInfer<I>, NoInfer<E>, RP>
  ): Stream.Stream<Item<I, A, E>, SE, SR | R | RP>
} = /* @__PURE__ */ dual(([first]) => typeof first !== "function", streamAll)
