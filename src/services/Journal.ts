/**
 * The memory of a program that may be killed: what its calls were answered with, so that a run that is taken up again pays for
 * nothing twice.
 *
 * Inside of {@link resumable} every call that ended is stored before the program sees how. When the program is run again under
 * the same name, those calls are answered from the journal, and the first one that is not there is sent. A call is known by
 * its place (the scopes inside of the run), the bytes of its request, and how many equal ones are before it; so a request that
 * was changed is a new call, and equal requests at one place are interchangeable. In the way of a call a journal is the
 * outermost middleware.
 *
 * - Stored are all outcomes, and errors that ended a call, because the program has gone on from them: a fallback that was once
 *   taken stays taken. Not stored are errors that would end every call of the key, `BudgetExceeded`, and streams that were
 *   left or broke off.
 * - What is answered from the journal is booked as saved in ledgers, and counts as spent in the budgets of this process, which it
 *   never makes fail.
 * - A call in flight when a process is killed is asked for again. It was sent with OpenRouter's response cache switched on, for
 *   a day and by its place in the run: if it was answered there, the repeat is free.
 * - Embeddings are journaled too, other plain endpoints are not.
 *
 * **Example** (A tick that may be killed and run again)
 *
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { CostLedger, Journal, OpenRouter } from "effect-openrouter"
 *
 * const ask = (name: string) =>
 *   OpenRouter.respond({ model: "openai/gpt-5", input: `What does ${name} want?` }).pipe(CostLedger.scope(name))
 *
 * const tick = Effect.forEach(["Ann", "Bob"], ask, { concurrency: "unbounded" }).pipe(Journal.resumable("tick 1"))
 *
 * const main = tick.pipe(Effect.provide([
 *   OpenRouter.layerFetch,
 *   Journal.layerFile("town.jsonl").pipe(Layer.provide(NodeServices.layer))
 * ]))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RunSummary } from "../domain/journal/JournalIndex.ts"
import type * as JournalLine from "../domain/journal/JournalLine.ts"
import type { Usd } from "../domain/money/Usd.ts"
import { JournaledRun } from "./JournaledRun.ts"
import { added, CurrentMiddleware } from "./Middleware.ts"
import type { Middleware } from "./Middleware.ts"
import { CurrentScopes } from "./Place.ts"
import * as Program from "./Program.ts"
import { CurrentNumbering, Numbering } from "./Sampling.ts"

export type { InFlight, RunSummary } from "../domain/journal/JournalIndex.ts"
export type { Answer, Ended, Started } from "../domain/journal/JournalLine.ts"

/**
 * What a journal cannot do, and why. What was stored before is whole, and stays.
 *
 * | reason | what happened |
 * |---|---|
 * | `full` | there is no room |
 * | `newer` | a newer version of this library wrote it |
 * | `foreign` | the file is something else; it was left as it is |
 * | `unreadable` | a line in the middle cannot be read |
 * | `lost` | another owner took it over, because this one stood still for too long |
 * | `missing` | there is no run of this name |
 * | `exists` | there is a run of this name already |
 * | `storage` | the store failed otherwise |
 *
 * @since 0.1.0
 */
export class JournalError extends Schema.TaggedError<JournalError>("effect-openrouter/JournalError")("JournalError", {
  message: Schema.String,
  reason: Schema.Literals(["full", "newer", "foreign", "unreadable", "lost", "missing", "exists", "storage"])
}) {}

/**
 * Another process, or another part of this one, has the journal or the run open.
 *
 * @since 0.1.0
 */
export class JournalInUse extends Schema.TaggedError<JournalInUse>("effect-openrouter/JournalInUse")("JournalInUse", {
  message: Schema.String
}) {}

/**
 * One run, open.
 *
 * @since 0.1.0
 */
export interface Run {
  /** What a call of this key ended with. */
  readonly find: (key: string) => Effect.Effect<JournalLine.Ended | undefined, JournalError>
  /** Takes note that a call is about to be sent, or of its end; succeeds once that survives the death of the process. */
  readonly append: (line: JournalLine.Started | JournalLine.Ended) => Effect.Effect<void, JournalError>
  /** Takes note that its program has succeeded. */
  readonly finish: Effect.Effect<void, JournalError>
  /** Drops what is stored of it. */
  readonly forget: Effect.Effect<void, JournalError>
}

/**
 * A journal of runs.
 *
 * @since 0.1.0
 */
