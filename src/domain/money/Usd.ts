/**
 * Money: US dollars as an exact decimal.
 *
 * OpenRouter bills in credits whose base currency is the US dollar. A number from the wire becomes an amount through its
 * shortest text, so `0.1` is one tenth, and sums are exact however many calls are added up. A missing cost is absent,
 * never zero. Wherever it comes from, an amount prints with its dollar sign, is decimal text in JSON, and equals every
 * other amount of the same value.
 *
 * **Example** (How much is left?)
 *
 * ```ts
 * import { Usd } from "effect-openrouter"
 *
 * const limit = Usd.make("0.50")
 * const left = Usd.subtract(limit, Usd.sumAll([Usd.fromNumber(0.1), Usd.fromNumber(0.2)]))
 *
 * console.log(`${left} of ${limit}`) // $0.20 of $0.50
 * console.log(JSON.stringify({ left })) // {"left":"0.2"}
 * console.log(Usd.isLessThan(left, limit)) // true
 * ```
 *
 * @since 0.1.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as equivalence from "effect/Equivalence"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as order from "effect/Order"
import type * as Ordering from "effect/Ordering"
import * as reducer from "effect/Reducer"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "../wire/Codec.ts"
import { Amount, decimalText, isAmount, moneyText, normalized, parse, toText } from "./Amount.ts"

export { format, toText } from "./Amount.ts"

/**
 * An amount of US dollars, made by {@link make}, {@link fromNumber}, {@link fromString} or {@link fromDecimal}.
 *
 * It prints as {@link format} says, and its JSON is its {@link toText}. It is no number: `a < b` throws, where
 * {@link isLessThan} compares.
 *
 * @since 0.1.0
 */
export interface Usd extends Amount {}

/**
 * What an amount can be made from: an amount, or the text of one, such as `"0.50"` or `"$0.50"`.
 *
 * @since 0.1.0
 */
export type Input = Usd | string

/** The JSON of an amount. */
const DecimalText = Schema.String.check(Schema.isPattern(decimalText, {
  expected: "decimal text",
  description: "US dollars as exact decimal text, such as 0.50"
}))

const asText = SchemaTransformation.transform({ decode: parse, encode: (usd: Usd) => toText(usd) })

/** Amounts for tests, with as many digits as a number holds: the same as text and as a number. */
const drawn = () =>
  Schema.link<Usd>()(
    Schema.Struct({
      digits: Schema.Int.check(Schema.isBetween({ minimum: -999_999_999_999_999, maximum: 999_999_999_999_999 })),
      scale: Schema.Int.check(Schema.isBetween({ minimum: -6, maximum: 24 }))
    }),
    {
      decode: SchemaGetter.transform(({ digits, scale }) => normalized(BigInt(digits), scale)),
      encode: SchemaGetter.forbiddenEncoding
    }
  )

/**
 * Schema of an amount; its JSON form is decimal text, exact.
 *
 * @since 0.1.0
 */
export const Usd: Schema.declare<Usd> = Schema.declare<Usd>(isAmount, {
  expected: "Usd",
  toCodecJson: () => Schema.link<Usd>()(DecimalText, asText),
  toCodecArbitrary: drawn
})

const fromStringSchema = /* @__PURE__ */ DecimalText.pipe(/* @__PURE__ */ Schema.decodeTo(Usd, asText))

/**
 * Schema of an amount that travels as decimal text.
 *
 * @since 0.1.0
 */
export const FromString: Schema.decodeTo<Schema.declare<Usd>, Schema.String> = /* @__PURE__ */ fromStringSchema
  .annotate(
    /* @__PURE__ */ Codec.ofTransformation(fromStringSchema, {
      read: (json) => typeof json === "string" && decimalText.test(json) ? parse(json) : Codec.misfit,
      write: (usd) => isAmount(usd) ? toText(usd) : Codec.misfit
    })
  )

const fromNumberSchema = /* @__PURE__ */ Schema.Finite.pipe(
  /* @__PURE__ */ Schema.decodeTo(
    Usd,
    /* @__PURE__ */ SchemaTransformation.transform({
      decode: (dollars) => fromNumber(dollars),
      encode: (usd: Usd) => toNumber(usd)
    })
  )
)

/**
 * Schema of an amount that travels as a JSON number.
 *
 * @since 0.1.0
 */
