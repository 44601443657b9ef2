/**
 * What `LanguageModel` asks for as a request of OpenRouter.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as RequestTool from "../../domain/request/Tool.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import { CurrentDefaults } from "../../services/Defaults.ts"
import type * as CallParts from "./CallParts.ts"
import * as ObjectCodec from "./ObjectCodec.ts"
import * as PromptInput from "./PromptInput.ts"
import * as ToolFormat from "./ToolFormat.ts"

/**
 * How a language model asks: every field of a request but its input, and whether answers are held to a schema.
 *
 * @since 0.1.0
 */
export interface Config extends Omit<CreateResponse, "input"> {
  /**
   * Whether the model is held to the schema of `generateObject`; default true. With false the JSON Schema is a plain one, which
   * models without a strict mode take, and the answer is decoded all the same.
   */
  readonly strict?: boolean | undefined
}

/**
 * A request, and how to read its answer.
 *
 * @since 0.1.0
 */
export interface Prepared {
  readonly request: CreateResponse
  readonly reading: CallParts.Reading
  /** What the text of the answer is decoded with, if it is to have a value. */
  readonly codec: ObjectCodec.ObjectCodec | undefined
  /** The schema of that value as it was given, by which test layers know what to reply. */
  readonly schema: Schema.Codec<unknown, unknown> | undefined
}

const failing = (method: string, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: "OpenRouterLanguageModel", method, reason })

/**
 * Prepares a call; fails if a tool or a schema cannot be asked for, before anything is sent.
 *
 * @since 0.1.0
 */
export const prepare = Effect.fnUntraced(function*(
  { strict = true, text, tools: serverTools = [], ...config }: Config,
  options: LanguageModel.ProviderOptions,
  method: string
): Effect.fn.Return<Prepared, AiError.AiError> {
  const { prompt, responseFormat, toolCallValidation, tools } = options
  const asked = [...serverTools]
  for (const tool of tools) {
    const made = ToolFormat.make(tool)
    if (Result.isFailure(made)) {
      const reason = new AiError.ToolConfigurationError({ toolName: tool.name, description: made.failure })
      return yield* Effect.fail(failing(method, reason))
    }
    asked.push(made.success)
  }
  const toolChoice = tools.length === 0 ? config.toolChoice : choiceOf(options)
  const request = {
    ...config,
    input: PromptInput.fromPrompt(prompt),
    ...Wire.compact({ tools: asked.length === 0 ? undefined : asked, toolChoice, text })
  }
  const reading = { tools, isDeferred: toolCallValidation === "deferred" }
  if (responseFormat.type === "text") return { request, reading, codec: undefined, schema: undefined }
  const { objectName, schema } = responseFormat
  const codec = ObjectCodec.make(schema, strict)
  if (Result.isFailure(codec)) {
    return yield* Effect.fail(failing(method, new AiError.UnsupportedSchemaError({ description: codec.failure })))
  }
  const given = config.provider ?? (yield* CurrentDefaults).provider
  return {
    reading,
    codec: codec.success,
    schema: isCodec(schema) ? schema : undefined,
    request: {
      ...request,
      provider: given?.requireParameters === undefined ? { ...given, requireParameters: true } : given,
      text: {
        ...text,
        format: {
          type: "json_schema",
          name: objectName.replace(/[^a-zA-Z0-9_-]+/g, "_").slice(0, 64) || "answer",
          schema: codec.success.jsonSchema,
          strict
        }
      }
    }
  }
})

const isCodec = (u: unknown): u is Schema.Codec<unknown, unknown> => Schema.isSchema(u)

/** With `oneOf` the other tools are left out already. */
const choiceOf = ({ toolChoice, tools }: LanguageModel.ProviderOptions): RequestTool.ToolChoice => {
  if (typeof toolChoice === "string") return toolChoice
  if ("oneOf" in toolChoice) return toolChoice.mode ?? "auto"
  const name: string = toolChoice.tool
  const tool = tools.find((tool) => tool.name === name)
  return tool !== undefined && Tool.isProviderDefined(tool)
    ? { type: "allowed_tools", mode: "required", tools: [{ type: tool.providerName }] }
    : RequestTool.choose(name)
}
