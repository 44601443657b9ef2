/**
 * The JSON Schema that is sent for a {@link Shape}.
 *
 * The strict one keeps to what strict structured outputs take (OpenAI's subset, which OpenRouter translates for others): each
 * object lists all of its properties as required and takes no others, there is no `allOf`, few keywords, and a reference
 * stands alone. So optional fields are nullable, entries with names of their own are a list of pairs, and the places of a
 * tuple are properties. What no keyword may say is said in words. The other one is plain JSON Schema.
 *
 * A part with an identifier is sent once, however often it is used.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import * as Wire from "../wire/Wire.ts"
import * as Constraint from "./Constraint.ts"
import * as Shape from "./Shape.ts"

/**
 * Where the value is, if it is not the JSON itself.
 *
 * @since 0.1.0
 */
export const wrapper = "value"

/**
 * True for a root that is no object with fields of its own: its value is a field of one.
 *
 * @since 0.1.0
 */
export const isWrapped = (root: Shape.Shape, isStrict: boolean): boolean => {
  const own = Shape.resolved(root)
  return own._tag !== "Struct" || isStrict && own.entries !== undefined && own.fields.length === 0
}

/**
 * The name of the field that has the entries beside the fields of a struct.
 *
 * @since 0.1.0
 */
export const entriesName = ({ fields }: Shape.Struct): string => {
  let name = "others"
  while (fields.some((field) => field.name === name)) name = `_${name}`
  return name
}

/** A part that is sent once and referred to. */
interface Definition {
  readonly name: string
  schema: Wire.JsonObject
  uses: number
  isRecursive: boolean
}

/**
 * Makes the JSON Schema of a root.
 *
 * @since 0.1.0
 */