export const FromNumber: Schema.decodeTo<Schema.declare<Usd>, Schema.Finite> = /* @__PURE__ */ fromNumberSchema
  .annotate(
    /* @__PURE__ */ Codec.ofTransformation(fromNumberSchema, {
      read: (json) => typeof json === "number" && Number.isFinite(json) ? fromNumber(json) : Codec.misfit,
      write: (usd) => {
        const dollars = isAmount(usd) ? toNumber(usd) : NaN
        return Number.isFinite(dollars) ? dollars : Codec.misfit
      }
    })
  )

/**
 * True for amounts.
 *
 * @since 0.1.0
 */
export const isUsd: (u: unknown) => u is Usd = isAmount

/**
 * Makes an amount, from text as a program writes it: `Usd.make("0.50")`.
 *
 * Text that is no amount is a mistake of the program and throws a `RangeError`; for text from outside there is
 * {@link fromString}.
 *
 * @since 0.1.0
 */
export const make = (input: Input): Usd =>
  isAmount(input) ? input : Option.getOrThrowWith(
    fromString(input),
    () =>
      new RangeError(`${JSON.stringify(input)} is no amount of US dollars; write it as decimal text, such as "0.50"`)
  )

/**
 * An amount from text, with or without a dollar sign: `"0.50"`, `"-$1.25"`, `"1e-7"`. `None` if the text is no amount.
 *
 * It reads what {@link format} and {@link toText} write. There is no other currency and no sign between thousands, and an
 * exponent has three digits at most.
 *
 * @since 0.1.0
 */
export const fromString = (text: string): Option.Option<Usd> => {
  const trimmed = text.trim()
  return moneyText.test(trimmed) ? Option.some(parse(trimmed.replace("$", ""))) : Option.none()
}

/**
 * An amount from a number of dollars, by the number's shortest decimal text. Throws a `RangeError` unless it is finite.
 *
 * @since 0.1.0
 */
export const fromNumber = (dollars: number): Usd => {
  if (!Number.isFinite(dollars)) throw new RangeError(`${dollars} is no amount of US dollars`)
  return parse(String(dollars))
}

/**
 * An amount from a decimal.
 *
 * @since 0.1.0
 */
export const fromDecimal = (decimal: BigDecimal.BigDecimal): Usd => normalized(decimal.value, decimal.scale)

/**
 * The amount as a decimal, normalised; for what is not done here.
 *
 * @since 0.1.0
 */
export const toDecimal = (usd: Usd): BigDecimal.BigDecimal => BigDecimal.make(usd.value, usd.scale)

/**
 * No money.
 *
 * @since 0.1.0
 */
export const zero: Usd = new Amount(0n, 0)

/**
 * True if there is no money.
 *
 * @since 0.1.0
 */
export const isZero = (usd: Usd): boolean => usd.value === 0n

/**
 * True for less than nothing, such as a balance that is overdrawn.
 *
 * @since 0.1.0
 */
export const isNegative = (usd: Usd): boolean => usd.value < 0n

/** Those that sums of costs need. */
const powersOfTen = Array.from({ length: 32 }, (_, exponent) => 10n ** BigInt(exponent))

const powerOfTen = (exponent: number): bigint => powersOfTen[exponent] ?? 10n ** BigInt(exponent)

const plus = (self: Usd, value: bigint, scale: number): Usd => {
  if (value === 0n) return self
  const shift = self.scale - scale
  return shift < 0
    ? normalized(self.value * powerOfTen(-shift) + value, scale)
    : normalized(self.value + (shift === 0 ? value : value * powerOfTen(shift)), self.scale)
}

/**
 * The exact sum of two amounts.
 *
 * @since 0.1.0
 */
export const sum: {
  (that: Usd): (self: Usd) => Usd
  (self: Usd, that: Usd): Usd
} = /* @__PURE__ */ dual(2, (self: Usd, that: Usd): Usd => isZero(self) ? that : plus(self, that.value, that.scale))

/**
 * The exact sum of many amounts; of none it is {@link zero}.
 *
 * @since 0.1.0
 */
export const sumAll = (amounts: Iterable<Usd>): Usd => {
  let total = zero
  for (const amount of amounts) total = sum(total, amount)
  return total
}

