/**
 * Answers as `POST /chat/completions` gives them: one `chat.completion`, or chunks.
 *
 * Both are made of the response object and its events, so whatever can happen to those happens here as well: faults in the
 * middle, other orders, unknown events. What chat has no words for is left out.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type { Dialect } from "./Answering.ts"
import * as ChatRequest from "./ChatRequest.ts"
import type { Event } from "./Events.ts"
import type { JsonObject } from "./Prompt.ts"
import type { ToWire } from "./Script.ts"

const objects = (value: unknown): ReadonlyArray<JsonObject> =>
  Array.isArray(value) ? value.filter(Predicate.isObject) : []

const objectOf = (value: unknown): JsonObject => Predicate.isObject(value) ? value : {}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/** What each document of an answer begins with. */
const headOf = (response: JsonObject, object: string): JsonObject => ({
  id: response["id"],
  provider: "Emulator",
  model: response["model"],
  object,
  created: response["created_at"]
})

/**
 * The answer in one piece.
 *
 * @since 0.1.0
 */
export const document = (response: JsonObject): JsonObject => {
  const usage = usageOf(response["usage"])
  const error = errorOf(response["error"], response["error_type"])
  return {
    ...headOf(response, "chat.completion"),
    choices: [{
      index: 0,
      logprobs: null,
      ...finishOf(response),
      message: messageOf(objects(response["output"])),
      ...(error && { error })
    }],
    ...("usage" in response && { usage })
  }
}

const messageOf = (output: ReadonlyArray<JsonObject>): JsonObject => {
  const parts = output.filter(({ type }) => type === "message").flatMap(({ content }) => objects(content))
  const said = (type: string, field: string): string | null => {
    const texts = parts.filter((part) => part["type"] === type).map((part) => textOf(part[field]))
    return texts.length === 0 ? null : texts.join("")
  }
  const thoughts = output.filter(({ type }) => type === "reasoning").flatMap(({ summary }) => objects(summary))
  const calls = output.filter(({ type }) => type === "function_call")
  return {
    role: "assistant",
    content: said("output_text", "text"),
    refusal: said("refusal", "refusal"),
    ...(thoughts.length > 0 && {
      reasoning: thoughts.map(({ text }) => textOf(text)).join(""),
      reasoning_details: thoughts.map(({ text }, index) => detailOf(textOf(text), index))
    }),
    ...(calls.length > 0 && {
      tool_calls: calls.map((call, index) => ({
        index,
        id: call["call_id"],
        type: "function",
        function: { name: call["name"], arguments: call["arguments"] }
      }))
    })
  }
}

const detailOf = (summary: string, index: number): JsonObject => ({
  type: "reasoning.summary",
  summary,
  format: "unknown",
  index
})

const finishOf = (response: JsonObject): JsonObject => {
  const native = response["status"] === "incomplete"
    ? textOf(objectOf(response["incomplete_details"])["reason"])
    : textOf(response["status"])
  return { finish_reason: reasonOf(response, native), native_finish_reason: native }
}

const reasonOf = (response: JsonObject, native: string): string => {
  switch (response["status"]) {
    case "failed":
      return "error"
    case "incomplete":
      return native === "content_filter" ? native : "length"
    default:
      return objects(response["output"]).some(({ type }) => type === "function_call") ? "tool_calls" : "stop"
  }
}

const usageOf = (usage: unknown): JsonObject | null => {
  if (!Predicate.isObject(usage)) return null
  const costs = objectOf(usage["cost_details"])
  return {
    prompt_tokens: usage["input_tokens"],
    completion_tokens: usage["output_tokens"],
    total_tokens: usage["total_tokens"],
    cost: usage["cost"],
    is_byok: usage["is_byok"],
    prompt_tokens_details: usage["input_tokens_details"],
    completion_tokens_details: usage["output_tokens_details"],
    cost_details: {
      upstream_inference_cost: costs["upstream_inference_cost"],
      upstream_inference_prompt_cost: costs["upstream_inference_input_cost"],
      upstream_inference_completions_cost: costs["upstream_inference_output_cost"]
    }
  }
}

/** An error within an answer: chat has numbers for codes. */
const errorOf = (error: unknown, type: unknown): JsonObject | undefined => {
  if (!Predicate.isObject(error)) return undefined
  const word = textOf(type ?? error["code"])
  return {
    code: codes.get(word) ?? 502,
    message: error["message"],
    ...(type !== undefined && { metadata: { error_type: type } })
  }
}

const codes: ReadonlyMap<string, number> = new Map([
  ["rate_limit_exceeded", 429],
  ["context_length_exceeded", 400],
  ["invalid_request", 400],
  ["invalid_prompt", 400],
  ["refusal", 403],
  ["content_policy_violation", 403],
  ["image_content_policy_violation", 403],
  ["server", 500],
  ["provider_overloaded", 503],
  ["timeout", 504]
])

/**
 * What is sent for the events of an answer: chunks with a piece each, one with the reason of the end, and one with the usage.
 *
 * @since 0.1.0
 */
export const events = (response: JsonObject): ToWire => {
  const head = headOf(response, "chat.completion.chunk")
  const calls = new Map<unknown, number>()
  let isOver = false

  const chunk = (delta: JsonObject, finish: JsonObject = { finish_reason: null, native_finish_reason: null }) => ({
    ...head,
    choices: [{ index: 0, delta: { role: "assistant", content: "", ...delta }, logprobs: null, ...finish }]
  })

  const ended = (usage: unknown, finish: JsonObject): ReadonlyArray<JsonObject> => {
    const told = usageOf(usage)
    return [chunk({}, finish), ...(told === null ? [] : [{ ...chunk({}, finish), usage: told }])]
  }

  const failed = (error: unknown, type: unknown, usage?: unknown): ReadonlyArray<JsonObject> => {
    if (isOver) return []
    isOver = true
    const finish = { finish_reason: "error", native_finish_reason: "error" }
    const [last, ...more] = ended(usage, finish)
    return [{ ...last, error: errorOf(error, type) }, ...more]
  }

  return (event: Event) => {
    const piece = textOf(event["delta"])
    switch (event.type) {
      case "response.created":
        return [chunk({})]
      case "response.output_text.delta":
        return [chunk({ content: piece })]
      case "response.refusal.delta":
        return [chunk({ refusal: piece })]
      case "response.reasoning_summary_text.delta":
        return [chunk({ reasoning: piece, reasoning_details: [detailOf(piece, 0)] })]
      case "response.output_item.added": {
        const item = objectOf(event["item"])
        if (item["type"] !== "function_call") return []
        const index = calls.size
        calls.set(event["output_index"], index)
        const call = { name: item["name"], arguments: "" }
        return [
          chunk({ content: null, tool_calls: [{ index, id: item["call_id"], type: "function", function: call }] })
        ]
      }
      case "response.function_call_arguments.delta": {
        const index = calls.get(event["output_index"]) ?? 0
        return [chunk({ content: null, tool_calls: [{ index, function: { arguments: piece } }] })]
      }
      case "response.completed":
      case "response.incomplete":
        return ended(response["usage"], finishOf(response))
      case "response.failed": {
        const { error, error_type, usage } = objectOf(event["response"])
        return failed(error, error_type, usage)
      }
      case "response.error":
        return failed(event["error"], undefined)
      case "error":
        return failed(event["error"] ?? event, undefined)
      default:
        return []
    }
  }
}

/**
 * That of `POST /chat/completions`.
 *
 * @since 0.1.0
 */
export const dialect: Dialect = { parse: ChatRequest.parse, document, events }
