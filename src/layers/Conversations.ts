/**
 * Conversations by key, in memory, in a file, or in a store of your own; see `services/Conversations`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { tokensUpTo, window } from "../domain/conversation/History.ts"
import type { Conversation } from "../domain/conversation/History.ts"
import type { AppendLogError } from "../services/AppendLog.ts"
import { Conversations, update } from "../services/Conversations.ts"
import type { StoringError } from "../services/Conversations.ts"
import { ConversationConflict, ConversationStore, ConversationStoreError } from "../services/ConversationStore.ts"
import type { OpenRouter } from "../services/OpenRouter.ts"
import * as Prices from "../services/Prices.ts"
import { respondObject as ask } from "./Conversation.ts"
import * as FileStore from "./conversation/FileStore.ts"
import { KeyLocks } from "./conversation/KeyLocks.ts"
import * as MemoryStore from "./conversation/MemoryStore.ts"
import * as SqlConversations from "./sql/SqlConversations.ts"
import type { ObjectAnswer, ObjectError, SendableObject } from "../services/StructuredOutput.ts"

export {
  Conversations,
  fork,
  get,
  keys,
  type Opened,
  remove,
  respond,
  set,
  type StoringError,
  streamText,
  update
} from "../services/Conversations.ts"
export {
  ConversationConflict,
  ConversationStore,
  ConversationStoreError,
  type Stored
} from "../services/ConversationStore.ts"

/**
 * A number for all keys, or by the beginnings of keys: the longest one that fits holds, and `""` fits all.
 *
 * @since 0.1.0
 */
export type ByKey = number | { readonly [prefix: string]: number }

/**
 * How much is kept of conversations.
 *
 * @since 0.1.0
 */
export interface Options {
  /** How many turns are kept, and sent before the next one. Default: all. Instructions at the beginning are always kept. */
  readonly depth?: ByKey | undefined
  /** How many tokens are kept, by the rule of `Prices`. Default: any number. */
  readonly maxTokens?: ByKey | undefined
}

/**
 * How a file of conversations is kept.
 *
 * @since 0.1.0
 */
export interface FileOptions extends Options, FileStore.Options {}

const numberFor = (key: string, byKey: ByKey | undefined): number => {
  if (byKey === undefined) return Infinity
  if (typeof byKey === "number") return byKey
  let longest: string | undefined
  for (const prefix of Object.keys(byKey)) {
    if (key.startsWith(prefix) && prefix.length >= (longest?.length ?? 0)) longest = prefix
  }
  return longest === undefined ? Infinity : byKey[longest] ?? Infinity
}

/** Conversations over a store, with the answer where one could not be stored. */
const make = (store: ConversationStore["Service"], options: Options): Conversations["Service"] => {
  const locks = new KeyLocks()
  const kept = (key: string, conversation: Conversation): Effect.Effect<Conversation> => {
    const seen = window(conversation, numberFor(key, options.depth))
    const most = numberFor(key, options.maxTokens)
    return most === Infinity
      ? Effect.succeed(seen)
      : Effect.map(Prices.CurrentTokenizer, (tokenizer) => tokensUpTo(seen, most, { tokenizer }))
  }
  return Conversations.of({
    open: (key) =>
      Effect.gen(function*() {
        yield* locks.acquire(key)
        const before = yield* store.load(key)
        return {
          conversation: yield* kept(key, before.conversation),
          save: Effect.fnUntraced(function*(next, answer) {
            const failed = (error: ConversationStoreError) =>
              answer === undefined
                ? error
                : new ConversationStoreError({ ...error, message: error.message, answer })
            const isSaved = yield* Effect.mapError(store.save(key, before, yield* kept(key, next)), failed)
            if (!isSaved) {
              return yield* new ConversationConflict({
                key,
                message: `somebody else has continued the conversation ${JSON.stringify(key)} meanwhile`,
                ...(answer === undefined ? {} : { answer })
              })
            }
          })
        }
      }),
    get: (key) => Effect.flatMap(store.load(key), ({ conversation }) => kept(key, conversation)),
    remove: (key) => locks.with(key, store.remove(key)),
    keys: store.keys
  })
}

/**
 * Conversations in the store that is there, one of your own for example.
 *
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Conversations, never, ConversationStore> =>
  Layer.effect(Conversations, ConversationStore.useSync((store) => make(store, options)))

/**
 * Conversations in memory: each layer has its own, until it is closed.
 *
 * @since 0.1.0
 */
export const layerMemory = (options: Options = {}): Layer.Layer<Conversations> =>
  Layer.effect(Conversations, Effect.map(MemoryStore.make, (store) => make(store, options)))

/**
 * Conversations in a file, which survive a process that is killed: what was stored when a call succeeded is there.
 *
 * The file is an `AppendLog`: one process at a time, each answer a line, made smaller now and then; all of it is in memory as well.
 * A second process fails with `inUse` when its layer is built. It needs a `FileSystem`, such as `NodeFileSystem.layer`.
 *
 * @since 0.1.0
 */
export const layerFile = (
  path: string,
  options: FileOptions = {}
): Layer.Layer<Conversations, AppendLogError, FileSystem.FileSystem> =>
  Layer.effect(Conversations, Effect.map(FileStore.make(path, options), (store) => make(store, options)))

/**
 * How a table of conversations is made.
 *
 * @since 0.1.0
 */
export interface SqlOptions extends Options, SqlConversations.Options {}

/**
 * Conversations in a table of a SQL database, for as many processes as use it: SQLite or PostgreSQL, through the `SqlClient` of
 * Effect's drivers. Where another process was faster, a call fails with `ConversationConflict`.
 *
 * The table is made when the layer is built, if it is not there.
 *
 * @since 0.1.0
 */
export const layerSql = (options: SqlOptions = {}): Layer.Layer<Conversations, SqlError, SqlClient> =>
  Layer.effect(Conversations, Effect.map(SqlConversations.make(options), (store) => make(store, options)))

/**
 * The store of {@link layerMemory} by itself, for several layers of conversations over one store.
 *
 * @since 0.1.0
 */
export const layerStoreMemory: Layer.Layer<ConversationStore> = /* @__PURE__ */ Layer.effect(
  ConversationStore,
  MemoryStore.make
)

/**
 * The store of {@link layerFile} by itself.
 *
 * @since 0.1.0
 */
export const layerStoreFile = (
  path: string,
  options: FileStore.Options = {}
): Layer.Layer<ConversationStore, AppendLogError, FileSystem.FileSystem> =>
  Layer.effect(ConversationStore, FileStore.make(path, options))

/**
 * Asks for an object in the conversation of a key. Otherwise as `respond`.
 *
 * @since 0.1.0
 */
export const respondObject = <A, E>(
  key: string,
  request: SendableObject<A, E>
): Effect.Effect<ObjectAnswer<A>, ObjectError | StoringError, Conversations | OpenRouter> =>
  update(key, (conversation) => ask(conversation, request))
