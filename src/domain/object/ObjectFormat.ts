/**
 * How values of a schema are asked for and read: the JSON Schema of the request, and the way from the text of an answer to
 * the value and back.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { pathText } from "../request/RequestBody.ts"
import * as Wire from "../wire/Wire.ts"
import { decoder, Decoders } from "./Decoders.ts"
import * as NearJson from "./NearJson.ts"
import * as ObjectJson from "./ObjectJson.ts"
import * as ObjectSchema from "./ObjectSchema.ts"
import * as PartialJson from "./PartialJson.ts"
import type { Repair } from "./Repair.ts"
import * as SchemaShape from "./SchemaShape.ts"
import * as Shape from "./Shape.ts"

/**
 * What is prepared once for a schema.
 *
 * @since 0.1.0
 */
export interface ObjectFormat {
  readonly jsonSchema: Wire.JsonObject
  readonly isStrict: boolean
  /** The shape of the value. */
  readonly shape: Shape.Shape
  /** True if the value is in an object of one field. */
  readonly isWrapped: boolean
  readonly decoders: Decoders
}

/**
 * Prepares a schema, or says what about it cannot be asked for.
 *
 * @since 0.1.0
 */
export const make = (schema: Schema.Constraint, isStrict: boolean): Result.Result<ObjectFormat, string> =>
  Result.flatMap(
    Result.try({
      try: () => {
        const shape = SchemaShape.make(schema.ast)
        const problem = problemOf(shape, isStrict)
        return problem === undefined
          ? Result.succeed({
            jsonSchema: ObjectSchema.make(shape, isStrict),
            isStrict,
            shape,
            isWrapped: ObjectSchema.isWrapped(shape, isStrict),
            decoders: new Decoders(shape)
          })
          : Result.fail(problem)
      },
      catch: (cause) => `cannot be asked for${cause instanceof Error ? `: ${cause.message}` : ""}`
    }),
    (made): Result.Result<ObjectFormat, string> => made
  )

const problemOf = (shape: Shape.Shape, isStrict: boolean): string | undefined => {
  const opaque = Shape.pathOfAnything(shape, (part) => !part.isJson)
  if (opaque !== undefined) {
    return `has no JSON for ${
      placeOf(opaque)
    }: use a schema that says how it is written, such as one with Schema.decodeTo`
  }
  const free = isStrict ? Shape.pathOfAnything(shape, () => true) : undefined
  return free === undefined
    ? undefined
    : `must say what ${placeOf(free)} is, because OpenRouter's strict mode takes nothing that may be anything; ` +
      "Schema.fromJsonString(Schema.Unknown) asks for JSON text, and strict: false does without the strict mode"
}

const placeOf = (path: string): string => path === "" ? "the value" : path

/**
 * A value that was read, and what was done to read it.
 *
 * @since 0.1.0
 */
export interface Decoded<A> {
  readonly value: A
  readonly repaired: ReadonlyArray<Repair>
}

/**
 * Why a text is no value of a schema.
 *
 * @since 0.1.0
 */
export interface Flaw {
  /** In words that have nothing of the answer. */
  readonly problem: string
  /** In all detail. */
  readonly issue: string
}

/**
 * Reads the text of an answer.
 *
 * @since 0.1.0
 */
export const decodeText = <A, E>(
  format: ObjectFormat,
  schema: Schema.Codec<A, E>,
  text: string,
  repair: boolean
): Result.Result<Decoded<A>, Flaw> => {
  if (text === "") return Result.fail({ problem: "it has no text", issue: "it has no text" })
  const decode = decoder(schema)
  let json: unknown
  let flaw: Flaw
  try {
    json = JSON.parse(text)
    const decoded = decodeJson(format, decode, { text, json, repairs: [] }, repair)
    // A text in quotes may be the value, but not what is nearly JSON.
    if (Result.isSuccess(decoded) || typeof json === "object") return decoded
    flaw = decoded.failure
  } catch (cause) {
    // The parser's words quote the answer.
    const issue = `the answer is not JSON: ${cause instanceof Error ? cause.message : "unreadable"}`
    flaw = { problem: "it is not JSON", issue }
  }
  if (!repair) return Result.fail(flaw)
  let isFirst = true
  for (const found of NearJson.find(text)) {
    const decoded = decodeJson(format, decode, found, repair)
    if (Result.isSuccess(decoded)) return decoded
    if (isFirst) flaw = decoded.failure
    isFirst = false
  }
  return Result.fail(flaw)
}

const decodeJson = <A>(
  format: ObjectFormat,
  decode: (json: unknown) => Exit.Exit<A, SchemaIssue.Issue>,
  found: NearJson.Found,
  repair: boolean
): Result.Result<Decoded<A>, Flaw> => {
  const { json, repairs } = found
  if (!format.isWrapped) return decodeValue(format, decode, found, [])
  const inner = isWrapper(json)
    ? decodeValue(format, decode, { ...found, json: json[ObjectSchema.wrapper] }, [ObjectSchema.wrapper])
    : Result.fail(lacking)
  if (Result.isSuccess(inner) || !repair) return inner
  const bare = decodeValue(format, decode, { ...found, repairs: [...repairs, { _tag: "Unwrapped" }] }, [])
  return Result.isSuccess(bare) || !isWrapper(json) ? bare : inner
}

