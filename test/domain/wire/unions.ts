import { Predicate, Schema } from "effect"
import { CreateResponse, Outcome, Response, StreamEvent, Wire } from "effect-openrouter"

/** What the tests ask of an open union. */
export interface Union {
  readonly name: string
  readonly schema: Schema.Codec<unknown, unknown>
  readonly arms: Readonly<Record<string, Schema.Codec<object, unknown>>>
}

const isSchema = (u: unknown): u is Schema.Codec<object, unknown> => Schema.isSchema(u)

const isUnion = (u: unknown): u is Omit<Union, "name" | "schema"> & Schema.Codec<unknown, unknown> =>
  isSchema(u) && "arms" in u

/** Looks at all schemas that a schema is made of, by the members that Effect's schemas and ours have. */
const visit = (schema: unknown, seen: Set<unknown>, found: Map<string, Union>): void => {
  if (!isSchema(schema) || seen.has(schema)) return
  seen.add(schema)
  if (isUnion(schema)) {
    const { identifier } = Schema.toType(schema).ast.annotations ?? {}
    if (typeof identifier === "string") found.set(identifier, { name: identifier, schema, arms: schema.arms })
    for (const arm of Object.values(schema.arms)) visit(arm, seen, found)
    return
  }
  // A suspended schema shows only its syntax tree; what we suspend is looked for below its own name.
  for (const key of ["schema", "value", "key", "from", "to"]) visit(Reflect.get(schema, key), seen, found)
  for (const key of ["fields", "members"]) {
    const members: unknown = Reflect.get(schema, key)
    if (Predicate.isObjectOrArray(members)) { for (const one of Object.values(members)) visit(one, seen, found) }
  }
}

/** Every open union of the protocol, found from what programs send and receive. */
export const unions: ReadonlyArray<Union> = (() => {
  const found = new Map<string, Union>()
  const seen = new Set<unknown>()
  for (const root of [CreateResponse.CreateResponse, Response.Response, StreamEvent.StreamEvent, Outcome.Outcome]) {
    visit(root, seen, found)
  }
  return Array.from(found.values())
})()

/** The fields of a struct of ours; none of another schema. */
export const fieldsOf = (schema: unknown): Readonly<Record<string, Schema.Top>> => {
  const fields: unknown = isSchema(schema) ? Reflect.get(schema, "fields") : undefined
  if (!Predicate.isObject(fields)) return {}
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, field]) => Schema.isSchema(field) ? [[key, field] as const] : [])
  )
}

/** The names in JSON of the fields that an answer or request must have. */
export const requiredOf = (schema: unknown): ReadonlyArray<string> =>
  Object.entries(fieldsOf(schema)).filter(([, field]) => isRequired(field)).map(([key]) => Wire.snakeCase(key))

const isRequired = (field: Schema.Top): boolean => {
  const encoded = Schema.toEncoded(field)
  return encoded.ast.context?.isOptional !== true
}
