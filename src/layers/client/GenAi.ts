/**
 * The words of OpenTelemetry's conventions for generative AI, for the calls of this library.
 *
 * @since 0.1.0
 */
import type { Outcome } from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import type * as Admission from "../../services/Admission.ts"
import type { Kind } from "./CallMetrics.ts"

/**
 * What kind of call it is: `chat` for responses, and what is billed beside them by its own name, such as `embeddings`.
 *
 * @since 0.1.0
 */
export const kindOf = ({ isBillable, model, name, request }: Admission.Call): Kind => ({
  call: name,
  operation: request !== undefined ? "chat" : isBillable ? name : undefined,
  model
})

/**
 * The name of the span of a call.
 *
 * @since 0.1.0
 */
export const spanNameOf = ({ call, model, operation }: Kind): string => {
  if (operation === undefined) return `OpenRouter.${call}`
  return model === undefined ? operation : `${operation} ${model}`
}

/**
 * Calls a function with each attribute that a call has from its beginning.
 *
 * @since 0.1.0
 */
export const describeCall = (
  { model, operation }: Kind,
  request: CreateResponse | undefined,
  isStream: boolean,
  set: (name: string, value: unknown) => void
): void => {
  set("gen_ai.provider.name", "openrouter")
  if (operation !== undefined) set("gen_ai.operation.name", operation)
  if (model !== undefined) set("gen_ai.request.model", model)
  if (request === undefined) return
  if (isStream) set("gen_ai.request.stream", true)
  const { frequencyPenalty, maxOutputTokens, presencePenalty, temperature, text, topK, topP } = request
  if (maxOutputTokens !== undefined) set("gen_ai.request.max_tokens", maxOutputTokens)
  if (temperature !== undefined) set("gen_ai.request.temperature", temperature)
  if (topP !== undefined) set("gen_ai.request.top_p", topP)
  if (topK !== undefined) set("gen_ai.request.top_k", topK)
  if (frequencyPenalty !== undefined) set("gen_ai.request.frequency_penalty", frequencyPenalty)
  if (presencePenalty !== undefined) set("gen_ai.request.presence_penalty", presencePenalty)
  const format = text?.format?.type
  if (format !== undefined) set("gen_ai.output.type", format === "text" ? "text" : "json")
}

/**
 * Why the model stopped.
 *
 * @since 0.1.0
 */
export const finishReasonOf = (outcome: Outcome): string => {
  switch (outcome._tag) {
    case "Completed":
      return outcome.functionCalls.length > 0 ? "tool_call" : "stop"
    case "Incomplete":
      return outcome.reason === "max_output_tokens" ? "length" : outcome.reason
    case "Refused":
      return "refusal"
    case "Failed":
      return "error"
    case "Empty":
      return "stop"
  }
}
