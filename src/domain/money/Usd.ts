/**
 * Money: US dollars as an exact decimal.
 *
 * OpenRouter bills in credits whose base currency is the US dollar. A number from the wire becomes a decimal through its
 * shortest text, so `0.1` is one tenth, and sums are exact however many calls are added up. A missing cost is absent,
 * never zero. An amount prints with its dollar sign and is decimal text in JSON.
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "../wire/Codec.ts"

/**
 * An amount of US dollars.
 *
 * @since 0.1.0
 */
export type Usd = BigDecimal.BigDecimal

/**
 * Schema of an amount; its JSON form is a decimal string.
 *
 * @since 0.1.0
 */
export const Usd: Schema.BigDecimal = Schema.BigDecimal

/** A `BigDecimal` that prints as money. */
const Proto: object = Object.assign(Object.create(Object.getPrototypeOf(BigDecimal.fromBigInt(0n))), {
  toString(this: Usd): string {
    return format(this)
  },
  toJSON(this: Usd): string {
    return toText(this)
  },
  [Inspectable.NodeInspectSymbol](this: Usd): string {
    return format(this)
  }
})

/**
 * An amount from a decimal.
 *
 * @since 0.1.0
 */
export const make = (decimal: BigDecimal.BigDecimal): Usd =>
  Object.assign(Object.create(Proto), { value: decimal.value, scale: decimal.scale })

/**
 * An amount from a finite number of dollars, by the number's shortest decimal text.
 *
 * @since 0.1.0
 */
export const fromNumber = (dollars: number): Usd => make(BigDecimal.fromNumberUnsafe(dollars))

const fromNumberSchema = Schema.Finite.pipe(
  Schema.decodeTo(
    Schema.BigDecimal,
    SchemaTransformation.transform({
      decode: fromNumber,
      encode: (usd: BigDecimal.BigDecimal) => BigDecimal.toNumberUnsafe(usd)
    })
  )
)

/**
 * Schema of an amount that travels as a JSON number.
 *
 * @since 0.1.0
 */
export const FromNumber: Schema.Codec<Usd, number> = fromNumberSchema.annotate(
  Codec.ofTransformation(fromNumberSchema, {
    read: (json) => typeof json === "number" && Number.isFinite(json) ? fromNumber(json) : Codec.misfit
  })
)

/**
 * Schema of an amount that travels as decimal text.
 *
 * @since 0.1.0
 */
export const FromString: Schema.Codec<Usd, string> = Schema.String.check(
  Schema.makeFilter((text: string) => Option.isSome(fromString(text)), { expected: "decimal text" })
).pipe(
  Schema.decodeTo(
    Schema.BigDecimal,
    SchemaTransformation.transform({
      decode: (text: string): Usd => Option.getOrElse(fromString(text), () => zero),
      encode: (usd: BigDecimal.BigDecimal) => toText(usd)
    })
  )
)

/**
 * No money.
 *
 * @since 0.1.0
 */
export const zero: Usd = make(BigDecimal.fromBigInt(0n))

/**
 * An amount from decimal text such as `"0.50"`; `None` if the text is no decimal number.
 *
 * @since 0.1.0
 */
export const fromString = (text: string): Option.Option<Usd> =>
  text.trim() === "" ? Option.none() : Option.map(BigDecimal.fromString(text.trim()), make)

/**
 * The exact sum of two amounts.
 *
 * @since 0.1.0
 */
export const sum = (self: Usd, that: Usd): Usd => make(BigDecimal.sum(self, that))

/**
 * True if both amounts are the same, whatever their scale.
 *
 * @since 0.1.0
 */
export const equals = (self: Usd, that: Usd): boolean => BigDecimal.equals(self, that)

/**
 * Plain decimal text without exponent or dollar sign: `0.0000285`.
 *
 * @since 0.1.0
 */
export const toText = (usd: Usd): string => {
  const { scale, value } = BigDecimal.normalize(usd)
  const digits = (value < 0n ? -value : value).toString()
  const sign = value < 0n ? "-" : ""
  if (scale <= 0) return `${sign}${digits}${value === 0n ? "" : "0".repeat(-scale)}`
  const padded = digits.padStart(scale + 1, "0")
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/**
 * An amount with its dollar sign, exact, with at least two decimals, or as many as asked: `$0.50`, `$0.0000285`.
 *
 * @since 0.1.0
 */
export const format = (usd: Usd, options?: { readonly decimals?: number | undefined }): string => {
  const text = toText(usd)
  const negative = text.startsWith("-")
  const [whole = "0", fraction = ""] = (negative ? text.slice(1) : text).split(".")
  return `${negative ? "-" : ""}$${whole}.${fraction.padEnd(Math.max(2, options?.decimals ?? 0), "0")}`
}
