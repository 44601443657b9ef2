import { Effect, Predicate, Schema, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"

export const model = "openai/gpt-5"

const Json = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

export type Event = typeof Json.Type

export const request = (body: Schema.Json, path = "/responses") =>
  HttpClientRequest.post(`http://emulator/api/v1${path}`).pipe(
    HttpClientRequest.bearerToken("test"),
    HttpClientRequest.bodyJsonUnsafe(body)
  )

export const post = (body: Schema.Json, path?: string) => HttpClient.execute(request(body, path))

/** The bytes of a stream as they come, one element per chunk. */
export const chunks = (body: { readonly [key: string]: Schema.Json }, path?: string) =>
  Stream.unwrap(Effect.map(post({ ...body, stream: true }, path), (response) => response.stream))

/** The whole body of a stream. */
export const sse = (body: { readonly [key: string]: Schema.Json }, path?: string) =>
  Effect.map(Stream.mkUint8Array(chunks(body, path)), (bytes) => new TextDecoder().decode(bytes))

/** What the `data:` lines of a stream say. A reader of its own, so that nothing is compared with itself. */
export const dataOf = (text: string): ReadonlyArray<string> =>
  text.split(/\r\n|\r|\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim())

export const eventsOf = (text: string) =>
  Effect.forEach(dataOf(text).filter((data) => data !== "[DONE]"), (data) => Schema.decodeEffect(Json)(data))

export const events = (body: { readonly [key: string]: Schema.Json }) => Effect.flatMap(sse(body), eventsOf)

export const typesOf = (all: ReadonlyArray<Event>) => all.map((event) => String(event["type"]).replace("response.", ""))

/** The value at a path such as `response.output.0.id`. */
export const at = (value: unknown, path: string): unknown => {
  let current = value
  for (const key of path.split(".")) {
    current = Array.isArray(current) ? current[Number(key)] : Predicate.isObject(current) ? current[key] : undefined
  }
  return current
}

export const joined = (all: ReadonlyArray<Event>, type: string) =>
  all.filter((event) => event["type"] === type).map((event) => String(event["delta"])).join("")

export const textOf = (output: unknown): string =>
  (Array.isArray(output) ? output : [])
    .flatMap((item) => {
      const content = at(item, "content")
      return Array.isArray(content) ? content : []
    })
    .map((part) => String(at(part, "text") ?? at(part, "refusal") ?? ""))
    .join("")
