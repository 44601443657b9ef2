/**
 * A value in the form that a request's JSON Schema asks for.
 *
 * What a program calls one value has several forms on the wire: strict schemas have no optional members, so a missing one is
 * `null`; a tuple may be an object with a member for each element, a record a list of pairs, and what is no object in one of
 * its own. A model writes what the schema says, and so does this. What fits already stays as it is, and what cannot be made to fit as well: then the client says so.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import { flatten, type JsonSchema } from "./SchemaJson.ts"

/**
 * Brings a value into the form of a schema.
 *
 * @since 0.1.0
 */
export const fit = (json: Schema.Json, schema: unknown): Schema.Json => fitted(json, schema, schema, 0)

/** Deeper values than this are left as they are. */
const maximumDepth = 64

const fitted = (json: Schema.Json, input: unknown, root: unknown, depth: number): Schema.Json => {
  const schema = depth > maximumDepth ? undefined : flatten(input, root, 0)
  if (schema === undefined) return json
  const branches = list(schema["anyOf"]) ?? list(schema["oneOf"])
  const [only, ...more] = Object.entries(propertiesOf(schema))
  if (
    only !== undefined && more.length === 0 && !isRecord(json) && suits(json, flatten(only[1], root, 0) ?? {}, root)
  ) {
    return { [only[0]]: fitted(json, only[1], root, depth + 1) }
  }
  if (branches !== undefined) {
    const branch = branches.find((branch) => suits(json, flatten(branch, root, 0) ?? {}, root))
    return branch === undefined ? json : fitted(json, branch, root, depth + 1)
  }
  if (Array.isArray(json)) {
    const items: ReadonlyArray<Schema.Json> = json
    if (!isOf(schema, "object")) {
      const prefix = list(schema["prefixItems"]) ?? []
      return items.map((item, index) => fitted(item, prefix[index] ?? schema["items"], root, depth + 1))
    }
    const names = Object.keys(propertiesOf(schema))
    return members(
      Object.fromEntries(items.map((item, index) => [names[index] ?? String(index), item])),
      schema,
      root,
      depth
    )
  }
  if (!isRecord(json)) return json
  if (!isOf(schema, "array")) return members(json, schema, root, depth)
  const pair = flatten(schema["items"], root, 0) ?? {}
  return Object.entries(json).map(([key, value]) => fitted([key, value], pair, root, depth + 1))
}

const members = (json: Schema.JsonObject, schema: JsonSchema, root: unknown, depth: number): Schema.Json => {
  const properties = Predicate.isObject(schema["properties"]) ? schema["properties"] : {}
  const all: { [key: string]: Schema.Json } = {}
  for (const [key, value] of Object.entries(json)) {
    const known = Object.hasOwn(properties, key) ? properties[key] : schema["additionalProperties"]
    all[key] = fitted(value, known, root, depth + 1)
  }
  for (const key of list(schema["required"]) ?? []) {
    if (typeof key !== "string" || Object.hasOwn(all, key)) continue
    if (suits(null, flatten(properties[key], root, 0) ?? {}, root)) all[key] = null
  }
  return all
}

/** True if a schema may be the one that a value was written for, as far as one look tells. */
const suits = (json: Schema.Json, schema: JsonSchema, root: unknown): boolean => {
  if ("const" in schema) return schema["const"] === json
  const choices = list(schema["enum"])
  if (choices !== undefined) return choices.includes(json)
  const branches = list(schema["anyOf"]) ?? list(schema["oneOf"])
  if (branches !== undefined) return branches.some((branch) => suits(json, flatten(branch, root, 0) ?? {}, root))
  if (json === null) return isOf(schema, "null")
  if (Array.isArray(json)) {
    return isOf(schema, "array") || (isOf(schema, "object") && Object.keys(propertiesOf(schema)).length >= json.length)
  }
  if (isRecord(json)) {
    if (isOf(schema, "array")) return true
    return isOf(schema, "object") && tagsOf(schema, root).every(([key, tag]) => suits(json[key] ?? null, tag, root)) &&
      (list(schema["required"]) ?? []).every((key) =>
        typeof key === "string" &&
        (Object.hasOwn(json, key) || suits(null, flatten(propertiesOf(schema)[key], root, 0) ?? {}, root))
      )
  }
  return isOf(schema, typeof json) || (typeof json === "number" && Number.isInteger(json) && isOf(schema, "integer"))
}

const propertiesOf = (schema: JsonSchema): { readonly [key: string]: unknown } =>
  Predicate.isObject(schema["properties"]) ? schema["properties"] : {}

/** The members that tell the arms of a union apart. */
const tagsOf = (schema: JsonSchema, root: unknown): ReadonlyArray<readonly [key: string, schema: JsonSchema]> =>
  Object.entries(propertiesOf(schema)).flatMap(([key, property]) => {
    const flat = flatten(property, root, 0) ?? {}
    return "const" in flat || flat["enum"] !== undefined ? [[key, flat] as const] : []
  })

const isOf = (schema: JsonSchema, type: string): boolean => {
  const types = schema["type"]
  if (types === undefined) return type === "object" ? schema["properties"] !== undefined : type !== "null"
  return Array.isArray(types) ? types.includes(type) : types === type
}

const list = (u: unknown): ReadonlyArray<unknown> | undefined => Array.isArray(u) ? u : undefined

const isRecord = (json: Schema.Json): json is Schema.JsonObject => Predicate.isObject(json)
