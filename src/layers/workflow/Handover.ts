/**
 * Lets a workflow go to another runner as soon as none of its activities is in flight.
 *
 * When runners join, some workflows are given to them. The engine then waits for the running body to end, up to the time for
 * draining, while the body waits for its next activity, which the new runner would make if it had the workflow. Here the body
 * is given up once the activities that run are done; the new runner runs it again from what is stored.
 *
 * @since 0.1.0
 */
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as EntityId from "effect/cluster/EntityId"
import type * as ShardId from "effect/cluster/ShardId"
import type { Sharding } from "effect/cluster/Sharding"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as Activity from "effect/workflow/Activity"
import { WorkflowEngine, WorkflowInstance } from "effect/workflow/WorkflowEngine"

/** A body that runs. */
interface Run {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly shardId: ShardId.ShardId
  /** So many of its activities are being made in this process. */
  inFlight: number
}

/** How often it is looked whether a workflow is somebody else's now. */
const interval = "250 millis"

/**
 * The engine whose workflows are let go; `sharding` is the one that it runs over. The scope is the life of the engine.
 *
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  engine: WorkflowEngine["Service"],
  sharding: Pick<Sharding["Service"], "getShardId" | "hasShardId">
): Effect.fn.Return<WorkflowEngine["Service"], never, Scope.Scope> {
  const runs = new Map<WorkflowInstance["Service"], Run>()

  const letGo = Effect.sync(() => {
    for (const { fiber, inFlight, shardId } of runs.values()) {
      if (inFlight > 0 || sharding.hasShardId(shardId)) continue
      fiber.interruptUnsafe(fiber.id, ClusterSchema.Abandon.annotation)
    }
  })
  yield* Effect.forkScoped(Effect.forever(Effect.delay(letGo, interval)))

  const shardOf = ({ executionId, workflow }: WorkflowInstance["Service"]) => {
    const entityId = EntityId.make(executionId)
    return sharding.getShardId(entityId, Context.get(workflow.annotations, ClusterSchema.ShardGroup)(entityId))
  }

  const watched = <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => {
      const instance = Context.getOrUndefined(fiber.context, WorkflowInstance)
      if (instance === undefined) return body
      runs.set(instance, { fiber, shardId: shardOf(instance), inFlight: 0 })
      return Effect.ensuring(body, Effect.sync(() => void runs.delete(instance)))
    })

  return WorkflowEngine.of({
    ...engine,
    register: (workflow, execute) =>
      engine.register(workflow, (payload, executionId) => watched(Effect.suspend(() => execute(payload, executionId)))),
    activityExecute: (activity, attempt) =>
      Effect.flatMap(WorkflowInstance, (instance) => {
        const run = runs.get(instance)
        if (run === undefined) return engine.activityExecute(activity, attempt)
        let isMade = false
        const executeEncoded = Effect.suspend(() => {
          if (!isMade) run.inFlight++
          isMade = true
          return activity.executeEncoded
        })
        // Until the body has its answer it is in flight: then it is stored.
        return Effect.ensuring(
          engine.activityExecute(countedAs(activity, executeEncoded), attempt),
          Effect.sync(() => {
            if (isMade) run.inFlight--
          })
        )
      })
  })
})

/** The same activity, but for what is run; it keeps what it inherits, which makes it an effect. */
const countedAs = <A extends Activity.Any>(activity: A, executeEncoded: A["executeEncoded"]): A =>
  Object.create(activity, { executeEncoded: { value: executeEncoded, enumerable: true } })
