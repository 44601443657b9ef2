/**
 * The file of a cassette: its entries, how they are written so that people can read and compare them, and by what they are
 * found again.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { RequestError } from "../error/OpenRouterError.ts"
import * as Wire from "../wire/Wire.ts"
import * as BodyText from "./BodyText.ts"
import * as Difference from "./Difference.ts"

/**
 * The format that this version writes.
 *
 * @since 0.1.0
 */
export const format = 1

/**
 * A request as it is kept: without headers, and without what was scrubbed.
 *
 * @since 0.1.0
 */
export const KeptRequest = Schema.Struct({
  method: Schema.String,
  path: Schema.String,
  json: Schema.optionalKey(Schema.Json),
  text: Schema.optionalKey(Schema.String)
})

/**
 * @since 0.1.0
 */
export type KeptRequest = typeof KeptRequest.Type

/**
 * How an exchange went on after what is recorded of it, unless it came to its good end.
 *
 * - `waiting`: whoever recorded it gave up while nothing came; it is silent there when it is replayed.
 * - `left`: whoever recorded it left, although more might have come; what came is all that there is to replay.
 *
 * @since 0.1.0
 */
export const Broken = Schema.Literals(["waiting", "left"])

/**
 * What came back. Without `status` nothing did.
 *
 * @since 0.1.0
 */
export const KeptAnswer = Schema.Struct({
  status: Schema.optionalKey(Schema.Int),
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  json: Schema.optionalKey(Schema.Json),
  text: Schema.optionalKey(Schema.String),
  chunks: Schema.optionalKey(Schema.Array(BodyText.Chunk)),
  /** When the headers came, in milliseconds since the request. */
  at: Schema.optionalKey(Schema.Finite),
  /** When a body in one piece was complete, likewise. */
  bodyAt: Schema.optionalKey(Schema.Finite),
  ending: Schema.optionalKey(Broken),
  error: Schema.optionalKey(RequestError)
})

/**
 * @since 0.1.0
 */
export type KeptAnswer = typeof KeptAnswer.Type

/**
 * One exchange.
 *
 * @since 0.1.0
 */
export const Entry = Schema.Struct({
  request: KeptRequest,
  recordedAt: Schema.DateTimeUtcFromString,
  /** After what age it is recorded anew, instead of what the option says. Set by hand, and kept. */
  maxAge: Schema.optionalKey(Schema.DurationFromString),
  answer: KeptAnswer
})

/**
 * @since 0.1.0
 */
export type Entry = typeof Entry.Type

const File = Schema.Struct({ format: Schema.Int, entries: Schema.Array(Entry) })

/**
 * Reads the text of a file, also of one with a newer format, as far as that goes.
 *
 * @since 0.1.0
 */
export const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.toCodecJson(File)))

/**
 * The format of a file, if its text says so.
 *
 * @since 0.1.0
 */
export const formatOf = (text: string): number | undefined => {
  const json = BodyText.parse(text)
  const found = Wire.isJsonObject(json) ? json["format"] : undefined
  return typeof found === "number" ? found : undefined
}

const encodeFile = Schema.encodeEffect(Schema.toCodecJson(File))

/**
 * An entry as JSON.
 *
 * @since 0.1.0
 */
export const encode = (entries: ReadonlyArray<Entry>) => encodeFile({ format, entries })

/**
 * The JSON of a file as text: indented, with one line for each chunk of a stream, so that a change shows where it is.
 *
 * @since 0.1.0
 */
export const render = (json: Schema.Json): string => `${pretty(json, "", "")}\n`

