/**
 * The documents about models and providers: `GET /models`, `/models/user`, `/models/count`,
 * `/models/{author}/{slug}/endpoints` and `/providers`. All of them tell of the same models: those of the price table.
 *
 * @since 0.1.0
 */
import type { Config } from "./Options.ts"
import type * as Price from "./Price.ts"
import type { JsonObject } from "./Prompt.ts"

/**
 * The one provider of all emulated models.
 *
 * @since 0.1.0
 */
export const provider = { name: "Emulator", slug: "emulator" }

const contextLength = 128_000

const maxCompletionTokens = 32_000

const architecture = {
  modality: "text->text",
  input_modalities: ["text"],
  output_modalities: ["text"],
  tokenizer: "Other",
  instruct_type: null
}

const description = "An emulated model."

const supportedParameters = [
  "max_tokens",
  "reasoning",
  "response_format",
  "structured_outputs",
  "tool_choice",
  "tools"
]

/**
 * `GET /models` and `GET /models/user`: the emulator's account has no settings that leave out a model.
 *
 * @since 0.1.0
 */
export const models = (config: Config): JsonObject => {
  const data = Object.entries(config.prices).map(([id, price]) => model(id, price))
  return { data, total_count: data.length, links: { next: null } }
}

/**
 * `GET /models/count`.
 *
 * @since 0.1.0
 */
export const count = ({ prices }: Config): JsonObject => ({ data: { count: Object.keys(prices).length } })

/**
 * `GET /models/{author}/{slug}/endpoints`, or `undefined` for a model that is not listed.
 *
 * @since 0.1.0
 */
export const endpoints = ({ prices }: Config, id: string): JsonObject | undefined => {
  const price = Object.hasOwn(prices, id) ? prices[id] : undefined
  if (price === undefined) return undefined
  return {
    data: { id, name: id, created: 0, description, architecture, endpoints: [endpoint(id, price)] }
  }
}

/**
 * `GET /providers`.
 *
 * @since 0.1.0
 */
export const providers: JsonObject = {
  data: [{
    ...provider,
    privacy_policy_url: null,
    terms_of_service_url: null,
    status_page_url: null,
    headquarters: null,
    datacenters: []
  }]
}

const model = (id: string, price: Price.TokenPrice): JsonObject => ({
  id,
  canonical_slug: id,
  name: id,
  created: 0,
  description,
  context_length: contextLength,
  architecture,
  pricing: { prompt: price.prompt, completion: price.completion },
  top_provider: { context_length: contextLength, max_completion_tokens: maxCompletionTokens, is_moderated: false },
  per_request_limits: null,
  supported_parameters: supportedParameters,
  default_parameters: null,
  supported_voices: null,
  knowledge_cutoff: null,
  expiration_date: null,
  links: { details: `/api/v1/models/${id}/endpoints` }
})

const endpoint = (id: string, price: Price.TokenPrice): JsonObject => ({
  name: `${provider.name} | ${id}`,
  model_id: id,
  model_name: id,
  provider_name: provider.name,
  tag: provider.slug,
  context_length: contextLength,
  max_completion_tokens: maxCompletionTokens,
  max_prompt_tokens: null,
  pricing: { prompt: price.prompt, completion: price.completion, discount: 0 },
  quantization: null,
  status: 0,
  supported_parameters: supportedParameters,
  supports_implicit_caching: false,
  supports_tool_choice: { auto: true, function: true, none: true, required: true },
  uptime_last_5m: 100,
  uptime_last_30m: 100,
  uptime_last_1d: 100,
  latency_last_30m: null,
  throughput_last_30m: null
})
