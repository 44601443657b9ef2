/**
 * What was asked and answered, on a span: only for those who have switched it on.
 *
 * By the conventions messages have a role and parts; as attributes of spans have no structure, they are JSON text.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as Tracer from "effect/Tracer"
import type { Outcome } from "../../domain/outcome/Outcome.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"

/**
 * The texts of a request.
 *
 * @since 0.1.0
 */
export const ofRequest = (span: Tracer.Span, { input, instructions }: CreateResponse): void => {
  if (instructions !== undefined) {
    span.attribute("gen_ai.system_instructions", JSON.stringify([textPart(instructions)]))
  }
  if (input === undefined) return
  const messages = typeof input === "string"
    ? [{ role: "user", parts: [textPart(input)] }]
    : input.map((item) => messageOf(item, "user"))
  span.attribute("gen_ai.input.messages", JSON.stringify(messages))
}

/**
 * The texts of an answer.
 *
 * @since 0.1.0
 */
export const ofAnswer = (span: Tracer.Span, { response }: Outcome, finishReason: string): void =>
  span.attribute(
    "gen_ai.output.messages",
    JSON.stringify(response.output.map((item) => ({ ...messageOf(item, "assistant"), finish_reason: finishReason })))
  )

const textPart = (content: string) => ({ type: "text", content })

/** An item of a conversation, of which there are many kinds; of what is no text there is the kind alone. */
const messageOf = (item: unknown, role: string) => {
  const type = textOf(item, "type") ?? "message"
  switch (type) {
    case "function_call":
      return {
        role: "assistant",
        parts: [{
          type: "tool_call",
          id: textOf(item, "callId"),
          name: textOf(item, "name"),
          arguments: textOf(item, "arguments")
        }]
      }
    case "function_call_output":
      return {
        role: "tool",
        parts: [{ type: "tool_call_response", id: textOf(item, "callId"), response: textOf(item, "output") }]
      }
    case "message": {
      const content = Predicate.hasProperty(item, "content") ? item.content : undefined
      const parts = typeof content === "string"
        ? [textPart(content)]
        : Array.isArray(content)
        ? content.map(partOf)
        : []
      return { role: textOf(item, "role") ?? role, parts }
    }
    default:
      return { role, parts: [{ type }] }
  }
}

const partOf = (part: unknown) => {
  const text = textOf(part, "text") ?? textOf(part, "refusal")
  return text === undefined ? { type: textOf(part, "type") ?? "unknown" } : textPart(text)
}

const textOf = (value: unknown, name: string): string | undefined => {
  const text = Predicate.hasProperty(value, name) ? value[name] : undefined
  return typeof text === "string" ? text : undefined
}
