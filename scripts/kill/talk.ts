/** What is said in the conversations of the kill test. */
import type { Conversation } from "effect-openrouter"

export const keys = Array.from({ length: 20 }, (_, n) => `talk:${n}`)

export const depth = 4

/** Long enough that the file is made smaller several times a second. */
export const filler = "x".repeat(3_000)

/** What was said, without the filler. */
export const saidIn = (conversation: Conversation.Conversation): ReadonlyArray<string> =>
  conversation.items.map((item) => {
    const text = "content" in item && typeof item.content === "string" ? item.content : JSON.stringify(item)
    return text.slice(0, text.indexOf(" xxx"))
  })

/** The number of the last question; 0 where nothing was said. */
export const numberOf = (conversation: Conversation.Conversation): number => Number(saidIn(conversation).at(-2) ?? 0)
