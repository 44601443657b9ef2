import { Schema } from "effect"

/** A schema with whatever type. */
export type AnySchema = Schema.Codec<unknown, unknown>

/** Numbers that are the same for the same seed: mulberry32. */
const random = (seed: number) => {
  let state = seed >>> 0
  return (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * below) | 0
  }
}

const year = (year: number) => new Date(Date.UTC(year, 0, 1))

const Mood = { Gay: "gay", Sad: "sad" } as const

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}

const Tree: Schema.Codec<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

interface Expression {
  readonly value: number | { readonly left: Expression; readonly right: Expression }
}

const Expression: Schema.Codec<Expression> = Schema.Struct({
  value: Schema.Union([
    Schema.Finite,
    Schema.Struct({
      left: Schema.suspend((): Schema.Codec<Expression> => Expression),
      right: Schema.suspend((): Schema.Codec<Expression> => Expression)
    })
  ])
}).annotate({ identifier: "Expression" })

class Person extends Schema.Class<Person>("Person")({
  name: Schema.String.annotate({ description: "the full name" }),
  born: Schema.Date.check(Schema.isBetweenDate({ minimum: year(1900), maximum: year(2100) }))
}) {}

const date = Schema.Date.check(Schema.isBetweenDate({ minimum: year(1900), maximum: year(2100) }))

/** Schemas without parts. */
const leaves: ReadonlyArray<AnySchema> = [
  Schema.String,
  Schema.String.annotate({ description: "some words" }),
  Schema.NonEmptyString.pipe(Schema.brand("Slug")),
  Schema.String.check(Schema.isPattern(/^[a-z]{2,5}$/)),
  Schema.String.check(Schema.isUUID(4)),
  Schema.Finite,
  Schema.Number.check(Schema.isBetween({ minimum: -5, maximum: 5 })),
  Schema.Int,
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
  Schema.Boolean,
  Schema.Null,
  Schema.Undefined,
  Schema.Literal("go"),
  Schema.Literals(["red", "green", 3, true]),
  Schema.Literal(12n),
  Schema.Enum(Mood),
  Schema.TemplateLiteral(["id-", Schema.Literals(["a", "b"]), ":", Schema.String]),
  Schema.BigInt,
  date,
  date.annotate({ description: "when it was", identifier: "Day" }),
  Schema.Date.pipe(Schema.brand("Instant")).check(
    Schema.isBetweenDate({ minimum: year(1990), maximum: year(2030) })
  ),
  Schema.Duration,
  Schema.DurationFromIsoString,
  Schema.DurationFromMillis,
  Schema.BigDecimal,
  Schema.BigDecimalFromString,
  Schema.NumberFromString.check(Schema.isFinite()),
  Schema.FiniteFromString,
  Schema.BigIntFromString,
  Schema.Uint8ArrayFromBase64,
  Schema.Option(Schema.Int),
  Schema.Option(Schema.NullOr(Schema.String)),
  Schema.OptionFromNullOr(Schema.String),
  Tree,
  Expression,
  Person
]

/**
 * A schema of any kind, the same for the same seed.
 */
export const schemaOf = (seed: number): AnySchema => {
  const below = random(seed)
  const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)] ?? pick(items)
  const names = ["name", "age", "kind", "place-of_birth", "a b", "größe", "7", "value"]

  const fieldsOf = (depth: number) => {
    const fields: Record<string, AnySchema> = {}
    for (let left = 1 + below(4); left > 0; left--) fields[pick(names)] = any(depth)
    return fields
  }

  /** Null is the only value that cannot be told from a missing one. */
  const optional = (depth: number): Schema.Codec<unknown, unknown> => {
    const schema = below(2) === 0 ? pick(leaves.slice(0, 10)) : Schema.Array(any(depth))
    return schema
  }

  const kinds: ReadonlyArray<(depth: number) => AnySchema> = [
    (depth) => Schema.Struct(fieldsOf(depth)),
    (depth) => Schema.Struct({ ...fieldsOf(depth), maybe: Schema.optionalKey(optional(depth)) }),
    (depth) => Schema.Struct({ ...fieldsOf(depth), maybe: Schema.optional(optional(depth)) }),
    (depth) =>
      Schema.Struct({ firstName: Schema.String, other: any(depth) }).pipe(
        Schema.encodeKeys({ firstName: "first_name" })
      ),
    () => Schema.Struct({ some: Schema.OptionFromOptionalKey(Schema.String) }),
    (depth) => Schema.Array(any(depth)),
    (depth) => Schema.NonEmptyArray(any(depth)),
    (depth) => Schema.Array(any(depth)).check(Schema.isMaxLength(2)),
    (depth) => Schema.Tuple([any(depth), Schema.String]),
    (depth) => Schema.Tuple([Schema.Int, Schema.optionalKey(optional(depth))]),
    (depth) => Schema.TupleWithRest(Schema.Tuple([any(depth)]), [Schema.Int]),
    (depth) => Schema.Record(Schema.String, any(depth)),
    () => Schema.Record(Schema.TemplateLiteral(["k", Schema.Literals(["ing", "not"])]), Schema.Boolean),
    (depth) => Schema.Record(Schema.Literals(["x", "y"]), any(depth)),
    () => Schema.StructWithRest(Schema.Struct({ id: Schema.Int }), [Schema.Record(Schema.String, Schema.Finite)]),
    (depth) => Schema.NullOr(Schema.Struct(fieldsOf(depth))),
    (depth) => Schema.UndefinedOr(Schema.Array(any(depth))),
    (depth) =>
      Schema.Union([
        Schema.Struct({ kind: Schema.Literal("go"), to: any(depth) }),
        Schema.Struct({ kind: Schema.Literal("wait"), hours: Schema.Int }),
        Schema.Struct({ kind: Schema.Literals(["sleep", "eat"]), where: Schema.optionalKey(Schema.String) })
      ]),
    (depth) => Schema.Union([Schema.Finite, Schema.Boolean, Schema.Array(any(depth))]),
    (depth) => Schema.TaggedUnion({ Idle: {}, Busy: { with: any(depth) } }),
    (depth) => Schema.ReadonlyMap(Schema.String, any(depth)),
    () => Schema.HashSet(Schema.String),
    (depth) => Schema.Result(any(depth), Schema.String),
    (depth) => Schema.Struct({ a: Person, b: Schema.optionalKey(Person), c: any(depth) }),
    (depth) => Schema.Struct(fieldsOf(depth)).annotate({ identifier: "Thing", description: "a thing" })
  ]

  const any = (depth: number): AnySchema => depth <= 0 || below(3) === 0 ? pick(leaves) : pick(kinds)(depth - 1)

  return below(12) === 0 ? pick(leaves) : pick(kinds)(2)
}
