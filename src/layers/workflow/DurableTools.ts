/**
 * Approvals of tools that a workflow waits for: for days, in no process at all, answered from any.
 *
 * Inside of a workflow the handlers of `Tools.run` are activities, see `DurableCalls`. With {@link approvals} a call that needs
 * approval does not end the run with a `Pending`: whoever decides is told once, and the workflow sleeps until {@link decide} is
 * called with the token, by whatever process has an engine over the same store. Then the run goes on where it was.
 *
 * **Example** (A refund that somebody has to approve)
 *
 * ```ts
 * import { Console, Effect, Schema } from "effect"
 * import { Tool, Toolkit } from "effect/ai"
 * import { Tools } from "effect-openrouter"
 * import { DurableTools } from "effect-openrouter/workflow"
 *
 * const toolkit = Toolkit.make(Tool.make("refund", {
 *   parameters: Schema.Struct({ order: Schema.String }),
 *   success: Schema.String,
 *   needsApproval: true
 * }))
 *
 * const program = Tools.run({ model: "openai/gpt-5", input: "Please refund order 17.", toolkit }).pipe(
 *   DurableTools.approvals(({ call, token }) => Console.log(`${call.name} waits for ${token}`))
 * )
 *
 * // In another process, which was told of both.
 * const yes = (approval: DurableTools.Approval) => DurableTools.decide(approval.token, Tools.approve(approval.call))
 * ```
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Activity from "effect/workflow/Activity"
import * as DurableDeferred from "effect/workflow/DurableDeferred"
import type { WorkflowEngine } from "effect/workflow/WorkflowEngine"
import { Decision } from "../../domain/tool/Approval.ts"
import type { PendingCall } from "../../domain/tool/Approval.ts"
import { InvalidDecision } from "../../domain/tool/ApprovalError.ts"
import { CurrentRunHooks } from "../tools/RunHooks.ts"
import { CurrentDurableRun } from "./DurableRun.ts"

/**
 * A call that waits, and the token by which it is decided. Whoever has the token can decide.
 *
 * @since 0.1.0
 */
export interface Approval {
  readonly call: PendingCall
  readonly token: string
}

/** What stands before the hash of a call in the name of what it waits for. */
const prefix = "effect-openrouter/approval/"

const deferredOf = (hash: string) => DurableDeferred.make(`${prefix}${hash}`, { success: Decision })

/**
 * Has the calls of tools that need approval wait for {@link decide}, where the options of a run name nobody (`decide`).
 *
 * `announce` is run once for each call, as an activity: it tells somebody, and passes the token on. Outside of a workflow nothing
 * changes. Calls of one step wait at the same time.
 *
 * @since 0.1.0
 */
export const approvals: {
  <R = never>(
    announce: (approval: Approval) => Effect.Effect<void, never, R>
  ): <A, E, R0>(self: Effect.Effect<A, E, R0>) => Effect.Effect<A, E, R0 | R>
  <A, E, R0, R = never>(
    self: Effect.Effect<A, E, R0>,
    announce: (approval: Approval) => Effect.Effect<void, never, R>
  ): Effect.Effect<A, E, R0 | R>
} = /* @__PURE__ */ dual(
  2,
  <A, E, R0, R>(
    self: Effect.Effect<A, E, R0>,
    announce: (approval: Approval) => Effect.Effect<void, never, R>
  ): Effect.Effect<A, E, R0 | R> =>
    Effect.contextWith((context: Context.Context<R>) =>
      Effect.withFiber((fiber) => {
        const hooks = fiber.getRef(CurrentRunHooks)
        const engine = fiber.getRef(CurrentDurableRun)?.engineOf(fiber)
        if (hooks === undefined || engine === undefined) return self
        const decide = Effect.fnUntraced(function*(call: PendingCall) {
          const deferred = deferredOf(call.hash)
          const token = yield* DurableDeferred.token(deferred)
          yield* Activity.make({
            name: `${deferred.name}/announced`,
            execute: Effect.provideContext(announce({ call, token }), context)
          })
          return yield* DurableDeferred.await(deferred)
        })
        return Effect.provideService(self, CurrentRunHooks, {
          ...hooks,
          decide: (call) => Effect.provideContext(decide(call), engine)
        })
      })
    )
)

const invalid = (callId: string, reason: "foreign" | "changed", message: string) =>
  new InvalidDecision({ callId, reason, message })

/**
 * Decides on a call that waits, from any process: `Tools.approve`, `deny` or `supply` make the decision of the call. The first
 * decision holds. Fails if the token is none, or is another call's.
 *
 * @since 0.1.0
 */
export const decide = Effect.fn("DurableTools.decide")(function*(
  token: string,
  decision: Decision
): Effect.fn.Return<void, InvalidDecision, WorkflowEngine> {
  const parsed = yield* Effect.mapError(
    Schema.decodeUnknownEffect(DurableDeferred.TokenParsed.FromString)(token),
    () => invalid(decision.callId, "foreign", "this is no token of a call that waits")
  )
  if (parsed.deferredName !== `${prefix}${decision.hash}`) {
    return yield* invalid(decision.callId, "changed", "the decision was made for another call than the token")
  }
  yield* DurableDeferred.succeed(deferredOf(decision.hash), { token: parsed.asToken, value: decision })
})
