/**
 * JSON Schema as strict structured output takes it, beyond what Effect's conversion does.
 *
 * Strict mode asks for a type of every part. `Schema.Number` also stands for what JSON cannot hold, which Effect writes as
 * text; a model that is asked for `NaN` may give it.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Wire from "../wire/Wire.ts"

const nonFinite: ReadonlyArray<unknown> = ["NaN", "Infinity", "-Infinity"]

const isNonFinite = (schema: unknown): boolean => {
  const values = Wire.isJsonObject(schema) ? schema["enum"] : undefined
  return Array.isArray(values) && values.length === nonFinite.length &&
    values.every((value) => nonFinite.includes(value))
}

const isOfNumber = (schema: unknown): boolean => Wire.isJsonObject(schema) && schema["type"] === "number"

/**
 * The schema without the texts that stand for numbers beyond JSON, wherever a number may stand as well.
 *
 * @since 0.1.0
 */
export const withFiniteNumbers = (schema: Wire.JsonObject): Wire.JsonObject => {
  const mapped = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, finite(value)]))
  const { anyOf, ...others } = mapped
  if (!Array.isArray(anyOf) || !anyOf.some(isOfNumber) || !anyOf.some(isNonFinite)) return mapped
  const left: ReadonlyArray<unknown> = anyOf.filter((member) => !isNonFinite(member))
  const [only] = left
  return left.length === 1 && Wire.isJsonObject(only) ? { ...only, ...others } : { ...others, anyOf: left }
}

const finite = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(finite) : Wire.isJsonObject(value) ? withFiniteNumbers(value) : value

const typing = ["type", "anyOf", "$ref", "enum", "const"]

/**
 * The path of the first part that may be anything, such as `extra` or `list[]`; empty for the root, `undefined` if there is
 * none.
 *
 * @since 0.1.0
 */
export const untypedPart = (schema: unknown, path = ""): string | undefined => {
  if (!Wire.isJsonObject(schema)) return undefined
  if (!typing.some((keyword) => keyword in schema)) return path
  const { $defs, anyOf, items, properties } = schema
  return firstOf(properties, (name) => path === "" ? name : `${path}.${name}`) ??
    firstOf($defs, (name) => name) ??
    firstOf(Array.isArray(anyOf) ? anyOf : undefined, () => path) ??
    (items === undefined ? undefined : untypedPart(items, `${path}[]`))
}

const firstOf = (schemas: unknown, pathOf: (name: string) => string): string | undefined => {
  if (!Predicate.isObjectOrArray(schemas)) return undefined
  for (const [name, schema] of Object.entries(schemas)) {
    const found = untypedPart(schema, pathOf(name))
    if (found !== undefined) return found
  }
  return undefined
}
