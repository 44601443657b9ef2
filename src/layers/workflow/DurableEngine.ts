/**
 * Engines for durable workflows: in one process over an SQLite file, and in any number of processes over PostgreSQL.
 *
 * | layer | for | who takes over after a kill |
 * |---|---|---|
 * | `layerSqlite` | one process, its database in a file; no package is needed | the same program, started again |
 * | `layerPostgres` | several processes or machines (`@effect/sql-pg`, `@effect/platform-node`) | another runner, in about 6 s |
 * | `layerSql` | one process, a database of your choice | the same program, started again |
 * | `layerCluster` | several processes, a database of your choice | another runner, in about 6 s |
 *
 * `layerSqliteClient` and `layerPostgresClient` are for processes that run no workflows: they begin them, ask how they are, and
 * answer what they wait for. Tests take `DurableCalls.layer` over `WorkflowEngine.layerMemory`.
 *
 * All of these have `DurableCalls` in them. A process that gets SIGTERM finishes the calls in flight, up to `drain`; whoever
 * sends the signal has to wait as long. What is stored of a workflow stays until it is {@link purge}d.
 *
 * Several processes talk to each other in plain TCP without a password: keep their ports in a private network.
 *
 * **Example** (An engine in a file)
 *
 * ```ts
 * import { DurableEngine } from "effect-openrouter/workflow"
 *
 * const engine = DurableEngine.layerSqlite({ filename: "runs.db" })
 * ```
 *
 * @since 0.1.0
 */
import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
import type { MessageStorage } from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Sharding from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import type { ConfigError } from "effect/Config"
import * as Digest from "effect/crypto/Digest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as SocketServer from "effect/socket/SocketServer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { WorkflowEngine } from "effect/workflow/WorkflowEngine"
import { defaults } from "../../services/Deadlines.ts"
import * as Sqlite from "../node/Sqlite.ts"
import * as DurableCalls from "./DurableCalls.ts"
import * as Handover from "./Handover.ts"
import * as StoredReplies from "./StoredReplies.ts"

export { purge, purgeEnded } from "./Purge.ts"

/**
 * What an engine is made of: `WorkflowEngine` is what workflows need, the others are for those who look into it.
 *
 * @since 0.1.0
 */
export type Engine = WorkflowEngine | Sharding.Sharding | MessageStorage

/**
 * Another process runs workflows over this file. Two of them would both make the calls that are in flight.
 *
 * @since 0.1.0
 */
export class EngineInUse extends Schema.TaggedError<EngineInUse>("effect-openrouter/EngineInUse")("EngineInUse", {
  message: Schema.String,
  filename: Schema.String
}) {}

/**
 * How an engine runs; each has a default.
 *
 * @since 0.1.0
 */
export interface Options extends DurableCalls.Options {
  /**
   * How long calls in flight may take to end after SIGTERM; then they are cut off, and paid again. Default: the response
   * deadline (10 minutes) and 2 minutes for what comes before and after; set it above your own `timeout`.
   */
  readonly drain?: Duration.Input | undefined
  /** How often the store is asked what is due: sleeps and decisions of other processes are that late. Default 1 second. */
  readonly pollInterval?: Duration.Input | undefined
}

/**
 * Where a database is.
 *
 * @since 0.1.0
 */
export interface File {
  readonly filename: string
  /** See `Sqlite.Options`. `NORMAL` loses nothing when the process is killed. Default `FULL`. */
  readonly synchronous?: Sqlite.Options["synchronous"]
}

/**
 * Where a runner is found by the others, and when it is given up.
 *
 * @since 0.1.0
 */
export interface Runner {
  /** The name or address under which the other runners reach this one. */
  readonly host: string
  /** The port where it listens. */
  readonly port: number
  /**
   * How long a runner that says nothing keeps its workflows; one that stands still for longer loses them, and what it had in
   * flight is paid again. Default 6 seconds.
   */
  readonly lease?: Duration.Input | undefined
  /** Holds locks in rows instead of advisory locks, which a pooler in transaction mode does not keep. Default false. */
  readonly isPooled?: boolean | undefined
}

/**
 * A database of PostgreSQL.
 *
 * @since 0.1.0
 */
export interface Postgres {
  readonly url: Redacted.Redacted
  /** Default 10. */
  readonly maxConnections?: number | undefined
}

type Settings = Partial<ShardingConfig.ShardingConfig["Service"]>

const settingsOf = ({ drain, pollInterval = "1 second" }: Options): Settings => ({
  entityMessagePollInterval: pollInterval,
  entityTerminationTimeout: drain ?? Duration.sum(defaults.response, Duration.minutes(2))
})

/** Built once where it is used twice, and apart from other engines of the program, whose parts are the same constants. */
const over = <E, R>(
  sharding: Layer.Layer<Sharding.Sharding | MessageStorage, E, R>,
  options: DurableCalls.Options = {}
): Layer.Layer<Engine, E, R | SqlClient> =>
  Layer.effectContext(Layer.build(Layer.fresh(
    durable(options).pipe(
      Layer.provide(ClusterWorkflowEngine.layer),
      Layer.provideMerge(sharding)
    )
  )))

const durable = (
  options: DurableCalls.Options
): Layer.Layer<WorkflowEngine, never, WorkflowEngine | Sharding.Sharding | SqlClient> =>
  Layer.effect(
    WorkflowEngine,
    Effect.gen(function*() {
      const engine = yield* Handover.make(yield* WorkflowEngine, yield* Sharding.Sharding)
      return DurableCalls.make(engine, options, StoredReplies.make(yield* SqlClient))
    })
  )

