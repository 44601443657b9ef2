/**
 * The response object of `POST /responses`: the one place that knows its fields.
 *
 * @since 0.1.0
 */
import type { Answer } from "./Answer.ts"
import * as Price from "./Price.ts"
import type { JsonObject } from "./Prompt.ts"
import type { Request } from "./Request.ts"

/**
 * What a response object says besides the answer itself. Instants are in whole seconds since the epoch.
 *
 * @since 0.1.0
 */
export interface Circumstances {
  readonly id: string
  readonly model: string
  readonly createdAt: number
  readonly completedAt: number
  readonly charge: Price.Charge
}

/**
 * The complete response object, in the order and with the defaults of the present server.
 *
 * @since 0.1.0
 */
export const make = ({ body }: Request, answer: Answer, circumstances: Circumstances): JsonObject => ({
  id: circumstances.id,
  object: "response",
  created_at: circumstances.createdAt,
  model: circumstances.model,
  status: answer.status,
  completed_at: answer.status === "completed" ? circumstances.completedAt : null,
  output: answer.items,
  error: answer.error ?? null,
  ...(answer.errorType === undefined ? undefined : { error_type: answer.errorType }),
  incomplete_details: answer.incompleteReason === undefined ? null : { reason: answer.incompleteReason },
  instructions: body["instructions"] ?? null,
  metadata: body["metadata"] ?? {},
  temperature: body["temperature"] ?? 1,
  top_p: body["top_p"] ?? 1,
  presence_penalty: body["presence_penalty"] ?? 0,
  frequency_penalty: body["frequency_penalty"] ?? 0,
  tools: body["tools"] ?? [],
  tool_choice: body["tool_choice"] ?? "auto",
  parallel_tool_calls: body["parallel_tool_calls"] ?? true,
  max_output_tokens: body["max_output_tokens"] ?? null,
  max_tool_calls: body["max_tool_calls"] ?? null,
  top_logprobs: body["top_logprobs"] ?? 0,
  reasoning: body["reasoning"] ?? null,
  text: body["text"] ?? { format: { type: "text" } },
  truncation: body["truncation"] ?? "disabled",
  service_tier: "default",
  background: false,
  store: false,
  previous_response_id: null,
  prompt_cache_key: body["prompt_cache_key"] ?? null,
  safety_identifier: body["safety_identifier"] ?? null,
  ...usageOf(answer, circumstances.charge)
})

/**
 * The response object as it looks before anything was said.
 *
 * @since 0.1.0
 */
export const snapshot = ({ error_type: _, ...body }: JsonObject): JsonObject => ({
  ...body,
  status: "in_progress",
  completed_at: null,
  output: [],
  error: null,
  incomplete_details: null,
  service_tier: "auto",
  usage: null
})

const usageOf = (answer: Answer, charge: Price.Charge): JsonObject => {
  if (answer.usage === "absent") return {}
  if (answer.usage === "null" || !answer.billed) return { usage: null }
  return {
    usage: {
      input_tokens: answer.inputTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: answer.outputTokens,
      output_tokens_details: { reasoning_tokens: answer.reasoningTokens },
      total_tokens: answer.inputTokens + answer.outputTokens,
      cost: Price.toWire(charge.total),
      is_byok: false,
      cost_details: {
        upstream_inference_cost: Price.toWire(charge.total),
        upstream_inference_input_cost: Price.toWire(charge.input),
        upstream_inference_output_cost: Price.toWire(charge.output)
      }
    }
  }
}