/**
 * The exact difference: `self` without `that`.
 *
 * @since 0.1.0
 */
export const subtract: {
  (that: Usd): (self: Usd) => Usd
  (self: Usd, that: Usd): Usd
} = /* @__PURE__ */ dual(2, (self: Usd, that: Usd): Usd => plus(self, -that.value, that.scale))

/**
 * An amount so many times, exactly: the price of a token by the number of tokens.
 *
 * A number counts as its shortest decimal text; it throws a `RangeError` unless it is finite.
 *
 * **Example** (What does a prompt cost?)
 *
 * ```ts
 * import { Usd } from "effect-openrouter"
 *
 * Usd.make("0.00000125").pipe(Usd.multiply(1200)) // $0.0015
 * ```
 *
 * @since 0.1.0
 */
export const multiply: {
  (times: number | BigDecimal.BigDecimal): (self: Usd) => Usd
  (self: Usd, times: number | BigDecimal.BigDecimal): Usd
} = /* @__PURE__ */ dual(2, (self: Usd, times: number | BigDecimal.BigDecimal): Usd => {
  const { scale, value } = typeof times === "number" ? fromNumber(times) : times
  return normalized(self.value * value, self.scale + scale)
})

/**
 * True if both amounts are the same, by `Equal.equals` too.
 *
 * @since 0.1.0
 */
export const equals: {
  (that: Usd): (self: Usd) => boolean
  (self: Usd, that: Usd): boolean
} = /* @__PURE__ */ dual(2, (self: Usd, that: Usd): boolean => self.value === that.value && self.scale === that.scale)

/**
 * Tells whether two amounts are the same.
 *
 * @since 0.1.0
 */
export const Equivalence: equivalence.Equivalence<Usd> = /* @__PURE__ */ equivalence.make(equals)

/**
 * The order of amounts, the smallest first.
 *
 * @since 0.1.0
 */
export const Order: order.Order<Usd> = /* @__PURE__ */ order.make((self, that): Ordering.Ordering => {
  if (self.scale !== that.scale) return BigDecimal.Order(toDecimal(self), toDecimal(that))
  return self.value === that.value ? 0 : self.value < that.value ? -1 : 1
})

/**
 * True if `self` is less than `that`.
 *
 * @since 0.1.0
 */
export const isLessThan: {
  (that: Usd): (self: Usd) => boolean
  (self: Usd, that: Usd): boolean
} = /* @__PURE__ */ order.isLessThan(Order)

/**
 * True if `self` is `that` or less.
 *
 * @since 0.1.0
 */
export const isLessThanOrEqualTo: {
  (that: Usd): (self: Usd) => boolean
  (self: Usd, that: Usd): boolean
} = /* @__PURE__ */ order.isLessThanOrEqualTo(Order)

/**
 * True if `self` is more than `that`.
 *
 * @since 0.1.0
 */
export const isGreaterThan: {
  (that: Usd): (self: Usd) => boolean
  (self: Usd, that: Usd): boolean
} = /* @__PURE__ */ order.isGreaterThan(Order)

/**
 * True if `self` is `that` or more.
 *
 * @since 0.1.0
 */
export const isGreaterThanOrEqualTo: {
  (that: Usd): (self: Usd) => boolean
  (self: Usd, that: Usd): boolean
} = /* @__PURE__ */ order.isGreaterThanOrEqualTo(Order)

/**
 * The smaller amount.
 *
 * @since 0.1.0
 */
export const min: {
  (that: Usd): (self: Usd) => Usd
  (self: Usd, that: Usd): Usd
} = /* @__PURE__ */ order.min(Order)

/**
 * The larger amount.
 *
 * @since 0.1.0
 */
export const max: {
  (that: Usd): (self: Usd) => Usd
  (self: Usd, that: Usd): Usd
} = /* @__PURE__ */ order.max(Order)

/**
 * Sums amounts up, for `Struct.makeReducer`, `Option.makeReducer` and the like.
 *
 * @since 0.1.0
 */
export const Reducer: reducer.Reducer<Usd> = /* @__PURE__ */ reducer.make(sum, zero, sumAll)

/**
 * The number that is nearest to the amount, for charts and the like; to compute with it is not exact.
 *
 * @since 0.1.0
 */
export const toNumber = (usd: Usd): number => Number(`${usd.value}e${-usd.scale}`)
