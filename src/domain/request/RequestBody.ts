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

/**
 * What is wrong with fields that OpenRouter does not have, and what to do instead, by their names in JSON.
 *
 * @since 0.1.0
 */
export type Remedies = ReadonlyMap<string, string>

/**
 * Makes a function that checks a request and writes it as JSON, `extra` members behind its own.
 *
 * `remedies` say what to do about fields of other APIs, `fields` which names a misspelled one may stand for. The members come
 * in the order of the schema, so the same request gives the same bytes.
 *
 * @since 0.1.0
 */
export const writer = <A>(
  schema: Schema.Codec<A, Wire.JsonObject>,
  remedies: Remedies = new Map(),
  fields: () => ReadonlySet<string> = lazy(() => new Set<string>())
): (request: A, extra?: Wire.JsonObject) => Result.Result<string, InvalidRequest> => {
  const encode = lazy(() => SchemaParser.encodeUnknownExit(schema, { onExcessProperty: "error" }))
  return (request, extra) => {
    const exit = encode()(request)
    if (Exit.isFailure(exit)) return Result.fail(rejection(request, exit, { remedies, fields }))
    const json = extra === undefined ? exit.value : { ...exit.value, ...extra }
    try {
      const body = JSON.stringify(json)
      if (JsonFlaw.losesNothing(json) && !hasLoneSurrogate(body)) return Result.succeed(body)
    } catch {
      // A cycle or a BigInt.
    }
    const flaw = JsonFlaw.find(request)
    return Result.fail(invalid(request, flaw?.problem ?? "is not JSON", pathText(flaw?.path ?? [])))
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
    return Exit.isSuccess(exit)
      ? Result.succeed(exit.value)
      : Result.fail(rejection(json, exit, { rename: Wire.snakeCase }))
  }
}

/**
 * The error of a request that is not sent.
 *
 * @since 0.1.0
 */
export const invalid = (request: unknown, problem: string, field?: string | undefined): InvalidRequest => {
  const model = Wire.isJsonObject(request) ? request["model"] : undefined
  return new InvalidRequest({
    origin: "local",
    message: `${field === undefined ? "the request" : field}: ${problem}`,
    ...Wire.compact({ field, model: typeof model === "string" ? model : undefined })
  })
}

const isNoField = "is no field of OpenRouter's API"

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "UnexpectedKey") return isNoField
    return issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue).replace(" | undefined", "")
  }
})

const rejection = (
  request: unknown,
  exit: Exit.Failure<unknown, SchemaIssue.Issue>,
  options: {
    readonly rename?: (field: string) => string
    readonly remedies?: Remedies
    readonly fields?: () => ReadonlySet<string>
  }
): InvalidRequest => {
  const issue = Option.getOrUndefined(Exit.findErrorOption(exit))
  const { message = "does not fit", path = [] } = (issue === undefined ? undefined : formatIssues(issue).issues[0]) ??
    {}
  const field = pathText(path)
  if (field === undefined || message !== isNoField || options.remedies === undefined) {
    return invalid(request, message, field === undefined ? undefined : options.rename?.(field) ?? field)
  }
  const name = pathText(path.slice(-1)) ?? field
  const camelCase = Str.snakeToCamel(name)
  // Below the top the fields depend on the kind of part; there it is the spelling that is most often wrong.
  const isSpelling = camelCase !== name && (path.length > 1 || options.fields?.().has(camelCase) === true)
  const remedy = options.remedies.get(Wire.snakeCase(field)) ??
    (isSpelling ? `${isNoField} by this name; fields are in camelCase: ${camelCase}` : isNoField)
  return invalid(request, remedy, field)
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
