/**
 * Tools that OpenRouter runs while the model answers, as entries of a `Toolkit`.
 *
 * They need no handler. Their calls and results are parts of the answer with `providerExecuted: true`: `params` is what the
 * model asked for, `result` is the item of the response. They are billed besides tokens; `maxToolCalls` and
 * `stopServerToolsWhen` of the configuration limit them.
 *
 * **Example** (A model that may search the web)
 *
 * ```ts
 * import { LanguageModel, Toolkit } from "effect/ai"
 * import { OpenRouterServerTool } from "effect-openrouter/ai"
 *
 * const toolkit = Toolkit.make(OpenRouterServerTool.webSearch({ maxResults: 3 }))
 *
 * const program = LanguageModel.generateText({ prompt: "What is new in Bern?", toolkit })
 * ```
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as ModelTool from "../../domain/request/ModelTool.ts"
import type * as OpenRouterTool from "../../domain/request/OpenRouterTool.ts"

/**
 * A tool that OpenRouter runs.
 *
 * @since 0.1.0
 */
export interface ServerTool<Id extends string, Name extends string, Args>
  extends
    Tool.ProviderDefined<`openrouter.${Id}`, Name, {
      readonly args: Schema.declare<Args>
      readonly parameters: Schema.Unknown
      readonly success: Schema.Unknown
      readonly failure: Schema.Never
      readonly failureMode: "error"
    }>
{}

type Parameters<T extends { readonly parameters?: unknown }> = NonNullable<T["parameters"]>

/** What a tool takes is checked with the request, before anything is sent. */
const make = <const Id extends string, const Name extends string, Args extends object>(
  id: Id,
  customName: Name,
  args: Args
): ServerTool<Id, Name, Args> => {
  const tool: (args: Args) => ServerTool<Id, Name, Args> = Tool.providerDefined({
    id: `openrouter.${id}`,
    customName,
    providerName: `openrouter:${id}`,
    args: Schema.declare((u: unknown): u is Args => Predicate.isObject(u)),
    parameters: Schema.Unknown,
    success: Schema.Unknown
  })
  return tool(args)
}

/**
 * Searches the web.
 *
 * @since 0.1.0
 */
export const webSearch = (
  args: Parameters<OpenRouterTool.WebSearch> = {}
): ServerTool<"web_search", "OpenRouterWebSearch", Parameters<OpenRouterTool.WebSearch>> =>
  make("web_search", "OpenRouterWebSearch", args)

/**
 * Reads web pages and PDFs by URL.
 *
 * @since 0.1.0
 */
export const webFetch = (
  args: Parameters<OpenRouterTool.WebFetch> = {}
): ServerTool<"web_fetch", "OpenRouterWebFetch", Parameters<OpenRouterTool.WebFetch>> =>
  make("web_fetch", "OpenRouterWebFetch", args)

/**
 * Tells the model the time.
 *
 * @since 0.1.0
 */
export const datetime = (
  args: Parameters<OpenRouterTool.Datetime> = {}
): ServerTool<"datetime", "OpenRouterDatetime", Parameters<OpenRouterTool.Datetime>> =>
  make("datetime", "OpenRouterDatetime", args)

/**
 * Has an image model draw; `args` are its `model` and its settings under their wire names. What it draws is a `file` of the answer.
 *
 * @since 0.1.0
 */
export const imageGeneration = (
  args: Parameters<OpenRouterTool.ImageGeneration> = {}
): ServerTool<"image_generation", "OpenRouterImageGeneration", Parameters<OpenRouterTool.ImageGeneration>> =>
  make("image_generation", "OpenRouterImageGeneration", args)

/**
 * Lets the model read and write the files of the API key's workspace.
 *
 * @since 0.1.0
 */
export const files = (
  args: Parameters<OpenRouterTool.Files> = {}
): ServerTool<"files", "OpenRouterFiles", Parameters<OpenRouterTool.Files>> => make("files", "OpenRouterFiles", args)

/**
 * Runs commands in OpenRouter's sandbox.
 *
 * @since 0.1.0
 */
export const bash = (
  args: Parameters<OpenRouterTool.Bash> = { engine: "openrouter" }
): ServerTool<"bash", "OpenRouterBash", Parameters<OpenRouterTool.Bash>> => make("bash", "OpenRouterBash", args)

/**
 * Runs commands in the provider's shell, or in OpenRouter's sandbox.
 *
 * @since 0.1.0
 */
export const shell = (
  args: Parameters<OpenRouterTool.Shell> = { engine: "openrouter" }
): ServerTool<"shell", "OpenRouterShell", Parameters<OpenRouterTool.Shell>> => make("shell", "OpenRouterShell", args)

/**
 * Searches OpenRouter's models. Experimental.
 *
 * @since 0.1.0
 */
export const searchModels = (
  args: Parameters<OpenRouterTool.SearchModels> = {}
): ServerTool<"experimental__search_models", "OpenRouterSearchModels", Parameters<OpenRouterTool.SearchModels>> =>
  make("experimental__search_models", "OpenRouterSearchModels", args)

/**
 * Lets the model ask a stronger one.
 *
 * @since 0.1.0
 */
export const advisor = (
  args: Parameters<ModelTool.Advisor> = {}
): ServerTool<"advisor", "OpenRouterAdvisor", Parameters<ModelTool.Advisor>> =>
  make("advisor", "OpenRouterAdvisor", args)

/**
 * Lets the model give tasks to a worker model.
 *
 * @since 0.1.0
 */
export const subagent = (
  args: Parameters<ModelTool.Subagent> = {}
): ServerTool<"subagent", "OpenRouterSubagent", Parameters<ModelTool.Subagent>> =>
  make("subagent", "OpenRouterSubagent", args)

/**
 * Asks a panel of models, whose opinions another model analyses. Each of them is billed.
 *
 * @since 0.1.0
 */
export const fusion = (
  args: Parameters<ModelTool.Fusion> = {}
): ServerTool<"fusion", "OpenRouterFusion", Parameters<ModelTool.Fusion>> => make("fusion", "OpenRouterFusion", args)
