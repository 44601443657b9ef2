/**
 * Text that holds JSON, such as the arguments of a call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "./Codec.ts"
import { describedAs } from "./Described.ts"

/** JSON may be nested deeper than it can be written. */
const textOf = (json: unknown): Result.Result<string, string> => {
  if (typeof json === "string") return Result.succeed(json)
  return json === null || json === undefined
    ? Result.succeed("")
    : Result.try({ try: () => JSON.stringify(json), catch: () => "is nested too deeply to be written as text" })
}

const AnyJson = Schema.declare(
  (_: unknown): _ is unknown => true,
  describedAs<unknown>({ parts: () => [], describe: () => ({ type: "string" }) })
)

const schema = AnyJson.pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transformEffect<string, unknown>({
      decode: (json, options) =>
        Effect.mapError(
          Effect.fromResult(textOf(json)),
          (message) => new SchemaIssue.InvalidValue({ message }, json, options)
        ),
      encode: Effect.succeed
    })
  )
)

/**
 * JSON text as the API says it, and as gateways send it instead: `null` is the empty text, and JSON that was not written as
 * text is written here.
 *
 * @since 0.1.0
 */
export const JsonText: Schema.decodeTo<Schema.String, Schema.declare<unknown>> = schema.annotate(
  Codec.ofTransformation(schema, {
    read: (json) => Predicate.isString(json) ? json : Result.getOrElse(textOf(json), () => Codec.misfit),
    write: (text) => Predicate.isString(text) ? text : Codec.misfit
  })
)
