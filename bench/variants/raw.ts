/** What the variants without a client have to do by hand, in the shortest way that works against our server. */
import { apiKey, type Target } from "./Client.ts"

export const headers = {
  authorization: `Bearer ${apiKey}`,
  "content-type": "application/json",
  accept: "application/json"
}

interface Result {
  readonly status: number
  readonly body: unknown
}

export const resultOf = (status: number, body: unknown): Result => {
  if (status === 200) return { status, body }
  throw new Error("the status is not 200", { cause: { status, body } })
}

const isCompleted = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "status" in body && body.status === "completed"

export const isExpected = (target: Target) => (result: unknown): boolean => {
  if (target.expects === "answer") {
    return typeof result === "object" && result !== null && "body" in result && isCompleted(result.body)
  }
  const cause = result instanceof Error ? result.cause : undefined
  return typeof cause === "object" && cause !== null && "status" in cause && cause.status === 429
}

/** Splits at blank lines and parses; no comments, no CRLF, no checks. */
export const readEvents = async (body: AsyncIterable<Uint8Array>, onEvent: () => void): Promise<number> => {
  const decoder = new TextDecoder()
  let rest = ""
  let characters = 0
  for await (const bytes of body) {
    const frames = (rest + decoder.decode(bytes, { stream: true })).split("\n\n")
    rest = frames.pop() ?? ""
    for (const frame of frames) {
      const data = frame.slice(6)
      if (data === "[DONE]") continue
      const event: unknown = JSON.parse(data)
      characters += deltaLength(event)
      onEvent()
    }
  }
  return characters
}

/** The length of the text that an event of the wire adds. */
export const deltaLength = (event: unknown): number =>
  typeof event === "object" && event !== null && "type" in event && event.type === "response.output_text.delta" &&
    "delta" in event && typeof event.delta === "string"
    ? event.delta.length
    : 0
