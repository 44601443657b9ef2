/**
 * The lines of a journal in memory.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { JournalIndex } from "../../domain/journal/JournalIndex.ts"
import type * as JournalLine from "../../domain/journal/JournalLine.ts"
import type { Store } from "./JournalOf.ts"

/**
 * Makes an empty store.
 *
 * @since 0.1.0
 */
export const make: Effect.Effect<Store> = Effect.sync(() => {
  const index = new JournalIndex<JournalLine.Ended | undefined>()
  return {
    append: (line) => Effect.sync(() => index.add(line, line._tag === "Ended" ? line : undefined)),
    find: (run, key) => Effect.sync(() => index.find(run, key)),
    entries: (run) =>
      Stream.suspend(() => Stream.fromIterable(index.keysOf(run).flatMap((key) => index.find(run, key) ?? []))),
    list: Effect.sync(() => index.summaries),
    forget: (run) => Effect.sync(() => index.forget(run))
  }
})
