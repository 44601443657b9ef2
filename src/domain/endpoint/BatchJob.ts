/**
 * OpenRouter's Batch API: many requests for one model, answered within 24 hours, typically at half the price of their tokens.
 *
 * By OpenRouter's documentation of November 2026; it is in no version of the official specification yet, and was at
 * `/api/beta/batches` before.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { InvalidRequest } from "../error/RequestError.ts"
import * as Figure from "../money/Figure.ts"
import * as Wire from "../wire/Wire.ts"
import * as Call from "./Call.ts"

const optional = Schema.optionalKey

/**
 * What a batch has used. `cost` is what OpenRouter charges for all of it.
 *
 * @since 0.1.0
 */
export const BatchUsage = Wire.LazyStruct(() => ({
  promptTokens: Figure.count,
  completionTokens: Figure.count,
  totalTokens: Figure.count,
  cost: Figure.cost,
  isByok: optional(Schema.Boolean)
}))

/**
 * @since 0.1.0
 */
export interface BatchUsage extends Schema.Schema.Type<typeof BatchUsage> {}

/**
 * A batch as the server tells it. Results are lines of JSON, each read by itself, so that a broken one takes none away from the
 * others.
 *
 * @since 0.1.0
 */
export const BatchJob = Wire.LazyStruct(() => ({
  id: Schema.String,
  endpoint: optional(Schema.String),
  model: optional(Schema.String),
  status: Wire.OpenLiterals([
    "validating",
    "in_progress",
    "finalizing",
    "completed",
    "failed",
    "expired",
    "cancelling",
    "cancelled"
  ]),
  /** Seconds since the epoch, or an ISO text. */
  createdAt: optional(Schema.Union([Schema.Finite, Schema.String])),
  finalizedAt: optional(Schema.Union([Schema.Finite, Schema.String])),
  expiresAt: optional(Schema.Union([Schema.Finite, Schema.String])),
  requestCounts: optional(Wire.Struct({ total: Figure.count, completed: Figure.count, failed: Figure.count })),
  usage: optional(BatchUsage),
  results: optional(Schema.Array(Schema.Unknown)),
  error: optional(Schema.Unknown)
}))

/**
 * @since 0.1.0
 */
export interface BatchJob extends Schema.Schema.Type<typeof BatchJob> {}

/**
 * The batches of a workspace; `hasMore` says that there are others.
 *
 * @since 0.1.0
 */
export const BatchJobs = Wire.LazyStruct(() => ({
  data: Schema.Array(BatchJob),
  hasMore: optional(Schema.Boolean)
}))

/**
 * @since 0.1.0
 */
export interface BatchJobs extends Schema.Schema.Type<typeof BatchJobs> {}

const ended: ReadonlySet<string> = new Set(["completed", "failed", "expired", "cancelled"])

/**
 * True for a batch that nothing happens to any more.
 *
 * @since 0.1.0
 */
export const isEnded = ({ status }: BatchJob): boolean => ended.has(status)

/**
 * When a batch was made, in milliseconds since the epoch; `undefined` where that cannot be read.
 *
 * @since 0.1.0
 */
export const createdAt = ({ createdAt: time }: BatchJob): number | undefined => {
  if (typeof time === "number") return time >= 1e11 ? time : time * 1000
  const millis = time === undefined ? NaN : Date.parse(time)
  return Number.isNaN(millis) ? undefined : millis
}

/**
 * What the provider of a batch may be, which is less than for a single request.
 *
 * @since 0.1.0
 */
export interface BatchProvider {
  readonly only?: ReadonlyArray<string> | undefined
  readonly allowFallbacks?: boolean | undefined
}

/**
 * What is sent besides the requests.
 *
 * @since 0.1.0
 */
export interface BatchHead {
  readonly model: string
  readonly provider?: BatchProvider | undefined
  /** An HTTPS address that is told when the batch has ended. */
  readonly callbackUrl?: string | undefined
}

/**
 * The JSON of a batch. Bodies are JSON text already. The server reads the text as it comes, so everything else is before them.
 *
 * @since 0.1.0
 */
export const toBody = (
  { callbackUrl, model, provider }: BatchHead,
  requests: ReadonlyArray<{ readonly customId: string; readonly body: string }>
): string => {
  const head = JSON.stringify({
    endpoint: "/v1/responses",
    model,
    ...Wire.compact({
      callback_url: callbackUrl,
      provider: provider === undefined
        ? undefined
        : Wire.compact({ only: provider.only, allow_fallbacks: provider.allowFallbacks })
    }),
    completion_window: "24h"
  })
  const lines = requests.map(({ body, customId }) => `{"custom_id":${JSON.stringify(customId)},"body":${body}}`)
  return `${head.slice(0, -1)},"requests":[${lines.join(",")}]}`
}

/**
 * Where batches are, below the API's URL.
 *
 * @since 0.1.0
 */
export const defaultPath = "/batches"

const read = Call.reader(BatchJob, { from: "body" })

const readAll = Call.reader(BatchJobs, { from: "body" })

/**
 * `POST /batches`. What it costs is told by its results, so it is no call that bills.
 *
 * @since 0.1.0
 */
export const submit = (
  model: string,
  body: Result.Result<string, InvalidRequest>,
  path: string = defaultPath
): Call.Call<BatchJob> => ({
  name: "batches.submit",
  path,
  model,
  body,
  read
})

/**
 * `GET /batches/{id}`.
 *
 * @since 0.1.0
 */
export const get = (id: string, path: string = defaultPath): Call.Call<BatchJob> => ({
  name: "batches.get",
  path: `${path}/${encodeURIComponent(id)}`,
  read
})

/**
 * `POST /batches/{id}/cancel`, as other batch APIs have it: OpenRouter's documentation tells the status and not the path.
 *
 * @since 0.1.0
 */
export const cancel = (id: string, path: string = defaultPath): Call.Call<BatchJob> => ({
  name: "batches.cancel",
  path: `${path}/${encodeURIComponent(id)}/cancel`,
  body: Result.succeed("{}"),
  read
})

/**
 * `GET /batches`.
 *
 * @since 0.1.0
 */
export const list = (path: string = defaultPath): Call.Call<BatchJobs> => ({
  name: "batches.list",
  path,
  read: readAll
})
