/** `openai`, pointed at OpenRouter. */
import OpenAI, { RateLimitError } from "openai"
import * as Fixtures from "../fixtures.ts"
import { apiKey, fromPromises, type Target } from "./Client.ts"

export const make = async (target: Target) => {
  const client = new OpenAI({ apiKey, baseURL: target.apiUrl, maxRetries: 0 })
  return fromPromises(target, {
    call: (signal) => client.responses.create(Fixtures.request, signal === undefined ? {} : { signal }),
    stream: async (onEvent) => {
      let characters = 0
      const events = await client.responses.create({ ...Fixtures.request, stream: true })
      for await (const event of events) {
        if (event.type === "response.output_text.delta") characters += event.delta.length
        onEvent()
      }
      return characters
    },
    isExpected: (result) =>
      target.expects === "answer"
        ? typeof result === "object" && result !== null && "output_text" in result && result.output_text !== ""
        : result instanceof RateLimitError
  })
}
