/**
 * What the model may call, and whether it must.
 *
 * A tool is a plain object; {@link make} and {@link webSearch} make the common ones shorter.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { deferred } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"
import * as ArgumentsSchema from "./ArgumentsSchema.ts"
import * as OpenAiTool from "./OpenAiTool.ts"
import * as OpenRouterTool from "./OpenRouterTool.ts"
import { Parameters, sameName, ToolName } from "./ToolName.ts"

const optional = Schema.optional

/**
 * A function of yours. `parameters` is the JSON Schema of its arguments, or `null` for none.
 *
 * One that lacks its `type` or its `properties` is sent with them, because OpenAI refuses a function without.
 *
 * @since 0.1.0
 */
export const FunctionTool = Wire.LazyStruct(() => ({
  type: Schema.tag("function"),
  name: Schema.NonEmptyString,
  description: optional(Schema.String),
  parameters: Schema.NullOr(Wire.JsonObject),
  strict: optional(Schema.Boolean),
  /** Hides the function until `openrouter:tool_search` finds it. */
  deferLoading: optional(Schema.Boolean),
  async: optional(Schema.Boolean)
}))

/**
 * @since 0.1.0
 */
export interface FunctionTool extends Schema.Schema.Type<typeof FunctionTool> {}

const inputFormats = {
  text: Wire.LazyStruct(() => ({ type: Schema.tag("text") })),
  grammar: Wire.LazyStruct(() => ({
    type: Schema.tag("grammar"),
    syntax: Wire.OpenLiterals(["lark", "regex"]),
    definition: Schema.String
  }))
}

/**
 * A tool of yours whose input is text instead of JSON, free or of a grammar.
 *
 * @since 0.1.0
 */
export const CustomTool = Wire.LazyStruct(() => ({
  type: Schema.tag("custom"),
  name: Schema.String,
  description: optional(Schema.String),
  format: optional(Wire.OpenUnion(inputFormats, { identifier: "InputFormat" }))
}))

/**
 * @since 0.1.0
 */
export interface CustomTool extends Schema.Schema.Type<typeof CustomTool> {}

/**
 * A function within a namespace.
 *
 * @since 0.1.0
 */
export const NamespaceFunction = Wire.LazyStruct(() => ({
  type: Schema.tag("function"),
  name: Schema.String,
  description: optional(Schema.String),
  parameters: optional(Wire.JsonObject),
  outputSchema: optional(Wire.JsonObject),
  strict: optional(Schema.Boolean),
  deferLoading: optional(Schema.Boolean),
  allowedCallers: optional(Schema.Array(Wire.OpenLiterals(["direct", "programmatic"])))
}))

/**
 * @since 0.1.0
 */
export interface NamespaceFunction extends Schema.Schema.Type<typeof NamespaceFunction> {}

const members = { function: NamespaceFunction, custom: CustomTool }

const customByHand = CustomTool.with(() => ({ name: ToolName }))

/** A list of tools or of the members of a namespace, each with a name of its own. */
const distinct = <S extends Schema.Codec<object, unknown>>(tool: S): Schema.$Array<S> =>
  Schema.Array(tool).check(Schema.makeFilter(sameName, { expected: "tools with different names" }))

/**
 * Functions and custom tools under a common name, which their calls carry as `namespace`.
 *
 * @since 0.1.0
 */
export const NamespaceTool = Wire.LazyStruct(() => ({
  type: Schema.tag("namespace"),
  name: Schema.String,
  description: Schema.String,
  tools: distinct(Wire.OpenUnion(members, {
    identifier: "NamespaceMember",
    byHand: {
      function: NamespaceFunction.with(() => ({ name: ToolName, parameters: optional(Parameters) })),
      custom: customByHand
    }
  }))
}))

/**
 * @since 0.1.0
 */
export interface NamespaceTool extends Schema.Schema.Type<typeof NamespaceTool> {}

const tools = {
  function: FunctionTool,
  custom: CustomTool,
  namespace: NamespaceTool,
  ...OpenAiTool.arms,
  ...OpenRouterTool.arms
}

/**
 * The schema of {@link Tool}, by name.
 *
 * @since 0.1.0
 */
export interface ToolSchema extends Wire.OpenUnion<typeof tools> {}

/**
 * A tool; one that this version does not type can be sent as `{ type: "unknown", wireType, raw }`.
 *
 * @since 0.1.0
 */