/** One process: no server, and nobody to be found by. */
const alone = (settings: Settings): Layer.Layer<Sharding.Sharding | MessageStorage, never, SqlClient> =>
  Sharding.layer.pipe(
    Layer.provide(Runners.layerNoop),
    Layer.provideMerge(SqlMessageStorage.layer),
    Layer.provide([
      RunnerStorage.layerMemory,
      RunnerHealth.layerNoop,
      ShardingConfig.layer(settings),
      Digest.layerWebCrypto
    ])
  )

/**
 * Runs workflows in this process alone, over a database. Whoever runs two such processes over one database pays twice.
 *
 * @since 0.1.0
 */
export const layerSql = (options: Options = {}): Layer.Layer<Engine, never, SqlClient> =>
  over(alone(settingsOf(options)), options)

/** Fails if there is another owner; killed ones own nothing. */
const owned = (filename: string): Layer.Layer<never, EngineInUse | SqlError> =>
  filename === ":memory:" ? Layer.empty : Layer.effectDiscard(
    Effect.gen(function*() {
      const sql = yield* Sqlite.make({ filename: `${filename}-owner`, busyTimeoutMillis: 200 })
      yield* Effect.acquireRelease(
        Effect.catchIf(
          Effect.asVoid(sql`BEGIN EXCLUSIVE`.unprepared),
          ({ reason }) => reason._tag === "LockTimeoutError",
          () => Effect.fail(new EngineInUse({ filename, message: `another process runs the workflows of ${filename}` }))
        ),
        () => Effect.ignore(sql`ROLLBACK`.unprepared)
      )
    })
  ).pipe(Layer.provide(Reactivity.layer))

/**
 * Runs workflows in this process, over a file that is made if there is none. A second process gets `EngineInUse`; after a kill
 * the file is free at once. The database is given as well, for a journal or a cache in the same file.
 *
 * @since 0.1.0
 */
export const layerSqlite = (
  options: File & Options
): Layer.Layer<Engine | SqlClient, SqlError | EngineInUse> =>
  layerSql(options).pipe(
    Layer.provideMerge(Sqlite.layer(options)),
    Layer.provide(owned(options.filename))
  )

/**
 * For other processes of the machine: begins workflows that the one with {@link layerSqlite} runs, and answers what they wait for.
 *
 * @since 0.1.0
 */
export const layerSqliteClient = (
  options: File & Pick<Options, "pollInterval">
): Layer.Layer<Engine | SqlClient, SqlError> =>
  over(alone({ ...settingsOf(options), runnerAddress: Option.none() })).pipe(
    Layer.provideMerge(Sqlite.layer(options))
  )

const sockets = Effect.promise(() => import("@effect/platform-node/NodeClusterSocket"))

/**
 * Runs workflows together with all other processes that have this layer over the same database. A workflow is run by one of
 * them at a time, with all of its calls; what is to be spread over several is written as child workflows.
 *
 * @since 0.1.0
 */
export const layerCluster = (
  { host, isPooled = false, lease = "6 seconds", port, ...options }: Runner & Options
): Layer.Layer<Engine, ConfigError | SocketServer.SocketServerError, SqlClient> =>
  over(
    Layer.unwrap(Effect.map(sockets, ({ layer }) =>
      layer({
        shardingConfig: {
          ...settingsOf(options),
          runnerAddress: Option.some(RunnerAddress.make(host, port)),
          shardLockExpiration: lease,
          shardLockRefreshInterval: Duration.times(Duration.fromInputUnsafe(lease), 1 / 3),
          shardLockDisableAdvisory: isPooled,
          refreshAssignmentsInterval: "500 millis",
          runnerHealthCheckInterval: "1 second"
        }
      }))),
    options
  )

/**
 * For processes that run no workflows, over the database of a cluster.
 *
 * @since 0.1.0
 */
export const layerClusterClient = (
  options: Pick<Options, "pollInterval"> = {}
): Layer.Layer<Engine, ConfigError, SqlClient> =>
  over(
    Layer.unwrap(Effect.map(sockets, ({ layer }) =>
      layer({ clientOnly: true, shardingConfig: { ...settingsOf(options), runnerAddress: Option.none() } })))
  )

const postgres = ({ maxConnections = 10, url }: Postgres): Layer.Layer<SqlClient, SqlError> =>
  Layer.unwrap(Effect.map(
    Effect.promise(() => import("@effect/sql-pg/PgClient")),
    (PgClient) => PgClient.layer({ url, maxConnections })
  ))

/**
 * Runs workflows together with all other processes that have this layer over the same database of PostgreSQL.
 *
 * @since 0.1.0
 */
export const layerPostgres = (
  options: Postgres & Runner & Options
): Layer.Layer<Engine | SqlClient, ConfigError | SocketServer.SocketServerError | SqlError> =>
  layerCluster(options).pipe(Layer.provideMerge(postgres(options)))

/**
 * For processes that run no workflows: begins those that runners with {@link layerPostgres} run, and answers what they wait for.
 *
 * @since 0.1.0
 */
export const layerPostgresClient = (
  options: Postgres & Pick<Options, "pollInterval">
): Layer.Layer<Engine | SqlClient, ConfigError | SqlError> =>
  layerClusterClient(options).pipe(Layer.provideMerge(postgres(options)))
