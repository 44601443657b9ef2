/**
 * Conversations in an append-only log: each line is what one call added. What a process had stored when it was killed is there.
 *
 * The first line of the file tells its format; every other one is
 *
 * - `{ "key", "version", "items" }`: all that was said under the key, as it is written when the file is made smaller
 * - `{ "key", "version", "keep": [a, b], "add": [items] }`: of the items that the key had, those before `a` and those from `b` on
 *   stay, and these are added. `version` is one more with each change of a key; a new key begins with one that none has had.
 * - `{ "key", "removed": true }`
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Conversation } from "../../domain/conversation/History.ts"
import { InputItem } from "../../domain/request/Input.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import type { AppendLog, AppendLogError } from "../../services/AppendLog.ts"
import { ConversationStore, ConversationStoreError } from "../../services/ConversationStore.ts"
import type { Stored } from "../../services/ConversationStore.ts"
import { open } from "../AppendLog.ts"
import { KeyLocks } from "./KeyLocks.ts"
import { nothing } from "./MemoryStore.ts"

/**
 * How the file is kept.
 *
 * @since 0.1.0
 */
export interface Options {
  /** Whether an answer is forced to the disk, so that it survives a power cut as well. Default false. */
  readonly fsync?: boolean | undefined
}

const format = { name: "effect-openrouter/conversations", version: 1 }

/** The file is made smaller once it has grown by this much and to twice of what it was. */
const growthBytes = 1_048_576

const keyed = { key: Schema.String, version: Schema.Int }

const Change = Schema.Union([
  Schema.Struct({ ...keyed, keep: Schema.Tuple([Schema.Natural, Schema.Natural]), add: Schema.Array(Schema.Unknown) }),
  Schema.Struct({ ...keyed, items: Schema.Array(Schema.Unknown) }),
  Schema.Struct({ key: Schema.String, removed: Schema.Literal(true) })
])

type Change = typeof Change.Type

const readChange = Schema.decodeUnknownResult(Schema.fromJsonString(Change))

const decode = Schema.decodeUnknownEffect(Conversation)

const encode = Schema.encodeEffect(Schema.Array(InputItem))

/** What is under a key: the JSON of its items, and the conversation once it was asked for. */
interface Entry {
  readonly version: number
  readonly items: ReadonlyArray<unknown>
  conversation: Conversation | undefined
}

/** Which items of a conversation the next one has as well. Only what was dropped in one piece is found; else all is new. */
const kept = (before: Conversation, next: Conversation): readonly [number, number] => {
  const old = before.items
  let same = 0
  while (same < old.length && same < next.items.length && old[same] === next.items[same]) same++
  const follower = next.items[same]
  const from = follower === undefined ? -1 : old.indexOf(follower, same)
  const isRest = from !== -1 && old.slice(from).every((item, index) => item === next.items[same + index])
  return [same, isRest ? from : old.length]
}

/** The conversations of a file, as far as they are written. */
class Entries {
  readonly #entries = new Map<string, Entry>()
  #newest = 0

  /** A version that no key has had, so that what was removed and said again is not taken for what it was. */
  get unused(): number {
    return this.#newest + 1
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  get keys(): ReadonlyArray<string> {
    return Array.from(this.#entries.keys())
  }

  /** Makes a change; gives why it cannot be made. */
  change(change: Change, conversation?: Conversation): string | undefined {
    const { key } = change
    if ("removed" in change) {
      this.#entries.delete(key)
      return undefined
    }
    const { version } = change
    this.#newest = Math.max(this.#newest, version)
    if ("items" in change) {
      this.#entries.set(key, { version, items: change.items, conversation })
      return undefined
    }
    const { items, version: before } = this.#entries.get(key) ?? { items: [], version: version - 1 }
    const [end, from] = change.keep
    if (version !== before + 1 || end > from || from > items.length) {
      return `a change of ${JSON.stringify(key)} before it is missing`
    }
    this.#entries.set(key, {
      version,
      items: [...items.slice(0, end), ...items.slice(from), ...change.add],
      conversation
    })
    return undefined
  }

  /** Reads a line of a file; gives why it cannot be read. */
  read(line: string): string | undefined {
    const change = readChange(line)
    return Result.isSuccess(change) ? this.change(change.success) : "it is no change of a conversation"
  }

  /** A line for each key. */
  *[Symbol.iterator](): Generator<string> {
    for (const [key, { items, version }] of this.#entries) yield JSON.stringify({ key, version, items })
  }
}

const failed = (key: string) => (error: { readonly message: string; readonly reason?: string }) =>
  new ConversationStoreError({
    key,
    message: `the conversation ${JSON.stringify(key)} cannot be stored: ${error.message}`,
    ...Wire.compact({ reason: error.reason })
  })

const storeOf = (log: AppendLog, entries: Entries): ConversationStore["Service"] => {
  const locks = new KeyLocks()
  let base = 0
  /** Makes the file smaller where most of it is past. A file that cannot be made smaller goes on growing. */
  const tidied = Effect.flatMap(log.size, (size) => {
    if (size < base * 2 + growthBytes) return Effect.void
    base = size
    return log.compact(Stream.fromIterable(entries)).pipe(
      Effect.andThen(log.size),
      Effect.tap((size) =>
        Effect.sync(() => {
          base = size
        })
      ),
      Effect.catch((error) => Effect.logWarning(`${log.path} could not be made smaller: ${error.message}`))
    )
  })
  const written = (change: Change, conversation?: Conversation) =>
    Effect.andThen(
      // What is told must be what is written, also to a compaction that begins right after.
      log.append(JSON.stringify(change), () => entries.change(change, conversation)),
      tidied
    ).pipe(Effect.mapError(failed(change.key)))
  const load = Effect.fnUntraced(function*(key: string): Effect.fn.Return<Stored, ConversationStoreError> {
    const entry = entries.get(key)
    if (entry === undefined) return nothing
    entry.conversation ??= yield* Effect.mapError(decode({ items: entry.items }), failed(key))
    return { conversation: entry.conversation, version: entry.version }
  })
  const save = Effect.fnUntraced(
    function*(key: string, before: Stored, next: Conversation): Effect.fn.Return<boolean, ConversationStoreError> {
      if ((entries.get(key)?.version ?? 0) !== before.version) return false
      const keep = kept(before.conversation, next)
      const [end, from] = keep
      const added = next.items.slice(end + before.conversation.items.length - from)
      const add = yield* Effect.mapError(encode(added), failed(key))
      const version = before.version === 0 ? entries.unused : before.version + 1
      yield* written({ key, version, keep, add }, next)
      return true
    }
  )
  return ConversationStore.of({
    load,
    save: (key, before, next) => locks.with(key, save(key, before, next)),
    remove: (key) =>
      locks.with(
        key,
        Effect.suspend(() => entries.get(key) === undefined ? Effect.void : written({ key, removed: true }))
      ),
    keys: Effect.sync(() => entries.keys)
  })
}

/**
 * Opens a store in a file, for as long as the scope.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(
  function*(
    path: string,
    options: Options = {}
  ): Effect.fn.Return<ConversationStore["Service"], AppendLogError, FileSystem.FileSystem | Scope.Scope> {
    const entries = new Entries()
    const log = yield* open(path, { ...options, format, onLine: (line) => entries.read(line) })
    return storeOf(log, entries)
  }
)
