/**
 * Calls of tools as activities.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Activity from "effect/workflow/Activity"
import * as Input from "../../domain/request/Input.ts"
import { lazy } from "../../domain/wire/Lazy.ts"
import type { RunHooks } from "../tools/RunHooks.ts"
import type { Asked, ToolResult } from "../tools/ToolExecution.ts"
import type { DurableRun } from "./DurableRun.ts"

/** What is stored of a call: what the model is told, and the result in the words of the tool's schema. */
const Stored = lazy(() =>
  Schema.Struct({
    isFailure: Schema.Boolean,
    told: Input.FunctionCallOutput,
    result: Schema.optionalKey(Schema.Json)
  })
)

type Stored = ReturnType<typeof Stored>["Type"]

/** How the results of a tool are written; what its schemas do not know, such as an `AiError`, is not. */
const codecOf = (tool: Tool.Any, isFailure: boolean): Schema.Codec<unknown, Schema.Json, unknown, unknown> =>
  Schema.toCodecJson(Schema.make<Schema.Codec<unknown>>((isFailure ? tool.failureSchema : tool.successSchema).ast))

const stored = (tool: Tool.Any, call: Asked, { isFailure, output, result }: ToolResult) =>
  Effect.map(
    Effect.option(Schema.encodeEffect(codecOf(tool, isFailure))(result)),
    (encoded): Stored => ({
      isFailure,
      told: Input.functionCallOutput(call, output),
      ...Option.isSome(encoded) ? { result: encoded.value } : {}
    })
  )

const read = (tool: Tool.Any, { arguments: args, callId, name }: Asked, { isFailure, result, told }: Stored) =>
  Effect.map(
    result === undefined ? Effect.succeedNone : Effect.option(Schema.decodeEffect(codecOf(tool, isFailure))(result)),
    (decoded): ToolResult => ({
      callId,
      name,
      arguments: args,
      isFailure,
      output: told.output,
      ...Option.isSome(decoded) ? { result: decoded.value } : {}
    })
  )

/**
 * Makes the calls of tools in a run activities, each with a name of its own.
 *
 * @since 0.1.0
 */
export const hooksOf = (run: DurableRun): RunHooks => ({
  id: Effect.withFiber((fiber) => Effect.succeed(run.markOf(run.nameOf(fiber, "tools", "")))),
  around: (call, tool, handler) =>
    Effect.withFiber((fiber) => {
      const engine = run.engineOf(fiber)
      if (engine === undefined) return handler
      const activity = Activity.make({
        name: run.nameOf(fiber, "tool", JSON.stringify([call.name, call.callId, call.arguments])),
        success: Stored(),
        error: AiError.AiError,
        execute: Effect.flatMap(handler, (result) => stored(tool, call, result))
      })
      return Effect.flatMap(Effect.provideContext(activity, engine), (value) => read(tool, call, value))
    })
})
