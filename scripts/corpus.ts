/**
 * Pushes a folder of recordings through the public API and says what does not survive.
 *
 * `npm run corpus -- DIR` expects `responses/*.json`, `streams/*.sse`, `errors/*.json` ({status, headers, body}) and
 * `requests/*.json` below DIR. Files that are broken at their source are named, with the reason, in
 * `test/corpus.known.json`. Responses and streams are walked once more for what is `unknown`, or left out, although its type
 * is known. The last line is `N passed, N failed`; a failure makes the exit code 1.
 */
import { Effect, Layer, Redacted, Result, Schema } from "effect"
import { CreateResponse, OpenRouter, OutputItem, RetryPolicy, Wire } from "effect-openrouter"
import { HttpClient, HttpClientResponse } from "effect/http"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import * as CorpusTypes from "./corpus-types.ts"

type Json = Wire.JsonObject

const isOk = "ok"

/** What is wrong with a file, or `ok`. */
type Verdict = typeof isOk | string

const answering = (status: number, headers: Record<string, string>, body: string): Layer.Layer<OpenRouter.OpenRouter> =>
  OpenRouter.layer({ apiKey: Redacted.make("sk-or-v1-corpus") }).pipe(
    Layer.provide(Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status, headers })))
      )
    ))
  )

const ask = { model: "corpus/model", input: "?" }

const encodeItems = Schema.encodeUnknownResult(Schema.Array(OutputItem.OutputItem))

const response = (text: string): Effect.Effect<Verdict> =>
  Effect.gen(function*() {
    const json: unknown = JSON.parse(text)
    const expected = Wire.isJsonObject(json) ? json["output"] : undefined
    const outcome = yield* OpenRouter.outcome(ask)
    const items = encodeItems(outcome.response.output)
    if (Result.isFailure(items)) return `its items do not encode: ${items.failure.message}`
    return isDeepStrictEqual(items.success, expected ?? []) ? isOk : "its items encode to other JSON"
  }).pipe(
    RetryPolicy.with(RetryPolicy.none),
    Effect.catch((error) =>
      Effect.succeed(error._tag === "MalformedResponse" ? `MalformedResponse: ${error.message}` : isOk)
    ),
    Effect.provide(answering(200, { "content-type": "application/json" }, text))
  )

/** The events of a stream, read without the library. */
const eventsOf = (text: string): ReadonlyArray<Json> =>
  text.split(/\r?\n\r?\n/).flatMap((block) => {
    const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) =>
      line.slice(5).trimStart()
    )
    try {
      const json: unknown = JSON.parse(data.join("\n"))
      return Wire.isJsonObject(json) ? [json] : []
    } catch {
      return []
    }
  })

const isEnd = (event: Json): boolean =>
  ["response.completed", "response.incomplete", "response.failed", "response.done", "error", "response.error"].includes(
    String(event["type"])
  )

const stream = (text: string): Effect.Effect<Verdict> =>
  Effect.gen(function*() {
    const first = eventsOf(text).find(isEnd)
    const seen: Array<string> = []
    const result = yield* Effect.result(
      OpenRouter.streamOutcome(ask, (event) => Effect.sync(() => seen.push(event.type)))
    )
    if (Result.isFailure(result)) {
      const { _tag: tag } = result.failure
      if (first === undefined) return tag === "StreamInterrupted" ? isOk : `fails with ${tag}, not StreamInterrupted`
      const isFailure = ["response.failed", "error", "response.error"].includes(String(first["type"]))
      return isFailure && tag !== "StreamInterrupted" && tag !== "MalformedResponse"
        ? isOk
        : `fails with ${tag} after ${String(first["type"])}`
    }
    if (first === undefined) return `ends in ${result.success._tag} without a terminal event`
    const terminal = first["response"]
    if (!Wire.isJsonObject(terminal)) return isOk
    const items = encodeItems(result.success.response.output)
    if (Result.isFailure(items)) return `its items do not encode: ${items.failure.message}`
    const expected = terminal["output"] ?? []
    if (Array.isArray(expected) && expected.length === 0) {
      const done = eventsOf(text).filter((event) => event["type"] === "response.output_item.done")
      const streamed = new Set(done.map((event) => event["output_index"]))
      return items.success.length >= streamed.size ? isOk : "streamed items are missing from its response"
    }
    return isDeepStrictEqual(items.success, expected) ? isOk : "its response has other items than the terminal event"
  }).pipe(
    RetryPolicy.with(RetryPolicy.none),
    Effect.provide(answering(200, { "content-type": "text/event-stream" }, text))
  )

/** Whether everything whose type is known has that type. */
const typed = (problem: string | undefined): Effect.Effect<Verdict> => Effect.succeed(problem ?? isOk)

/** The tags that a status may have; what a body says about length, policy, model and money may refine it. */
const tagsOf = (status: number): ReadonlyArray<string> => {
  const refined = ["ContextLengthExceeded", "Refused"]
  switch (status) {
    case 400:
    case 412:
    case 422:
      return ["InvalidRequest", "ModelUnavailable", "PaymentRequired", ...refined]
    case 401:
      return ["InvalidApiKey"]
    case 402:
      return ["PaymentRequired"]
    case 403:
      return ["AccessDenied", "Refused"]
    case 404:
      return ["ModelUnavailable"]
    case 408:
    case 504:
    case 524:
      return ["ProviderTimeout"]
    case 413:
      return ["PayloadTooLarge", "ContextLengthExceeded"]
    case 429:
      return ["RateLimited", "PaymentRequired"]
    case 502:
      return ["ProviderUnavailable"]
    case 503:
    case 529:
      return ["ProviderOverloaded"]
    default:
      return status >= 500 ? ["ServerError"] : ["UnexpectedStatus"]
  }
}

