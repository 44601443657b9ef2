/**
 * JSON objects, and the names of their members.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"

/**
 * A JSON object as it travels: any keys, values not looked at yet.
 *
 * @since 0.1.0
 */
export interface JsonObject {
  readonly [key: string]: unknown
}

/**
 * True for an object that is neither `null` nor an array.
 *
 * @since 0.1.0
 */
export const isJsonObject = (u: unknown): u is JsonObject => Predicate.isObject(u)

/**
 * Schema of a {@link JsonObject}; it does not look at the values.
 *
 * @since 0.1.0
 */
export const JsonObject: Schema.declare<JsonObject> = Schema.declare(isJsonObject, {
  identifier: "JsonObject",
  expected: "an object",
  toCodecArbitrary: () => generatedFrom<JsonObject>(Schema.Record(Schema.String, Schema.Json))
})

/**
 * How property tests make values of a declaration: as values of `schema`. Encoding never comes this way.
 *
 * @since 0.1.0
 */
export const generatedFrom = <A>(schema: Schema.Codec<A, unknown>): SchemaAST.Link =>
  Schema.link<A>()(schema, {
    decode: SchemaGetter.passthrough({ strict: false }),
    encode: SchemaGetter.forbiddenEncoding
  })

/**
 * The wire name of a camelCase field: `maxOutputTokens` becomes `max_output_tokens`.
 *
 * @since 0.1.0
 */
export const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