const decodeValue = <A>(
  format: ObjectFormat,
  decode: (json: unknown) => Exit.Exit<A, SchemaIssue.Issue>,
  { json, repairs, text }: NearJson.Found,
  at: ObjectJson.Path
): Result.Result<Decoded<A>, Flaw> => {
  const read = ObjectJson.read(format.shape, json, format.decoders, at)
  const repeated = read.notes.repeated[0] ?? repeatedIn(text, read.notes.objects)
  if (repeated !== undefined) return Result.fail(repeatedKey(format, repeated))
  const exit = decode(read.json)
  if (Exit.isFailure(exit)) return Result.fail(flawOf(format, exit))
  const misfits = read.notes.misfits.map(({ issue, path }): Repair => ({
    _tag: "Misfit",
    path: pathText(path) ?? "",
    issue: formatIssue(issue)
  }))
  return Result.succeed({ value: exit.value, repaired: [...repairs, ...misfits] })
}

/** True for an object whose only member is the value. */
const isWrapper = (json: unknown): json is Wire.JsonObject =>
  Wire.isJsonObject(json) && Object.hasOwn(json, ObjectSchema.wrapper) && Object.keys(json).length === 1

const lacking: Flaw = {
  problem: `it has no "${ObjectSchema.wrapper}"`,
  issue: `the value is not in the field "${ObjectSchema.wrapper}"`
}

const repeatedKey = (format: ObjectFormat, path: ObjectJson.Path): Flaw => ({
  problem: `a key is there twice at ${pathText(safe(path, format)) ?? "the whole of it"}`,
  issue: `a key is there twice at ${pathText(path) ?? "the root"}`
})

/** `JSON.parse` keeps the last of several members with one key and says nothing. */
const repeatedIn = (text: string, objects: ReadonlyArray<ObjectJson.Path>): ObjectJson.Path | undefined => {
  if (objects.length === 0) return undefined
  const json = PartialJson.make({ isLenient: true })
  json.push(text)
  return objects.find((path) => {
    let node = json.root()
    for (const key of path) {
      node = node?._tag === "Object"
        ? node.members.get(String(key))
        : node?._tag === "List"
        ? node.items[Number(key)]
        : undefined
    }
    return node?._tag === "Object" && node.isRepeated
  })
}

const formatIssue = SchemaIssue.makeFormatterDefault()

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const maxPaths = 3

const flawOf = (format: ObjectFormat, exit: Exit.Failure<unknown, SchemaIssue.Issue>): Flaw => {
  const issue = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (issue === undefined) return { problem: "it cannot be decoded", issue: "it cannot be decoded" }
  const paths = formatIssues(issue).issues.map(({ path = [] }) => {
    const keys = path.map((segment) => typeof segment === "object" ? segment.key : segment)
    return pathText(safe(keys, format)) ?? "the whole of it"
  })
  return { problem: `at ${Arr.dedupe(paths).slice(0, maxPaths).join(", ")}`, issue: formatIssue(issue) }
}

/** A path in the words of the schema: a name that the model chose is a `*`. */
const safe = (path: ReadonlyArray<PropertyKey>, { jsonSchema }: ObjectFormat): ReadonlyArray<PropertyKey> => {
  const names = namesOf(jsonSchema)
  return path.map((key) => typeof key === "number" || names.has(String(key)) ? key : "*")
}

/** The names of all properties that a JSON Schema describes. */
const namesOf = (jsonSchema: unknown, names: Set<string> = new Set()): ReadonlySet<string> => {
  if (Array.isArray(jsonSchema)) { for (const inner of jsonSchema) namesOf(inner, names) }
  if (!Wire.isJsonObject(jsonSchema)) return names
  const { properties } = jsonSchema
  if (Wire.isJsonObject(properties)) { for (const name of Object.keys(properties)) names.add(name) }
  for (const inner of Object.values(jsonSchema)) namesOf(inner, names)
  return names
}

/**
 * The places where the JSON of an answer does not fit; none if it does.
 *
 * @since 0.1.0
 */
export const misfits = <A, E>(
  format: ObjectFormat,
  schema: Schema.Codec<A, E>,
  json: unknown
): ReadonlyArray<ReadonlyArray<PropertyKey>> => {
  const at = format.isWrapped ? [ObjectSchema.wrapper] : []
  if (format.isWrapped && !isWrapper(json)) return [[]]
  const value = format.isWrapped && isWrapper(json) ? json[ObjectSchema.wrapper] : json
  const read = ObjectJson.read(format.shape, value, format.decoders, at)
  const [repeated] = read.notes.repeated
  if (repeated !== undefined) return [repeated]
  const exit = SchemaParser.decodeUnknownExit(Schema.toCodecJson(schema), { errors: "all" })(read.json)
  const issue = Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined
  return issue === undefined ? [] : formatIssues(issue).issues.map(({ path = [] }) => [
    ...at,
    ...path.map((segment) => typeof segment === "object" ? segment.key : segment)
  ])
}

/**
 * Writes a value as a model would: the text of an answer. Fails with what is wrong with the value.
 *
 * @since 0.1.0
 */
export const encodeText = <A, E>(
  format: ObjectFormat,
  schema: Schema.Codec<A, E>,
  value: unknown
): Result.Result<string, string> => {
  const exit = SchemaParser.encodeUnknownExit(Schema.toCodecJson(schema))(value)
  if (Exit.isFailure(exit)) return Result.fail(flawOf(format, exit).issue)
  const json = Option.getOrUndefined(ObjectJson.write(format.shape, exit.value, format.isStrict))
  return json === undefined
    ? Result.fail("the value has no JSON that a model could write")
    : Result.succeed(JSON.stringify(format.isWrapped ? { [ObjectSchema.wrapper]: json } : json))
}
