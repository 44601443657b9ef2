/**
 * The value that an amount of money is, and its text. What is done with amounts is in `Usd.ts`.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"

const TypeId = "~effect-openrouter/Usd"

/**
 * An amount of US dollars: `value` × 10^-`scale`, where `value` does not end in a zero.
 *
 * It holds these two, and not a decimal: a sum makes one object instead of two, and whoever compares fields is right.
 *
 * @since 0.1.0
 */
export class Amount extends Pipeable.Class implements Equal.Equal, Inspectable.Inspectable {
  readonly value: bigint
  readonly scale: number

  /** For {@link normalized} only. */
  constructor(value: bigint, scale: number) {
    super()
    this.value = value
    this.scale = scale
  }

  get [TypeId](): typeof TypeId {
    return TypeId
  }

  [Equal.symbol](that: unknown): boolean {
    return isAmount(that) && this.value === that.value && this.scale === that.scale
  }

  [Hash.symbol](): number {
    return Hash.string(toText(this))
  }

  override toString(): string {
    return format(this)
  }

  toJSON(): string {
    return toText(this)
  }

  [Inspectable.NodeInspectSymbol](): string {
    return format(this)
  }

  /** Without this, `a < b` would compare texts, and `$10.00` is less than `$9.00` there. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint !== "number") return format(this)
    throw new TypeError(`${format(this)} is no number: compare it by Usd.isLessThan, convert it by Usd.toNumber`)
  }
}

/**
 * True for amounts, also for those of another copy of this package.
 *
 * @since 0.1.0
 */
export const isAmount = (u: unknown): u is Amount => Predicate.hasProperty(u, TypeId)

/**
 * `value` × 10^-`scale` dollars.
 *
 * @since 0.1.0
 */
export const normalized = (value: bigint, scale: number): Amount => {
  // Who compares fields takes -0 for another scale.
  if (value % 10n !== 0n) return new Amount(value, scale + 0)
  if (value === 0n) return new Amount(0n, 0)
  const text = value.toString()
  const digits = text.replace(/0+$/, "")
  return new Amount(BigInt(digits), scale - (text.length - digits.length))
}

/**
 * Decimal text as in JSON. An exponent has three digits at most, because an amount has all its digits in memory.
 *
 * JSON Schema shows only patterns that are read as Unicode.
 *
 * @since 0.1.0
 */
export const decimalText = /^-?\d+(\.\d+)?([eE][+-]?\d{1,3})?$/u

/**
 * Decimal text as people write it.
 *
 * @since 0.1.0
 */
export const moneyText = /^[+-]?\$?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/

/**
 * Reads text of which it is known that it is decimal text; a dollar sign is none.
 *
 * @since 0.1.0
 */
export const parse = (text: string): Amount => {
  const mark = Math.max(text.indexOf("e"), text.indexOf("E"))
  const base = mark === -1 ? text : text.slice(0, mark)
  const exponent = mark === -1 ? 0 : Number(text.slice(mark + 1))
  const point = base.indexOf(".")
  return point === -1
    ? normalized(BigInt(base), -exponent)
    : normalized(BigInt(base.slice(0, point) + base.slice(point + 1)), base.length - point - 1 - exponent)
}

/**
 * Plain decimal text without exponent or dollar sign, exact: `0.0000285`.
 *
 * @since 0.1.0
 */
export const toText = ({ scale, value }: Amount): string => {
  const digits = (value < 0n ? -value : value).toString()
  const sign = value < 0n ? "-" : ""
  if (scale <= 0) return `${sign}${digits}${"0".repeat(-scale)}`
  const padded = digits.padStart(scale + 1, "0")
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/**
 * An amount with its dollar sign: `$0.50`, `$0.0000285`. It is exact, with at least two decimals.
 *
 * With `decimals` it has exactly so many. It is **rounded** to them, half away from zero, and the text does not say so:
 * with two decimals `$0.0000285` is `$0.00`, and `$0.995` is `$1.00`.
 *
 * @since 0.1.0
 */
export const format = (usd: Amount, options?: { readonly decimals?: number | undefined }): string => {
  const decimals = options?.decimals
  const text = toText(decimals === undefined ? usd : rounded(usd, decimals))
  const sign = text.startsWith("-") ? "-" : ""
  const [whole = "", fraction = ""] = text.slice(sign.length).split(".")
  const shown = fraction.padEnd(decimals ?? 2, "0")
  return `${sign}$${whole}${shown === "" ? "" : `.${shown}`}`
}

const rounded = (usd: Amount, decimals: number): Amount => {
  if (!Number.isSafeInteger(decimals) || decimals < 0) throw new RangeError(`${decimals} is no number of decimals`)
  if (usd.scale <= decimals) return usd
  const unit = 10n ** BigInt(usd.scale - decimals)
  const half = unit / 2n
  // A quotient of integers drops its fraction, on either side of zero.
  return normalized((usd.value + (usd.value < 0n ? -half : half)) / unit, decimals)
}
