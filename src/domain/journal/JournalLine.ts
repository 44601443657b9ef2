/**
 * The lines of a journal: what a program began to ask, what came of it, and which runs there are.
 *
 * Each line is a JSON object, its `_tag` first, so that `jq` and DuckDB can read the file. Times are ISO 8601, amounts are
 * decimal text in dollars.
 *
 * | `_tag` | what |
 * |---|---|
 * | `Opened` | a run begins, or is taken up again |
 * | `Started` | a call is about to be sent; what has no `Ended` after it was in flight when the run broke off |
 * | `Ended` | a call ended with an outcome, an error, or the value of a plain endpoint |
 * | `Finished` | the program of a run succeeded |
 * | `Forgotten` | a run is no more; what came before does not count |
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as OpenRouterError from "../error/OpenRouterError.ts"
import * as Usd from "../money/Usd.ts"
import { Outcome } from "../outcome/Outcome.ts"

const optional = Schema.optionalKey

const run = { run: Schema.String, time: Schema.DateTimeUtc }

const call = {
  ...run,
  /** From the place, the request and its ordinal, see `JournalKey`. */
  key: Schema.String,
  /** `respond`, `stream` or the name of a plain endpoint. */
  call: Schema.String,
  /** The scopes inside of the run. */
  scopes: Schema.Array(Schema.String),
  /** The model that was asked for. */
  model: optional(Schema.String)
}

/**
 * A run begins, or is taken up again.
 *
 * @since 0.1.0
 */
export const Opened = Schema.TaggedStruct("Opened", run)

/**
 * A call is about to be sent.
 *
 * @since 0.1.0
 */
export const Started = Schema.TaggedStruct("Started", call)

/**
 * @since 0.1.0
 */
export interface Started extends Schema.Schema.Type<typeof Started> {}

/**
 * What a call ended with.
 *
 * @since 0.1.0
 */
export const Answer = Schema.Union([
  Schema.TaggedStruct("Outcome", { outcome: Schema.suspend(() => Outcome) }),
  Schema.TaggedStruct("Error", { error: Schema.suspend(() => OpenRouterError.Complete) }),
  /** Of a plain endpoint, as its own schema writes it. */
  Schema.TaggedStruct("Value", { value: Schema.Json })
])

/**
 * @since 0.1.0
 */
export type Answer = typeof Answer.Type

/**
 * A call ended.
 *
 * @since 0.1.0
 */
export const Ended = Schema.TaggedStruct("Ended", {
  ...call,
  /** The tag of the outcome or the error; `Answered` for plain endpoints. */
  outcome: Schema.String,
  /** What all its attempts cost. Absent is unknown, not zero. */
  cost: optional(Usd.Usd),
  generationId: optional(Schema.String),
  answer: Answer
})

/**
 * @since 0.1.0
 */
export interface Ended extends Schema.Schema.Type<typeof Ended> {}

/**
 * The program of a run succeeded.
 *
 * @since 0.1.0
 */
export const Finished = Schema.TaggedStruct("Finished", run)

/**
 * A run is no more.
 *
 * @since 0.1.0
 */
export const Forgotten = Schema.TaggedStruct("Forgotten", run)

/**
 * A line of a journal.
 *
 * @since 0.1.0
 */
export const JournalLine = Schema.Union([Opened, Started, Ended, Finished, Forgotten])

/**
 * @since 0.1.0
 */
export type JournalLine = typeof JournalLine.Type

/**
 * A line as text.
 *
 * @since 0.1.0
 */
export const FromJson: Schema.Codec<JournalLine, string> = Schema.fromJsonString(Schema.toCodecJson(JournalLine))

/**
 * The facts of a line that an index needs, without what the call was answered with.
 *
 * @since 0.1.0
 */
export const Facts = Schema.fromJsonString(Schema.toCodecJson(Schema.Union([
  Opened,
  Started,
  Schema.TaggedStruct("Ended", {
    ...call,
    outcome: Schema.String,
    cost: optional(Usd.Usd),
    generationId: optional(Schema.String),
    answer: Schema.Struct({ _tag: Schema.Literals(["Outcome", "Error", "Value"]) })
  }),
  Finished,
  Forgotten
])))

/**
 * @since 0.1.0
 */
export type Facts = typeof Facts.Type

/**
 * The name and version of the format, which the first line of a file says.
 *
 * @since 0.1.0
 */
export const format = { name: "effect-openrouter/journal", version: 1 }
