/** What the server of a soak tells its parent. */
import { Schema } from "effect"

export const Started = Schema.Struct({ port: Schema.Int })

/** The server's books; of the charges those that were not told before, as generation id and USD. */
export const Books = Schema.Struct({
  total: Schema.String,
  calls: Schema.Int,
  statuses: Schema.Record(Schema.String, Schema.Int),
  charges: Schema.Array(Schema.Tuple([Schema.String, Schema.String])),
  /** The faults that befell calls whose caller was not interrupted. */
  digest: Schema.String,
  faults: Schema.Record(Schema.String, Schema.Int),
  /** Requests that the rate limit refused. */
  refused: Schema.Int,
  openRequests: Schema.Int,
  openConnections: Schema.Int
})
