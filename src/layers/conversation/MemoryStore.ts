/**
 * Conversations in memory.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { empty } from "../../domain/conversation/History.ts"
import { ConversationStore } from "../../services/ConversationStore.ts"
import type { Stored } from "../../services/ConversationStore.ts"

/**
 * What a store has where it has nothing.
 *
 * @since 0.1.0
 */
export const nothing: Stored = { conversation: empty, version: 0 }

/**
 * Makes a store in memory. It has what was said under all keys until they are removed.
 *
 * @since 0.1.0
 */
export const make: Effect.Effect<ConversationStore["Service"]> = Effect.sync(() => {
  const stored = new Map<string, Stored>()
  // Of all keys together, so that what was removed and said again is not taken for what it was.
  let version = 0
  return ConversationStore.of({
    load: (key) => Effect.sync(() => stored.get(key) ?? nothing),
    save: (key, before, conversation) =>
      Effect.sync(() => {
        if ((stored.get(key)?.version ?? 0) !== before.version) return false
        stored.set(key, { conversation, version: ++version })
        return true
      }),
    remove: (key) =>
      Effect.sync(() => {
        stored.delete(key)
      }),
    keys: Effect.sync(() => Array.from(stored.keys()))
  })
})
