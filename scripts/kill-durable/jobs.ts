/** The workflows of the kill test, and where they are stored: what all processes have to agree on. */
import { Effect, Layer, Redacted, Schema } from "effect"
import { OpenRouter, RateGate, Tools } from "effect-openrouter"
import { DispatchHttpClient, Sqlite } from "effect-openrouter/node"
import { DurableEngine, DurableTools } from "effect-openrouter/workflow"
import { Tool, Toolkit } from "effect/ai"
import { DurableDeferred, Workflow } from "effect/workflow"

/** What a process is told when it is started, as JSON. */
export const Task = Schema.fromJsonString(Schema.Struct({
  /** `shared` are several runners over one SQLite file. */
  store: Schema.Literals(["sqlite", "shared", "postgres"]),
  /** A file, or a URL. */
  place: Schema.String,
  /** Where the runner listens, if there are several. */
  port: Schema.Int,
  api: Schema.String,
  role: Schema.Literals(["runner", "client"]),
  /** Whether locks are rows, as behind a pooler. */
  isPooled: Schema.Boolean
}))

export type Task = typeof Task.Type

export const Calls = Workflow.make("Calls", {
  payload: { id: Schema.String, calls: Schema.Int, concurrency: Schema.Int, isGated: Schema.Boolean },
  success: Schema.Int,
  error: Schema.String,
  idempotencyKey: ({ id }) => id
})

export const gate = DurableDeferred.make("gate")

const ask = (input: string) => Effect.map(OpenRouter.respond({ model: "openai/gpt-5", input }), ({ text }) => text)

const callsLayer = (note: (message: unknown) => void) =>
  Calls.toLayer(({ calls, concurrency, id, isGated }) =>
    Effect.gen(function*() {
      note({ _tag: "Begun", id })
      const answers = yield* Effect.forEach(
        Array.from({ length: calls }, (_, n) => `${id}: question ${n}`),
        ask,
        { concurrency }
      )
      note({ _tag: "Asked", id })
      if (isGated) yield* DurableDeferred.await(gate)
      return answers.filter((text) => text !== "").length
    }).pipe(Effect.mapError(({ _tag }) => _tag))
  )

const Refund = Tool.make("refund", { success: Schema.String, needsApproval: true })

export const toolkit = Toolkit.make(Refund)

export const Agent = Workflow.make("Agent", {
  payload: { id: Schema.String },
  success: Schema.String,
  error: Schema.String,
  idempotencyKey: ({ id }) => id
})

const agentLayer = (note: (message: unknown) => void) =>
  Agent.toLayer(() =>
    Tools.run({ model: "openai/gpt-5", input: "Please refund this.", toolkit }).pipe(
      DurableTools.approvals((approval) => Effect.sync(() => note({ _tag: "Waits", ...approval }))),
      Effect.map(({ _tag }) => _tag),
      Effect.mapError(({ _tag }) => _tag)
    )
  )

/** The engine of a process. */
export const engineOf = (
  { isPooled, place, port, role, store }: Task
): Layer.Layer<DurableEngine.Engine, unknown> => {
  const isClient = role === "client"
  const runner = { host: "127.0.0.1", port, isPooled, maxWait: "1 minute" } as const
  if (store === "postgres") {
    const postgres = { url: Redacted.make(place) }
    return isClient
      ? DurableEngine.layerPostgresClient(postgres)
      : DurableEngine.layerPostgres({ ...postgres, ...runner })
  }
  const file = { filename: place, synchronous: "NORMAL" } as const
  if (store === "shared") {
    return (isClient ? DurableEngine.layerClusterClient() : DurableEngine.layerCluster(runner)).pipe(
      Layer.provideMerge(Sqlite.layer(file))
    )
  }
  return isClient ? DurableEngine.layerSqliteClient(file) : DurableEngine.layerSqlite(file)
}

/** What a runner runs. */
export const jobs = (task: Task, note: (message: unknown) => void) =>
  Layer.merge(callsLayer(note), agentLayer(note)).pipe(
    Layer.provide(toolkit.toLayer({
      refund: () =>
        Effect.sync(() => {
          note({ _tag: "Refunded" })
          return "refunded"
        })
    })),
    Layer.provide(OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-durable"), apiUrl: task.api })),
    Layer.provide(DispatchHttpClient.layer),
    Layer.provide(RateGate.none)
  )