export const make = (root: Shape.Shape, isStrict: boolean): Wire.JsonObject => {
  const rootShape = Shape.resolved(root)
  const isInside = isWrapped(root, isStrict)
  const targets = Shape.targetsOf(root)
  const definitions = new Map<Shape.Shape, Definition>()
  const names = new Set<string>()
  const building: Array<Shape.Shape> = []

  const nameFor = (identifier: string | undefined): string => {
    const plain = identifier?.replace(/[^a-zA-Z0-9_-]+/g, "_").slice(0, 60) || "Part"
    let name = plain
    for (let n = 2; names.has(name); n++) name = `${plain}_${n}`
    names.add(name)
    return name
  }

  /** A part where it is used: itself, or a reference to it. */
  const used = (shape: Shape.Shape, descriptions: ReadonlyArray<string> = []): Wire.JsonObject => {
    const own = Shape.resolved(shape)
    if (own === rootShape && !isInside) return described({ $ref: "#" }, descriptions)
    if (own.identifier === undefined && !targets.has(own)) return written(own, descriptions)
    let definition = definitions.get(own)
    if (definition === undefined) {
      definition = { name: nameFor(own.identifier), schema: {}, uses: 0, isRecursive: false }
      definitions.set(own, definition)
      building.push(own)
      definition.schema = written(own, [])
      building.pop()
    }
    definition.uses++
    if (building.includes(own)) definition.isRecursive = true
    return described({ $ref: `${prefix}${definition.name}` }, descriptions)
  }

  /** A reference stands alone in strict mode, so what is said besides stands around it. */
  const described = (reference: Wire.JsonObject, descriptions: ReadonlyArray<string>): Wire.JsonObject =>
    descriptions.length === 0 ? reference : { anyOf: [reference], description: sentence(descriptions) }

  const written = (shape: Exclude<Shape.Shape, Shape.Suspended>, more: ReadonlyArray<string>): Wire.JsonObject => {
    const schema = bare(shape)
    const { keywords, words } = Constraint.merged(
      shape.constraints,
      (keyword, value) => isAllowed(keyword, value, schema["type"], isStrict)
    )
    const { type: _, ...others } = keywords
    const texts = Arr.dedupe([...more, ...shape.descriptions, ...words])
    return { ...schema, ...others, ...(texts.length === 0 ? {} : { description: sentence(texts) }) }
  }

  const bare = (shape: Exclude<Shape.Shape, Shape.Suspended>): Wire.JsonObject => {
    switch (shape._tag) {
      case "Null":
        return { type: "null" }
      case "Boolean":
        return { type: "boolean" }
      case "Number":
        return { type: shape.isInteger ? "integer" : "number" }
      case "Text":
        return { type: "string" }
      case "Literals":
        return literals(shape.values)
      case "List":
        return { type: "array", items: used(shape.item) }
      case "Tuple":
        return isStrict ? places(shape) : tuple(shape)
      case "Struct":
        return object(shape)
      case "Union":
        return { anyOf: shape.members.map((member) => used(member)) }
      case "Maybe":
        return orNull(used(shape.value))
      case "Anything":
        return {}
    }
  }

  const object = (shape: Shape.Struct): Wire.JsonObject => {
    const { entries, fields } = shape
    if (!isStrict) {
      const required = fields.filter((field) => !field.isOptional).map(({ name }) => name)
      return {
        type: "object",
        ...(fields.length === 0
          ? {}
          : { properties: properties(fields, (field) => used(field.shape, field.descriptions)) }),
        ...(required.length === 0 ? {} : { required }),
        additionalProperties: entries === undefined ? false : used(entries.value),
        ...(entries === undefined ? {} : namesOf(used(entries.key)))
      }
    }
    if (entries === undefined) return closed(fields)
    return fields.length === 0 ? pairs(entries) : closed(fields, { [entriesName(shape)]: pairs(entries) })
  }

  const closed = (fields: ReadonlyArray<Shape.Field>, more: Wire.JsonObject = {}): Wire.JsonObject => {
    const all = { ...properties(fields, required), ...more }
    return { type: "object", properties: all, required: Object.keys(all), additionalProperties: false }
  }

  const properties = (
    fields: ReadonlyArray<Shape.Field>,
    write: (field: Shape.Field) => Wire.JsonObject
  ): Wire.JsonObject => Object.fromEntries(fields.map((field) => [field.name, write(field)]))

  /** In strict mode a field that may be missing is there, and may be null. */
  const required = ({ descriptions, isOptional, shape }: Shape.Field): Wire.JsonObject => {
    const schema = used(shape, descriptions)
    return isOptional && !Shape.admitsNull(shape) ? orNull(schema) : schema
  }

  const pairs = ({ key, value }: Shape.Entries): Wire.JsonObject => ({
    type: "array",
    description: "the entries, each key once",
    items: {
      type: "object",
      properties: { key: used(key), value: used(value) },
      required: ["key", "value"],
      additionalProperties: false
    }
  })

  const places = (shape: Shape.Tuple): Wire.JsonObject => {
    const { elements, rest, tail } = shape
    const more = rest === undefined ? {} : { rest: { type: "array", items: used(rest) } }
    const last = Object.fromEntries(tail.map((field) => [field.name, required(field)]))
    return closed(elements, { ...more, ...last })
  }

  const tuple = ({ elements, rest, tail }: Shape.Tuple): Wire.JsonObject => ({
    type: "array",
    prefixItems: elements.map(({ descriptions, shape }) => used(shape, descriptions)),
    minItems: elements.filter(({ isOptional }) => !isOptional).length + tail.length,
    ...(rest === undefined
      ? { items: false, maxItems: elements.length }
      : tail.length === 0
      ? { items: used(rest) }
      : { items: { anyOf: [rest, ...tail.map(({ shape }) => shape)].map((part) => used(part)) } })
  })

  const whole = isInside ? used(rootShape) : written(rootShape, [])
  const kept = new Map<string, Wire.JsonObject>()
  const inline = new Map<string, Wire.JsonObject>()
  for (const { isRecursive, name, schema, uses } of definitions.values()) {
    const isShared = isRecursive || uses > 1 && JSON.stringify(schema).length > shortest
    ;(isShared ? kept : inline).set(`${prefix}${name}`, schema)
  }
  const schema = inlined(whole, inline)
  const $defs = Object.fromEntries(
    Array.from(kept, ([reference, schema]) => [reference.slice(prefix.length), inlined(schema, inline)])
  )
  return {
    ...(isInside
      ? { type: "object", properties: { [wrapper]: schema }, required: [wrapper], additionalProperties: false }
      : schema),
    ...(kept.size === 0 ? {} : { $defs })
  }
}