export class Journal extends Context.Service<Journal, {
  /** Opens a run, or takes it up again, for one owner at a time; closes it with the scope. */
  readonly open: (run: string) => Effect.Effect<Run, JournalError | JournalInUse, Scope.Scope>
  /** What it holds, by run. */
  readonly list: Effect.Effect<ReadonlyArray<RunSummary>, JournalError>
  /** The calls of a run that ended, in the order of their ends; none if there is no such run. */
  readonly entries: (run: string) => Stream.Stream<JournalLine.Ended, JournalError>
  /** Drops a run. */
  readonly forget: (run: string) => Effect.Effect<void, JournalError | JournalInUse>
  /** Begins a run with calls that another one has. */
  readonly copy: (
    to: string,
    entries: Stream.Stream<JournalLine.Ended, JournalError>
  ) => Effect.Effect<void, JournalError | JournalInUse>
}>()("effect-openrouter/Journal") {}

/**
 * What a journal holds, by run.
 *
 * @since 0.1.0
 */
export const list: Effect.Effect<ReadonlyArray<RunSummary>, JournalError, Journal> = Journal.use(({ list }) => list)

/**
 * What a run holds; fails with the reason `missing` if there is none of this name.
 *
 * @since 0.1.0
 */
export const summary = (run: string): Effect.Effect<RunSummary, JournalError, Journal> =>
  Effect.flatMap(list, (summaries) => {
    const found = summaries.find((summary) => summary.run === run)
    return found === undefined ? Effect.fail(missing(run)) : Effect.succeed(found)
  })

const missing = (run: string): JournalError =>
  new JournalError({ reason: "missing", message: `the journal has no run ${JSON.stringify(run)}` })

/**
 * What the calls of a run cost, as far as it is known; `summary` says how many are unknown.
 *
 * @since 0.1.0
 */
export const costs = (run: string): Effect.Effect<Usd, JournalError, Journal> =>
  Effect.map(summary(run), ({ cost }) => cost)

/**
 * The calls of a run that ended, in the order of their ends.
 *
 * @since 0.1.0
 */
export const entries = (run: string): Stream.Stream<JournalLine.Ended, JournalError, Journal> =>
  Stream.unwrap(Journal.useSync((journal) => journal.entries(run)))

/**
 * Drops a run; nothing happens if there is none. What is stored of it is gone.
 *
 * @since 0.1.0
 */
export const forget = (run: string): Effect.Effect<void, JournalError | JournalInUse, Journal> =>
  Journal.use((journal) => journal.forget(run))

/**
 * Where a fork ends: before the first call in these scopes (inside of the run), or the first for which it is true.
 *
 * @since 0.1.0
 */
export type Until = ReadonlyArray<string> | ((call: JournalLine.Ended) => boolean)

/**
 * Begins a new run with the calls of an old one, up to a place; run under the new name the program goes on from there. Fails
 * with `missing` or `exists` if the names are wrong. The old run stays as it is.
 *
 * **Example** (The same story, but another end)
 *
 * ```ts
 * import { Journal } from "effect-openrouter"
 *
 * const program = Journal.fork("story", "story, merry", { until: ["tick 5"] })
 * ```
 *
 * @since 0.1.0
 */
export const fork = (
  from: string,
  to: string,
  options: { readonly until?: Until | undefined } = {}
): Effect.Effect<void, JournalError | JournalInUse, Journal> =>
  Effect.gen(function*() {
    const journal = yield* Journal
    const runs = yield* journal.list
    if (!runs.some(({ run }) => run === from)) return yield* missing(from)
    if (runs.some(({ run }) => run === to)) {
      return yield* new JournalError({
        reason: "exists",
        message: `the journal has a run ${JSON.stringify(to)} already; forget it, or choose another name`
      })
    }
    const { until } = options
    const isEnd = until === undefined
      ? () => false
      : typeof until === "function"
      ? until
      : ({ scopes }: JournalLine.Ended) => until.every((name, index) => scopes[index] === name)
    yield* journal.copy(to, Stream.takeUntil(journal.entries(from), isEnd, { excludeLast: true }))
  })

/**
 * How a run is kept.
 *
 * @since 0.1.0
 */
export interface Options {
  /** `"keep"`, the default: calls that failed fail again as they did. `"retry"`: they are sent again. */
  readonly errors?: "keep" | "retry" | undefined
  /** What becomes of the run when its program has succeeded. Default `"keep"`. */
  readonly onSuccess?: "keep" | "forget" | undefined
}

