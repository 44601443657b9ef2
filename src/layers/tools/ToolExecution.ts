/**
 * One call of a tool: from what the model wrote to what it is told.
 *
 * What goes wrong and the model can mend goes back to it as a short message: a tool that is not there, arguments that do not
 * fit, a failure that the tool declares, whatever its `failureMode`. What a handler fails with beside that, an `AiError`, fails
 * the run, and a defect is one.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Input from "../../domain/request/Input.ts"
import * as ResultText from "../../domain/tool/ResultText.ts"
import { CurrentRunHooks } from "./RunHooks.ts"
import type * as Toolbox from "./Toolbox.ts"
import * as ToolSpan from "./ToolSpan.ts"

/**
 * A call that was answered, and how.
 *
 * @since 0.1.0
 */
export interface ToolResult {
  readonly callId: string
  readonly name: string
  /** As JSON; the text that the model wrote where it is none. */
  readonly arguments: unknown
  /** True where something went wrong, and where somebody denied the call. */
  readonly isFailure: boolean
  /** What the tool gave, or its failure; absent if it did not run. */
  readonly result?: unknown
  /** What the model is told. */
  readonly output: ResultText.Output
}

/**
 * A call as it is to be run.
 *
 * @since 0.1.0
 */
export interface Asked {
  readonly callId: string
  readonly name: string
  /** As JSON. */
  readonly arguments: unknown
  /** In the encoded form that the toolkit takes. */
  readonly encoded: unknown
  /** Why it cannot be run. */
  readonly problem?: string | undefined
}

/**
 * Reads a call. `active` are the names of the tools that the model was offered.
 *
 * @since 0.1.0
 */
export const read = (
  toolbox: Toolbox.Toolbox,
  call: { readonly callId: string; readonly name: string; readonly arguments: string },
  active: ReadonlyArray<string>
): Asked => {
  const { callId, name } = call
  const text = call.arguments.trim()
  const json = Result.try((): unknown => text === "" ? {} : Tool.unsafeSecureJsonParse(text))
  if (!active.includes(name)) {
    const problem = `there is no tool ${JSON.stringify(name)}; the tools are: ${active.join(", ") || "none"}`
    return { callId, name, arguments: Result.getOrElse(json, () => text), encoded: undefined, problem }
  }
  if (Result.isFailure(json) || !isJson(json.success)) {
    return { callId, name, arguments: text, encoded: undefined, problem: "the arguments are not valid JSON" }
  }
  return { callId, name, arguments: json.success, encoded: toolbox.toEncoded(name, json.success) }
}

/** JSON text can hold numbers that are too large for a number and are read as infinite. */
const isJson = Schema.is(Schema.Json)

/**
 * The arguments of a call that was read, as the JSON that they are.
 *
 * @since 0.1.0
 */
export const toJson = (read: unknown): Schema.Json => isJson(read) ? read : null

/**
 * The result of a call that was not run.
 *
 * @since 0.1.0
 */
export const without = (
  call: { readonly callId: string; readonly name: string; readonly arguments: unknown },
  output: string
): ToolResult => ({
  callId: call.callId,
  name: call.name,
  arguments: call.arguments,
  isFailure: true,
  output
})

/** How many preliminary results a handler may be ahead of who looks at them. */
const maxPreliminary = 16

/**
 * Runs a call, and hands its preliminary results to a function.
 *
 * @since 0.1.0
 */