export const Tool: ToolSchema = Wire.OpenUnion(tools, {
  identifier: "Tool",
  byHand: {
    function: FunctionTool.with(() => ({ name: ToolName, parameters: Schema.NullOr(Parameters) })),
    custom: customByHand,
    namespace: NamespaceTool.with(() => ({ name: ToolName }))
  }
})

/**
 * @since 0.1.0
 */
export type Tool = typeof Tool.Type

/**
 * The tools of a request. Functions, custom tools and namespaces are told apart by their names.
 *
 * @since 0.1.0
 */
export const Tools: Schema.$Array<ToolSchema> = deferred(() => distinct(Tool))

const choices = {
  /** This function. */
  function: Wire.LazyStruct(() => ({ type: Schema.tag("function"), name: Schema.String })),
  web_search_preview: Wire.LazyStruct(() => ({ type: Schema.tag("web_search_preview") })),
  web_search_preview_2025_03_11: Wire.LazyStruct(() => ({ type: Schema.tag("web_search_preview_2025_03_11") })),
  apply_patch: Wire.LazyStruct(() => ({ type: Schema.tag("apply_patch") })),
  shell: Wire.LazyStruct(() => ({ type: Schema.tag("shell") })),
  /** Some of the tools, named as in `tools`; whether one of them must be called says `mode`. */
  allowed_tools: Wire.LazyStruct(() => ({
    type: Schema.tag("allowed_tools"),
    mode: Wire.OpenLiterals(["auto", "required"]),
    tools: Schema.Array(Wire.JsonObject)
  }))
}

/**
 * Whether the model must call: `auto`, `none`, `required`, or a certain tool, as {@link choose} names it.
 *
 * A text that is newer than this version can be sent as `{ type: "unknown", wireType: "", raw: "…" }`.
 *
 * @since 0.1.0
 */
export const ToolChoice = deferred(() =>
  Schema.Union([
    Schema.Literals(["auto", "none", "required"]),
    Wire.OpenUnion(choices, { identifier: "ToolChoice" })
  ])
)

/**
 * @since 0.1.0
 */
export type ToolChoice = typeof ToolChoice.Type

/**
 * A function of yours. Without `parameters` it takes none; they are an Effect Schema of its arguments, or JSON Schema.
 *
 * What `Tools.run` does with the tools of a toolkit is up to you here: read the arguments of a call with the same schema, and
 * send `Input.functionCallOutput`. A schema that JSON cannot express throws.
 *
 * **Example** (A tool, and its arguments)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { OpenRouter, Tool } from "effect-openrouter"
 *
 * const Place = Schema.Struct({ city: Schema.String })
 * const weather = Tool.make({ name: "weather", description: "The weather in a city", parameters: Place })
 * const readPlace = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.toCodecJson(Place)))
 *
 * const asked = OpenRouter.respond({ model: "openai/gpt-5", input: "Is it raining in Bern?", tools: [weather] })
 * ```
 *
 * @since 0.1.0
 */
export const make = (
  options: Omit<FunctionTool, "type" | "parameters"> & {
    readonly parameters?: Schema.Constraint | FunctionTool["parameters"]
  }
): FunctionTool => {
  const { parameters = null, ...others } = options
  return {
    ...others,
    type: "function",
    parameters: isSchema(parameters) ? ArgumentsSchema.toJsonSchema(parameters) : parameters
  }
}

const isSchema = (u: unknown): u is Schema.Constraint => Schema.isSchema(u)

/**
 * OpenRouter's web search, for any model.
 *
 * @since 0.1.0
 */
export const webSearch = (parameters?: OpenRouterTool.WebSearch["parameters"]): OpenRouterTool.WebSearch => ({
  type: "openrouter:web_search",
  ...Wire.compact({ parameters })
})

/**
 * OpenRouter's reader of web pages and PDFs, for any model.
 *
 * @since 0.1.0
 */
export const webFetch = (parameters?: OpenRouterTool.WebFetch["parameters"]): OpenRouterTool.WebFetch => ({
  type: "openrouter:web_fetch",
  ...Wire.compact({ parameters })
})

/**
 * The choice of one function that the model has to call.
 *
 * @since 0.1.0
 */
export const choose = (name: string): { readonly type: "function"; readonly name: string } => ({
  type: "function",
  name
})
