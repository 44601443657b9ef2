/**
 * What all providers ask of the tools that a program describes: their names, and the JSON Schema of their arguments.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "../wire/Codec.ts"
import * as Wire from "../wire/Wire.ts"

/** OpenAI and Anthropic take letters, digits, `_` and `-`, Google `.` and `:` as well; the longest limit is 128. */
const pattern = /^[a-zA-Z0-9_.:-]{1,128}$/

/**
 * Schema of a name that some provider takes.
 *
 * @since 0.1.0
 */
export const ToolName: Schema.String = Schema.String.check(Schema.makeFilter(
  (name: string) =>
    pattern.test(name) ? undefined : "must be 1 to 128 letters, digits, _ or -; no provider takes other names",
  { expected: "a name", arbitraryConstraint: { patterns: [{ source: "^[a-z][a-z0-9_]{0,12}$", flags: "" }] } }
))

/** Keywords that may say that a schema is one of an object, without its `type`. */
const others = ["$ref", "anyOf", "oneOf", "allOf", "enum", "const", "not", "if", "toJSON"]

/** The schema with what OpenAI refuses a function for not having: `type` and `properties`. */
const whole = (schema: Wire.JsonObject): Wire.JsonObject => {
  const { properties, type } = schema
  if (type === "object" ? properties !== undefined : type !== undefined) return schema
  if (others.some((keyword) => keyword in schema)) return schema
  return { type: "object", ...schema, ...(properties === undefined ? { properties: {} } : {}) }
}

const isOfObject = (schema: Wire.JsonObject): boolean => {
  const { type } = schema
  return typeof type !== "string" || type === "object"
}

const described = Wire.JsonObject.check(Schema.makeFilter(
  (schema: Wire.JsonObject) =>
    isOfObject(schema) ? undefined : "must describe an object, the arguments by name: { type: \"object\", properties }",
  { expected: "a JSON Schema of an object" }
))

const completed = Wire.JsonObject.pipe(Schema.decodeTo(
  described,
  SchemaTransformation.transform({ decode: (schema) => schema, encode: whole })
))

/**
 * Schema of the arguments of a function, as JSON Schema. It is sent with the `type` and the `properties` that it lacks.
 *
 * @since 0.1.0
 */
export const Parameters: Schema.decodeTo<Schema.declare<Wire.JsonObject>, Schema.declare<Wire.JsonObject>> = completed
  .annotate(Codec.ofTransformation(completed, {
    read: (json) => Wire.isJsonObject(json) ? json : Codec.misfit,
    write: (schema) => Wire.isJsonObject(schema) && isOfObject(schema) ? whole(schema) : Codec.misfit
  }))

/**
 * What is wrong with a list of tools: two of one name, which a call could not tell apart.
 *
 * @since 0.1.0
 */
export const sameName = (tools: ReadonlyArray<object>): Wire.Flaw | undefined => {
  if (tools.length < 2) return undefined
  const names = new Set<unknown>()
  for (const [index, tool] of tools.entries()) {
    if (!("type" in tool && "name" in tool) || !named.includes(tool.type)) continue
    if (names.has(tool.name)) {
      return { path: [index, "name"], issue: "must differ from the names of the other tools: this one is there twice" }
    }
    names.add(tool.name)
  }
  return undefined
}

/** Tools that are called by a name of the program's. Advisors and subagents have names, too, but are told apart otherwise. */
const named: ReadonlyArray<unknown> = ["function", "custom", "namespace"]
