/**
 * What a durable workflow changes of the runs of tool calls inside of it: nothing else knows of it.
 *
 * @since 0.1.0
 */
import type * as AiError from "effect/ai/AiError"
import type * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Decision, PendingCall } from "../../domain/tool/Approval.ts"
import type { Asked, ToolResult } from "./ToolExecution.ts"

/**
 * The hooks of the runs of a part of a program.
 *
 * @since 0.1.0
 */
export interface RunHooks {
  /** The id of a run that begins. */
  readonly id: Effect.Effect<string>
  /** Stands around the handler of a call. */
  readonly around: (
    call: Asked,
    tool: Tool.Any,
    run: Effect.Effect<ToolResult, AiError.AiError, unknown>
  ) => Effect.Effect<ToolResult, AiError.AiError, unknown>
  /** Decides on calls where the options do not say who does. */
  readonly decide?: ((call: PendingCall) => Effect.Effect<Decision>) | undefined
}

/**
 * The hooks of the running program; none by default.
 *
 * @since 0.1.0
 */
export const CurrentRunHooks: Context.Reference<RunHooks | undefined> = /* @__PURE__ */ Context.Reference<
  RunHooks | undefined
>(
  "effect-openrouter/Tools/CurrentRunHooks",
  { defaultValue: () => undefined }
)
