/**
 * JSON objects, the names of their members, and the JSON that a decoded value came from, kept with it out of sight.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { describedAs } from "./Described.ts"
import { lazy } from "./Lazy.ts"

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
  ...describedAs<JsonObject>({ parts: () => [], describe: () => ({ type: "object" }) }),
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
 * The value that a schema made itself a moment ago, and need not check again.
 *
 * @since 0.1.0
 */
export class Fresh<A extends object> {
  // One place is enough, because what is made is checked next; a set of all would be costly for the garbage collector.
  #value: A | undefined
  /** Remembers the value that was made just now. */
  made(value: A): A {
    this.#value = value
    return value
  }
  /** True once for that value. */
  take(value: unknown): value is A {
    const isMade = value !== undefined && this.#value === value
    this.#value = undefined
    return isMade
  }
}

/**
 * Checks the values of a schema's type side without rebuilding them: what is attached to them stays.
 *
 * @since 0.1.0
 */
export const checking = <A extends object>(
  type: () => Schema.Codec<A>
): (value: unknown, options: SchemaAST.ParseOptions) => Effect.Effect<A, SchemaIssue.Issue> => {
  const is = lazy(() => SchemaParser.is(type()))
  const parse = lazy(() => SchemaParser.decodeUnknownEffect(type()))
  return (value, options) =>
    options.onExcessProperty !== "error" && is()(value)
      ? Effect.succeed(value)
      : Effect.map(parse()(value, options), (copy) => is()(value) ? value : copy)
}

/**
 * The wire name of a camelCase field: `maxOutputTokens` becomes `max_output_tokens`.
 *
 * @since 0.1.0
 */
export const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** A constructor that gives back what it is given, so that a subclass can add a private field to it. */
// oxlint-disable-next-line typescript/no-extraneous-class -- only a class can be the base of one
class Itself {
  constructor(value: object) {
    return value
  }
}

/** Stamps an object with a private field: invisible, forgotten by copies, and several times faster than a property. */
class Stamp extends Itself {
  #json: unknown
  constructor(value: object, json: unknown) {
    super(value)
    this.#json = json
  }
  static json(value: unknown): unknown {
    return Predicate.isObject(value) && #json in value ? value.#json : undefined
  }
  static on(value: object, json: unknown): object {
    if (!(#json in value)) return new Stamp(value, json)
    value.#json = json
    return value
  }
}

/**
 * The JSON that a value was decoded from, or `undefined` for a value made by hand.
 *
 * It is attached out of sight, so a copy made with spread syntax forgets it and is encoded from its fields: what you changed
 * is what is sent.
 *
 * @since 0.1.0
 */
export const raw = (value: unknown): unknown => Stamp.json(value)

/**
 * Attaches the JSON that a decoded value came from; see {@link raw}.
 *
 * @since 0.1.0
 */
export const withRaw = <A extends object>(value: A, json: unknown): A => {
  Stamp.on(value, json)
  return value
}
