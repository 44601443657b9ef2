/** `@openrouter/sdk`. */
import { OpenRouter } from "@openrouter/sdk"
import * as Fixtures from "../fixtures.ts"
import { apiKey, fromPromises, hasStatus, type Target } from "./Client.ts"

const { max_output_tokens: maxOutputTokens, ...others } = Fixtures.request

const responsesRequest = { ...others, maxOutputTokens }

export const make = async (target: Target) => {
  const client = new OpenRouter({ apiKey, serverURL: target.apiUrl, retryConfig: { strategy: "none" } })
  return fromPromises(target, {
    call: (signal) =>
      client.beta.responses.send(
        { responsesRequest: { ...responsesRequest, stream: false } },
        signal === undefined ? {} : { fetchOptions: { signal } }
      ),
    stream: async (onEvent) => {
      let characters = 0
      const events = await client.beta.responses.send({ responsesRequest: { ...responsesRequest, stream: true } })
      if (!(Symbol.asyncIterator in events)) throw new Error("@openrouter/sdk gave no stream")
      for await (const event of events) {
        if (event.type === "response.output_text.delta") characters += event.delta.length
        onEvent()
      }
      return characters
    },
    isExpected: (result) =>
      target.expects === "answer"
        ? typeof result === "object" && result !== null && "status" in result && result.status === "completed"
        : hasStatus(result, 429)
  })
}
