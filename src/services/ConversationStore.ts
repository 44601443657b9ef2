/**
 * Where conversations are kept by key, and what can go wrong with that.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Conversation } from "../domain/conversation/History.ts"
import * as Hidden from "../domain/error/Hidden.ts"
import type { Completed } from "../domain/outcome/Outcome.ts"

/** An answer is for programs, and may repeat the prompt: no log and no JSON shows it. */
const answer = Hidden.field(Schema.declare((u: unknown): u is Completed => typeof u === "object" && u !== null))

/**
 * Another process was faster: the conversation under this key is no longer the one that was continued. `answer` is what was
 * paid for; it is in no conversation.
 *
 * @since 0.1.0
 */
export class ConversationConflict extends Hidden.without(
  "answer",
  Schema.TaggedError<ConversationConflict>("effect-openrouter/ConversationConflict")("ConversationConflict", {
    message: Schema.String,
    key: Schema.String,
    /** With its `value`, where an object was asked for. For programs: neither logs nor the encoding of the error have it. */
    answer
  })
) {}

/**
 * The store failed. Where `answer` is there, it was paid for and could not be stored: the conversation is the one before it.
 *
 * @since 0.1.0
 */
export class ConversationStoreError extends Hidden.without(
  "answer",
  Schema.TaggedError<ConversationStoreError>("effect-openrouter/ConversationStoreError")("ConversationStoreError", {
    message: Schema.String,
    key: Schema.String,
    /** What is wrong with the store, such as `full`; see `AppendLogError`. */
    reason: Schema.optionalKey(Schema.String),
    answer
  })
) {}

/**
 * What a store has under a key: the version is 0 where it has nothing.
 *
 * @since 0.1.0
 */
export interface Stored {
  readonly conversation: Conversation
  readonly version: number
}

/**
 * A store of conversations by key. One for a database of your own is made of these four.
 *
 * @since 0.1.0
 */
export class ConversationStore extends Context.Service<ConversationStore, {
  readonly load: (key: string) => Effect.Effect<Stored, ConversationStoreError>
  /**
   * Stores what follows on `before`, with the version after it; false if that is no longer the version there, and then nothing
   * was stored. What it stored survives.
   */
  readonly save: (
    key: string,
    before: Stored,
    conversation: Conversation
  ) => Effect.Effect<boolean, ConversationStoreError>
  readonly remove: (key: string) => Effect.Effect<void, ConversationStoreError>
  /** The keys under which there is something, in no order. */
  readonly keys: Effect.Effect<ReadonlyArray<string>, ConversationStoreError>
}>()("effect-openrouter/ConversationStore") {}
