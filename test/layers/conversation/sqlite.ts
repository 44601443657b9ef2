import { Effect, Layer, Predicate, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, SqlError, Statement } from "effect/sql"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"

const toInput = (value: unknown): SQLInputValue =>
  typeof value === "string" || typeof value === "number" || typeof value === "bigint" ? value : null

/** A client for a database of Node's own SQLite, as much of one as is needed here. */
export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient> =>
  Layer.effect(
    SqlClient.SqlClient,
    Effect.gen(function*() {
      const database = yield* Effect.acquireRelease(
        Effect.sync(() => new DatabaseSync(filename, { timeout: 5_000 })),
        (database) => Effect.sync(() => database.close())
      )
      const run = (sql: string, params: ReadonlyArray<unknown>) =>
        Effect.try({
          try: () => database.prepare(sql).all(...params.map(toInput)),
          catch: (cause) =>
            new SqlError.SqlError({
              reason: SqlError.classifySqliteError(
                Predicate.isObject(cause) && "errcode" in cause ? { ...cause, errno: cause.errcode } : cause,
                { message: "the statement failed", operation: "execute" }
              )
            })
        })
      const values = (sql: string, params: ReadonlyArray<unknown>) =>
        Effect.map(run(sql, params), (rows) => rows.map((row) => Object.values(row)))
      const client = SqlClient.make({
        ...SqlClient.makeSqliteAcquirers({
          connection: Effect.succeed({
            execute: run,
            executeRaw: run,
            executeValues: values,
            executeValuesUnprepared: values,
            executeUnprepared: run,
            executeStream: () => Stream.die("not needed here")
          }),
          semaphore: yield* Semaphore.make(1),
          isTransaction: () => database.isTransaction
        }),
        compiler: Statement.makeCompilerSqlite(),
        driver: "node-sqlite",
        spanAttributes: []
      })
      return yield* client
    })
  ).pipe(Layer.provide(Reactivity.layer))
