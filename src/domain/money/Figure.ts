/**
 * The figures of a bill as they come from the wire: costs, prices and counts, as a number or as decimal text.
 *
 * Less than nothing is no figure: a cost of -1 would lower a sum, and a price of -1 is how OpenRouter says that there is
 * none (`openrouter/auto`). Neither is more than any bill has, a billion dollars or a count beyond the safe integers: sums
 * with it would be infinite. Such a figure is absent, which means unknown.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "../wire/Codec.ts"
import { generatedFrom } from "../wire/Json.ts"
import { decimalText, parse } from "./Amount.ts"
import * as Usd from "./Usd.ts"

/** JSON of a figure: a number, or the same as text. */
const Json = Schema.Union([Schema.Finite, Schema.String.check(Schema.isPattern(decimalText))])

type Json = typeof Json.Type

/** An optional field that is absent where the figure is none, in JSON and out of it. */
const field = <A>(
  type: Schema.Codec<A>,
  figure: {
    readonly is: (value: unknown) => value is A
    /** `undefined` for what is none. */
    readonly read: (json: Json) => A | undefined
    readonly write: (value: A) => Json
    /** False for what is none. */
    readonly isFigure: (value: A) => boolean
  }
) => {
  const schema = Schema.optionalKey(Json).pipe(
    Schema.decodeTo(Schema.optionalKey(type), {
      decode: SchemaGetter.transformOptional(Option.flatMap((json: Json) => Option.fromUndefinedOr(figure.read(json)))),
      encode: SchemaGetter.transformOptional((value: Option.Option<A>) =>
        Option.map(Option.filter(value, figure.isFigure), figure.write)
      )
    })
  )
  // What is none is left to the schema: a codec has no word for it.
  return schema.annotate(Codec.ofTransformation(schema, {
    read: (json) => isUsual(json) ? figure.read(json) ?? Codec.misfit : Codec.misfit,
    write: (value) => figure.is(value) && figure.isFigure(value) ? figure.write(value) : Codec.misfit
  }))
}

const isUsual = (json: unknown): json is Json =>
  typeof json === "number"
    ? json >= 0 && json !== Infinity
    : typeof json === "string" && !json.startsWith("-") && decimalText.test(json)

/** More dollars than any bill has. */
const mostDollars = 1e9

const amountOf = (json: Json): Usd.Usd | undefined => {
  // Before it is read: an amount has all its digits in memory.
  if (Number(json) > mostDollars) return undefined
  const amount = typeof json === "number" ? Usd.fromNumber(json) : parse(json)
  return Usd.isNegative(amount) ? undefined : amount
}

const money = {
  is: Usd.isUsd,
  read: amountOf,
  isFigure: (usd: Usd.Usd) => !Usd.isNegative(usd) && Usd.toNumber(usd) <= mostDollars
}

/**
 * An optional field with what something cost, written as a number.
 *
 * @since 0.1.0
 */
export const cost = /* @__PURE__ */ field<Usd.Usd>(Usd.Usd, { ...money, write: Usd.toNumber })

/**
 * An optional field with a price, written as decimal text.
 *
 * @since 0.1.0
 */
export const price = /* @__PURE__ */ field<Usd.Usd>(Usd.Usd, { ...money, write: Usd.toText })

const isFinite = (value: unknown): value is number => Number.isFinite(value)

const isCount = (value: number): boolean => value >= 0 && value <= Number.MAX_SAFE_INTEGER

/** A declaration: what is annotated on `Schema.Finite` belongs to its check, where no codec looks for it. */
const Count: Schema.declare<number> = Schema.declare<number>(isFinite, {
  expected: "a finite number",
  toCodecJson: () => Schema.link<number>()(Schema.Finite, SchemaTransformation.passthrough()),
  toCodecArbitrary: () =>
    generatedFrom<number>(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })))
})

/**
 * An optional field with a number of tokens, or of whatever else is counted.
 *
 * @since 0.1.0
 */
export const count = /* @__PURE__ */ field<number>(Count, {
  is: isFinite,
  read: (json) => isCount(Number(json)) ? Number(json) : undefined,
  write: (value) => value,
  isFigure: isCount
})

/**
 * An amount that may be less than nothing, such as a balance, as a number or as decimal text; written as a number.
 *
 * @since 0.1.0
 */
export const amount = /* @__PURE__ */ Schema.Union([Usd.FromNumber, Usd.FromString])
