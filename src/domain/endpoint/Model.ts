/**
 * The models that OpenRouter offers, their prices, and the endpoints that serve them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Figure from "../money/Figure.ts"
import * as Wire from "../wire/Wire.ts"
import * as Call from "./Call.ts"

const optional = Schema.optionalKey

const modalities = /* @__PURE__ */ Schema.Array(
  /* @__PURE__ */ Wire.OpenLiterals(["text", "image", "file", "audio", "video", "embeddings"])
)

const prices = () => ({
  prompt: Figure.price,
  completion: Figure.price,
  audio: Figure.price,
  /** Per token of audio in the cache. */
  inputAudioCache: Figure.price,
  inputCacheRead: Figure.price,
  inputCacheWrite: Figure.price,
  /** For a cache that lasts an hour. */
  inputCacheWrite1h: Figure.price
})

/** `snakeCase` would write `1h` as a part of the word before. */
const priceNames = { inputCacheWrite1h: "input_cache_write_1h" }

/**
 * Prices that hold instead of others while all conditions do, such as those of long prompts.
 *
 * @since 0.1.0
 */
export const PricingOverride = /* @__PURE__ */ Wire.LazyStruct(() => ({
  ...prices(),
  /** Tokens of the prompt from which on it holds. */
  minPromptTokens: Figure.count,
  /** The time of day from which on it holds, as the server writes it. */
  utcStart: optional(Schema.String),
  utcEnd: optional(Schema.String)
}), priceNames)

/**
 * @since 0.1.0
 */
export interface PricingOverride extends Schema.Schema.Type<typeof PricingOverride> {}

/**
 * Prices in US dollars: per token, unless the name says otherwise. An absent price does not apply, or is not known
 * beforehand: models that choose another one (`openrouter/auto`) have a price of -1, which is none.
 *
 * @since 0.1.0
 */
export const Pricing = /* @__PURE__ */ Wire.LazyStruct(() => ({
  ...prices(),
  /** Per request. */
  request: Figure.price,
  /** Per image. */
  image: Figure.price,
  /** Per token of an image. */
  imageToken: Figure.price,
  /** Per image that is made. */
  imageOutput: Figure.price,
  audioOutput: Figure.price,
  /** Per search. */
  webSearch: Figure.price,
  internalReasoning: Figure.price,
  /** The part of the prices that is taken off: 0 is nothing, 1 is all. */
  discount: optional(Schema.Finite),
  overrides: optional(Schema.Array(PricingOverride))
}), priceNames)

/**
 * @since 0.1.0
 */
export interface Pricing extends Schema.Schema.Type<typeof Pricing> {}

/**
 * What a model takes in and gives out.
 *
 * @since 0.1.0
 */
