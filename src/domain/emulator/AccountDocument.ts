/**
 * The documents about the account: `GET /key`, `/credits` and `/generation`. All of them agree with the ledger.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Catalog from "./Catalog.ts"
import * as Ledger from "./Ledger.ts"
import type { Config } from "./Options.ts"
import * as Price from "./Price.ts"
import type { JsonObject } from "./Prompt.ts"
import * as Recent from "./Recent.ts"

/**
 * `GET /key`; `free` is today's use of the free models. Usage by day, week and month all say the whole usage: an emulator does not live that long.
 *
 * @since 0.1.0
 */
export const key = (
  books: Ledger.Books,
  apiKey: string,
  free: { readonly limit: number; readonly used: number }
): JsonObject => {
  const usage = Price.toWire(Ledger.spentBy(books, apiKey))
  return {
    data: {
      label: Ledger.keyLabel(apiKey),
      limit: null,
      limit_remaining: null,
      limit_reset: null,
      include_byok_in_limit: false,
      usage,
      usage_daily: usage,
      usage_weekly: usage,
      usage_monthly: usage,
      byok_usage: 0,
      byok_usage_daily: 0,
      byok_usage_weekly: 0,
      byok_usage_monthly: 0,
      is_free_tier: false,
      is_management_key: false,
      is_provisioning_key: false,
      creator_user_id: "user_emulator",
      expires_at: null,
      rate_limit: { interval: "10s", note: "Deprecated and without meaning.", requests: -1 },
      free_model_daily_requests: { ...free, remaining: Math.max(0, free.limit - free.used) },
      workspace_id: "workspace_emulator",
      organization_id: null,
      allowed_data_regions: ["global"]
    }
  }
}

/**
 * `GET /credits`. The real server wants a management key here; the emulator takes any accepted key.
 *
 * @since 0.1.0
 */
export const credits = (books: Ledger.Books, config: Config): JsonObject => ({
  data: { total_credits: Price.toWire(config.credits), total_usage: Price.toWire(books.total) }
})

/**
 * `GET /generation?id=`, or `undefined` for an id that was never given or is forgotten.
 *
 * @since 0.1.0
 */
export const generation = (books: Ledger.Books, id: string): JsonObject | undefined => {
  const entry = Recent.get(books.generations, id)
  if (entry === undefined) return undefined
  const cost = Price.toWire(entry.cost)
  return {
    data: {
      id: entry.id,
      upstream_id: null,
      request_id: null,
      total_cost: cost,
      usage: cost,
      cache_discount: null,
      upstream_inference_cost: null,
      is_byok: false,
      created_at: DateTime.formatIso(DateTime.makeUnsafe(entry.createdAt)),
      model: entry.model,
      provider_name: Catalog.provider.name,
      provider_responses: null,
      app_id: null,
      external_user: null,
      http_referer: null,
      origin: "",
      user_agent: null,
      api_type: "completions",
      router: null,
      service_tier: null,
      session_id: null,
      streamed: entry.streamed,
      cancelled: entry.cancelled,
      latency: 0,
      generation_time: 0,
      moderation_latency: null,
      finish_reason: entry.finishReason,
      native_finish_reason: entry.finishReason,
      tokens_prompt: entry.inputTokens,
      tokens_completion: entry.outputTokens,
      native_tokens_prompt: entry.inputTokens,
      native_tokens_completion: entry.outputTokens,
      native_tokens_reasoning: entry.reasoningTokens,
      native_tokens_cached: 0,
      native_tokens_completion_images: null,
      num_input_audio_prompt: null,
      num_media_completion: null,
      num_media_prompt: null,
      num_fetches: null,
      num_search_results: null,
      web_search_engine: null,
      preset_id: null,
      data_region: "global",
      workspace_id: "workspace_emulator",
      response_cache_source_id: null
    }
  }
}