const prefix = "#/$defs/"

/** Characters of JSON; what is shorter is not worth a reference. */
const shortest = 60

/** The schema with those parts in place of the references to them. */
const inlined = (schema: Wire.JsonObject, parts: ReadonlyMap<string, Wire.JsonObject>): Wire.JsonObject => {
  const { $ref, anyOf, description } = schema
  const part = typeof $ref === "string" ? parts.get($ref) : undefined
  if (part !== undefined) return inlined(part, parts)
  const [only] = Array.isArray(anyOf) && anyOf.length === 1 ? anyOf : []
  if (Wire.isJsonObject(only) && typeof only["$ref"] === "string" && parts.has(only["$ref"])) {
    const own = inlined(only, parts)
    const texts = [description, own["description"]].filter(Predicate.isString)
    return { ...own, ...(texts.length === 0 ? {} : { description: sentence(Arr.dedupe(texts)) }) }
  }
  return Object.fromEntries(Object.entries(schema).map(([keyword, value]) => [keyword, within(keyword, value, parts)]))
}

const within = (keyword: string, value: unknown, parts: ReadonlyMap<string, Wire.JsonObject>): unknown => {
  if (keyword === "enum") return value
  if (Array.isArray(value)) return value.map((member) => Wire.isJsonObject(member) ? inlined(member, parts) : member)
  if (!Wire.isJsonObject(value)) return value
  return keyword === "properties"
    ? Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, Wire.isJsonObject(member) ? inlined(member, parts) : member])
    )
    : inlined(value, parts)
}

const sentence = (texts: ReadonlyArray<string>): string => texts.join("; ")

const orNull = (schema: Wire.JsonObject): Wire.JsonObject => {
  const { anyOf, ...others } = schema
  // What is said of a choice holds for a null as well.
  return Array.isArray(anyOf) && Object.keys(others).every((keyword) => keyword === "description")
    ? { ...others, anyOf: [...anyOf, { type: "null" }] }
    : { anyOf: [schema, { type: "null" }] }
}

const literals = (values: ReadonlyArray<string | number | boolean>): Wire.JsonObject => {
  const types = Arr.dedupe(values.map((value) => typeof value))
  const [type] = types
  if (types.length === 1) return { type, enum: values }
  return { anyOf: types.map((type) => ({ type, enum: values.filter((value) => typeof value === type) })) }
}

const namesOf = (key: Wire.JsonObject): Wire.JsonObject =>
  Object.keys(key).every((keyword) => keyword === "type") ? {} : { propertyNames: key }

/** What strict mode takes, by the type of the part. */
const strictKeywords: Readonly<Record<string, ReadonlyArray<string>>> = {
  string: ["pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  array: ["minItems", "maxItems"]
}

const plainKeywords: Readonly<Record<string, ReadonlyArray<string>>> = {
  ...strictKeywords,
  string: ["pattern", "format", "minLength", "maxLength"],
  array: ["minItems", "maxItems", "uniqueItems"],
  object: ["minProperties", "maxProperties"]
}

const strictFormats = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]

const isAllowed = (keyword: string, value: unknown, type: unknown, isStrict: boolean): boolean => {
  if (keyword === "type") return true
  if (typeof type !== "string") return false
  const allowed = isStrict ? strictKeywords[type] : plainKeywords[type]
  if (allowed?.includes(keyword) !== true) return false
  if (!isStrict || typeof value !== "string") return true
  // Strict mode knows no looking around and no references back.
  return keyword === "format" ? strictFormats.includes(value) : !/\(\?(?:[=!]|<[=!])|\\[1-9k]/.test(value)
}