/**
 * An effect or a stream with the failures of a journal added.
 *
 * @since 0.1.0
 */
export type Resumable<P> = P extends Stream.Stream<infer A, infer E, infer R>
  ? Stream.Stream<A, E | JournalError | JournalInUse, R | Journal>
  : P extends Effect.Effect<infer A, infer E, infer R> ? Effect.Effect<A, E | JournalError | JournalInUse, R | Journal>
  : never

/**
 * The names of the runs that enclose the running fiber, joined by ` > `.
 *
 * @since 0.1.0
 */
export const CurrentRun: Context.Reference<string | undefined> = /* @__PURE__ */ Context.Reference<string | undefined>(
  "effect-openrouter/Journal/CurrentRun",
  { defaultValue: () => undefined }
)

const isNoJournal = ({ stage }: Middleware): boolean => stage !== "journal"

/** Opens the run of a program, for as long as the scope is open. */
const opened = Effect.fnUntraced(function*(name: string, options: Options) {
  const outer = yield* CurrentRun
  const run = outer === undefined ? name : `${outer} > ${name}`
  const journal = yield* Journal
  const depth = (yield* CurrentScopes).length
  const journaled = new JournaledRun(run, yield* journal.open(run), {
    depth,
    isRetrying: options.errors === "retry",
    broken: yield* Deferred.make<never, JournalError>()
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => journaled.close()))
  const within = <R>(context: Context.Context<R>): Context.Context<R> =>
    context.pipe(
      Context.add(CurrentRun, run),
      // Of equal calls the n-th gets the n-th answer that a cache has.
      Context.add(CurrentNumbering, Context.get(context, CurrentNumbering) ?? new Numbering()),
      // An inner run has its calls for itself.
      Context.add(
        CurrentMiddleware,
        added(Context.get(context, CurrentMiddleware).filter(isNoJournal), journaled.middleware)
      )
    )
  return { journaled, within }
})

/** The run is done: its program has succeeded. */
const finished = (
  { journaled: { run } }: Effect.Success<ReturnType<typeof opened>>,
  options: Options
): Effect.Effect<void, JournalError> => options.onSuccess === "forget" ? run.forget : run.finish

/**
 * Makes an effect or a stream one that can be taken up again under a name: its calls are answered from the journal as far as they
 * ended before, and stored.
 *
 * One owner at a time: a second one fails with `JournalInUse`. A run inside of a run is one of its own, named after both. If the
 * journal fails while the program runs, so does the program, with `JournalError`; what is stored stays.
 *
 * @since 0.1.0
 */
export const resumable: {
  (name: string, options?: Options): <P extends Program.Program>(self: P) => Resumable<P>
  <P extends Program.Program>(self: P, name: string, options?: Options): Resumable<P>
} = /* @__PURE__ */ dual(([first]) => typeof first !== "string", resume)

function resume<P extends Program.Program>(self: P, name: string, options?: Options): Resumable<P>
function resume(self: Program.Program, name: string, options: Options = {}): Program.Program {
  return Stream.isStream(self) ? resumeStream(self, name, options) : resumeEffect(self, name, options)
}

const resumeEffect = <A, E, R>(self: Effect.Effect<A, E, R>, name: string, options: Options) =>
  Effect.scoped(Effect.gen(function*() {
    const open = yield* opened(name, options)
    const value = yield* Effect.raceFirst(
      Effect.updateContext(self, (context: Context.Context<R>) => open.within(context)),
      open.journaled.broken
    )
    yield* finished(open, options)
    return value
  }))

const resumeStream = <A, E, R>(self: Stream.Stream<A, E, R>, name: string, options: Options) =>
  Stream.unwrap(
    Effect.map(opened(name, options), (open) =>
      Stream.updateContext(self, (context: Context.Context<R>) =>
        open.within(context)).pipe(
          Stream.interruptWhen(open.journaled.broken),
          Stream.concat(Stream.drain(Stream.fromEffect(finished(open, options))))
        ))
  )

/**
 * Leaves the calls of an effect or a stream out of the journal: they are sent each time that the program is run.
 *
 * @since 0.1.0
 */
export const bypass = <P extends Program.Program>(self: P): Program.Within<P> =>
  Program.update(
    self,
    CurrentMiddleware,
    (outer) => outer.filter(isNoJournal)
  )
