/**
 * Between a value of an asked schema and the text in which a model answers it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as ObjectFormat from "../../domain/object/ObjectFormat.ts"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as RequestBody from "../../domain/request/RequestBody.ts"
import * as ObjectCall from "../../services/ObjectCall.ts"
import { TestFailure } from "./ReplyOutcome.ts"
import * as Shown from "./Shown.ts"

/**
 * How a request asks for values of a schema, which was found out before it was sent.
 *
 * @since 0.1.0
 */
export const formatOf = (
  schema: Schema.Codec<unknown, unknown>,
  { text }: CreateResponse
): Effect.Effect<ObjectFormat.ObjectFormat> =>
  Effect.flatMap(ObjectCall.CurrentObjectFormats, (formats) => {
    const isPlain = text?.format?.type === "json_schema" && text.format.strict === false
    const format = ObjectCall.formatOf(schema, !isPlain, formats)
    return Result.isSuccess(format) ? Effect.succeed(format.success) : Effect.die(new TestFailure(format.failure))
  })

/**
 * The text of a value, or why it is none of the schema: a line for each place.
 *
 * @since 0.1.0
 */
export const write = (
  format: ObjectFormat.ObjectFormat,
  schema: Schema.Codec<unknown, unknown>,
  value: unknown
): Effect.Effect<Result.Result<string, ReadonlyArray<string>>> =>
  Effect.map(Effect.result(Schema.encodeUnknownEffect(Schema.toCodecJson(schema))(value)), (encoded) =>
    Result.isFailure(encoded)
      ? Result.fail(flaws(encoded.failure.issue, value))
      : Result.mapError(ObjectFormat.encodeText(format, schema, value), (problem) => [problem]))

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const maxFlaws = 5

const keysOf = (path: StandardIssue["path"] = []): ReadonlyArray<PropertyKey> =>
  path.map((segment) => typeof segment === "object" ? segment.key : segment)

type StandardIssue = ReturnType<typeof formatIssues>["issues"][number]

const flaws = (issue: SchemaIssue.Issue, value: unknown): ReadonlyArray<string> =>
  formatIssues(issue).issues.slice(0, maxFlaws).map(({ message, path }) => {
    const keys = keysOf(path)
    return `at ${RequestBody.pathText(keys) ?? "the whole of it"}: ${message}, got ${gotAt(value, keys)}`
  })

const gotAt = (value: unknown, path: ReadonlyArray<PropertyKey>): string => {
  const found = at(value, path)
  return found === undefined ? "nothing" : Shown.value(found)
}

/**
 * What is at a place of a value, or `undefined`.
 *
 * @since 0.1.0
 */
export const at = (value: unknown, path: ReadonlyArray<PropertyKey>): unknown => {
  let found = value
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined
    found = Reflect.get(found, key)
  }
  return found
}
