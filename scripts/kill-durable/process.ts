/** A runner or a client of the kill test. It does what it is told by messages, and tells what happens by messages. */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Queue, Schema } from "effect"
import { Tools } from "effect-openrouter"
import { DurableEngine, DurableTools } from "effect-openrouter/workflow"
import { DurableDeferred } from "effect/workflow"
import * as Jobs from "./jobs.ts"

const task = Schema.decodeUnknownSync(Jobs.Task)(process.argv[2])

const note = (message: unknown) => void process.send?.(message)

const Order = Schema.TaggedUnion({
  Calls: { id: Schema.String, calls: Schema.Int, concurrency: Schema.Int, isGated: Schema.Boolean },
  Agent: { id: Schema.String },
  Open: { id: Schema.String, calls: Schema.Int, concurrency: Schema.Int },
  Purge: { id: Schema.String },
  Approve: { token: Schema.String, call: Tools.PendingCall }
})

/** Of a payload only its id tells which execution it is. */
const nothing = { calls: 0, concurrency: 1, isGated: false }

const obey = Effect.fnUntraced(function*(order: typeof Order.Type) {
  switch (order._tag) {
    case "Calls": {
      const { _tag, ...payload } = order
      return note({ _tag: "Ended", id: order.id, value: yield* Jobs.Calls.execute(payload) })
    }
    case "Agent":
      return note({ _tag: "Ended", id: order.id, value: yield* Jobs.Agent.execute({ id: order.id }) })
    case "Open": {
      const { _tag, ...payload } = order
      const token = yield* DurableDeferred.tokenFromPayload(Jobs.gate, {
        workflow: Jobs.Calls,
        payload: { ...payload, isGated: true }
      })
      return yield* DurableDeferred.done(Jobs.gate, { token, exit: yield* Effect.exit(Effect.void) })
    }
    case "Purge": {
      const executionId = yield* Jobs.Calls.executionId({ ...nothing, id: order.id })
      return note({ _tag: "Purged", id: order.id, value: yield* DurableEngine.purge(Jobs.Calls, executionId) })
    }
    case "Approve":
      return yield* DurableTools.decide(order.token, Tools.approve(order.call))
  }
})

const main = Effect.gen(function*() {
  const orders = yield* Queue.unbounded<unknown>()
  process.on("message", (message) => Queue.offerUnsafe(orders, message))
  note({ _tag: "Ready" })
  return yield* Effect.forever(
    Effect.flatMap(Queue.take(orders), (message) =>
      Effect.forkScoped(
        Effect.flatMap(Schema.decodeUnknownEffect(Order)(message), obey).pipe(
          Effect.catchCause((cause) => Effect.sync(() => note({ _tag: "Failed", why: String(cause) })))
        )
      ))
  )
}).pipe(Effect.scoped)

const engine = Jobs.engineOf(task)

// Nobody is left to stop it.
process.on("disconnect", () => process.exit())

NodeRuntime.runMain(
  Effect.provide(main, (task.role === "client" ? Layer.empty : Jobs.jobs(task, note)).pipe(Layer.provideMerge(engine)))
)
