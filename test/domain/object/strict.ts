import { Predicate } from "effect"

/** Keywords of OpenAI's strict subset, by type. */
const keywords: Readonly<Record<string, ReadonlyArray<string>>> = {
  string: ["enum", "pattern", "format"],
  number: ["enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  integer: ["enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  boolean: ["enum"],
  null: [],
  array: ["items", "minItems", "maxItems"],
  object: ["properties", "required", "additionalProperties"]
}

const formats = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]

/** Why a JSON Schema is none of the strict subset: https://platform.openai.com/docs/guides/structured-outputs. */
export const problemsOf = (root: unknown): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const counts = { properties: 0, values: 0, names: 0 }
  const definitions = Predicate.isObject(root) && Predicate.isObject(root["$defs"]) ? root["$defs"] : {}

  const visit = (schema: unknown, path: string, depth: number): void => {
    const problem = (text: string) => void problems.push(`${path}: ${text}`)
    if (!Predicate.isObject(schema)) return problem("no schema")
    if (depth > 10) problem("too deep")
    const { $defs: _, description, ...rest } = schema
    if (description !== undefined && typeof description !== "string") problem("description")
    const own = Object.keys(rest)
    if (schema["$ref"] !== undefined) {
      const name = /^#\/\$defs\/([\w-]+)$/.exec(String(schema["$ref"]))?.[1]
      if (schema["$ref"] !== "#" && (name === undefined || definitions[name] === undefined)) problem("leads nowhere")
      if (Object.keys(schema).length > 1) problem("a reference with company")
      return
    }
    const members = schema["anyOf"]
    if (members !== undefined) {
      if (own.length > 1) problem(`anyOf with ${own.join()}`)
      if (!Array.isArray(members) || members.length === 0) return problem("anyOf of nothing")
      return members.forEach((member, index) => visit(member, `${path}|${index}`, depth))
    }
    const allowed = keywords[String(schema["type"])]
    if (allowed === undefined) return problem(`type ${JSON.stringify(schema["type"])}`)
    for (const keyword of own) if (keyword !== "type" && !allowed.includes(keyword)) problem(keyword)
    if (schema["format"] !== undefined && !formats.includes(String(schema["format"]))) problem("format")
    if (typeof schema["pattern"] === "string" && /\(\?[=!<]/.test(schema["pattern"])) problem("looks around")
    if (Array.isArray(schema["enum"])) {
      counts.values += schema["enum"].length
      if (new Set(schema["enum"]).size < schema["enum"].length || schema["enum"].length === 0) problem("enum")
    }
    if (schema["type"] === "array") visit(schema["items"], `${path}[]`, depth + 1)
    if (schema["type"] !== "object") return
    const { additionalProperties, properties, required } = schema
    if (additionalProperties !== false) problem("open")
    if (!Predicate.isObject(properties)) return problem("no properties")
    const names = Object.keys(properties)
    if (JSON.stringify(required) !== JSON.stringify(names)) {
      problem(`requires ${JSON.stringify(required)} of ${names.join()}`)
    }
    counts.properties += names.length
    counts.names += names.join("").length
    for (const name of names) visit(properties[name], `${path}.${name}`, depth + 1)
  }

  if (!Predicate.isObject(root) || root["type"] !== "object") problems.push("the root is no object")
  visit(root, "", 0)
  for (const [name, schema] of Object.entries(definitions)) visit(schema, `#${name}`, 1)
  if (counts.properties > 5000) problems.push("more than 5000 properties")
  if (counts.values > 1000) problems.push("more than 1000 values")
  if (counts.names > 120_000) problems.push("more than 120,000 characters of names")
  return problems
}
