/** What the processes of `npm run redis` say to each other. */
import { Schema } from "effect"

/** What a process that makes calls is told to do. */
export const Order = Schema.Struct({
  /** Calls at once. */
  calls: Schema.Int,
  model: Schema.String,
  /** Whether they are kept from being sent after they have passed the gate. */
  isKept: Schema.Boolean
})

export type Order = typeof Order.Type

/** What came of it. Epoch milliseconds. */
export const Report = Schema.Struct({
  endedAt: Schema.Array(Schema.Finite),
  /** The tags of the errors of those that failed. */
  errors: Schema.Array(Schema.String),
  /** What the gate has logged until now. */
  lines: Schema.Array(Schema.String)
})

export type Report = typeof Report.Type

/** The first message of the server. */
export const Port = Schema.Struct({ port: Schema.Int })

/** The first message of a process that makes calls. */
export const Ready = Schema.Struct({ ready: Schema.Literal(true) })

/** What the server has seen. */
export const Books = Schema.Struct({
  traffic: Schema.Array(Schema.Struct({
    limit: Schema.String,
    startsAt: Schema.Finite,
    accepted: Schema.Int,
    refused: Schema.Int
  }))
})

export type Books = typeof Books.Type
