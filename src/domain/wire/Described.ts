/**
 * JSON whose description in JSON Schema says more than its schema demands.
 *
 * What we read is renamed, and read leniently, by transformations that JSON Schema cannot see through. A description puts
 * it there again: `Schema.toJsonSchemaDocument`, OpenAPI and tools then speak of the JSON as it travels.
 *
 * @since 0.1.0
 */
import type * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { lazy } from "./Lazy.ts"

/**
 * A description of JSON, made when somebody asks for it.
 *
 * @since 0.1.0
 */
export interface Description {
  /** Its name among the definitions of a document; without one it stands where it is used. */
  readonly identifier?: string | undefined
  /** The schemas of which it speaks. */
  readonly parts: () => ReadonlyArray<Schema.Constraint>
  /** The description, from those of its parts. */
  readonly describe: (parts: ReadonlyArray<JsonSchema.JsonSchema>) => JsonSchema.JsonSchema
}

/**
 * The annotation of a declaration whose values are JSON of this description.
 *
 * @since 0.1.0
 */
export const describedAs = <A>(description: Description): { readonly toCodecJson: () => SchemaAST.Link } => ({
  toCodecJson: lazy(() => Schema.link<A>()(described(description), SchemaTransformation.passthrough({ strict: false })))
})

/**
 * The JSON side of a schema: what a description of JSON is made of.
 *
 * @since 0.1.0
 */
export const jsonOf = (schema: Schema.Constraint): SchemaAST.AST => Schema.toEncoded(Schema.toCodecJson(schema)).ast

/** Any JSON, with a description; a check of any value is what is the same, however a schema is turned around. */
const described = ({ describe, identifier, parts }: Description): Schema.Codec<unknown> => {
  const schemas = lazy(() => parts().map(jsonOf))
  const representation = {
    id: "effect-openrouter/Described",
    payload: null,
    get schemas() {
      return schemas()
    }
  }
  return Schema.make<Schema.Codec<unknown>>(
    Schema.Any.check(Schema.makeFilter((u: unknown) => isJson(u), {
      expected: "JSON",
      ...(identifier === undefined ? {} : { identifier }),
      representation,
      toJsonSchema: ({ schemas }) => describe(schemas)
    })).ast
  )
}

const isJson = Schema.is(Schema.Json)

/**
 * The description of what may also be `null`.
 *
 * @since 0.1.0
 */
export const orNull = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => {
  if (Object.keys(schema).length === 0 || isNull(schema)) return schema
  const alternatives: ReadonlyArray<JsonSchema.JsonSchema> = Object.keys(schema).length === 1 &&
      Array.isArray(schema["anyOf"])
    ? schema["anyOf"]
    : [schema]
  return alternatives.some(isNull) ? schema : { anyOf: [...alternatives, { type: "null" }] }
}

const isNull = (schema: JsonSchema.JsonSchema): boolean => schema["type"] === "null"
