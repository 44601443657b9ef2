/**
 * The lines of a journal in two tables of a database, SQLite or PostgreSQL.
 *
 * A run belongs to one process at a time, by a lease that its owner renews. An owner that was killed renews nothing: whoever finds
 * a lease that stands still for longer than an owner ever lets it takes the run over. One that stood still and lives sends nothing
 * more: what it writes tells whether the run is its own.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { InFlight, RunSummary } from "../../domain/journal/JournalIndex.ts"
import type * as JournalLine from "../../domain/journal/JournalLine.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import { JournalError, JournalInUse } from "../../services/Journal.ts"
import type { Store } from "./JournalOf.ts"
import * as JournalText from "./JournalText.ts"

/**
 * How the tables are kept.
 *
 * @since 0.1.0
 */
export interface Options {
  /** What the names of the tables begin with. Default `effect_openrouter_journal`. */
  readonly table?: string | undefined
  /** Changes every text of an answer or error before it is stored, see `Journal.FileOptions`. */
  readonly redact?: ((text: string) => string) | undefined
}

/** How often an owner renews its lease, and how long one may stand still: a busy process is late now and then. */
const lease = { beat: "2 seconds", patience: 6000, look: "1 second" } as const

/** Of a call: what a row says of it. */
const states = { started: 0, answered: 1, error: 2 } as const

const stateOf = ({ answer }: JournalLine.Ended): number => answer._tag === "Error" ? states.error : states.answered

interface RunRow {
  readonly run: string
  readonly started_at: string
  readonly opened_at: string
  readonly starts: number
  readonly is_finished: number
}

