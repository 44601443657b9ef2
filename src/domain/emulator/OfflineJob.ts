/**
 * The batches of an emulated server: requests that were handed in together and are answered later, for half the price.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import type { JsonObject } from "./Prompt.ts"

/**
 * A request of a batch.
 *
 * @since 0.1.0
 */
export interface Entry {
  readonly customId: string
  readonly body: JsonObject
}

/**
 * What a batch ended with.
 *
 * @since 0.1.0
 */
export interface End {
  readonly status: "completed" | "failed" | "expired" | "cancelled"
  readonly finalizedAt: number
  readonly results: ReadonlyArray<unknown>
  readonly completed: number
  readonly failed: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cost: BigDecimal.BigDecimal
  readonly error: JsonObject | undefined
}

/**
 * A batch. Instants are milliseconds since the epoch by the server's clock; `fault` is what happens to it, empty for nothing.
 *
 * @since 0.1.0
 */
export interface Job {
  readonly id: string
  readonly key: string
  readonly endpoint: string
  readonly model: string
  readonly fault: string
  readonly createdAt: number
  readonly dueAt: number
  readonly isCancelled: boolean
  readonly entries: ReadonlyArray<Entry>
  readonly end: End | undefined
}

/** What is told of a batch that goes on, by the share of its time that is over. */
const stages: ReadonlyArray<readonly [until: number, status: string]> = [
  [0.1, "validating"],
  [0.9, "in_progress"],
  [Infinity, "finalizing"]
]

const stageOf = ({ createdAt, dueAt, isCancelled }: Job, now: number): string => {
  if (isCancelled) return "cancelling"
  const share = (now - createdAt) / Math.max(1, dueAt - createdAt)
  return stages.find(([until]) => share < until)?.[1] ?? "finalizing"
}

const day = 24 * 60 * 60 * 1000

const seconds = (millis: number): number => Math.floor(millis / 1000)

/**
 * A batch as the server tells it; the list of batches has no results.
 *
 * @since 0.1.0
 */
export const toDocument = (job: Job, now: number, options: { readonly results: boolean }): JsonObject => {
  const { createdAt, end, endpoint, entries, id, model } = job
  return {
    id,
    object: "batch",
    endpoint,
    model,
    completion_window: "24h",
    status: end?.status ?? stageOf(job, now),
    created_at: seconds(createdAt),
    finalized_at: end === undefined ? null : seconds(end.finalizedAt),
    expires_at: seconds(createdAt + day),
    provider: null,
    request_counts: { total: entries.length, completed: end?.completed ?? 0, failed: end?.failed ?? 0 },
    usage: end === undefined ? null : {
      prompt_tokens: end.inputTokens,
      completion_tokens: end.outputTokens,
      total_tokens: end.inputTokens + end.outputTokens,
      cost: BigDecimal.toNumberUnsafe(end.cost),
      is_byok: false
    },
    error: end?.error ?? null,
    ...(options.results ? { results: end?.results ?? null } : {})
  }
}