const error = (text: string): Effect.Effect<Verdict> => {
  const json: unknown = JSON.parse(text)
  if (!Wire.isJsonObject(json)) return Effect.succeed("it is no object")
  const status = Number(json["status"])
  const body = json["body"]
  const inBody = Wire.isJsonObject(body) && Wire.isJsonObject(body["error"]) ? Number(body["error"]["code"]) : NaN
  const expected = tagsOf(status === 200 ? inBody : status)
  const headers = Object.fromEntries(
    Object.entries(Wire.isJsonObject(json["headers"]) ? json["headers"] : {})
      .filter(([name]) => !/^(content-length|content-encoding|transfer-encoding)$/i.test(name))
      .map(([name, value]) => [name, String(value)])
  )
  return OpenRouter.respond(ask).pipe(
    RetryPolicy.with(RetryPolicy.none),
    Effect.match({
      onSuccess: () => "it is taken for an answer",
      onFailure: (error) =>
        expected.includes(error._tag) ? isOk : `it is ${error._tag}; a status of ${status} is ${expected.join(" or ")}`
    }),
    Effect.provide(answering(status, headers, typeof body === "string" ? body : JSON.stringify(body)))
  )
}

/** JSON without what the API treats as absent, with decimal text and numbers made alike. */
const normalized = (json: unknown): unknown => {
  if (Array.isArray(json)) return json.map(normalized)
  if (!Wire.isJsonObject(json)) return json
  return Object.fromEntries(
    Object.entries(json).filter(([, value]) => value !== null).map(([key, value]) => [key, normalized(value)])
  )
}

const absent: Readonly<Record<string, unknown>> = { store: false, background: false }

const request = (text: string): Effect.Effect<Verdict> =>
  Effect.sync(() => {
    const json: unknown = JSON.parse(text)
    const decoded = CreateResponse.fromWire(json)
    if (Result.isFailure(decoded)) {
      const { field } = decoded.failure
      const [top = ""] = (field ?? "").split(/[.[]/)
      return Wire.isJsonObject(json) && Object.hasOwn(json, Wire.snakeCase(top)) ? isOk : decoded.failure.message
    }
    const body = CreateResponse.toBody(decoded.success, { stream: false })
    if (Result.isFailure(body)) return `it does not encode: ${body.failure.message}`
    const source = Wire.isJsonObject(json) ? json : {}
    const { stream: _, ...expected } = Object.fromEntries(
      Object.entries(source).filter(([key, value]) => !(key in absent && absent[key] === value))
    )
    return isDeepStrictEqual(normalized(JSON.parse(body.success)), normalized(expected))
      ? isOk
      : "it encodes to other JSON"
  })

const kinds = [
  { folder: "responses", ending: ".json", check: response },
  { folder: "streams", ending: ".sse", check: stream },
  { folder: "errors", ending: ".json", check: error },
  { folder: "requests", ending: ".json", check: request },
  {
    folder: "responses",
    ending: ".json",
    check: (text: string) => Effect.suspend(() => typed(CorpusTypes.ofResponse(JSON.parse(text)))),
    name: "types in responses"
  },
  {
    folder: "streams",
    ending: ".sse",
    check: (text: string) => Effect.suspend(() => typed(CorpusTypes.ofEvents(eventsOf(text)))),
    name: "types in streams"
  }
]

const known = Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.String))(
  JSON.parse(readFileSync(new URL("../test/corpus.known.json", import.meta.url), "utf8"))
)

const directory = process.argv[2] ?? new URL("../../shared/fixtures", import.meta.url).pathname

const main = Effect.gen(function*() {
  let passed = 0
  let failed = 0
  for (const { check, ending, folder, ...kind } of kinds) {
    const path = join(directory, folder)
    const files = existsSync(path) ? readdirSync(path).filter((file) => file.endsWith(ending)).sort() : []
    for (const file of files) {
      const name = `${folder}/${file}`
      const text = readFileSync(join(path, file), "utf8")
      const verdict = yield* check(text).pipe(
        Effect.timeoutOrElse({ duration: "20 seconds", orElse: () => Effect.succeed("it hangs") }),
        Effect.catchCause((cause) => Effect.succeed(`it is a defect: ${String(cause).slice(0, 300)}`))
      )
      const reason = known[name]
      if (verdict === isOk) passed++
      else if (reason !== undefined) {
        passed++
        process.stdout.write(`known   ${name}: ${verdict} (${reason})\n`)
      } else {
        failed++
        process.stdout.write(`failed  ${name}: ${verdict}\n`)
      }
    }
    process.stdout.write(`${"name" in kind ? kind.name : folder}: ${files.length} files\n`)
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
})

if (existsSync(directory)) await Effect.runPromise(main)
else process.stdout.write(`skipped: there is no folder ${directory}\n`)
