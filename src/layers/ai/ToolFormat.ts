/**
 * The tools of a toolkit as they are sent, and how the arguments of their calls are read.
 *
 * Tools that are annotated with `Tool.Strict` are held to their schema in strict mode, which knows no optional keys and no records:
 * those are written otherwise, and read back.
 *
 * @since 0.1.0
 */
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Tool from "effect/ai/Tool"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as ArgumentsSchema from "../../domain/request/ArgumentsSchema.ts"
import type * as RequestTool from "../../domain/request/Tool.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as ServerToolRequest from "../tools/ServerToolRequest.ts"

/**
 * A tool as it is sent; fails with why it cannot be.
 *
 * @since 0.1.0
 */
export const make = (tool: Tool.Any): Result.Result<RequestTool.Tool, string> =>
  Tool.isProviderDefined(tool)
    ? Result.succeed(ServerToolRequest.make(tool))
    : Result.try({
      try: () => ({
        type: "function" as const,
        name: tool.name,
        ...Wire.compact({ description: Tool.getDescription(tool), strict: Tool.getStrictMode(tool) }),
        parameters: parametersOf(tool)
      }),
      catch: (cause) =>
        `JSON Schema cannot express its parameters${cause instanceof Error ? ` (${cause.message})` : ""}`
    })

const parametersOf = (tool: Tool.Any): Wire.JsonObject =>
  Tool.isDynamic(tool) && tool.jsonSchema !== undefined
    ? tool.jsonSchema
    : Tool.getStrictMode(tool) === true
    ? toCodecOpenAI(tool.parametersSchema).jsonSchema
    : ArgumentsSchema.toJsonSchema(tool.parametersSchema)

/**
 * The arguments of a call in the encoded form that a toolkit takes; those that do not fit as they are.
 *
 * @since 0.1.0
 */
export const toEncoded = (tool: Tool.Any | undefined, json: unknown): unknown => {
  if (tool === undefined || Tool.isDynamic(tool) && tool.jsonSchema !== undefined) return json
  const { parametersSchema } = tool
  if (Tool.getStrictMode(tool) !== true) {
    const encoded = decoded(Schema.toCodecJson(Schema.toEncoded(parametersSchema)), json)
    return Exit.isSuccess(encoded) ? encoded.value : json
  }
  const value = decoded(toCodecOpenAI(parametersSchema).codec, json)
  if (Exit.isFailure(value)) return json
  const encoded = Schema.encodeUnknownExit(Schema.make<Schema.Codec<unknown>>(parametersSchema.ast))(value.value)
  return Exit.isSuccess(encoded) ? encoded.value : json
}

const decoded = (schema: Schema.Constraint, json: unknown): Exit.Exit<unknown, unknown> =>
  Schema.decodeUnknownExit(Schema.make<Schema.Codec<unknown>>(schema.ast))(json)
