/**
 * Accounts for every call of a part of a program, by nested scopes and by tags that cut across them.
 *
 * A ledger sees the calls of the effect it is given to, forked fibers included: answers, failures, every retry, and calls
 * that were interrupted. Scopes nest (`run > tick > phase > character`); a call is booked in all that enclose it, and for
 * each of its tags. A ledger sums up and keeps no calls, so its memory grows with the number of scopes only, and is bounded.
 * Who wants each call reads {@link CostLedger.entries}. Outside of a ledger nothing is booked. A ledger is an
 * {@link Admission} that observes, the last to be asked before an attempt is sent.
 *
 * What is interrupted may have been billed, but its cost is unknown; {@link reconcile} asks for it. A `forEach` that fails
 * fast interrupts its other calls: where every cent counts, let all end (`Effect.result`) before a failure counts.
 *
 * **Example** (What did a tick cost, and who spent it?)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { CostLedger, OpenRouter } from "effect-openrouter"
 *
 * const ask = (name: string) =>
 *   OpenRouter.respond({ model: "openai/gpt-5", input: `What does ${name} want?` }).pipe(CostLedger.scope(name))
 *
 * const program = Effect.gen(function*() {
 *   const [answers, spent] = yield* CostLedger.measured(Effect.forEach(["Ann", "Bob"], ask, { concurrency: 2 }))
 *   yield* Console.log(CostLedger.toTable(spent))
 *   return answers
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { LedgerBooks, type Options } from "../domain/ledger/LedgerBooks.ts"
import * as LedgerEntry from "../domain/ledger/LedgerEntry.ts"
import type { Report } from "../domain/ledger/LedgerReport.ts"
import type { Booked } from "../domain/ledger/ScopeTree.ts"
import type * as Usd from "../domain/money/Usd.ts"
import * as Costs from "../domain/outcome/Costs.ts"
import * as Wire from "../domain/wire/Wire.ts"
import * as Admission from "./Admission.ts"
import { EntryFeed, type ReadOptions } from "./EntryFeed.ts"
import * as Place from "./Place.ts"
import * as Program from "./Program.ts"

export { toTable } from "../domain/ledger/CostTable.ts"
export { type Options, reportOf } from "../domain/ledger/LedgerBooks.ts"
export { Dropped, Entry, Line, LineFromJson } from "../domain/ledger/LedgerEntry.ts"
export { by, byName, FromJson, Report, toJson, UnknownCall } from "../domain/ledger/LedgerReport.ts"
export { Figures, ScopeReport, sum, zero } from "../domain/ledger/ScopeReport.ts"
export type { ReadOptions } from "./EntryFeed.ts"
export { fromEntries, fromJsonl, toJsonl } from "./EntryLog.ts"
export { scope, type ScopeOptions, tag } from "./Place.ts"
export { type GenerationError, type Options as ReconcileOptions, reconcile, type Reconciled } from "./Reconciliation.ts"

/**
 * A ledger; `report` may be read at any time, also while calls are running.
 *
 * @since 0.1.0
 */
export interface CostLedger {
  readonly report: Effect.Effect<Report>
  /**
   * Gives the ledger to an effect or a stream; all its calls are booked, once, also where it is given again inside. Scopes
   * that enclose the place where it is given are none of its own.
   */
  readonly run: <P extends Program.Program>(self: P) => Program.Within<P>
  /**
   * Each booking from when the stream is run, without end.
   *
   * A reader has a buffer of its own, and never makes a call wait: what its buffer has no room for arrives as one
   * `Dropped` with their number.
   */
  readonly entries: (options?: ReadOptions) => Stream.Stream<LedgerEntry.Line>
  /** Each booking from now on, as {@link entries}; the stream ends after the last one that came before the scope closed. */
  readonly subscribe: (options?: ReadOptions) => Effect.Effect<Stream.Stream<LedgerEntry.Line>, never, Scope.Scope>
  /**
   * Replaces what is booked of an unknown call that is listed by what it really cost. False if none of this id is listed,
   * or if these costs are unknown as well.
   */
  readonly correct: (generationId: string, costs: Costs.Costs) => Effect.Effect<boolean>
}

/** A ledger as it is given to a part of a program: it books each attempt that was sent and may be billed. */
class LedgerAdmission implements Admission.Admission {
  readonly stage = "observe"
  readonly owner: LedgerBooks
  readonly #feed: EntryFeed
  /** How many scopes enclose the place where it was given. */
  readonly #depth: number
  readonly correct: (generationId: string, costs: Costs.Costs) => Effect.Effect<void>