const pretty = (json: unknown, indent: string, name: string): string => {
  const inner = `${indent}  `
  if (Array.isArray(json)) {
    const items = json.map((item) => inner + (name === "chunks" ? JSON.stringify(item) : pretty(item, inner, "")))
    return items.length === 0 ? "[]" : `[\n${items.join(",\n")}\n${indent}]`
  }
  if (!Wire.isJsonObject(json)) return JSON.stringify(json)
  const members = Object.entries(json).map(([key, value]) =>
    `${inner}${JSON.stringify(key)}: ${pretty(value, inner, key)}`
  )
  return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`
}

/**
 * What makes of a body that by which it is found again.
 *
 * @since 0.1.0
 */
export type Normalize = (body: Schema.Json) => Schema.Json

const volatile = new Set(["metadata", "trace", "session_id"])

/**
 * Leaves out the fields that change from run to run and do not change what is asked: `metadata`, `trace`, `session_id`.
 *
 * @since 0.1.0
 */
export const withoutVolatile: Normalize = (body) =>
  isRecord(body) ? Object.fromEntries(Object.entries(body).filter(([key]) => !volatile.has(key))) : body

const isRecord = (json: Schema.Json | undefined): json is Schema.JsonObject => Wire.isJsonObject(json)

const sorted = (json: Schema.Json): Schema.Json =>
  Array.isArray(json)
    ? json.map((item: Schema.Json) => sorted(item))
    : isRecord(json)
    ? Object.fromEntries(
      Object.entries(json).sort(([a], [b]) => a < b ? -1 : 1).map(([key, item]) => [key, sorted(item)])
    )
    : json

/** The body that counts: JSON without what does not, or any other text. */
const bodyOf = (request: KeptRequest, normalize: Normalize): Schema.Json | undefined => {
  const json = request.json ?? (request.text === undefined ? undefined : BodyText.parse(request.text))
  return json === undefined ? request.text : normalize(json)
}

/**
 * By what a request is found again: method, path, and its body in one order of members.
 *
 * @since 0.1.0
 */
export const keyOf = (request: KeptRequest, normalize: Normalize): string => {
  const body = bodyOf(request, normalize)
  return `${request.method} ${request.path}\n${body === undefined ? "" : JSON.stringify(sorted(body))}`
}

/**
 * A request in a few words: method, path, model, and where its input begins.
 *
 * @since 0.1.0
 */
export const describe = ({ json, method, path }: KeptRequest): string => {
  const body = isRecord(json) ? json : {}
  const { input, model } = body
  const said = typeof input === "string" ? input : input === undefined ? "" : JSON.stringify(input)
  const shown = said.length > 60 ? `${said.slice(0, 60)}…` : said
  return [
    `${method} ${path}`,
    ...(typeof model === "string" ? [model] : []),
    ...(shown === "" ? [] : [JSON.stringify(shown)])
  ].join(" ")
}

/**
 * What a cassette says that has no answer to a request: the nearest one that it has, and where the two differ.
 *
 * @since 0.1.0
 */
export const missing = (
  path: string,
  entries: ReadonlyArray<Entry>,
  asked: KeptRequest,
  normalize: Normalize
): string => {
  const first = `The cassette ${path} has no answer to ${describe(asked)}.`
  const last =
    "Record it with the mode \"record\", or \"auto\" where CI is not set; what changes from run to run is left " +
    "out with the option `normalize`."
  const nearest = nearestOf(entries, asked, normalize)
  if (nearest === undefined) {
    const others = entries.length === 0
      ? "It is empty."
      : `None of its ${entries.length} entries is a ${asked.method} of that path.`
    return `${first} ${others}\n${last}`
  }
  const { differences, entry, index } = nearest
  const date = DateTime.formatIso(entry.recordedAt).slice(0, 10)
  return `${first} Nearest is entry ${index + 1} of ${entries.length}, recorded ${date}:\n` +
    `${Difference.render(differences)}\n${last}`
}

const nearestOf = (entries: ReadonlyArray<Entry>, asked: KeptRequest, normalize: Normalize) => {
  const body = bodyOf(asked, normalize)
  let best: {
    readonly entry: Entry
    readonly index: number
    readonly differences: ReadonlyArray<Difference.Difference>
  } | undefined
  let least = Infinity
  for (const [index, entry] of entries.entries()) {
    const { request } = entry
    if (request.method !== asked.method || pathOf(request.path) !== pathOf(asked.path)) continue
    const differences = [
      ...(request.path === asked.path ? [] : [{ path: "path", recorded: request.path, asked: asked.path }]),
      ...Difference.between(bodyOf(request, normalize), body)
    ]
    const distance = Difference.distance(differences)
    if (distance >= least) continue
    least = distance
    best = { entry, index, differences }
  }
  return best
}

const pathOf = (path: string): string => path.split("?", 1)[0] ?? path
