/**
 * One booking of a ledger: an attempt of a call, with all that is known of it and nothing of what was said.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { OpenRouterError } from "../error/OpenRouterError.ts"
import { Usage } from "../money/Usage.ts"
import * as Usd from "../money/Usd.ts"
import * as Costs from "../outcome/Costs.ts"
import type { Outcome } from "../outcome/Outcome.ts"
import type { Response } from "../response/Response.ts"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optionalKey

/**
 * The place in a program that something is booked for.
 *
 * @since 0.1.0
 */
export const place = {
  /** The names of the enclosing scopes inside of the ledger, outermost first. */
  scopes: Schema.Array(Schema.String),
  /** The indices of those scopes that keep their sum only. */
  summed: optional(Schema.Array(Schema.Int)),
  tags: Schema.Record(Schema.String, Schema.String)
}

/**
 * One booking.
 *
 * `costs` are the figures that it adds to the ledger, so the sum over all entries is the ledger's report. A call whose cost
 * was unknown and became known later has a second entry (`Reconciled`) with the difference.
 *
 * @since 0.1.0
 */
export const Entry = Schema.TaggedStruct("Entry", {
  /** Different for every entry, of whatever ledger. */
  id: Schema.String,
  /** When the attempt ended. */
  time: Schema.DateTimeUtc,
  ...place,
  /** `respond`, `stream`, or the name of a plain endpoint; absent for costs of your own. */
  call: optional(Schema.String),
  /** The model that was asked for. */
  model: optional(Schema.String),
  /** The model that answered. */
  servedModel: optional(Schema.String),
  /** Who served it, where the answer tells: as `routerMetadata: true` asks it to, or in an error. */
  provider: optional(Schema.String),
  /**
   * The tag of the outcome (`Completed`, `Refused`, …) or of the error; `Answered` for other endpoints, `Interrupted`,
   * `Died` (a defect), `Recorded` (costs of your own), `Saved` (answered without a call), or `Reconciled`.
   */
  outcome: Schema.String,
  /** From 1. */
  attempt: optional(Schema.Int),
  /** From the sending of the request to the end, in JSON in milliseconds. */
  duration: optional(Schema.DurationFromMillis),
  /** How long admissions (a budget, a gate) let the attempt wait before that, in JSON in milliseconds. */
  waited: optional(Schema.DurationFromMillis),
  /** From the sending to the first piece of a streamed answer, in JSON in milliseconds. */
  firstOutput: optional(Schema.DurationFromMillis),
  /** As the server said it. */
  usage: optional(Schema.suspend(() => Usage)),
  /** What OpenRouter charged, or would have charged for what was saved. Absent is unknown, not zero. */
  cost: optional(Usd.Usd),
  /** From `X-Generation-Id`; ask `GET /generation` with it. */
  generationId: optional(Schema.String),
  costs: Costs.Costs
})

/**
 * @since 0.1.0
 */
export interface Entry extends Schema.Schema.Type<typeof Entry> {}

/**
 * So many entries are missing here, because their reader was too slow or a line could not be read.
 *
 * @since 0.1.0
 */
export const Dropped = Schema.TaggedStruct("Dropped", { count: Schema.Int })

/**
 * @since 0.1.0
 */
export interface Dropped extends Schema.Schema.Type<typeof Dropped> {}

/**
 * What a reader of entries gets.
 *
 * @since 0.1.0
 */
export const Line = Schema.Union([Entry, Dropped])

/**
 * @since 0.1.0
 */
export type Line = Entry | Dropped

/**
 * A booking as one line of JSON.
 *
 * @since 0.1.0
 */
export const LineFromJson: Schema.Codec<Line, string> = Schema.fromJsonString(Schema.toCodecJson(Line))

/**
 * Where something is booked.
 *
 * @since 0.1.0
 */
export interface Place {
  readonly scopes: ReadonlyArray<string>
  readonly summed?: ReadonlyArray<number>
  readonly tags: { readonly [name: string]: string }
}

/**
 * What is known of an attempt that was sent. Times are epoch milliseconds.
 *
 * @since 0.1.0
 */
export interface Attempted {
  readonly call: string
  readonly model: string | undefined
  readonly number: number
  readonly startedAt: number
  readonly exit: Exit.Exit<unknown, OpenRouterError>
  readonly costs: Costs.Costs
  readonly generationId: string | undefined
  readonly sentAt: number
  readonly firstOutputAt: number | undefined
  readonly endedAt: number
}

/**
 * The entry of an attempt.
 *
 * @since 0.1.0
 */
export const ofAttempt = (id: string, place: Place, attempted: Attempted): Entry => {
  const { costs, endedAt, firstOutputAt, sentAt, startedAt } = attempted
  const { outcome, ...said } = saidBy(attempted.exit)
  return {
    _tag: "Entry",
    id,
    time: DateTime.makeUnsafe(endedAt),
    ...place,
    call: attempted.call,
    outcome,
    attempt: attempted.number,
    duration: Duration.millis(endedAt - sentAt),
    waited: Duration.millis(sentAt - startedAt),
    costs,
    ...Wire.compact({
      ...said,
      model: attempted.model,
      firstOutput: firstOutputAt === undefined ? undefined : Duration.millis(firstOutputAt - sentAt),
      cost: costs.unknown === 0 ? costs.cost : undefined,
      generationId: attempted.generationId
    })
  }
}

/** What an exit says besides costs: never what was asked or answered. */
const saidBy = (exit: Exit.Exit<unknown, OpenRouterError>) => {
  if (Exit.isSuccess(exit)) {
    const { value } = exit
    if (isOutcome(value)) {
      return { outcome: value._tag, usage: value.usage, servedModel: value.model, provider: providerOf(value.response) }
    }
    const model = Predicate.hasProperty(value, "model") ? value.model : undefined
    return { outcome: "Answered", servedModel: typeof model === "string" ? model : undefined }
  }
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (error === undefined) return { outcome: Cause.hasInterruptsOnly(exit.cause) ? "Interrupted" : "Died" }
  const { provider, response, usage } = error
  return {
    outcome: error._tag,
    usage,
    servedModel: response?.model,
    provider: provider?.name ?? (response === undefined ? undefined : providerOf(response))
  }
}

const outcomes: ReadonlySet<unknown> = new Set<Outcome["_tag"]>([
  "Completed",
  "Incomplete",
  "Refused",
  "Failed",
  "Empty"
])

const isOutcome = (u: unknown): u is Outcome =>
  Wire.isJsonObject(u) && outcomes.has(u["_tag"]) && Wire.isJsonObject(u["response"])

const providerOf = ({ openrouterMetadata }: Response): string | undefined =>
  openrouterMetadata?.endpoints?.available?.find(({ selected }) => selected === true)?.provider
