/** What the processes agree on that kill and run batches of the Batch API. */
import { Schema } from "effect"

/** Batches of so many requests. */
export const size = 5

export const batches = 60

/** How long the answer to a batch that was accepted is held back, in milliseconds: who is killed meanwhile does not know of it. */
export const heldBack = 60

export const requests = Array.from({ length: size * batches }, (_, n) => ({
  model: "openai/gpt-5-nano",
  input: `What is on line ${n} of the book?`
}))

/** What the server tells: how many batches it has accepted, and how many requests it was paid for. */
export const Books = Schema.Struct({ accepted: Schema.Int, paid: Schema.Int })
