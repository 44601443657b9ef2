/**
 * Calls of an answer as the parts of `effect/ai`: those of functions, which the program answers, and those that the server ran.
 *
 * @since 0.1.0
 */
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Base64 from "effect/encoding/Base64"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaParser from "effect/SchemaParser"
import { OutputItem } from "../../domain/response/OutputItem.ts"
import type { FunctionCall } from "../../domain/response/OutputItem.ts"
import { functionCalls } from "../../domain/response/Response.ts"
import type { Response as Answer } from "../../domain/response/Response.ts"
import { lazy } from "../../domain/wire/Lazy.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as Metadata from "./Metadata.ts"
import * as ToolFormat from "./ToolFormat.ts"

/**
 * What is to be known to read an answer.
 *
 * @since 0.1.0
 */
export interface Reading {
  readonly tools: ReadonlyArray<Tool.Any>
  /** True where calls of tools that are not there are wanted as well. */
  readonly isDeferred: boolean
}

/**
 * Parts that are the same in an answer and in a stream.
 *
 * @since 0.1.0
 */
export type CommonPart =
  | Response.ToolCallPartEncoded
  | Response.ToolResultPartEncoded
  | Response.FilePartEncoded
  | Response.DocumentSourcePartEncoded
  | Response.UrlSourcePartEncoded

const encodeItem = lazy(() => SchemaParser.encodeUnknownSync(OutputItem))

/**
 * The metadata that keeps an item.
 *
 * @since 0.1.0
 */
export const keeping = (item: OutputItem): { readonly openrouter: Metadata.Item } => ({
  openrouter: Metadata.itemOf(item, (item) => encodeItem()(item))
})

/**
 * The parts of a call or of a result, none for a call that nobody can answer, or `undefined` for an item that has no part of
 * its own.
 *
 * @since 0.1.0
 */
export const partsOf = (item: OutputItem, key: string, reading: Reading): ReadonlyArray<CommonPart> | undefined => {
  if (item.type === "function_call") {
    return isAnswerable(item, reading) ? [callOf(item, key, reading)] : []
  }
  const image = imageOf(item)
  if (image !== undefined) return [image]
  return serverCallOf(item, key, reading)
}

/**
 * True for a call that the program can answer: its tool is there, and it was not cut off.
 *
 * @since 0.1.0
 */
export const isAnswerable = (call: FunctionCall, { isDeferred, tools }: Reading): boolean =>
  call.status !== "incomplete" && (isDeferred || tools.some((tool) => isFunction(tool) && tool.name === call.name))

const isFunction = (tool: Tool.Any): boolean => !Tool.isProviderDefined(tool)

/**
 * True for a call that has a part.
 *
 * @since 0.1.0
 */
export const isShown = (item: OutputItem, reading: Reading): boolean =>
  item.type === "function_call" && isAnswerable(item, reading)

/**
 * The id by which a call is answered.
 *
 * @since 0.1.0
 */
export const callIdOf = ({ callId }: FunctionCall, key: string): string => callId === "" ? key : callId

const callOf = (call: FunctionCall, key: string, { tools }: Reading): Response.ToolCallPartEncoded => {
  const text = call.arguments.trim()
  // What is no JSON goes on as it is, so that the tool says what is wrong with it.
  const params = Result.getOrElse(
    Result.try((): unknown => text === "" ? {} : Tool.unsafeSecureJsonParse(text)),
    () => call.arguments
  )
  const fitting = isJson(params)
    ? ToolFormat.toEncoded(tools.find(({ name }) => name === call.name), params)
    : call.arguments
  const metadata = keeping(call.callId === "" ? { ...call, callId: key } : call)
  return { type: "tool-call", id: callIdOf(call, key), name: call.name, params: fitting, metadata }
}

/** JSON text can hold numbers that are read as infinite. */
const isJson = Schema.is(Schema.Json)

/** Where an image has its data. */
const imageOf = (item: OutputItem): Response.FilePartEncoded | undefined => {
  const data = item.type === "image_generation_call"
    ? item.result
    : item.type === "openrouter:image_generation"
    ? item.imageB64 ?? item.result
    : undefined
  if (data === undefined || data === "" || /^https?:/i.test(data)) return undefined
  const [, mediaType, inner] = /^data:([^;,]+);base64,(.*)$/is.exec(data) ?? []
  const base64 = inner ?? data
  return Result.isSuccess(Base64.decode(base64))
    ? { type: "file", mediaType: mediaType ?? mediaTypeOf(base64), data: base64, metadata: keeping(item) }
    : undefined
}

const mediaTypeOf = (base64: string): string =>
  base64.startsWith("/9j/") ? "image/jpeg" : base64.startsWith("UklGR") ? "image/webp" : "image/png"

/** A call that the server ran, if it is one of a tool in the toolkit whose schemas take it. */
const serverCallOf = (item: OutputItem, key: string, { tools }: Reading): ReadonlyArray<CommonPart> | undefined => {
  const type = item.type === "unknown" ? item.wireType : item.type
  const tool = tools.find((tool) => Tool.isProviderDefined(tool) && isCallOf(type, tool.providerName))
  if (tool === undefined) return undefined
  const { openrouter } = keeping(item)
  const json = openrouter.item
  const params = Object.fromEntries(
    Object.entries(Wire.isJsonObject(json) ? json : {}).filter(([name]) => asked.has(name))
  )
  const isFailure = Wire.isJsonObject(json) && json["status"] === "failed"
  const result = isFailure ? tool.failureSchema : tool.successSchema
  if (!takes(tool.parametersSchema, params) || !takes(result, json)) return undefined
  const { name } = tool
  return [
    { type: "tool-call", id: key, name, params, providerExecuted: true, metadata: { openrouter } },
    { type: "tool-result", id: key, name, isFailure, result: json, providerExecuted: true }
  ]
}

/** What a model asks of server tools; the other fields of an item are what came of it. */
const asked = new Set(
  [
    "action",
    "url",
    "query",
    "queries",
    "prompt",
    "code",
    "language",
    "timezone",
    "command",
    "commands",
    "operation",
    "model",
    "arguments",
    "input"
  ]
)

/** The calls of tools in OpenAI's shape are named `…_call`, whatever the version of the tool. */
const isCallOf = (type: string, providerName: string): boolean =>
  type === providerName || type.endsWith("_call") && providerName.startsWith(type.slice(0, -"_call".length))

const takes = (schema: Schema.Constraint, value: unknown): boolean =>
  Exit.isSuccess(SchemaParser.decodeUnknownExit(Schema.make<Schema.Codec<unknown>>(schema.ast))(value))

/**
 * The calls that nobody can answer: of tools that are not there.
 *
 * @since 0.1.0
 */
export const unknownCalls = (response: Answer, reading: Reading): ReadonlyArray<FunctionCall> =>
  functionCalls(response).filter((call) => call.status !== "incomplete" && !isAnswerable(call, reading))