export const execute = (
  { handlers }: Toolbox.Toolbox,
  call: Asked,
  onPreliminary: (result: unknown) => Effect.Effect<void>
): Effect.Effect<ToolResult, AiError.AiError, unknown> => {
  if (call.problem !== undefined) return Effect.succeed(without(call, ResultText.ofFailure(call.problem)))
  const { callId, name } = call
  const tool = handlers.tools[name]
  if (tool === undefined) return Effect.die(new Error(`no tool ${name}`))
  const known = { callId, name, arguments: call.arguments }
  let last: Tool.HandlerResult<Tool.Any> | undefined
  const handled = Effect.flatMap(
    Effect.provideService(
      Effect.suspend(() => handlers.handle(name, call.encoded, callId)),
      Toolkit.PreliminaryBuffer,
      maxPreliminary
    ),
    Stream.runForEach((result) => {
      if (result.preliminary) return onPreliminary(result.result)
      last = result
      return Effect.void
    })
  )
  const ran = handled.pipe(
    Effect.andThen(() =>
      last === undefined ? Effect.die(new Error(`the tool ${name} gave no result`)) : Effect.succeed(last)
    ),
    Effect.matchEffect({
      onFailure: (error) => failed(tool, known, error),
      onSuccess: (result): Effect.Effect<ToolResult> =>
        Effect.succeed({
          ...known,
          isFailure: result.isFailure,
          result: result.result,
          output: result.isFailure
            ? ResultText.ofFailure(wordsOf(result.result, result.encodedResult))
            : outputOf(tool, result)
        })
    })
  )
  return Effect.flatMap(CurrentRunHooks, (hooks) => hooks === undefined ? ran : hooks.around(call, tool, ran)).pipe(
    (self) => ToolSpan.within(self, call, (result) => result.isFailure)
  )
}

type Known = Omit<ToolResult, "isFailure" | "output">

/** A typed failure of a call: by the tool's own schema, by what was asked of it, or one that ends the run. */
const failed = (
  tool: Tool.Any,
  known: Known,
  error: unknown
): Effect.Effect<ToolResult, AiError.AiError, unknown> => {
  const told = (words: string): ToolResult => ({
    ...known,
    isFailure: true,
    result: error,
    output: ResultText.ofFailure(words)
  })
  const isDeclared: (u: unknown) => boolean = Schema.is(tool.failureSchema)
  if (isDeclared(error)) {
    return Effect.matchEffect(Schema.encodeUnknownEffect(tool.failureSchema)(error), {
      onFailure: Effect.die,
      onSuccess: (encoded) => Effect.succeed(told(wordsOf(error, encoded)))
    })
  }
  if (!AiError.isAiError(error)) return Effect.die(error)
  const { reason } = error
  if (reason._tag === "ToolParameterValidationError") {
    return Effect.succeed(told(`the arguments do not fit: ${reason.description}`))
  }
  return Effect.fail(
    reason._tag === "ToolResultEncodingError"
      // The result itself would get into logs with the error.
      ? AiError.make({
        module: error.module,
        method: error.method,
        reason: new AiError.ToolResultEncodingError({
          toolName: reason.toolName,
          description: reason.description,
          toolResult: "<hidden>"
        })
      })
      : error
  )
}

const wordsOf = (failure: unknown, encoded: unknown): string =>
  AiError.isAiError(failure)
    ? failure.reason._tag === "ToolParameterValidationError"
      ? `the arguments do not fit: ${failure.reason.description}`
      : failure.reason.message
    : ResultText.ofJson(encoded)

const outputOf = (tool: Tool.Any, result: Tool.HandlerResult<Tool.Any>): ResultText.Output => {
  if (result.modelOutput !== undefined) return result.modelOutput.map(partOf)
  const { encodedResult } = result
  if (typeof encodedResult === "string") return encodedResult
  const json = Schema.encodeUnknownExit(Schema.toCodecJson(Schema.toEncoded(tool.successSchema)))(encodedResult)
  return ResultText.ofJson(Exit.isSuccess(json) ? json.value : encodedResult)
}

const partOf = (part: Prompt.ToolModelOutputPart): Input.ResultPart => {
  if (part.type === "text") return Input.text(part.text)
  const { data, fileName, mediaType } = part
  const isImage = mediaType.startsWith("image/")
  if (typeof data === "object" && !(data instanceof URL)) {
    return isImage ? Input.imageBytes(data, mediaType) : Input.fileBytes(data, mediaType, named(fileName))
  }
  const text = String(data)
  const url = /^(https?|data):/i.test(text) ? text : `data:${mediaType};base64,${text}`
  return isImage ? Input.image(url) : Input.file(url, named(fileName))
}

const named = (filename: string | undefined) => filename === undefined ? {} : { filename }
