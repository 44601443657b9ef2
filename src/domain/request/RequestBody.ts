/**
 * From a request to the text that is sent, and back; with the field and the remedy if it cannot be.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Str from "effect/String"
import { InvalidRequest } from "../error/RequestError.ts"
import * as JsonFlaw from "../wire/JsonFlaw.ts"
import { lazy } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"
import type { Hint } from "./ForeignPart.ts"

/**
 * Makes a function that checks a request and writes it as JSON, `extra` members behind its own.
 *
 * `hint` looks for what belongs to another API in a request that cannot be sent. The members come in the order of the schema,
 * so the same request gives the same bytes.
 *
 * @since 0.1.0
 */
export const writer = <A>(
  schema: Schema.Codec<A, Wire.JsonObject>,
  hint?: (request: A) => Hint | undefined
): (request: A, extra?: Wire.JsonObject) => Result.Result<string, InvalidRequest> => {
  const encode = lazy(() => SchemaParser.encodeUnknownExit(schema, { onExcessProperty: "error" }))
  const flaws = lazy(() => SchemaParser.encodeUnknownExit(schema, { onExcessProperty: "error", errors: "all" }))
  const refused = (request: A, exit: Exit.Failure<unknown, SchemaIssue.Issue>): InvalidRequest => {
    const found = hint?.(request)
    if (found !== undefined) return invalid(request, found.problem, pathText(found.path))
    const flaw = flawOf(exit)
    if (flaw === undefined) return unwritable(request)
    return flaw.problem === isNoField
      ? invalid(request, respelled(request, flaw.path, flaws()) ?? isNoField, pathText(flaw.path))
      : invalid(request, flaw.problem, pathText(flaw.path))
  }
  return (request, extra) => {
    try {
      const exit = encode()(request)
      if (Exit.isFailure(exit)) return Result.fail(refused(request, exit))
      const json = extra === undefined ? exit.value : { ...exit.value, ...extra }
      const body = JSON.stringify(json)
      if (JsonFlaw.losesNothing(json) && !hasLoneSurrogate(body)) return Result.succeed(body)
    } catch {
      // A cycle, a BigInt, or a getter that throws.
    }
    return Result.fail(unwritable(request))
  }
}

/** What cannot be JSON, or cannot even be read. */
const unwritable = (request: unknown): InvalidRequest => {
  const flaw = JsonFlaw.find(request)
  return invalid(request, flaw?.problem ?? "is not JSON", pathText(flaw?.path ?? []))
}

/**
 * Runs what reads a request, such as one with getters; a request that throws is one that is not sent.
 *
 * @since 0.1.0
 */
export const readable = <A>(request: unknown, read: () => A): Result.Result<A, InvalidRequest> => {
  try {
    return Result.succeed(read())
  } catch {
    return Result.fail(unwritable(request))
  }
}

/**
 * Makes a function that reads a request from its JSON; an issue names the field as the wire does.
 *
 * @since 0.1.0
 */
export const reader = <A>(
  schema: Schema.Codec<A, Wire.JsonObject>
): (json: Wire.JsonObject) => Result.Result<A, InvalidRequest> => {
  const decode = lazy(() => SchemaParser.decodeUnknownExit(schema, { onExcessProperty: "error" }))
  return (json) => {
    const exit = decode()(json)
    if (Exit.isSuccess(exit)) return Result.succeed(exit.value)
    const { path = [], problem = "does not fit" } = flawOf(exit) ?? {}
    return Result.fail(invalid(json, problem, mapped(pathText(path), Wire.snakeCase)))
  }
}

const mapped = (text: string | undefined, f: (text: string) => string) => text === undefined ? undefined : f(text)

/**
 * The error of a request that is not sent.
 *
 * @since 0.1.0
 */
export const invalid = (request: unknown, problem: string, field?: string | undefined): InvalidRequest => {
  const model = modelOf(request)
  return new InvalidRequest({
    origin: "local",
    message: `${field === undefined ? "the request" : field}: ${problem}`,
    ...Wire.compact({ field, model: typeof model === "string" ? model : undefined })
  })
}

const modelOf = (request: unknown): unknown => {
  try {
    return Wire.isJsonObject(request) ? request["model"] : undefined
  } catch {
    return undefined
  }
}

const isNoField = "is no field of OpenRouter's API"

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "UnexpectedKey") return isNoField
    return issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue).replace(" | undefined", "")
  }
})

/** A path of plain keys, and what is wrong there. */
interface Flaw {
  readonly path: ReadonlyArray<PropertyKey>
  readonly problem: string
}

const flawsOf = (exit: Exit.Exit<unknown, SchemaIssue.Issue>): ReadonlyArray<Flaw> => {
  const issue = Exit.isFailure(exit) ? Option.getOrUndefined(Exit.findErrorOption(exit)) : undefined
  return issue === undefined ? [] : formatIssues(issue).issues.map(({ message, path = [] }) => ({
    path: path.map((segment) => typeof segment === "object" ? segment.key : segment),
    problem: message
  }))
}

const flawOf = (exit: Exit.Failure<unknown, SchemaIssue.Issue>): Flaw | undefined => flawsOf(exit)[0]

/** What to write for a name in another spelling, if that is a field at this place. */
const respelled = (
  request: unknown,
  path: ReadonlyArray<PropertyKey>,
  encode: (request: unknown) => Exit.Exit<unknown, SchemaIssue.Issue>
): string | undefined => {
  const name = String(path.at(-1))
  const camelCase = Str.snakeToCamel(name)
  if (camelCase === name) return undefined
  const wanted = pathText([...path.slice(0, -1), camelCase])
  const isNone = flawsOf(encode(renamed(request, path, camelCase))).some(({ path, problem }) =>
    problem === isNoField && pathText(path) === wanted
  )
  return isNone ? undefined : `use ${camelCase}: fields are in camelCase`
}

/** The same value with another name for the last key of a path. */
const renamed = (value: unknown, [key, ...rest]: ReadonlyArray<PropertyKey>, name: string): unknown => {
  if (Array.isArray(value)) return value.map((member, index) => index === key ? renamed(member, rest, name) : member)
  if (!Wire.isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([own, member]) =>
      own !== String(key) ? [own, member] : rest.length === 0 ? [name, member] : [own, renamed(member, rest, name)]
    )
  )
}

/**
 * A path as text, such as `tools[0].name`; `undefined` for the root.
 *
 * @since 0.1.0
 */
export const pathText = (path: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }>): string | undefined => {
  let text = ""
  for (const segment of path) {
    const key = typeof segment === "object" ? segment.key : segment
    text += typeof key === "number" ? `[${key}]` : text === "" ? String(key) : `.${String(key)}`
  }
  return text === "" ? undefined : text
}

/** In JSON text a lone surrogate is written as an escape and a pair never is; after a second backslash it is none. */
const hasLoneSurrogate = (json: string): boolean => {
  for (let at = json.indexOf("\\ud"); at !== -1; at = json.indexOf("\\ud", at + 1)) {
    let backslashes = 1
    while (json[at - backslashes] === "\\") backslashes++
    if (backslashes % 2 === 1 && /[89a-f]/.test(json[at + 3] ?? "")) return true
  }
  return false
}
