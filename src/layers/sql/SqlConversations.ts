/**
 * Conversations in a table of a SQL database, SQLite or PostgreSQL, for as many processes as use it.
 *
 * The table has a row for each key: `conversation_key`, `version`, and `items`, the JSON of what was said. A row begins with the
 * time as its version, so one that was removed and made again is not taken for the old one.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Conversation } from "../../domain/conversation/History.ts"
import { ConversationStore, ConversationStoreError } from "../../services/ConversationStore.ts"
import { nothing } from "../conversation/MemoryStore.ts"

/**
 * How the table is made.
 *
 * @since 0.1.0
 */
export interface Options {
  /** The name of the table, which is made if it is not there. Default `openrouter_conversations`. */
  readonly table?: string | undefined
}

const Items = Schema.fromJsonString(Conversation)

const encode = Schema.encodeEffect(Items)

/** Drivers give the large numbers of a database as a number, as a `bigint`, or as text. */
const Version = Schema.Union([
  Schema.Finite,
  Schema.FiniteFromString,
  Schema.BigInt.pipe(
    Schema.decodeTo(
      Schema.Finite,
      SchemaTransformation.transform({ decode: Number, encode: (version) => BigInt(version) })
    )
  )
])

const Row = Schema.Struct({
  version: Version,
  items: Items
})

const decode = Schema.decodeUnknownEffect(Row)

const failed = (key: string) =>
  Effect.mapError((error: SqlError | Schema.SchemaError) =>
    new ConversationStoreError({
      key,
      message: `the conversation ${JSON.stringify(key)} is not to be had from the database: ${error.message}`,
      reason: error._tag === "SqlError" ? error.reason._tag : "unreadable"
    })
  )

/**
 * Makes the table, and the store over it.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(
  function*(
    options: Options = {}
  ): Effect.fn.Return<ConversationStore["Service"], SqlError, SqlClient.SqlClient> {
    const sql = yield* SqlClient.SqlClient
    const table = sql(options.table ?? "openrouter_conversations")
    yield* sql`CREATE TABLE IF NOT EXISTS ${table} (
      conversation_key TEXT PRIMARY KEY,
      version BIGINT NOT NULL,
      items TEXT NOT NULL
    )`
    return ConversationStore.of({
      load: Effect.fnUntraced(function*(key) {
        const [row] = yield* sql`SELECT version, items FROM ${table} WHERE conversation_key = ${key}`
        if (row === undefined) return nothing
        const { items, version } = yield* decode(row)
        return { conversation: items, version }
      }, (effect, key) => failed(key)(effect)),
      save: Effect.fnUntraced(function*(key, { version }, conversation) {
        const items = yield* encode(conversation)
        const rows = version === 0
          ? yield* sql`INSERT INTO ${table} (conversation_key, version, items)
              VALUES (${key}, ${Math.max(1, yield* Clock.currentTimeMillis)}, ${items})
              ON CONFLICT (conversation_key) DO NOTHING
              RETURNING version`
          : yield* sql`UPDATE ${table} SET version = ${version + 1}, items = ${items}
              WHERE conversation_key = ${key} AND version = ${version}
              RETURNING version`
        return rows.length > 0
      }, (effect, key) => failed(key)(effect)),
      remove: (key) => failed(key)(Effect.asVoid(sql`DELETE FROM ${table} WHERE conversation_key = ${key}`)),
      keys: failed("")(Effect.map(
        sql<{ readonly conversation_key: string }>`SELECT conversation_key FROM ${table}`,
        (rows) => rows.map((row) => row.conversation_key)
      ))
    })
  }
)
