/**
 * The one place that knows how a camelCase type meets OpenRouter's snake_case JSON.
 *
 * - {@link Struct}: an object whose keys are renamed in one pass; `null` means "absent" for optional fields.
 * - {@link LazyStruct}: the same, built when it is first used; for what most programs never meet.
 * - {@link OpenStruct}: the same, with keys of the caller's own.
 * - {@link OpenUnion}: values told apart by a discriminator, where an unknown or malformed value is kept, not rejected.
 * - {@link OpenLiterals}: an enum that autocompletes the known values and accepts any string.
 * - {@link JsonText}: JSON text, also where JSON came that was not written as text.
 * - {@link raw}: the JSON that a decoded value came from. It is what is sent back, so unknown fields survive.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "./Codec.ts"
import { generatedFrom } from "./Json.ts"

export { isJsonObject, JsonObject, raw, snakeCase, withRaw } from "./Json.ts"
export { JsonText } from "./JsonText.ts"
export { type Arms, isUnknown, OpenUnion, Unknown } from "./OpenUnion.ts"
export { type Check, type Flaw, LazyStruct, OpenStruct, promised, Struct, withDefault } from "./Struct.ts"

/**
 * The same object without its undefined members: an optional field is absent, not undefined.
 *
 * @since 0.1.0
 */
export const compact = <A extends object>(members: A): { readonly [K in keyof A]?: Exclude<A[K], undefined> } => {
  const out: { [K in keyof A]?: Exclude<A[K], undefined> } = {}
  for (const key in members) {
    const value = members[key]
    if (isDefined(value)) out[key] = value
  }
  return out
}

const isDefined = <A>(value: A): value is Exclude<A, undefined> => value !== undefined

/**
 * A string enum that stays open: the known values autocomplete, any other string is accepted.
 *
 * @since 0.1.0
 */
export interface OpenLiterals<L extends string> extends Schema.declare<L | (string & {})> {}

/**
 * Makes an open enum from the values that the API documents today.
 *
 * @since 0.1.0
 */
export const OpenLiterals = <const L extends ReadonlyArray<string>>(literals: L): OpenLiterals<L[number]> =>
  Schema.declare((u: unknown): u is L[number] | (string & {}) => typeof u === "string", {
    expected: `a string such as ${literals.map((literal) => JSON.stringify(literal)).join(", ")}`,
    // In JSON Schema the known values, or any other text.
    toCodecJson: () =>
      Schema.link<string>()(
        Schema.Union([Schema.Literals(literals), Schema.String]),
        SchemaTransformation.passthrough()
      ),
    toCodecArbitrary: () => generatedFrom<string>(Schema.Literals(literals)),
    ...Codec.ofTest(Predicate.isString)
  })