  constructor(books: LedgerBooks, feed: EntryFeed, depth: number, correct: CostLedger["correct"]) {
    this.owner = books
    this.#feed = feed
    this.#depth = depth
    this.correct = (generationId, costs) => Effect.asVoid(correct(generationId, costs))
  }

  readonly admit = (attempt: Admission.Attempt): Effect.Effect<Admission.Settle> =>
    Effect.succeed((ended) =>
      ended._tag === "Sent" && attempt.call.isBillable ? this.#settle(attempt, ended) : Effect.void
    )

  #settle({ call, number, startedAt }: Admission.Attempt, ended: Admission.Sent): Effect.Effect<void> {
    const { costs, generationId } = ended
    this.owner.book(call.scopes, this.#depth, call.summed, call.tags, costs)
    if (costs.unknown > 0 && generationId !== undefined) {
      this.owner.list(generationId, this.#inside(call), { model: call.model, endedAt: ended.endedAt, costs })
    }
    return this.#feed.isEmpty ? Effect.void : this.#feed.publish((id) =>
      LedgerEntry.ofAttempt(id, this.#inside(call), {
        ...ended,
        costs,
        call: call.name,
        model: call.model,
        number,
        startedAt
      })
    )
  }

  /** Books what is no attempt of a call. */
  note(
    place: LedgerEntry.Place,
    booked: Booked,
    about: Omit<LedgerEntry.Entry, "_tag" | "id" | "scopes" | "summed" | "tags">
  ): Effect.Effect<void> {
    this.owner.book(place.scopes, this.#depth, place.summed, place.tags, booked)
    return this.#feed.publish((id) => ({ ...about, _tag: "Entry", id, ...this.#inside(place) }))
  }

  /** A place as it is seen from inside of this ledger. */
  #inside({ scopes, summed, tags }: LedgerEntry.Place): LedgerEntry.Place {
    const depth = this.#depth
    const inside = summed?.flatMap((index) => index < depth ? [] : [index - depth])
    return {
      scopes: depth === 0 ? scopes : scopes.slice(depth),
      tags,
      ...(inside === undefined || inside.length === 0 ? {} : { summed: inside })
    }
  }
}

/**
 * Makes a ledger: empty, or going on from a report.
 *
 * It tells 10,000 scopes and as many values of tags apart, and lists 1,000 calls of unknown cost, unless told otherwise.
 * Where there are more scopes, the least used ones are summed up under `(other)`, and `folded` of the report says how
 * many; all other sums stay as they are.
 *
 * @since 0.1.0
 */
export const make = (options?: Options): Effect.Effect<CostLedger> =>
  Effect.sync(() => {
    const books = new LedgerBooks(options)
    const feed = new EntryFeed()
    const correct: CostLedger["correct"] = (generationId, costs) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const call = books.correct(generationId, costs)
        if (call === undefined) return Effect.succeed(false)
        const { time: _, ...known } = call
        return Effect.as(
          feed.publish((id) => ({
            _tag: "Entry",
            id,
            time: DateTime.makeUnsafe(now),
            ...known,
            outcome: "Reconciled",
            cost: costs.cost
          })),
          true
        )
      })
    return {
      report: Effect.sync(() => books.report()),
      run: (self) =>
        Program.updateContext(self, (context) => {
          const admissions = Context.get(context, Admission.CurrentAdmissions)
          if (admissions.some(({ owner }) => owner === books)) return context
          const depth = Context.get(context, Place.CurrentScopes).length
          const admission = new LedgerAdmission(books, feed, depth, correct)
          return Context.add(context, Admission.CurrentAdmissions, [...admissions, admission])
        }),
      entries: (options) => Stream.unwrap(feed.subscribe(options)),
      subscribe: (options) => feed.subscribe(options),
      correct
    }
  })

/**
 * Runs an effect with a ledger of its own and gives its result together with what its calls cost.
 *
 * It nests: an enclosing ledger sees the calls as well. If the effect fails its costs are not returned; use {@link make} to
 * read them in any case.
 *
 * @since 0.1.0
 */
export const measured = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<readonly [value: A, spent: Report], E, R> =>
  Effect.flatMap(
    make(),
    (ledger) =>
      Effect.flatMap(ledger.run(self), (value) => Effect.map(ledger.report, (spent) => [value, spent] as const))
  )

