/**
 * The lines of a journal as text, with the texts of answers changed where that is asked for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { SchemaError } from "effect/Schema"
import * as JournalLine from "../../domain/journal/JournalLine.ts"
import * as Wire from "../../domain/wire/Wire.ts"
import { JournalError } from "../../services/Journal.ts"

/**
 * Writes a line.
 *
 * @since 0.1.0
 */
export const write: (line: JournalLine.JournalLine) => string = Schema.encodeSync(JournalLine.FromJson)

/**
 * What a line says, without the answer.
 *
 * @since 0.1.0
 */
export const readFacts: (text: string) => Result.Result<JournalLine.Facts, SchemaError> = Schema.decodeResult(
  JournalLine.Facts
)

const read = Schema.decodeEffect(JournalLine.FromJson)

const reading = (text: string, where: string): Effect.Effect<JournalLine.JournalLine, JournalError> =>
  Effect.mapError(read(text), (error) => unreadable(where, error.message))

const unreadable = (where: string, problem: string): JournalError =>
  new JournalError({ reason: "unreadable", message: `a line of ${where} cannot be read: ${problem}` })

/**
 * Reads the end of a call.
 *
 * @since 0.1.0
 */
export const readEnded = (text: string, where: string): Effect.Effect<JournalLine.Ended, JournalError> =>
  Effect.flatMap(
    reading(text, where),
    (line) => line._tag === "Ended" ? Effect.succeed(line) : Effect.fail(unreadable(where, "it is no end of a call"))
  )

/**
 * Reads the start of a call.
 *
 * @since 0.1.0
 */
export const readStarted = (text: string, where: string): Effect.Effect<JournalLine.Started, JournalError> =>
  Effect.flatMap(
    reading(text, where),
    (line) =>
      line._tag === "Started" ? Effect.succeed(line) : Effect.fail(unreadable(where, "it is no start of a call"))
  )

/**
 * A line with every text of its answer changed; what a journal and the readers of answers go by stays.
 *
 * @since 0.1.0
 */
export const redacted = (line: string, redact: (text: string) => string): string => {
  const json: unknown = JSON.parse(line)
  return Wire.isJsonObject(json) ? JSON.stringify({ ...json, answer: changed(json["answer"], redact) }) : line
}

const changed = (json: unknown, redact: (text: string) => string): unknown => {
  if (typeof json === "string") return redact(json)
  if (Array.isArray(json)) return json.map((member) => changed(member, redact))
  if (!Wire.isJsonObject(json)) return json
  const isOurs = "_tag" in json
  return Object.fromEntries(
    Object.entries(json).map(([key, member]) => {
      const stays = typeof member === "string" && (untouched.has(key) || isOurs && facts.has(key))
      return [key, stays ? member : changed(member, redact)]
    })
  )
}

/** In objects of the API. */
const untouched: ReadonlySet<string> = new Set(["type", "status", "id", "call_id", "object", "role"])

/** In outcomes and errors: what their schemas do not read as any text, and what is none of the model's. */
const facts: ReadonlySet<string> = new Set([
  "_tag",
  "model",
  "generationId",
  "cost",
  "callCost",
  "resetAt",
  "retryAfter",
  "origin",
  "phase",
  "reason",
  "source"
])
