/**
 * Between a value of an asked schema and the text in which a model answers it.
 *
 * @since 0.1.0
 */
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as RequestBody from "../../domain/request/RequestBody.ts"
import * as Shown from "./Shown.ts"

/** The codec by which `respondObject` reads an answer to a request for this schema. */
const codecOf = (schema: Schema.Codec<unknown, unknown>): Schema.ConstraintCodec<unknown, unknown, never, never> =>
  toCodecOpenAI(schema).codec

/**
 * The text of a value, or why it is none of the schema: a line for each place.
 *
 * @since 0.1.0
 */
export const write = (
  schema: Schema.Codec<unknown, unknown>,
  value: unknown
): Effect.Effect<Result.Result<string, ReadonlyArray<string>>> =>
  Effect.map(
    Effect.result(Schema.encodeUnknownEffect(codecOf(schema))(value)),
    Result.mapBoth({
      onSuccess: (json) => JSON.stringify(json),
      onFailure: ({ issue }) => flaws(issue, value)
    })
  )

/**
 * The places where a JSON value is no answer to a request for this schema; none if it is one.
 *
 * @since 0.1.0
 */
export const misfits = (
  schema: Schema.Codec<unknown, unknown>,
  json: unknown
): Effect.Effect<ReadonlyArray<ReadonlyArray<PropertyKey>>> =>
  Effect.map(
    Effect.result(Schema.decodeUnknownEffect(codecOf(schema))(json, { errors: "all" })),
    Result.match({
      onSuccess: () => [],
      onFailure: ({ issue }) => formatIssues(issue).issues.map(({ path }) => keysOf(path))
    })
  )

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