/**
 * Runs an effect in a ledger, and beside it a reader of its entries, which is waited for until it has read all of them.
 *
 * A reader that fails does not stop the effect: its error is that of the whole when the effect has succeeded. The reader's
 * own calls are not in the ledger.
 *
 * **Example** (A file with a line for each call)
 *
 * ```ts
 * import { Effect, FileSystem, Stream } from "effect"
 * import { CostLedger, OpenRouter } from "effect-openrouter"
 *
 * const program = Effect.gen(function*() {
 *   const files = yield* FileSystem.FileSystem
 *   const ledger = yield* CostLedger.make()
 *   return yield* OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(
 *     CostLedger.followed(ledger, (entries) =>
 *       entries.pipe(
 *         CostLedger.toJsonl,
 *         Stream.encodeText,
 *         Stream.run(files.sink("costs.jsonl", { flag: "a" }))
 *       ))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 */
export const followed: {
  <X, E2, R2>(
    ledger: CostLedger,
    read: (entries: Stream.Stream<LedgerEntry.Line>) => Effect.Effect<X, E2, R2>,
    options?: ReadOptions
  ): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | E2, R | R2>
  <A, E, R, X, E2, R2>(
    self: Effect.Effect<A, E, R>,
    ledger: CostLedger,
    read: (entries: Stream.Stream<LedgerEntry.Line>) => Effect.Effect<X, E2, R2>,
    options?: ReadOptions
  ): Effect.Effect<A, E | E2, R | R2>
} = /* @__PURE__ */ dual(([first]) => Effect.isEffect(first), <A, E, R, X, E2, R2>(
  self: Effect.Effect<A, E, R>,
  ledger: CostLedger,
  read: (entries: Stream.Stream<LedgerEntry.Line>) => Effect.Effect<X, E2, R2>,
  options?: ReadOptions
): Effect.Effect<A, E | E2, R | R2> =>
  Effect.scopedWith(Effect.fnUntraced(function*(outer) {
    const scope = yield* Scope.fork(outer)
    const entries = yield* Scope.provide(ledger.subscribe(options), scope)
    const reader = yield* Effect.forkIn(read(entries), outer)
    const value = yield* Effect.onExit(ledger.run(self), (exit) => {
      const end = Scope.close(scope, Exit.void)
      if (Exit.isSuccess(exit)) return end
      // What was booked is to be read however the effect ended, but nobody waits for ever.
      const read = Effect.interruptible(Fiber.await(reader))
      return Effect.andThen(end, Effect.asVoid(Effect.timeoutOption(read, "5 seconds")))
    })
    yield* Fiber.join(reader)
    return value
  })))

/** Runs a function for each ledger of the running program, with the place and the time. */
const forLedgers = (
  note: (admission: LedgerAdmission, place: LedgerEntry.Place, time: DateTime.Utc) => Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => {
    const ledgers = fiber.getRef(Admission.CurrentAdmissions).filter((admission) =>
      admission instanceof LedgerAdmission
    )
    if (ledgers.length === 0) return Effect.void
    const place: LedgerEntry.Place = {
      scopes: fiber.getRef(Place.CurrentScopes),
      summed: fiber.getRef(Place.CurrentSummed),
      tags: fiber.getRef(Place.CurrentTags)
    }
    const time = DateTime.makeUnsafe(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
    return Effect.forEach(ledgers, (ledger) => note(ledger, place, time), { discard: true })
  })

/**
 * Books costs of your own in all ledgers of the running fiber, under its scopes and tags.
 *
 * @since 0.1.0
 */
export const record = (costs: Costs.Costs): Effect.Effect<void> =>
  forLedgers((ledger, place, time) =>
    ledger.note(place, costs, {
      time,
      outcome: "Recorded",
      costs,
      ...(costs.unknown === 0 ? { cost: costs.cost } : {})
    })
  )

/**
 * A call that was not made, because its answer was there already.
 *
 * @since 0.1.0
 */
export interface Saved {
  /** What the answer cost when it was paid for. Absent: unknown. */
  readonly cost?: Usd.Usd | undefined
  /** `respond`, `stream`, or the name of a plain endpoint. */
  readonly call?: string | undefined
  /** The model that was asked for. */
  readonly model?: string | undefined
  /** Of the answer that was paid for. */
  readonly generationId?: string | undefined
}

/**
 * Books a call that was not made as saved in all ledgers of the running fiber; for caches, journals and the like.
 *
 * @since 0.1.0
 */
export const recordSaved = ({ call, cost, generationId, model }: Saved): Effect.Effect<void> =>
  forLedgers((ledger, place, time) =>
    ledger.note(place, { saved: cost }, {
      time,
      outcome: "Saved",
      costs: Costs.zero,
      ...Wire.compact({ call, cost, generationId, model })
    })
  )
