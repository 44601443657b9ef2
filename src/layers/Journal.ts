/**
 * Journals in memory, and in files that survive a process that is killed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { Journal } from "../services/Journal.ts"
import type { JournalError, JournalInUse } from "../services/Journal.ts"
import * as FileStore from "./journal/FileStore.ts"
import * as JournalOf from "./journal/JournalOf.ts"
import * as MemoryStore from "./journal/MemoryStore.ts"
import * as SqlStore from "./journal/SqlStore.ts"

export * from "../services/Journal.ts"

/**
 * A journal that lives as long as the layer, for tests and for programs that repeat a part of themselves.
 *
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<Journal> = Layer.effect(
  Journal,
  Effect.map(MemoryStore.make, (store) => JournalOf.make(store))
)

/**
 * How a file is kept.
 *
 * @since 0.1.0
 */
export type FileOptions = FileStore.Options

/**
 * A journal in a file of JSON lines, which is made if there is none: it holds any number of runs.
 *
 * Each line is with the system before the program sees an answer, so it survives `kill -9`; a line that was cut off is dropped.
 * One process at a time: another one gets `JournalInUse` when its layer is built. What was forgotten or replaced leaves the file
 * when it is opened again, by renaming a new one over it. In memory are keys and places of lines, about 250 bytes for each call.
 *
 * The answers are in the file in plain text, with what they repeat of the request (`instructions`, `tools`); `redact` changes
 * what is stored. The API key is in none of them.
 *
 * @since 0.1.0
 */
export const layerFile = (
  path: string,
  options: FileOptions = {}
): Layer.Layer<Journal, JournalError | JournalInUse, FileSystem.FileSystem> =>
  Layer.effect(Journal, Effect.map(FileStore.make(path, options), (store) => JournalOf.make(store)))

/**
 * How tables are kept.
 *
 * @since 0.1.0
 */
export type SqlOptions = SqlStore.Options

/**
 * A journal in two tables of a database, which are made if they are not there: SQLite (`Sqlite` of `effect-openrouter/node`) or
 * PostgreSQL (`@effect/sql-pg`).
 *
 * Several processes may use it at once, each with runs of its own; a run that another one has open is `JournalInUse`. A run whose
 * owner was killed is taken over after six seconds. An owner that stood still for longer, and goes on, sends nothing more: it gets
 * `JournalError` with `lost`, and what it had in flight is stored unless the new owner has an answer of its own.
 *
 * @since 0.1.0
 */
export const layerSql = (options: SqlOptions = {}): Layer.Layer<Journal, JournalError, SqlClient> =>
  Layer.effect(Journal, Effect.map(SqlStore.make(options), (store) => JournalOf.make(store)))
