/**
 * An SQLite database in a file, over Node's own `node:sqlite`: no package is needed.
 *
 * Answers of models are paid for, so what is written is on the disk (`synchronous = FULL`) unless told otherwise; writes of one
 * process at the same moment do not share that cost. Statements run in the caller's thread. Bun and Deno have the module as well.
 * On Node 22 it says once that it is experimental, which is why it is loaded only where this layer is built.
 *
 * **Example** (A journal in a database)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { Journal } from "effect-openrouter"
 * import { Sqlite } from "effect-openrouter/node"
 *
 * const journal = Journal.layerSql().pipe(Layer.provide(Sqlite.layer({ filename: "town.db" })))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import type { SQLInputValue, StatementSync } from "node:sqlite"
import * as Unusable from "./Unusable.ts"

/**
 * How a database is opened.
 *
 * @since 0.1.0
 */
export interface Options {
  /** The file, which is made if there is none; `:memory:` for one that lives as long as the layer. */
  readonly filename: string
  /** `FULL`, the default, survives a power cut; `NORMAL` survives the death of the process, and is several times as fast. */
  readonly synchronous?: "FULL" | "NORMAL" | undefined
  /** How long a statement waits for another process that writes. Default 5 seconds. */
  readonly busyTimeoutMillis?: number | undefined
}

/** So many statements are kept prepared. */
const maxPrepared = 500

const driver = Effect.promise(() => import("node:sqlite")).pipe(
  Effect.catchDefect((cause) =>
    Effect.die(
      new Error(
        Unusable.message(
          "Sqlite",
          "it has no module node:sqlite",
          "It needs Node 22.19 or newer, Bun or Deno; where it is asked for, any other SqlClient does as well"
        ),
        { cause }
      )
    )
  )
)

/**
 * Opens a database, for as long as the scope is open. On a runtime without `node:sqlite` it dies with a message that says so.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<SqlClient.SqlClient, SqlError.SqlError, Scope.Scope | Reactivity.Reactivity> {
  const { DatabaseSync } = yield* driver
  const database = yield* Effect.acquireRelease(
    Effect.try({
      try: () => {
        const database = new DatabaseSync(options.filename, { timeout: options.busyTimeoutMillis ?? 5000 })
        database.exec("PRAGMA journal_mode = WAL")
        database.exec(`PRAGMA synchronous = ${options.synchronous ?? "FULL"}`)
        return database
      },
      catch: failure
    }),
    (database) => Effect.sync(() => database.close())
  )

  const prepared = new Map<string, StatementSync>()
  const prepare = (text: string): StatementSync => {
    let statement = prepared.get(text)
    if (statement === undefined) {
      if (prepared.size >= maxPrepared) prepared.clear()
      statement = database.prepare(text)
      prepared.set(text, statement)
    }
    return statement
  }

  const run = <A>(
    text: string,
    parameters: ReadonlyArray<unknown>,
    use: (statement: StatementSync, parameters: ReadonlyArray<SQLInputValue>) => A,
    isKept = true
  ): Effect.Effect<A, SqlError.SqlError> =>
    Effect.withFiber((fiber) =>
      Effect.try({
        try: () => {
          const statement = isKept ? prepare(text) : database.prepare(text)
          statement.setReadBigInts(Context.get(fiber.context, SqlClient.SafeIntegers))
          return use(statement, parameters.map(inputOf))
        },
        catch: failure
      })
    )

  const rows = (
    text: string,
    parameters: ReadonlyArray<unknown>,
    transform: Parameters<Connection["execute"]>[2],
    isKept?: boolean
  ) =>
    Effect.map(
      run(text, parameters, (statement, inputs) => {
        statement.setReturnArrays(false)
        return rowsOf(statement, inputs)
      }, isKept),
      transform ?? identity
    )

  const values = (text: string, parameters: ReadonlyArray<unknown>, isKept?: boolean) =>
    run(text, parameters, (statement, inputs): ReadonlyArray<ReadonlyArray<unknown>> => {
      statement.setReturnArrays(true)
      return rowsOf(statement, inputs).map((row) => Array.isArray(row) ? row : Object.values(row))
    }, isKept)

  const connection: Connection = {
    execute: rows,
    executeUnprepared: (text, parameters, transform) => rows(text, parameters, transform, false),
    executeRaw: (text, parameters) =>
      run(
        text,
        parameters,
        (statement, inputs) => statement.columns().length > 0 ? statement.all(...inputs) : statement.run(...inputs)
      ),
    executeValues: (text, parameters) => values(text, parameters),
    executeValuesUnprepared: (text, parameters) => values(text, parameters, false),
    executeStream: (text, parameters, transform) => Stream.fromIterableEffect(rows(text, parameters, transform))
  }

  const semaphore = yield* Semaphore.make(1)
  return yield* SqlClient.make({
    ...SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(connection),
      semaphore,
      isTransaction: () => database.isTransaction
    }),
    compiler: Statement.makeCompilerSqlite(),
    beginTransaction: "BEGIN IMMEDIATE",
    driver: "node-sqlite",
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})

/**
 * A database, for as long as the layer is built.
 *
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(options)).pipe(Layer.provide(Reactivity.layer))

const rowsOf = (statement: StatementSync, inputs: ReadonlyArray<SQLInputValue>): ReadonlyArray<object> => {
  if (statement.columns().length > 0) return statement.all(...inputs)
  statement.run(...inputs)
  return []
}

const inputOf = (value: unknown): SQLInputValue => {
  switch (typeof value) {
    case "boolean":
      return value ? 1 : 0
    case "string":
    case "number":
    case "bigint":
      return value
    default:
      if (value instanceof Uint8Array) return value
      if (value === null || value === undefined) return null
      throw new TypeError(`SQLite has no values of this kind: ${String(value)}`)
  }
}

const failure = (cause: unknown): SqlError.SqlError => {
  const known = Predicate.hasProperty(cause, "errcode") && typeof cause.errcode === "number"
    ? Object.assign(new Error(String(cause)), { errno: cause.errcode, cause })
    : cause
  return new SqlError.SqlError({
    reason: SqlError.classifySqliteError(known, { message: "an SQLite statement failed", operation: "execute" })
  })
}
