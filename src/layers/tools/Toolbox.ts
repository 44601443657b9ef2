/**
 * A toolkit as a loop needs it: what to tell the model of its tools, and how to read what the model says.
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { InvalidRequest } from "../../domain/error/OpenRouterError.ts"
import * as ObjectFormat from "../../domain/object/ObjectFormat.ts"
import * as ArgumentsSchema from "../../domain/request/ArgumentsSchema.ts"
import type { InputItem } from "../../domain/request/Input.ts"
import type * as RequestTool from "../../domain/request/Tool.ts"
import * as CanonicalJson from "../../domain/wire/CanonicalJson.ts"
import * as Sha256 from "../../domain/wire/Sha256.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import * as ServerToolRequest from "./ServerToolRequest.ts"
import * as ToolMessages from "./ToolMessages.ts"

/**
 * Any toolkit with its handlers.
 *
 * @since 0.1.0
 */
export type Handlers = Toolkit.WithHandler<Record<string, Tool.Any>>

/**
 * What is prepared for a run.
 *
 * @since 0.1.0
 */
export interface Toolbox {
  readonly handlers: Handlers
  /** As they are sent, by name. */
  readonly tools: ReadonlyMap<string, RequestTool.Tool>
  /** Of the names of the tools and of what they take: equal for equal ones, in whatever order. */
  readonly fingerprint: string
  /** The arguments of a call in the encoded form that the toolkit takes; those that do not fit as they are. */
  readonly toEncoded: (name: string, json: unknown) => unknown
}

/** What is prepared once for a tool: what is sent, and how its arguments are read. */
interface Format {
  readonly tool: RequestTool.Tool
  readonly decode: (json: unknown) => Exit.Exit<unknown, unknown>
}

/** Formats by tool. A tool that is no longer used takes its format with it. */
const CurrentToolFormats = /* @__PURE__ */ Context.Reference<WeakMap<object, Format>>(
  "effect-openrouter/Tools/CurrentToolFormats",
  {
    defaultValue: () => new WeakMap()
  }
)

/**
 * Prepares a toolkit; fails if JSON cannot express what one of its tools takes.
 *
 * @since 0.1.0
 */
export const make = (handlers: Handlers): Effect.Effect<Toolbox, InvalidRequest> =>
  Effect.flatMap(CurrentToolFormats, (known) => {
    const formats = new Map<string, Format>()
    for (const [name, tool] of Object.entries(handlers.tools)) {
      const format = known.get(tool) ?? formatOf(tool)
      if (format instanceof InvalidRequest) return Effect.fail(format)
      known.set(tool, format)
      formats.set(name, format)
    }
    const taken = Array.from(formats, ([name, { tool }]) => [
      name,
      tool.type === "function" ? tool.parameters : tool
    ]).sort(([a], [b]) => String(a) < String(b) ? -1 : 1)
    return Effect.succeed({
      handlers,
      tools: new Map(Array.from(formats, ([name, { tool }]) => [name, tool])),
      fingerprint: Sha256.hex(CanonicalJson.stringify(taken)),
      toEncoded: (name, json) => {
        const read = formats.get(name)?.decode(json)
        return read !== undefined && Exit.isSuccess(read) ? read.value : json
      }
    })
  })

const formatOf = (tool: Tool.Any): Format | InvalidRequest => {
  if (Tool.isProviderDefined(tool)) return { tool: ServerToolRequest.make(tool), decode: Exit.succeed }
  const converted = Result.try({
    try: () => functionOf(tool),
    catch: (cause) =>
      new InvalidRequest({
        origin: "local",
        field: `toolkit.${tool.name}`,
        message: `toolkit.${tool.name}: JSON Schema cannot express its parameters` +
          (cause instanceof Error ? ` (${cause.message})` : "")
      })
  })
  return Result.merge(converted)
}

/**
 * The function of a tool. Strict mode is for tools that are annotated with `Tool.Strict`: it knows no optional keys and no
 * records, which are then written otherwise.
 */
const functionOf = (tool: Tool.Any): Format => {
  const strict = Tool.getStrictMode(tool)
  const described = {
    type: "function" as const,
    name: tool.name,
    ...Wire.compact({ description: Tool.getDescription(tool), strict })
  }
  if (Tool.isDynamic(tool) && tool.jsonSchema !== undefined) {
    return { tool: { ...described, parameters: tool.jsonSchema }, decode: Exit.succeed }
  }
  const encoded = Schema.toEncoded(tool.parametersSchema)
  return strict === true ? { ...strictly(tool.parametersSchema, described) } : {
    tool: { ...described, parameters: ArgumentsSchema.toJsonSchema(tool.parametersSchema) },
    decode: Schema.decodeUnknownExit(Schema.toCodecJson(encoded))
  }
}

/** The same for strict mode, with the format of structured answers. */
const strictly = (
  schema: Schema.Constraint,
  described: Omit<Extract<RequestTool.Tool, { readonly type: "function" }>, "parameters">
): Format => {
  const format = ObjectFormat.make(schema, true)
  if (Result.isFailure(format)) throw new Error(format.failure)
  const codec = Schema.make<Schema.Codec<unknown>>(schema.ast)
  const encode = Schema.encodeUnknownExit(codec)
  return {
    tool: { ...described, parameters: format.success.jsonSchema },
    decode: (json) => {
      const decoded = ObjectFormat.decodeText(format.success, codec, JSON.stringify(json), false)
      return Result.isSuccess(decoded) ? encode(decoded.success.value) : Exit.fail(decoded.failure)
    }
  }
}

/**
 * Whether a call needs somebody's approval. Arguments that do not fit need none, because such a call is not run.
 *
 * @since 0.1.0
 */
export const needsApproval = (
  { handlers }: Toolbox,
  call: { readonly callId: string; readonly name: string },
  encoded: unknown,
  transcript: ReadonlyArray<InputItem>
): Effect.Effect<boolean, never, unknown> => {
  const tool = Object.hasOwn(handlers.tools, call.name) ? handlers.tools[call.name] : undefined
  const asked = tool?.needsApproval
  if (tool === undefined || asked === undefined || asked === false) return Effect.succeed(false)
  return Effect.matchEffect(Schema.decodeUnknownEffect(tool.parametersSchema)(encoded), {
    onFailure: () => Effect.succeed(false),
    onSuccess: (parameters) => {
      if (asked === true) return Effect.succeed(true)
      const needed = asked(parameters, {
        toolCallId: call.callId,
        messages: ToolMessages.fromTranscript(transcript)
      })
      return Effect.isEffect(needed) ? needed : Effect.succeed(needed)
    }
  })
}