/**
 * Makes the store, and its tables if they are not there yet.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*({
  redact,
  table = "effect_openrouter_journal"
}: Options): Effect.fn.Return<Store, JournalError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const runs = sql(`${table}_runs`)
  const calls = sql(`${table}_calls`)
  const failing = Effect.mapError((error: SqlError) =>
    new JournalError({ reason: "storage", message: `the journal's database failed: ${error.message}` })
  )
  yield* failing(sql`CREATE TABLE IF NOT EXISTS ${runs} (
    run TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    starts INTEGER NOT NULL,
    is_finished INTEGER NOT NULL,
    owner TEXT,
    beats INTEGER NOT NULL
  )`)
  yield* failing(sql`CREATE TABLE IF NOT EXISTS ${calls} (
    run TEXT NOT NULL,
    call_key TEXT NOT NULL,
    ended INTEGER NOT NULL,
    place BIGINT NOT NULL,
    cost TEXT,
    line TEXT NOT NULL,
    PRIMARY KEY (run, call_key)
  )`)
  const owner = (yield* Random.nextInt).toString(36)

  // Calls in the order of their ends, also those of one millisecond.
  let place = 0
  const placeOf = ({ time }: JournalLine.Started | JournalLine.Ended): number => {
    place = Math.max(place + 1, DateTime.toEpochMillis(time) * 1000)
    return place
  }

  /** Fails where the owner of a run is somebody else by now, so that a statement has found nothing. */
  const asOwner = (run: string) => (rows: ReadonlyArray<unknown>): Effect.Effect<void, JournalError> =>
    rows.length > 0 ? Effect.void : Effect.fail(
      new JournalError({
        reason: "lost",
        message: `the run ${
          JSON.stringify(run)
        } was taken over by another process, because this one stood still for too long`
      })
    )

  const textOf = (line: JournalLine.JournalLine): string => {
    const text = JournalText.write(line)
    return redact === undefined || line._tag !== "Ended" ? text : JournalText.redacted(text, redact)
  }

  const append = (line: JournalLine.JournalLine): Effect.Effect<void, JournalError> => {
    switch (line._tag) {
      case "Opened": {
        const time = DateTime.formatIso(line.time)
        return failing(sql`
          INSERT INTO ${runs} (run, started_at, opened_at, starts, is_finished, beats)
          VALUES (${line.run}, ${time}, ${time}, 1, 0, 0)
          ON CONFLICT (run) DO UPDATE SET
            started_at = CASE WHEN ${runs}.starts = 0 THEN ${time} ELSE ${runs}.started_at END,
            opened_at = ${time},
            starts = ${runs}.starts + 1`).pipe(Effect.asVoid)
      }
      case "Started":
        return failing(sql`
          INSERT INTO ${calls} (run, call_key, ended, place, line)
          SELECT run, CAST(${line.key} AS TEXT), CAST(${states.started} AS INTEGER), CAST(${placeOf(line)} AS BIGINT),
            CAST(${textOf(line)} AS TEXT)
          FROM ${runs} WHERE run = ${line.run} AND owner = ${owner}
          ON CONFLICT (run, call_key) DO UPDATE SET line = ${calls}.line
          RETURNING run`).pipe(Effect.flatMap(asOwner(line.run)))
      case "Ended": {
        const cost = line.cost === undefined ? null : Usd.toText(line.cost)
        // What was paid for is kept in any case, unless the new owner has gone on from another answer.
        return failing(sql`
          INSERT INTO ${calls} (run, call_key, ended, place, cost, line)
          SELECT run, CAST(${line.key} AS TEXT), CAST(${stateOf(line)} AS INTEGER), CAST(${placeOf(line)} AS BIGINT),
            CAST(${cost} AS TEXT), CAST(${textOf(line)} AS TEXT)
          FROM ${runs} WHERE run = ${line.run}
          ON CONFLICT (run, call_key)
          DO UPDATE SET ended = excluded.ended, place = excluded.place, cost = excluded.cost, line = excluded.line
          WHERE ${calls}.ended = ${states.started}
            OR EXISTS (SELECT 1 FROM ${runs} WHERE run = ${line.run} AND owner = ${owner})`).pipe(Effect.asVoid)
      }
      case "Finished":
        return failing(sql`
          UPDATE ${runs} SET is_finished = 1 WHERE run = ${line.run} AND owner = ${owner} RETURNING run`).pipe(
          Effect.flatMap(asOwner(line.run))
        )
      case "Forgotten":
        return forget(line.run)
    }
  }

  const forget = (run: string): Effect.Effect<void, JournalError> =>
    failing(sql.withTransaction(Effect.tap(
      sql`DELETE FROM ${runs} WHERE run = ${run} AND owner = ${owner} RETURNING run`,
      (rows) => rows.length > 0 ? Effect.asVoid(sql`DELETE FROM ${calls} WHERE run = ${run}`) : Effect.void
    ))).pipe(Effect.flatMap(asOwner(run)))

  const find: Store["find"] = (run, key) =>
    failing(sql<{ readonly line: string }>`
      SELECT line FROM ${calls} WHERE run = ${run} AND call_key = ${key} AND ended > 0`).pipe(
      Effect.flatMap(([row]) => row === undefined ? Effect.undefined : JournalText.readEnded(row.line, table))
    )

  const summaryOf = Effect.fnUntraced(function*(row: RunRow): Effect.fn.Return<RunSummary, JournalError> {
    const found = yield* failing(sql<{ readonly ended: number; readonly cost: string | null }>`
      SELECT ended, cost FROM ${calls} WHERE run = ${row.run} AND ended > 0`)
    const started = yield* failing(sql<{ readonly line: string }>`
      SELECT line FROM ${calls} WHERE run = ${row.run} AND ended = 0`)
    let cost = Usd.zero
    let unknown = started.length
    for (const one of found) {
      if (one.cost === null) unknown++
      else cost = Usd.sum(cost, Usd.make(one.cost))
    }
    const inFlight = yield* Effect.forEach(started, ({ line }) => JournalText.readStarted(line, table))
    return {
      run: row.run,
      startedAt: DateTime.makeUnsafe(row.started_at),
      openedAt: DateTime.makeUnsafe(row.opened_at),
      starts: Number(row.starts),
      isFinished: Number(row.is_finished) === 1,
      calls: found.length,
      errors: found.filter(({ ended }) => Number(ended) === states.error).length,
      cost,
      unknown,
      inFlight: inFlight.map(({ call, key, model, scopes, time }): InFlight => ({
        key,
        call,
        scopes,
        time,
        ...Wire.compact({ model })
      }))
    }
  })

  /** Takes the run if nobody has it, or if its owner lets its lease stand still. */
  const acquire = Effect.fnUntraced(function*(run: string): Effect.fn.Return<void, JournalError | JournalInUse> {
    const take = (beats: number) =>
      failing(sql`
        INSERT INTO ${runs} (run, started_at, opened_at, starts, is_finished, owner, beats)
        VALUES (${run}, '', '', 0, 0, ${owner}, 0)
        ON CONFLICT (run) DO UPDATE SET owner = ${owner}, beats = ${runs}.beats + 1
        WHERE ${runs}.owner IS NULL OR ${runs}.beats = ${beats}`).pipe(Effect.andThen(
        failing(sql<{ readonly owner: string | null; readonly beats: number }>`
            SELECT owner, beats FROM ${runs} WHERE run = ${run}`)
      ))
    const until = (yield* Clock.currentTimeMillis) + lease.patience
    let [seen] = yield* take(-1)
    const first = seen?.beats
    while (seen?.owner !== owner) {
      if (seen?.beats !== first) {
        return yield* new JournalInUse({ message: `the run ${JSON.stringify(run)} is open in another process` })
      }
      const isStill = (yield* Clock.currentTimeMillis) >= until
      yield* isStill ? Effect.void : Effect.sleep(lease.look)
      ;[seen] = yield* take(isStill ? Number(first) : -1)
    }
  })

  const release = (run: string): Effect.Effect<void> =>
    Effect.ignore(sql`UPDATE ${runs} SET owner = ${null} WHERE run = ${run} AND owner = ${owner}`)

  const renewed = (run: string): Effect.Effect<unknown> =>
    sql`UPDATE ${runs} SET beats = beats + 1 WHERE run = ${run} AND owner = ${owner}`.pipe(
      Effect.ignore,
      Effect.schedule(Schedule.spaced(lease.beat))
    )

  return {
    append,
    find,
    forget,
    entries: (run) =>
      Stream.fromIterableEffect(failing(sql<{ readonly call_key: string }>`
        SELECT call_key FROM ${calls} WHERE run = ${run} AND ended > 0 ORDER BY place`)).pipe(
        Stream.mapEffect(({ call_key }) => find(run, call_key)),
        Stream.filter((line) => line !== undefined)
      ),
    list: Effect.flatMap(
      failing(sql<RunRow>`SELECT run, started_at, opened_at, starts, is_finished FROM ${runs} WHERE starts > 0`),
      Effect.forEach(summaryOf)
    ),
    own: (run): Effect.Effect<void, JournalError | JournalInUse, Scope.Scope> =>
      Effect.andThen(
        Effect.acquireRelease(acquire(run), () => release(run), { interruptible: true }),
        Effect.asVoid(Effect.forkScoped(renewed(run)))
      )
  }
})
