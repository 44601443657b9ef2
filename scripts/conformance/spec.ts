/**
 * OpenRouter's official specification and what the checks need of it: schemas, examples, a validator, a generator.
 */
import { Ajv2020 } from "ajv/dist/2020.js"
import { createGeneratorSync } from "json-schema-faker"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** A JSON object. */
export interface Json {
  readonly [key: string]: unknown
}

export const isJson = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

/** The official specification. */
export interface Spec {
  /** Schemas by name; references are `#/components/schemas/Name`. */
  readonly schemas: Json
  /** The official examples by schema name. */
  readonly examples: Json
  /** The official examples of output items by type. */
  readonly outputItems: Json
  /** The official examples of stream events by type. */
  readonly streamEvents: Json
}

const folder = new URL("../../../shared/spec/", import.meta.url)

const read = (name: string): Json => {
  const json: unknown = JSON.parse(readFileSync(new URL(name, folder), "utf8"))
  return isJson(json) ? json : {}
}

const member = (json: unknown, ...path: ReadonlyArray<string>): Json => {
  let at = json
  for (const key of path) at = isJson(at) ? at[key] : undefined
  return isJson(at) ? at : {}
}

/** Loads the specification, or returns the folder where it is missing. */
export const load = (): Spec | string => {
  if (!existsSync(new URL("responses.flat.openapi.json", folder))) return fileURLToPath(folder)
  const examples = read("examples.json")
  return {
    schemas: member(read("responses.flat.openapi.json"), "components", "schemas"),
    examples: member(examples, "schemas"),
    outputItems: member(examples, "outputItems"),
    streamEvents: member(examples, "streamEvents")
  }
}

const reference = (name: string) => `#/components/schemas/${name}`

/** Says why a value does not fit a schema of the specification, or undefined when it does. */
export const validator = (spec: Spec, name: string): (value: unknown) => string | undefined => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false })
  const validate = ajv.compile({ $ref: reference(name), components: { schemas: spec.schemas } })
  return (value) => {
    if (validate(value)) return undefined
    const [first] = validate.errors ?? []
    return first === undefined ? "invalid" : `${first.instancePath} ${first.message}`
  }
}

/** Generates values of a schema of the specification, the same ones every time. */
export const generator = (
  spec: Spec,
  name: string,
  options: { readonly seed: number; readonly optionalsProbability?: number }
): () => unknown => {
  const schemas = precise(withoutExamples(spec.schemas))
  const generator = createGeneratorSync({
    optionalsProbability: 0.5,
    ...options,
    fillProperties: false,
    maxItems: 2,
    maxDefaultItems: 2,
    maxLength: 24,
    maxDepth: 12,
    refDepthMax: 8
  })
  const schema = { $ref: reference(name), components: { schemas } }
  return () => generator.generate(schema)
}

/**
 * Where we ask for more than the specification's schemas do: prices are decimals (its words say so, the schema says text),
 * names and models are not empty, and a summary is a list (one of two schemas of reasoning items lets it be null).
 */
const precise = (schemas: unknown): unknown =>
  JSON.parse(JSON.stringify(schemas), (key, value: unknown) => {
    if (!isJson(value)) return value
    const properties = value["properties"]
    if (key === "max_price" && isJson(properties)) {
      const decimal = { type: "string", pattern: "^[1-9][0-9]?$" }
      return { ...value, properties: Object.fromEntries(Object.keys(properties).map((price) => [price, decimal])) }
    }
    if (key === "summary" && isJson(value["items"])) return { ...value, type: "array" }
    if (key === "models") return { ...value, items: { type: "string", minLength: 1 } }
    return (key === "name" || key === "model") && value["type"] === "string" ? { ...value, minLength: 1 } : value
  })

/** Generators would return the examples again and again. */
const withoutExamples = (json: unknown): unknown => {
  if (Array.isArray(json)) return json.map(withoutExamples)
  if (!isJson(json)) return json
  return Object.fromEntries(
    Object.entries(json)
      .filter(([key, value]) => key !== "examples" && (key !== "example" || isPropertySchema(value)))
      .map(([key, value]) => [key, withoutExamples(value)])
  )
}

const isPropertySchema = (value: unknown) =>
  isJson(value) && ("type" in value || "$ref" in value) && "description" in value

/** The schemas that a union of the specification refers to, seen through nested unions. */
export const members = (spec: Spec, schema: unknown): ReadonlyArray<string> => {
  if (!isJson(schema)) return []
  const ref = schema["$ref"]
  if (typeof ref === "string") {
    const name = ref.slice(reference("").length)
    const target = spec.schemas[name]
    return isJson(target) && ("anyOf" in target || "oneOf" in target) ? members(spec, target) : [name]
  }
  return [schema["anyOf"], schema["oneOf"], schema["items"]].flatMap((part) =>
    Array.isArray(part) ? part.flatMap((one) => members(spec, one)) : members(spec, part)
  )
}

/** A copy in which nothing is `null` or undefined; the API means the same by absent. */
export const withoutNulls = (json: unknown): unknown => {
  if (Array.isArray(json)) return json.map(withoutNulls)
  if (!isJson(json)) return json
  return Object.fromEntries(
    Object.entries(json)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([key, value]) => [key, withoutNulls(value)])
  )
}

/** A copy of a decoded value that forgets the JSON it came from, at every depth, so that it is encoded from its fields. */
export const forget = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(forget)
  if (!isJson(value) || value["type"] === "unknown") return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, forget(inner)]))
}
