/**
 * The JSON Schema of a function's arguments, from an Effect Schema.
 *
 * @since 0.1.0
 */
import * as JsonPointer from "effect/JsonPointer"
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"

/**
 * Describes the arguments in JSON, as `Schema.toCodecJson(schema)` reads them: optional keys stay optional, other keys are
 * not allowed, and a `Schema.Number` is a finite one.
 *
 * Schemas that refer to themselves have their definitions in `$defs`. It throws for a schema that JSON cannot express.
 *
 * @since 0.1.0
 */
export const toJsonSchema = (schema: Schema.Constraint): Wire.JsonObject => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  const names = Object.keys(definitions)
  // OpenAI takes no reference at the root, which classes have.
  const named = definitions[names.find((name) => root["$ref"] === referenceTo(name)) ?? ""]
  const { $ref: _, ...own } = root
  const inlined = named === undefined ? root : { ...named, ...own }
  const text = JSON.stringify([inlined, definitions])
  const used = Object.entries(definitions).filter(([name]) => text.includes(JSON.stringify(referenceTo(name))))
  return withFiniteNumbers({
    ...inlined,
    ...(used.length === 0 ? {} : { $defs: Object.fromEntries(used) })
  })
}

/** As the conversion writes it: the name is part of a JSON Pointer, and that of a URI. */
const referenceTo = (name: string): string => `#/$defs/${encodeURIComponent(JsonPointer.escapeToken(name))}`

const nonFinite: ReadonlyArray<unknown> = ["NaN", "Infinity", "-Infinity"]

const isNonFinite = (schema: unknown): boolean => {
  const values = Wire.isJsonObject(schema) ? schema["enum"] : undefined
  return Array.isArray(values) && values.length === nonFinite.length &&
    values.every((value) => nonFinite.includes(value))
}

const isOfNumber = (schema: unknown): boolean => Wire.isJsonObject(schema) && schema["type"] === "number"

/** The schema without the texts that stand for numbers beyond JSON, wherever a number may stand as well. */
const withFiniteNumbers = (schema: Wire.JsonObject): Wire.JsonObject => {
  const mapped = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, finite(value)]))
  const { anyOf, ...others } = mapped
  if (!Array.isArray(anyOf) || !anyOf.some(isOfNumber) || !anyOf.some(isNonFinite)) return mapped
  const left: ReadonlyArray<unknown> = anyOf.filter((member) => !isNonFinite(member))
  const [only] = left
  return left.length === 1 && Wire.isJsonObject(only) ? { ...only, ...others } : { ...others, anyOf: left }
}

const finite = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(finite) : Wire.isJsonObject(value) ? withFiniteNumbers(value) : value
