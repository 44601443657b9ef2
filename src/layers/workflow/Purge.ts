/**
 * Drops what is stored of workflows that have ended; nothing else ever does.
 *
 * @since 0.1.0
 */
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as EntityAddress from "effect/cluster/EntityAddress"
import * as EntityId from "effect/cluster/EntityId"
import * as EntityType from "effect/cluster/EntityType"
import * as MachineId from "effect/cluster/MachineId"
import { MessageStorage } from "effect/cluster/MessageStorage"
import * as Sharding from "effect/cluster/Sharding"
import * as Snowflake from "effect/cluster/Snowflake"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type * as Workflow from "effect/workflow/Workflow"
import { WorkflowEngine } from "effect/workflow/WorkflowEngine"

/** An engine, and what reading the result of a workflow needs. */
type Needs<A extends Schema.Top, E extends Schema.Top> =
  | WorkflowEngine
  | Sharding.Sharding
  | MessageStorage
  | A["DecodingServices"]
  | E["DecodingServices"]

/**
 * Drops an execution that has ended, with the results of all its activities; `false` if there is none, or it goes on. Begun
 * again under its key it runs, and pays, anew.
 *
 * @since 0.1.0
 */
export const purge = Effect.fn("DurableEngine.purge")(function*<
  Tag extends string,
  Payload extends Workflow.AnyStructSchema,
  A extends Schema.Top,
  E extends Schema.Top
>(
  workflow: Workflow.Workflow<Tag, Payload, A, E>,
  executionId: string
): Effect.fn.Return<boolean, never, Needs<A, E>> {
  const result = yield* (yield* WorkflowEngine).poll(workflow, executionId)
  if (Option.isNone(result) || result.value._tag !== "Complete") return false
  const sharding = yield* Sharding.Sharding
  const storage = yield* MessageStorage
  const entityId = EntityId.make(executionId)
  const shardId = sharding.getShardId(entityId, Context.get(workflow.annotations, ClusterSchema.ShardGroup)(entityId))
  for (const type of [`Workflow/${workflow._tag}`, "Workflow/-/DurableClock"]) {
    const address = EntityAddress.make({ entityType: EntityType.make(type), entityId, shardId })
    yield* Effect.orDie(storage.clearAddress(address))
  }
  return true
})

const ids = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ entity_id: Schema.String })))

/**
 * Drops all executions of a workflow that began longer ago than this and have ended, and tells how many. Those that sleep, or
 * wait for somebody, stay.
 *
 * @since 0.1.0
 */
export const purgeEnded = Effect.fn("DurableEngine.purgeEnded")(function*<
  Tag extends string,
  Payload extends Workflow.AnyStructSchema,
  A extends Schema.Top,
  E extends Schema.Top
>(
  workflow: Workflow.Workflow<Tag, Payload, A, E>,
  options: { readonly olderThan: Duration.Input }
): Effect.fn.Return<number, never, Needs<A, E> | SqlClient> {
  const sql = yield* SqlClient
  const before = DateTime.subtractDuration(yield* DateTime.now, options.olderThan)
  const first = Snowflake.make({ machineId: MachineId.make(0), sequence: 0, timestamp: DateTime.toEpochMillis(before) })
  const rows = yield* sql`
    SELECT entity_id FROM cluster_messages
    WHERE entity_type = ${`Workflow/${workflow._tag}`} AND tag = 'run' AND id < ${first}
  `.pipe(Effect.flatMap(ids), Effect.orDie)
  let count = 0
  for (const { entity_id } of rows) if (yield* purge(workflow, entity_id)) count++
  return count
})
