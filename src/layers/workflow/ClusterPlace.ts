/**
 * Where an execution is stored, and whether this runner still has it.
 *
 * The tables are those of `effect/cluster/SqlMessageStorage`.
 *
 * @since 0.1.0
 */
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as EntityId from "effect/cluster/EntityId"
import type * as Sharding from "effect/cluster/Sharding"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as SchemaParser from "effect/SchemaParser"
import type * as SqlClient from "effect/sql/SqlClient"
import type { WorkflowInstance } from "effect/workflow/WorkflowEngine"
import { pageSize, Rows, StoredResults } from "./StoredResults.ts"

/**
 * The place of one run.
 *
 * @since 0.1.0
 */
export interface ClusterPlace {
  readonly stored: StoredResults
  /** False once the execution belongs to another runner, or this one shuts down: it gets no new activity. */
  readonly isOwned: () => boolean
}

/**
 * Finds the place of a run.
 *
 * @since 0.1.0
 */
export type PlaceOf = (instance: WorkflowInstance["Service"]) => ClusterPlace

const rowsOf = SchemaParser.decodeUnknownEffect(Rows)

/**
 * Places in a cluster over a database.
 *
 * @since 0.1.0
 */
export const make = (sql: SqlClient.SqlClient, sharding: Sharding.Sharding["Service"]): PlaceOf => (instance) => {
  const { executionId, workflow } = instance
  const entityId = EntityId.make(executionId)
  const shard = sharding.getShardId(entityId, Context.get(workflow.annotations, ClusterSchema.ShardGroup)(entityId))
  return {
    isOwned: () => sharding.hasShardId(shard),
    stored: new StoredResults((after) =>
      sql`
        SELECT CAST(m.id AS VARCHAR(20)) AS id, m.payload AS asked, r.payload AS answered
        FROM cluster_messages m JOIN cluster_replies r ON r.request_id = m.request_id AND r.kind = 0
        WHERE m.shard_id = ${shard.toString()} AND m.entity_type = ${`Workflow/${workflow._tag}`}
          AND m.entity_id = ${executionId} AND m.tag = 'activity' AND m.id > CAST(${after} AS BIGINT)
        ORDER BY m.id LIMIT ${sql.literal(String(pageSize))}
      `.pipe(Effect.flatMap(rowsOf))
    )
  }
}

/**
 * Ends a run so that the next owner goes on with it: what was answered stays, and nothing is answered for it.
 *
 * @since 0.1.0
 */
export const leave: Effect.Effect<never> = /* @__PURE__ */ Effect.withFiber<never>(
  (fiber: Fiber.Fiber<unknown, unknown>) => {
    fiber.interruptUnsafe(fiber.id, ClusterSchema.Abandon.annotation)
    return Effect.never
  }
)
