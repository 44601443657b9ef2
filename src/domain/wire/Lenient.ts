/**
 * Decoding that gives up parts before it gives up the whole.
 *
 * A value that fits is decoded in one pass. Otherwise the parts that do not fit are left out, the smallest ones, whatever
 * their depth and name: an optional field, the object around a required one, an element of a list, an entry of a record.
 * `Wire.raw` is the whole JSON.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Codec from "./Codec.ts"
import { checking, Fresh, generatedFrom } from "./Json.ts"
import { deferred, lazy } from "./Lazy.ts"
import * as Wire from "./Wire.ts"

/**
 * Makes a decoder that leaves out what does not fit; it fails, with the reason, if nothing decodable remains.
 *
 * @since 0.1.0
 */
export const decoder = <A extends object>(
  schema: Schema.Codec<A, unknown>
): (json: unknown) => Result.Result<A, string> => {
  const decoding = lazy(() => SchemaParser.decodeUnknownExit(schema))
  const read = Codec.lenientReader(schema)
  return (json) => {
    const exit = decoding()(json)
    if (Exit.isSuccess(exit)) return Result.succeed(Wire.withRaw(exit.value, json))
    const part = read(json)
    if (part !== Codec.misfit) return Result.succeed(Wire.withRaw(part, json))
    const issue = Option.getOrUndefined(Exit.findErrorOption(exit))
    return Result.fail(issue === undefined ? "it cannot be decoded" : formatIssue(issue))
  }
}

/**
 * The struct as it is read by `decode`, whose values remember their JSON: they are encoded to that, whatever they are a
 * part of, so that what is stored is read again. JSON Schema says what the struct says.
 *
 * @since 0.1.0
 */
export const remembering = <Fields extends Schema.Struct.Fields>(
  struct: Wire.LazyStruct<Fields>,
  decode: (json: unknown) => Result.Result<object, string>
): Wire.LazyStruct<Fields> =>
  deferred(() => {
    const { fields, mapFields } = struct
    const { ast } = remembered(Schema.make<Schema.Codec<object, Wire.JsonObject>>(struct.ast), decode)
    return Schema.make<Wire.Struct<Fields>>(ast, { fields, mapFields })
  }, { with: struct.with })

const remembered = (
  struct: Schema.Codec<object, Wire.JsonObject>,
  decode: (json: unknown) => Result.Result<object, string>
): Schema.Top => {
  const type = lazy(() => Schema.toType(struct))
  const encode = lazy(() => SchemaParser.encodeUnknownEffect(struct))
  const write = Codec.writer(struct)
  const fresh = new Fresh<object>()
  const check = checking(type)
  const Target = Schema.declareConstructor<object>()(
    [],
    () => (value, _, options) => fresh.take(value) ? Effect.succeed(value) : check(value, options),
    {
      toCodecJson: () => Schema.link<object>()(type(), SchemaTransformation.passthrough()),
      toCodecArbitrary: () => generatedFrom<object>(type())
    }
  )
  const schema = Schema.toEncoded(struct).pipe(Schema.decodeTo(
    Target,
    SchemaTransformation.transformEffect<object, Wire.JsonObject>({
      decode: (json, options) =>
        Result.match(decode(json), {
          onFailure: (message) => Effect.fail(new SchemaIssue.InvalidValue({ message }, json, options)),
          onSuccess: (value) => Effect.succeed(fresh.made(value))
        }),
      encode: (value, options) => {
        const json = Wire.raw(value)
        return Wire.isJsonObject(json) ? Effect.succeed(json) : encode()(value, options)
      }
    })
  ))
  return Codec.serving(schema, {
    read: (json) => Result.getOrElse(decode(json), () => Codec.misfit),
    write: (value) => Wire.raw(value) ?? write(value),
    readsAnyKeys: true
  })
}

const formatIssue = SchemaIssue.makeFormatterDefault()
