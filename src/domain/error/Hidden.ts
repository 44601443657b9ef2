/**
 * What errors carry for programs and not for eyes: fields that a program reads like any other, and that nothing shows.
 *
 * A {@link field} is read from JSON where it is there, and is not written. A class that is made by {@link withResponse}
 * keeps `response` out of inspection, logs and `toJSON`; the other hidden fields are `Redacted` and print as that.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Inspectable from "effect/Inspectable"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Response from "../response/Response.ts"
import { generatedFrom } from "../wire/Json.ts"
import { lazy } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"

/**
 * An optional field that is decoded like `schema` and left out when its owner is encoded. `undefined` counts as absent.
 *
 * @since 0.1.0
 */
export const field = <A, E>(schema: Schema.Codec<A, E>) => {
  const is = Schema.is(schema)
  const held = Schema.declare((u: unknown): u is A | undefined => u === undefined || is(u), {
    toFormatter: () => () => "<hidden>",
    toCodecArbitrary: () => generatedFrom<A | undefined>(Schema.toType(schema))
  })
  return Schema.optionalKey(schema).pipe(
    Schema.decodeTo(Schema.optionalKey(held), {
      decode: SchemaGetter.passthrough<A | undefined, A>({ strict: false }),
      encode: SchemaGetter.omit<A | undefined>()
    })
  )
}

/**
 * A text that stays out of sight in memory; plain text where it is encoded.
 *
 * @since 0.1.0
 */
export const Text = Schema.RedactedFromValue(Schema.String)

const isResponse = (u: unknown): u is Response.Response =>
  Wire.isJsonObject(u) && typeof u["status"] === "string" && Array.isArray(u["output"])

/** A response as it is: not a copy of its fields, which would have forgotten its JSON. */
const Held = Schema.declare(isResponse, {
  expected: "a response",
  toCodecArbitrary: () => generatedFrom<Response.Response>(Response.Response)
})

const isJson = Schema.is(Schema.Json)

/** JSON text can hold numbers that are too large for a number and are read as infinite; these are written as `null`. */
const finite = (json: unknown): Result.Result<unknown, string> =>
  isJson(json) ? Result.succeed(json) : Result.try({
    try: (): unknown => JSON.parse(JSON.stringify(json)),
    catch: () => "cannot be written as JSON"
  })

const orIssue = <A>(result: Result.Result<A, string>, input: unknown, options: SchemaAST.ParseOptions) =>
  Effect.fromResult(
    Result.mapError(result, (problem) => new SchemaIssue.InvalidValue({ message: problem }, input, options))
  )

const encodeFields = lazy(() => SchemaParser.encodeEffect(Schema.toCodecJson(Response.Response)))

/**
 * A response as the JSON that it came from, with the fields that this version does not know. One that was made by hand is
 * written by its fields.
 *
 * @since 0.1.0
 */
export const ResponseJson: Schema.Codec<Response.Response, unknown> = Schema.Unknown.pipe(
  Schema.decodeTo(
    Held,
    SchemaTransformation.transformEffect<Response.Response, unknown>({
      decode: (json, options) => orIssue(Response.decode(json), json, options),
      encode: (response, options) => {
        const json = Wire.raw(response)
        return json === undefined ? encodeFields()(response, options) : orIssue(finite(json), response, options)
      }
    })
  )
)

/**
 * Makes `response` a property that nothing enumerates. Every error class with this field extends what this gives back.
 *
 * @since 0.1.0
 */
export const withResponse = <Base extends abstract new(...args: never) => Inspectable.Inspectable>(
  Errors: Base
): Base => concealing(Errors, "response")

/**
 * Makes a property of an error class one that nothing enumerates, so that neither inspection nor `toJSON` shows it.
 *
 * @since 0.1.0
 */
export const concealing = <Base extends abstract new(...args: never) => Inspectable.Inspectable>(
  Errors: Base,
  name: string
): Base => {
  const prototype: Inspectable.Inspectable = Errors.prototype
  const { toJSON } = prototype
  Object.defineProperties(prototype, {
    // The constructor assigns all fields; this one becomes a property here.
    [name]: {
      set(this: object, value: unknown) {
        Object.defineProperty(this, name, { value, configurable: true, writable: true })
      }
    },
    toJSON: {
      value(this: Inspectable.Inspectable): unknown {
        const json = toJSON.call(this)
        if (!Wire.isJsonObject(json)) return json
        const { [name]: _, ...shown } = json
        return shown
      }
    }
  })
  return Errors
}
