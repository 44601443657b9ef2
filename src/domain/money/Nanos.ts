/**
 * Whole billionths of a dollar as plain numbers, for decisions that are made often: exact up to nine million dollars.
 *
 * @since 0.1.0
 */
import { normalized } from "./Amount.ts"
import type { Usd } from "./Usd.ts"

/** Decimals of a billionth. */
const scale = 9

/**
 * An amount in billionths, rounded up.
 *
 * @since 0.1.0
 */
export const ceil = (usd: Usd): number => {
  const shift = usd.scale - scale
  if (shift <= 0) return Number(usd.value * 10n ** BigInt(-shift))
  const unit = 10n ** BigInt(shift)
  const whole = usd.value / unit
  return Number(usd.value > whole * unit ? whole + 1n : whole)
}

/**
 * An amount in billionths, rounded down.
 *
 * @since 0.1.0
 */
export const floor = (usd: Usd): number => {
  const shift = usd.scale - scale
  if (shift <= 0) return Number(usd.value * 10n ** BigInt(-shift))
  const unit = 10n ** BigInt(shift)
  const whole = usd.value / unit
  return Number(usd.value < whole * unit ? whole - 1n : whole)
}

/**
 * So many billionths as an amount.
 *
 * @since 0.1.0
 */
export const toUsd = (nanos: number): Usd => normalized(BigInt(nanos), scale)

/**
 * A price in billionths, which may have a fraction: it is multiplied before it is rounded.
 *
 * @since 0.1.0
 */
export const ofPrice = (price: Usd): number => Number(`${price.value}e${scale - price.scale}`)
