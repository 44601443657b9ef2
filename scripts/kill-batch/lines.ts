/** The lines of the batch that is killed, and what becomes of each. */
import { Schema } from "effect"

export const count = 2000

export const concurrency = 64

export const Item = Schema.Struct({ id: Schema.String, prompt: Schema.String })

/** The number of a line, from what the model reads. */
export const numberOf = (text: string): number => Number(/line (\d+)\b/.exec(text)?.[1] ?? -1)

export const itemOf = (n: number): typeof Item.Type => ({
  id: `line-${n}`,
  prompt: `What is on line ${n} of the book?`
})

/** 1 % are refused. */
export const isRefused = (n: number) => n % 100 === 17

/** The status with which an attempt fails: 5 % are rate-limited once, 2 % meet a provider that is away twice. */
export const failureOf = (n: number, attempt: number): number | undefined =>
  n % 20 === 3 && attempt === 1 ? 429 : n % 50 === 11 && attempt <= 2 ? 502 : undefined

/** What the server tells: how often each line was paid for that was paid for more than once, and what its books say. */
export const Books = Schema.Struct({
  lines: Schema.Int,
  twice: Schema.Record(Schema.String, Schema.Int),
  paid: Schema.Int,
  booked: Schema.Int,
  statuses: Schema.Record(Schema.String, Schema.Int)
})
