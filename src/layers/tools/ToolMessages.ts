/**
 * A transcript in the words of `effect/ai`, for tools that decide by the conversation whether they need approval.
 *
 * @since 0.1.0
 */
import * as Prompt from "effect/ai/Prompt"
import type { InputItem } from "../../domain/request/Input.ts"

/**
 * The messages of a transcript: texts, calls of functions and their results. Other parts are left out.
 *
 * @since 0.1.0
 */
export const fromTranscript = (transcript: ReadonlyArray<InputItem>): ReadonlyArray<Prompt.Message> => {
  const names = new Map<string, string>()
  return transcript.flatMap((item): ReadonlyArray<Prompt.Message> => {
    switch (item.type) {
      case undefined:
      case "message": {
        const text = textOf(item.content)
        if (item.role === "user") {
          return [Prompt.makeMessage("user", { content: [Prompt.makePart("text", { text })] })]
        }
        return item.role === "assistant"
          ? [Prompt.makeMessage("assistant", { content: [Prompt.makePart("text", { text })] })]
          : [Prompt.makeMessage("system", { content: text })]
      }
      case "function_call": {
        names.set(item.callId, item.name)
        const part = Prompt.makePart("tool-call", {
          id: item.callId,
          name: item.name,
          params: item.arguments,
          providerExecuted: false
        })
        return [Prompt.makeMessage("assistant", { content: [part] })]
      }
      case "function_call_output": {
        const part = Prompt.makePart("tool-result", {
          id: item.callId,
          name: names.get(item.callId) ?? "",
          isFailure: false,
          result: textOf(item.output),
          providerExecuted: false
        })
        return [Prompt.makeMessage("tool", { content: [part] })]
      }
      default:
        return []
    }
  })
}

const textOf = (content: string | ReadonlyArray<object> | undefined): string =>
  typeof content === "string"
    ? content
    : (content ?? []).map((part) => "text" in part && typeof part.text === "string" ? part.text : "").join("")
