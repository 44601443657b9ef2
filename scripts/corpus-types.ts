/**
 * Walks a recording for what ended as `unknown` although its type is known, or lost a field of its type: there a schema is
 * too strict.
 */
import { Result, Schema } from "effect"
import { OutputItem, Response, StreamEvent, Wire } from "effect-openrouter"

/** The fields of the types that are looked at, by wire type. */
const fieldsOf = (arms: Readonly<Record<string, unknown>>): ReadonlyMap<string, ReadonlyArray<string>> =>
  new Map(
    Object.entries(arms).map(([type, arm]) => {
      const fields: unknown = Schema.isSchema(arm) ? Reflect.get(arm, "fields") : undefined
      return [type, Wire.isJsonObject(fields) ? Object.keys(fields) : []]
    })
  )

const known = new Map([...fieldsOf(OutputItem.arms), ...fieldsOf(StreamEvent.arms)])

/** A field that JSON has and the decoded value does not, or `undefined`. */
const leftOut = (value: Wire.JsonObject): string | undefined => {
  const json = Wire.raw(value)
  if (!Wire.isJsonObject(json)) return undefined
  return known.get(String(value["type"]))?.find((key) =>
    (json[Wire.snakeCase(key)] ?? null) !== null && !Object.hasOwn(value, key)
  )
}

/** Where a decoded value has a part that is not as typed as its type says, or `undefined`. */
const untyped = (value: unknown, path: string): string | undefined => {
  if (Array.isArray(value)) return firstOf(value.map((one, at) => [one, `${path}[${at}]`]))
  if (!Wire.isJsonObject(value)) return undefined
  if (Wire.isUnknown(value)) {
    return value.issue === undefined ? undefined : `${path} is an unknown ${value.wireType}: ${value.issue}`
  }
  const field = leftOut(value)
  return field === undefined
    ? firstOf(Object.entries(value).map(([key, one]) => [one, `${path}.${key}`]))
    : `${path}.${field} is left out of a ${String(value["type"])}`
}

const firstOf = (parts: ReadonlyArray<readonly [value: unknown, path: string]>): string | undefined =>
  parts.reduce<string | undefined>((found, [value, path]) => found ?? untyped(value, path), undefined)

/** What is not typed of a recorded response, or `undefined`. */
export const ofResponse = (json: unknown): string | undefined => {
  const response = Response.decode(json)
  return Result.isFailure(response) ? response.failure : untyped(response.success, "response")
}

/** What is not typed of the recorded events of a stream, or `undefined`. */
export const ofEvents = (events: ReadonlyArray<unknown>): string | undefined =>
  firstOf(events.map((json, at) => [StreamEvent.decode(json), `event ${at}`]))
