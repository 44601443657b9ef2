/**
 * A transcript in the words of `effect/ai`, for tools that decide by the conversation whether they need approval.
 *
 * The messages are made by hand: the module that makes them takes longer to load than all the others of a loop.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Result from "effect/Result"
import type { InputItem } from "../../domain/request/Input.ts"

const message = { "~effect/ai/Prompt/Message": "~effect/ai/Prompt/Message", options: {} } as const

const part = { "~effect/ai/Prompt/Part": "~effect/ai/Prompt/Part", options: {} } as const

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
        const content = [{ ...part, type: "text", text }] as const
        return item.role === "user"
          ? [{ ...message, role: "user", content }]
          : item.role === "assistant"
          ? [{ ...message, role: "assistant", content }]
          : [{ ...message, role: "system", content: text }]
      }
      case "function_call": {
        const { callId: id, name } = item
        const params = Result.getOrElse(
          Result.try(() => Tool.unsafeSecureJsonParse(item.arguments)),
          () => item.arguments
        )
        names.set(id, name)
        const call = { ...part, type: "tool-call", id, name, params, providerExecuted: false } as const
        return [{ ...message, role: "assistant", content: [call] }]
      }
      case "function_call_output": {
        const { callId: id, output } = item
        const name = names.get(id) ?? ""
        const result = { ...part, type: "tool-result", id, name, isFailure: false, result: textOf(output) } as const
        return [{ ...message, role: "tool", content: [{ ...result, providerExecuted: false }] }]
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
