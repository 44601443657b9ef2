/**
 * Conversations by key, such as `"intention:bob"`, that remember themselves: a call under a key sends what was said under it, and
 * its answer is stored before the program sees it.
 *
 * One call at a time goes on under a key, in the order in which they came; calls of other keys do not wait. A call that fails, is
 * interrupted or is left leaves the conversation as it was. (So a call under a key from within a call of the same key would wait
 * for ever.)
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Conversation } from "../domain/conversation/History.ts"
import type { AnswerError } from "../domain/error/OpenRouterError.ts"
import type { Completed } from "../domain/outcome/Outcome.ts"
import type { Sendable } from "../domain/request/CreateResponse.ts"
import * as Continue from "./Conversation.ts"
import type { ConversationConflict, ConversationStoreError } from "./ConversationStore.ts"
import type { OpenRouter, RespondError, StreamError } from "./OpenRouter.ts"

/**
 * What can go wrong with a conversation that is stored, besides the call itself. Both may carry an answer that was paid for.
 *
 * @since 0.1.0
 */
export type StoringError = ConversationConflict | ConversationStoreError

/**
 * A conversation that nobody else in this process continues, until the scope is closed.
 *
 * @since 0.1.0
 */
export interface Opened {
  readonly conversation: Conversation
  /** Stores what came of it. An answer that cannot be stored is in the error. */
  readonly save: (next: Conversation, answer?: Completed) => Effect.Effect<void, StoringError>
}

/**
 * Conversations by key.
 *
 * @since 0.1.0
 */
export class Conversations extends Context.Service<Conversations, {
  /** Waits for its turn under the key, and has it until the scope is closed. */
  readonly open: (key: string) => Effect.Effect<Opened, ConversationStoreError, Scope.Scope>
  /** What was said under the key; empty where nothing was. It does not wait for a call that goes on. */
  readonly get: (key: string) => Effect.Effect<Conversation, ConversationStoreError>
  /** Forgets what was said under the key, after the call that goes on. */
  readonly remove: (key: string) => Effect.Effect<void, ConversationStoreError>
  /** The keys under which something was said, in no order. */
  readonly keys: Effect.Effect<ReadonlyArray<string>, ConversationStoreError>
}>()("effect-openrouter/Conversations") {}

/**
 * What was said under a key; empty where nothing was.
 *
 * @since 0.1.0
 */
export const get = (key: string): Effect.Effect<Conversation, ConversationStoreError, Conversations> =>
  Conversations.use((service) => service.get(key))

/**
 * Forgets what was said under a key.
 *
 * @since 0.1.0
 */
export const remove = (key: string): Effect.Effect<void, ConversationStoreError, Conversations> =>
  Conversations.use((service) => service.remove(key))

/**
 * The keys under which something was said, in no order.
 *
 * @since 0.1.0
 */
export const keys: Effect.Effect<ReadonlyArray<string>, ConversationStoreError, Conversations> = Conversations.use(
  (service) => service.keys
)

/**
 * Continues the conversation of a key with whatever gives an answer and the next conversation, such as a call with tools, and
 * succeeds with the answer.
 *
 * What was answered is stored, also if the caller is interrupted just then.
 *
 * @since 0.1.0
 */
export const update = <A, E, R>(
  key: string,
  f: (self: Conversation) => Effect.Effect<{ readonly answer: A; readonly conversation: Conversation }, E, R>
): Effect.Effect<A, E | StoringError, Conversations | R> =>
  Conversations.use((service) =>
    Effect.scoped(
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(service.open(key)), (opened) =>
          Effect.flatMap(
            restore(f(opened.conversation)),
            ({ answer, conversation }) =>
              Effect.as(opened.save(conversation, isCompleted(answer) ? answer : undefined), answer)
          ))
      )
    )
  )

const isCompleted = (answer: unknown): answer is Completed => Predicate.isTagged(answer, "Completed")

/**
 * Asks in the conversation of a key: sends what was said under it, and then the `input` of the request.
 *
 * **Example** (A character who remembers)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Conversations } from "effect-openrouter"
 *
 * const ask = (character: string, input: string) =>
 *   Conversations.respond(`talk:${character}`, { model: "openai/gpt-5", input }).pipe(
 *     Effect.map((answer) => answer.text)
 *   )
 *
 * const program = Effect.all([ask("bob", "What do you bake?"), ask("ann", "Where are you?")], { concurrency: 2 }).pipe(
 *   Effect.provide(Conversations.layerMemory({ depth: { "talk:": 20 } }))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const respond = (
  key: string,
  request: Sendable
): Effect.Effect<Completed, RespondError | StoringError, Conversations | OpenRouter> =>
  update(key, Continue.respond(request))

/**
 * Asks in the conversation of a key, and gives the text of the answer while it arrives. The last part, with the whole answer,
 * comes once that is stored.
 *
 * The key is held until the stream ends or is left; whoever leaves it leaves the conversation as it was.
 *
 * @since 0.1.0
 */
export const streamText = (
  key: string,
  request: Sendable
): Stream.Stream<Continue.TurnPart, StreamError | AnswerError | StoringError, Conversations | OpenRouter> =>
  Stream.scoped(Stream.unwrap(Conversations.use((service) =>
    Effect.map(service.open(key), (opened) =>
      Stream.mapEffect(
        Continue.streamText(opened.conversation, request),
        (part): Effect.Effect<Continue.TurnPart, StoringError> =>
          part._tag === "Complete"
            ? Effect.as(Effect.uninterruptible(opened.save(part.conversation, part.answer)), part)
            : Effect.succeed(part)
      ))
  )))

/**
 * Puts a conversation under a key, in the place of what is there: instructions to begin with, or a fork.
 *
 * @since 0.1.0
 */
export const set = (
  key: string,
  conversation: Conversation
): Effect.Effect<void, StoringError, Conversations> =>
  update(key, () => Effect.succeed({ answer: undefined, conversation }))

/**
 * Copies the conversation of a key under another one, in the place of what is there; both go on for themselves. `turns` copies
 * only its first turns.
 *
 * @since 0.1.0
 */
export const fork = (
  from: string,
  to: string,
  options?: { readonly turns?: number | undefined }
): Effect.Effect<void, StoringError, Conversations> =>
  Effect.flatMap(get(from), (conversation) => set(to, Continue.fork(conversation, options?.turns)))
