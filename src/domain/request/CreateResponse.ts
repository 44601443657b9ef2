/**
 * The request of `POST /responses`.
 *
 * It has every field that the API honours. What the API rejects is not there: it is stateless, so there is no `store`, no
 * `previousResponseId` and no `conversation`; history goes into `input`. Neither are `background`, because an answer could
 * not be fetched later, and `route`, because `provider.sort.partition` replaced it. `stream` is what you call.
 * {@link toBody} checks OpenRouter's limits before anything is sent, and writes the same bytes for the same request, which
 * OpenRouter's response cache depends on.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { InvalidRequest } from "../error/RequestError.ts"
import * as PlaceMark from "../wire/PlaceMark.ts"
import * as Wire from "../wire/Wire.ts"
import * as ForeignField from "./ForeignField.ts"
import { InputItem } from "./Input.ts"
import { Plugin } from "./Plugin.ts"
import { ProviderPreferences } from "./ProviderPreferences.ts"
import * as RequestBody from "./RequestBody.ts"
import {
  CacheControl,
  DebugOptions,
  ImageConfig,
  PromptCacheOptions,
  PromptTemplate,
  ReasoningConfig,
  StopCondition,
  TextConfig,
  Trace
} from "./RequestSettings.ts"
import { ToolChoice, Tools } from "./Tool.ts"

const optional = Schema.optional

const maxMetadataPairs = 16

/** At most 16 pairs; keys of 1 to 64 characters without brackets, values of at most 512. */
const Metadata = Schema.Record(Schema.String, Schema.String).check(
  Schema.makeFilter((pairs: { readonly [key: string]: string }) => {
    const keys = Object.keys(pairs)
    if (keys.length > maxMetadataPairs) {
      return `has ${keys.length} pairs; OpenRouter accepts at most ${maxMetadataPairs}`
    }
    for (const key of keys) {
      if (key === "" || key.length > 64) return `has a key of ${key.length} characters; OpenRouter accepts 1 to 64`
      if (/[[\]]/.test(key)) return `has the key ${JSON.stringify(key)}; OpenRouter accepts no brackets`
      const length = pairs[key]?.length ?? 0
      if (length > 512) return `has a value of ${length} characters at ${JSON.stringify(key)}; OpenRouter accepts 512`
    }
    return undefined
  }, { expected: "metadata within OpenRouter's limits" })
)

const Identifier = Schema.String.check(Schema.makeFilter(
  (text: string) => text.length <= 256 ? undefined : `has ${text.length} characters; OpenRouter accepts at most 256`,
  { expected: "a text of at most 256 characters" }
))

const ModelSlug = Schema.String.check(Schema.makeFilter(
  (slug: string) => slug.trim() === "" ? "is empty; name a model such as openai/gpt-5" : undefined,
  { expected: "the slug of a model" }
))

const fields = () => ({
  /** `author/slug[:variant]`, `@preset/slug`, `openrouter/auto`, … */
  model: optional(ModelSlug),
  /** Fallbacks in order of priority; any error of one can trigger the next. */
  models: optional(Schema.Array(ModelSlug)),
  input: optional(Schema.Union([Schema.String, Schema.Array(InputItem)])),
  instructions: optional(Schema.String),
  maxOutputTokens: optional(Schema.Int),
  /** 0 to 2. */
  temperature: optional(Schema.Finite),
  /** 0 to 1. */
  topP: optional(Schema.Finite),
  topK: optional(Schema.Int),
  /** -2 to 2. */
  frequencyPenalty: optional(Schema.Finite),
  /** -2 to 2. */
  presencePenalty: optional(Schema.Finite),
  /** 0 to 20. */
  topLogprobs: optional(Schema.Int),
  tools: optional(Tools),
  toolChoice: optional(ToolChoice),
  parallelToolCalls: optional(Schema.Boolean),
  /** Steps of server tools; OpenRouter's default and maximum is 30. `stopServerToolsWhen` overrides it. */
  maxToolCalls: optional(Schema.Int),
  /** When OpenRouter stops running server tools: as soon as one of these holds. */
  stopServerToolsWhen: optional(Schema.Array(StopCondition).check(Schema.isMinLength(1))),
  text: optional(TextConfig),
  reasoning: optional(ReasoningConfig),
  include: optional(Schema.Array(Wire.OpenLiterals([
    "file_search_call.results",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "reasoning.encrypted_content",
    "code_interpreter_call.outputs"
  ]))),
  metadata: optional(Metadata),
  modalities: optional(Schema.Array(Wire.OpenLiterals(["text", "image"]))),
  imageConfig: optional(ImageConfig),
  provider: optional(ProviderPreferences),
  plugins: optional(Schema.Array(Plugin)),
  /** OpenRouter's default: `auto`. */
  serviceTier: optional(Wire.OpenLiterals(["auto", "default", "fast", "flex", "priority", "scale"])),
  truncation: optional(Wire.OpenLiterals(["auto", "disabled"])),
  prompt: optional(PromptTemplate),
  cacheControl: optional(CacheControl),
  promptCacheOptions: optional(PromptCacheOptions),
  /** Requests with the same key go to the same provider, whose cache then helps; `sessionId` has the same effect. */
  promptCacheKey: optional(Schema.String),
  /** Groups requests: sticky routing to one provider, and logs. At most 256 characters. */
  sessionId: optional(Identifier),
  /** Your end user. At most 256 characters. */
  user: optional(Identifier),
  /** Your end user for providers' abuse checks: a hash or pseudonym. */
  safetyIdentifier: optional(Schema.String),
  /** For your observability tools. */
  trace: optional(Trace),
  /** Streams only. */
  debug: optional(DebugOptions)
})

