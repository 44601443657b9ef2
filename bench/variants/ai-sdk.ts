/** `ai` with `@openrouter/ai-sdk-provider`, which uses the chat endpoint. */
import { createOpenRouter } from "@openrouter/ai-sdk-provider"
import { generateText, streamText } from "ai"
import * as Fixtures from "../fixtures.ts"
import { apiKey, fromPromises, hasStatus, type Target } from "./Client.ts"

export const make = async (target: Target) => {
  const provider = createOpenRouter({ apiKey, baseURL: target.apiUrl })
  const request = {
    model: provider.chat(Fixtures.request.model),
    instructions: Fixtures.request.instructions,
    prompt: Fixtures.request.input,
    maxOutputTokens: Fixtures.request.max_output_tokens,
    temperature: Fixtures.request.temperature,
    maxRetries: 0
  }
  return fromPromises(target, {
    call: (signal) => generateText(signal === undefined ? request : { ...request, abortSignal: signal }),
    stream: async (onEvent) => {
      let characters = 0
      for await (const text of streamText(request).textStream) {
        characters += text.length
        onEvent()
      }
      return characters
    },
    isExpected: (result) =>
      target.expects === "answer"
        ? typeof result === "object" && result !== null && "text" in result && result.text !== ""
        : hasStatus(result, 429)
  })
}
