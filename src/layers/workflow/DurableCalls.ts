/**
 * Inside of a workflow each call of the client is an activity: what a call was answered with is stored, so a workflow that is
 * run on after a crash pays for nothing twice.
 *
 * The layer takes the engine of `effect/workflow` and gives one back, whose workflows run so; bodies and their calls stay as they
 * are. `DurableEngine` has engines that do it already.
 *
 * - A call is known by its place (`CostLedger.scope`), the bytes of its request, and how many equal ones are before it: no two
 *   activities have one name, and fibers may end in another order in a replay. Equal requests at one place are interchangeable.
 * - Stored are all outcomes and errors: a replay takes the same way. Errors that would end every call of the key,
 *   `BudgetExceeded` and streams that broke off are failures of the activity: annotated with `Workflow.SuspendOnFailure` a
 *   workflow stops there, and `resume` sends only that call again.
 * - A call waits for a minute at most while its activity runs. Where the server says that it takes longer, the wait is a sleep of
 *   the workflow, which needs no process, once no other activity is in flight.
 * - A call in flight when a process is killed is sent again, marked so that OpenRouter's response cache may answer it. What is
 *   answered from the store is booked as saved in ledgers, and counts as spent in budgets.
 * - A stream gives its events when it has ended, made from its outcome: what a replay sees as well. Embeddings are activities,
 *   other plain endpoints are not.
 * - The handlers of `Tools.run` are activities too, one for each call, so no tool runs twice; `DurableTools` has the approvals.
 * - Calls inside of an activity of your own are a part of that activity.
 *
 * **Example** (A report that survives the process)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { OpenRouter } from "effect-openrouter"
 * import { Workflow } from "effect/workflow"
 *
 * const Report = Workflow.make("Report", {
 *   payload: { topic: Schema.String },
 *   success: Schema.String,
 *   error: Schema.String,
 *   idempotencyKey: ({ topic }) => topic
 * })
 *
 * const ask = (input: string) => Effect.map(OpenRouter.respond({ model: "openai/gpt-5", input }), ({ text }) => text)
 *
 * const ReportLayer = Report.toLayer(Effect.fn(function*({ topic }) {
 *   const facts = yield* ask(`Facts about ${topic}`)
 *   return yield* ask(`A report from these: ${facts}`)
 * }, Effect.mapError((error) => error.message)))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { WorkflowEngine, WorkflowInstance } from "effect/workflow/WorkflowEngine"
import { added, CurrentMiddleware } from "../../services/Middleware.ts"
import { CurrentScopes } from "../../services/Place.ts"
import { CurrentNumbering, Numbering } from "../../services/Sampling.ts"
import { CurrentRunHooks } from "../tools/RunHooks.ts"
import { CurrentDurableRun, DurableRun } from "./DurableRun.ts"
import type { Waits } from "./DurableRun.ts"
import type * as StoredReplies from "./StoredReplies.ts"
import * as ToolActivity from "./ToolActivity.ts"

/**
 * How calls wait in workflows.
 *
 * @since 0.1.0
 */
export interface Options {
  /** How long a call may wait for its attempts while its activity runs; longer waits are sleeps. Default 1 minute. */
  readonly maxWait?: Duration.Input | undefined
  /** A call that would sleep longer fails with the error that says when it could be made. Default 2 days. */
  readonly maxSleep?: Duration.Input | undefined
  /** How many times a call may sleep; then it fails. Default 10. `RetryPolicy.none` sleeps never. */
  readonly sleeps?: number | undefined
}

const waitsOf = ({ maxSleep = "2 days", maxWait = "1 minute", sleeps = 10 }: Options): Waits => ({
  inMemory: Duration.fromInputUnsafe(maxWait),
  longest: Duration.fromInputUnsafe(maxSleep),
  times: sleeps
})

/** The body of a workflow, each of whose runs has its own calls. */
const durable = <A, E, R>(
  body: Effect.Effect<A, E, R>,
  waits: Waits,
  find: StoredReplies.Find | undefined
): Effect.Effect<A, E, R> =>
  Effect.updateContext(body, (context: Context.Context<R>) => {
    const instance = Context.getOption(context, WorkflowInstance)
    if (Option.isNone(instance)) return context
    const run = new DurableRun(instance.value, Context.get(context, CurrentScopes).length, waits, find)
    const outer = Context.get(context, CurrentMiddleware).filter(({ stage }) => stage !== "journal")
    return context.pipe(
      Context.add(CurrentDurableRun, run),
      Context.add(CurrentRunHooks, ToolActivity.hooksOf(run)),
      // Of equal calls the n-th gets the n-th answer that a cache has.
      Context.add(CurrentNumbering, new Numbering()),
      Context.add(CurrentMiddleware, added(outer, run.middleware))
    )
  })

/**
 * The engine with durable calls. `find` reads many stored answers at once, where the engine has them in a database.
 *
 * @since 0.1.0
 */
export const make = (
  engine: WorkflowEngine["Service"],
  options: Options = {},
  find?: StoredReplies.Find
): WorkflowEngine["Service"] => {
  const waits = waitsOf(options)
  return WorkflowEngine.of({
    ...engine,
    register: (workflow, execute) =>
      engine.register(
        workflow,
        (payload, executionId) => durable(Effect.suspend(() => execute(payload, executionId)), waits, find)
      )
  })
}

/**
 * The same with other waits.
 *
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<WorkflowEngine, never, WorkflowEngine> =>
  Layer.fresh(Layer.effect(WorkflowEngine, WorkflowEngine.useSync((engine) => make(engine, options))))

/**
 * Makes the calls of all workflows of an engine activities.
 *
 * @since 0.1.0
 */
export const layer: Layer.Layer<WorkflowEngine, never, WorkflowEngine> = /* @__PURE__ */ layerWith({})
