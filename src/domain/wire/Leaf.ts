/**
 * Conversions that look at one value, and those that go through a list of them: what the conversions of schemas are made of.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import { type Convert, misfit } from "./Fitting.ts"

/**
 * Any text, as it is.
 *
 * @since 0.1.0
 */
export const ofText: Convert = (value) => typeof value === "string" ? value : misfit

/**
 * A value that passes a test, as it is.
 *
 * @since 0.1.0
 */
export const testing = (fits: (value: unknown) => boolean): Convert =>
  fits === Predicate.isString ? ofText : (value) => fits(value) ? value : misfit

/**
 * The usual checks of numbers, by one plain test each.
 *
 * @since 0.1.0
 */
export const numberTests: ReadonlyMap<SchemaAST.AST["checks"], (value: unknown) => boolean> = new Map([
  [Schema.Finite.ast.checks, Number.isFinite],
  [Schema.Int.ast.checks, Number.isSafeInteger]
])

/**
 * The conversion of a schema without parts; `undefined` for others.
 *
 * @since 0.1.0
 */
export const ofAst = (ast: SchemaAST.AST): Convert | undefined => {
  switch (ast._tag) {
    case "String":
      return ofText
    case "Number":
      return testing(numberTests.get(ast.checks) ?? Predicate.isNumber)
    case "Boolean":
      return testing(Predicate.isBoolean)
    case "Null":
      return testing(Predicate.isNull)
    case "Undefined":
      return testing(Predicate.isUndefined)
    case "Unknown":
      return testing(() => true)
    case "Literal":
      return testing((value) => value === ast.literal)
    default:
      return undefined
  }
}

/**
 * The first of several conversions that fits.
 *
 * @since 0.1.0
 */
export const firstOf = (members: ReadonlyArray<Convert>): Convert => (value) => {
  for (const convert of members) {
    const converted = convert(value)
    if (converted !== misfit) return converted
  }
  return misfit
}

/**
 * A list whose elements all fit.
 *
 * @since 0.1.0
 */
export const arrayOf = (convert: Convert): Convert => (value) => {
  if (!Array.isArray(value)) return misfit
  const elements: Array<unknown> = []
  for (let index = 0; index < value.length; index++) {
    const element = convert(value[index])
    if (element === misfit) return misfit
    elements.push(element)
  }
  return elements
}
