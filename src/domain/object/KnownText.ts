/**
 * Texts that stand for something else: dates, numbers, durations. The model is told how to write them.
 *
 * What a transformation makes of a text cannot be seen, so it is tried with a text whose meaning is known; a transformation
 * that takes it for that is told as such.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaParser from "effect/SchemaParser"
import type { Constraint } from "./Constraint.ts"

interface Known {
  readonly text: string
  readonly isMeant: (value: unknown) => boolean
  readonly constraint: Constraint
}

const instant = 1_767_323_045_000

const decimal = "^-?\\d+(\\.\\d+)?$"

const isInstant = (value: unknown): boolean =>
  value instanceof Date
    ? value.getTime() === instant
    : DateTime.isDateTime(value) && DateTime.toEpochMillis(value) === instant

const known: ReadonlyArray<Known> = [
  {
    text: "2026-01-02T03:04:05.000Z",
    isMeant: isInstant,
    constraint: { keywords: { format: "date-time" }, words: "a date and time in ISO 8601" }
  },
  {
    text: "2026-01-02T04:04:05.000+01:00[Europe/Zurich]",
    isMeant: isInstant,
    constraint: {
      keywords: {},
      words: "a date and time with its zone, such as 2026-01-02T04:04:05+01:00[Europe/Zurich]"
    }
  },
  {
    text: "PT1M30S",
    isMeant: (value) => Duration.isDuration(value) && Duration.toMillis(value) === 90_000,
    constraint: { keywords: { format: "duration" }, words: "a duration in ISO 8601, such as PT1M30S" }
  },
  {
    text: "90 seconds",
    isMeant: (value) => Duration.isDuration(value) && Duration.toMillis(value) === 90_000,
    constraint: { keywords: {}, words: "a duration such as 90 seconds" }
  },
  {
    text: "-1.5",
    isMeant: (value) => value === -1.5 || BigDecimal.isBigDecimal(value) && BigDecimal.format(value) === "-1.5",
    constraint: { keywords: { pattern: decimal }, words: "a number as text, such as -1.5" }
  },
  {
    text: "-15",
    isMeant: (value) => value === -15 || value === -15n,
    constraint: { keywords: { pattern: "^-?\\d+$" }, words: "a whole number as text, such as -15" }
  },
  {
    text: "https://example.com/a?b",
    isMeant: (value) => value instanceof URL && value.href === "https://example.com/a?b",
    constraint: { keywords: { format: "uri" }, words: "a URL" }
  }
]

/** Kinds of values whose texts are known; anything else is not tried. */
const isCandidate = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Declaration" || ast._tag === "Number" || ast._tag === "BigInt"

/**
 * What the text of a part has to be, as far as it is known.
 *
 * @since 0.1.0
 */
export const of = (ast: SchemaAST.AST): ReadonlyArray<Constraint> => {
  if (!isCandidate(ast)) return []
  const decode = SchemaParser.decodeUnknownExit(Schema.toCodecJson(Schema.make<Schema.Codec<unknown>>(ast)), {
    // A check of the schema may refuse the value; it is told by itself.
    disableChecks: true
  })
  const found = known.find(({ isMeant, text }) => {
    const exit = decode(text)
    return Exit.isSuccess(exit) && Predicate.isNotNullish(exit.value) && isMeant(exit.value)
  })
  return found === undefined ? [] : [found.constraint]
}