/**
 * The schema of {@link CreateResponse}, by name.
 *
 * @since 0.1.0
 */
export interface CreateResponseSchema extends Wire.LazyStruct<ReturnType<typeof fields>> {}

/**
 * A request for a response, or a part of one: the defaults of a program have the same type. What is sent has an `input` or a
 * stored `prompt`; the schema checks that, and the calls ask for it ({@link Sendable}). Without a `model` OpenRouter takes
 * the account's.
 *
 * @since 0.1.0
 */
export const CreateResponse: CreateResponseSchema = Wire.LazyStruct(fields, {}, {
  identifier: "CreateResponse",
  check: (request) => withoutInput(request) ?? withoutTool(request)
})

/**
 * @since 0.1.0
 */
export interface CreateResponse extends Schema.Schema.Type<typeof CreateResponse> {}

/**
 * What a request has to have: an `input`, or a stored `prompt`.
 *
 * @since 0.1.0
 */
export type Asking =
  | { readonly input: NonNullable<CreateResponse["input"]> }
  | { readonly prompt: NonNullable<CreateResponse["prompt"]> }

/**
 * A request that says what to answer. All other fields may come from the defaults of the program.
 *
 * @since 0.1.0
 */
export type Sendable = CreateResponse & Asking

const withoutInput = ({ input, prompt }: Wire.JsonObject): Wire.Flaw | undefined => {
  if (prompt !== undefined) return undefined
  if (input === undefined) return { path: ["input"], issue: "is missing: write a text or a list of items, or a prompt" }
  return Array.isArray(input) && input.length === 0
    ? { path: ["input"], issue: "must have an item, such as Input.user(text)" }
    : undefined
}

/** A choice of a function that is not there. Tools may also come from a stored prompt, and from the input. */
const withoutTool = ({ input, prompt, toolChoice, tools = [] }: Wire.JsonObject): Wire.Flaw | undefined => {
  if (toolChoice === undefined || prompt !== undefined || !Array.isArray(tools)) return undefined
  const chosen = Wire.isJsonObject(toolChoice) && toolChoice["type"] === "function" ? toolChoice["name"] : undefined
  if (chosen === undefined && toolChoice !== "required") return undefined
  const isThere = tools.some((tool) => chosen === undefined || isChosen(tool, chosen)) ||
    Array.isArray(input) && input.some(bringsTools)
  if (isThere) return undefined
  return {
    path: ["toolChoice"],
    issue: `needs ${chosen === undefined ? "a tool" : "a function of this name"} in tools`
  }
}

const isChosen = (tool: unknown, name: unknown): boolean =>
  Wire.isJsonObject(tool) && (tool["name"] === name || tool["type"] === "namespace" || Wire.isUnknown(tool))

const bringsTools = (item: unknown): boolean =>
  Wire.isJsonObject(item) && (item["type"] === "additional_tools" || Wire.isUnknown(item))

/** Fields that count as absent with these values: they ask for what OpenRouter does anyway. */
const defaults = new Map<string, ReadonlyArray<unknown>>([
  ["stream", [true, false, null]],
  ["store", [false]],
  ["background", [false, null]],
  ["previous_response_id", [null]]
])

const read = /* @__PURE__ */ RequestBody.reader(CreateResponse)

const write = RequestBody.writer(CreateResponse, ForeignField.find)

/**
 * The request of a JSON body, such as one that was recorded or comes from another client of the Responses API.
 *
 * `stream`, `store: false`, `background: false` and `previous_response_id: null` are left out, because they are chosen
 * otherwise or mean nothing; a `null` counts as absent. Every other field that OpenRouter does not have fails with its
 * name, so nothing is changed silently. Items, tools and plugins keep their JSON, also unknown ones.
 *
 * @since 0.1.0
 */
export const fromWire = (json: unknown): Result.Result<CreateResponse, InvalidRequest> => {
  if (!Wire.isJsonObject(json)) return Result.fail(RequestBody.invalid(json, "is not a JSON object"))
  const body: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(json)) {
    if (defaults.get(field)?.includes(value) === true) continue
    const remedy = ForeignField.remedy(field, Wire.snakeCase)
    if (remedy !== undefined) return Result.fail(RequestBody.invalid(json, remedy, field))
    body[field] = value
  }
  return read(body)
}

/**
 * Checks a request and writes its JSON body; fails with the field and the remedy.
 *
 * @since 0.1.0
 */
export const toBody = (
  request: CreateResponse,
  options: { readonly stream: boolean; readonly mark?: string | undefined }
): Result.Result<string, InvalidRequest> => {
  const { mark, stream } = options
  if (mark === undefined) return write(request, stream ? { stream } : undefined)
  const metadata = { ...request.metadata, [PlaceMark.name]: mark }
  return write({ ...request, metadata }, stream ? { stream } : undefined)
}
