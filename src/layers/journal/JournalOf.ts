/**
 * A journal over any store of lines.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RunSummary } from "../../domain/journal/JournalIndex.ts"
import type * as JournalLine from "../../domain/journal/JournalLine.ts"
import { Journal, JournalInUse } from "../../services/Journal.ts"
import type { JournalError } from "../../services/Journal.ts"

/**
 * Where the lines of a journal are.
 *
 * @since 0.1.0
 */
export interface Store {
  /** Takes a line, and succeeds once it is safe. */
  readonly append: (line: JournalLine.JournalLine) => Effect.Effect<void, JournalError>
  readonly find: (run: string, key: string) => Effect.Effect<JournalLine.Ended | undefined, JournalError>
  readonly entries: (run: string) => Stream.Stream<JournalLine.Ended, JournalError>
  readonly list: Effect.Effect<ReadonlyArray<RunSummary>, JournalError>
  /** Drops a run and what is stored of it. */
  readonly forget: (run: string) => Effect.Effect<void, JournalError>
  /** Takes a run for this process alone, as long as the scope is open; absent where the whole store is. */
  readonly own?: (run: string) => Effect.Effect<void, JournalError | JournalInUse, Scope.Scope>
}

/**
 * Makes a journal over a store; within it a run has one owner at a time.
 *
 * @since 0.1.0
 */
export const make = (store: Store): Journal["Service"] => {
  const open = new Set<string>()
  const taken = (run: string): Effect.Effect<void, JournalInUse> =>
    Effect.suspend(() => {
      if (open.has(run)) {
        return Effect.fail(new JournalInUse({ message: `the run ${JSON.stringify(run)} is open already` }))
      }
      open.add(run)
      return Effect.void
    })
  const owned = (run: string) =>
    Effect.andThen(
      Effect.acquireRelease(taken(run), () => Effect.sync(() => open.delete(run))),
      store.own?.(run) ?? Effect.void
    )
  const at = <A>(f: (time: DateTime.Utc) => A): Effect.Effect<A> => Effect.map(DateTime.now, f)
  const append = (
    line: (time: DateTime.Utc) => JournalLine.JournalLine
  ): Effect.Effect<void, JournalError> => Effect.flatMap(at(line), store.append)
  return Journal.of({
    open: Effect.fnUntraced(function*(run) {
      yield* owned(run)
      yield* append((time) => ({ _tag: "Opened", run, time }))
      return {
        find: (key) => store.find(run, key),
        append: store.append,
        finish: append((time) => ({ _tag: "Finished", run, time })),
        forget: store.forget(run)
      }
    }),
    list: store.list,
    entries: store.entries,
    forget: (run) => Effect.scoped(Effect.andThen(owned(run), store.forget(run))),
    copy: (to, entries) =>
      Effect.scoped(Effect.gen(function*() {
        yield* owned(to)
        yield* append((time) => ({ _tag: "Opened", run: to, time }))
        yield* Stream.runForEach(entries, (entry) => store.append({ ...entry, run: to }))
      }))
  })
}
