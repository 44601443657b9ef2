/**
 * The figures of a bill as they come from the wire: costs, prices and counts, as a number or as decimal text.
 *
 * Less than nothing is no figure: a cost of -1 would lower a sum, and a price of -1 is how OpenRouter says that there is
 * none (`openrouter/auto`). Such a figure is absent, which means unknown.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Codec from "../wire/Codec.ts"
import { decimalText, parse } from "./Amount.ts"
import * as Usd from "./Usd.ts"

/** JSON of a figure: a number, or the same as text. */
const Json = Schema.Union([Schema.Finite, Schema.String.check(Schema.isPattern(decimalText))])

type Json = typeof Json.Type

/** An optional field that is absent where `read` gives nothing; an unusual figure is left to the schema. */
const field = <A>(
  type: Schema.Codec<A>,
  figure: {
    readonly is: (value: unknown) => value is A
    readonly read: (json: Json) => A | undefined
    readonly write: (value: A) => Json
  }
) => {
  const schema = Schema.optionalKey(Json).pipe(
    Schema.decodeTo(Schema.optionalKey(type), {
      decode: SchemaGetter.transformOptional(Option.flatMap((json: Json) => Option.fromUndefinedOr(figure.read(json)))),
      encode: SchemaGetter.transformOptional(Option.map(figure.write))
    })
  )
  return schema.annotate(Codec.ofTransformation(schema, {
    read: (json) => Predicate.isNumber(json) && json >= 0 && json !== Infinity ? figure.read(json) : Codec.misfit,
    write: (value) => figure.is(value) ? figure.write(value) : Codec.misfit
  }))
}

const amountOf = (json: Json): Usd.Usd | undefined => {
  const amount = typeof json === "number" ? Usd.fromNumber(json) : parse(json)
  return Usd.isNegative(amount) ? undefined : amount
}

/**
 * An optional field with what something cost, written as a number.
 *
 * @since 0.1.0
 */
export const cost = /* @__PURE__ */ field<Usd.Usd>(Usd.Usd, { is: Usd.isUsd, read: amountOf, write: Usd.toNumber })

/**
 * An optional field with a price, written as decimal text.
 *
 * @since 0.1.0
 */
export const price = /* @__PURE__ */ field<Usd.Usd>(Usd.Usd, { is: Usd.isUsd, read: amountOf, write: Usd.toText })

/**
 * An optional field with a number of tokens, or of whatever else is counted.
 *
 * @since 0.1.0
 */
export const count = /* @__PURE__ */ field<number>(Schema.Finite, {
  is: (value): value is number => Number.isFinite(value),
  read: (json) => Number(json) >= 0 ? Number(json) : undefined,
  write: (value) => value
})

/**
 * An amount that may be less than nothing, such as a balance, as a number or as decimal text; written as a number.
 *
 * @since 0.1.0
 */
export const amount = /* @__PURE__ */ Schema.Union([Usd.FromNumber, Usd.FromString])