export const Architecture = /* @__PURE__ */ Wire.LazyStruct(() => ({
  modality: optional(Schema.String),
  inputModalities: optional(modalities),
  outputModalities: optional(modalities),
  tokenizer: optional(Schema.String),
  instructType: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface Architecture extends Schema.Schema.Type<typeof Architecture> {}

/**
 * A model. `id` is what a request's `model` takes.
 *
 * @since 0.1.0
 */
export const Model = /* @__PURE__ */ Wire.LazyStruct(() => ({
  id: Schema.String,
  canonicalSlug: optional(Schema.String),
  name: optional(Schema.String),
  /** Unix seconds. */
  created: optional(Schema.Finite),
  description: optional(Schema.String),
  /** Tokens. */
  contextLength: optional(Schema.Finite),
  architecture: optional(Architecture),
  pricing: optional(Pricing),
  topProvider: optional(Wire.Struct({
    contextLength: optional(Schema.Finite),
    maxCompletionTokens: optional(Schema.Finite),
    isModerated: optional(Schema.Boolean)
  })),
  supportedParameters: optional(Schema.Array(Schema.String)),
  reasoning: optional(Wire.Struct({
    mandatory: optional(Schema.Boolean),
    defaultEnabled: optional(Schema.Boolean),
    defaultEffort: optional(Schema.String),
    supportedEfforts: optional(Schema.Array(Schema.String)),
    supportsMaxTokens: optional(Schema.Boolean)
  })),
  knowledgeCutoff: optional(Schema.String),
  /** When the model will be gone, as the server writes it. */
  expirationDate: optional(Schema.String)
}))

/**
 * @since 0.1.0
 */
export interface Model extends Schema.Schema.Type<typeof Model> {}

/**
 * What models to list; nothing means all.
 *
 * @since 0.1.0
 */
export interface ModelQuery {
  /** Such as `programming` or `roleplay`. */
  readonly category?: string | undefined
  /** Comma separated, such as `tools,structured_outputs`. */
  readonly supportedParameters?: string | undefined
  /** Comma separated, such as `text,image`. */
  readonly outputModalities?: string | undefined
  readonly inputModalities?: string | undefined
  /** Such as `pricing-low-to-high`. */
  readonly sort?: string | undefined
  /** Words to search for. */
  readonly q?: string | undefined
  /** At least this context length, in tokens. */
  readonly context?: number | undefined
  readonly offset?: number | undefined
  /** At most 1000. */
  readonly limit?: number | undefined
}

const readModels = Call.reader(Schema.Array(Schema.suspend(() => Model)), { from: "data" })

/**
 * `GET /models`.
 *
 * @since 0.1.0
 */
export const models = (query: ModelQuery = {}): Call.Call<ReadonlyArray<Model>> => ({
  name: "models",
  path: Call.withQuery("/models", { ...query }),
  read: readModels
})

/**
 * `GET /models/user`.
 *
 * @since 0.1.0
 */
export const userModels: Call.Call<ReadonlyArray<Model>> = {
  name: "userModels",
  path: "/models/user",
  read: readModels
}

const Percentiles = /* @__PURE__ */ Wire.LazyStruct(() => ({
  p50: optional(Schema.Finite),
  p75: optional(Schema.Finite),
  p90: optional(Schema.Finite),
  p99: optional(Schema.Finite)
}))

/**
 * A provider's offer of a model.
 *
 * @since 0.1.0
 */
export const ModelEndpoint = /* @__PURE__ */ Wire.LazyStruct(() => ({
  name: optional(Schema.String),
  modelId: optional(Schema.String),
  modelName: optional(Schema.String),
  providerName: optional(Schema.String),
  /** What `provider.order` and its siblings take. */
  tag: optional(Schema.String),
  contextLength: optional(Schema.Finite),
  maxCompletionTokens: optional(Schema.Finite),
  maxPromptTokens: optional(Schema.Finite),
  pricing: optional(Pricing),
  quantization: optional(Schema.String),
  /** 0 is well; below it is degraded or down. */
  status: optional(Schema.Finite),
  supportedParameters: optional(Schema.Array(Schema.String)),
  supportsImplicitCaching: optional(Schema.Boolean),
  /** Percent. */
  uptimeLast5m: optional(Schema.Finite),
  uptimeLast30m: optional(Schema.Finite),
  uptimeLast1d: optional(Schema.Finite),
  latencyLast30m: optional(Percentiles),
  throughputLast30m: optional(Percentiles)
}), {
  uptimeLast5m: "uptime_last_5m",
  uptimeLast30m: "uptime_last_30m",
  uptimeLast1d: "uptime_last_1d",
  latencyLast30m: "latency_last_30m",
  throughputLast30m: "throughput_last_30m"
})

/**
 * @since 0.1.0
 */
export interface ModelEndpoint extends Schema.Schema.Type<typeof ModelEndpoint> {}

/**
 * A model with all offers of it.
 *
 * @since 0.1.0
 */
export const ModelEndpoints = /* @__PURE__ */ Wire.LazyStruct(() => ({
  id: Schema.String,
  name: optional(Schema.String),
  created: optional(Schema.Finite),
  description: optional(Schema.String),
  architecture: optional(Architecture),
  endpoints: Schema.Array(ModelEndpoint)
}))

/**
 * @since 0.1.0
 */
export interface ModelEndpoints extends Schema.Schema.Type<typeof ModelEndpoints> {}

const readEndpoints = /* @__PURE__ */ Call.reader(ModelEndpoints, { from: "data" })

/**
 * `GET /models/{author}/{slug}/endpoints`, by the model's id.
 *
 * @since 0.1.0
 */
export const modelEndpoints = (model: string): Call.Call<ModelEndpoints> => ({
  name: "modelEndpoints",
  path: `/models/${model.split("/").map(encodeURIComponent).join("/")}/endpoints`,
  read: readEndpoints
})
