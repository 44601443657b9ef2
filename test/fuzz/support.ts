import { assert } from "@effect/vitest"
import { Effect, Equal, Exit, Layer, Option, Result, Schema } from "effect"
import { CreateResponse, OpenRouter, OpenRouterError, Outcome, Response, RetryPolicy } from "effect-openrouter"
import { Emulator } from "effect-openrouter/testing"
import { HttpClient, HttpClientResponse } from "effect/http"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { apiKey, ungated } from "../layers/client/support.ts"
import { post, sse } from "../layers/emulator/support.ts"
import { quarter } from "../thorough.ts"
import { type Mutation, type Random, random } from "./mutate.ts"

/** `FUZZ_SEED=7 FUZZ_FACTOR=10 npx vitest run test/fuzz` looks elsewhere, and longer; `npm run thorough` looks at all. */
export const seed = Number(process.env["FUZZ_SEED"] ?? 1)

const factor = Number(process.env["FUZZ_FACTOR"] ?? 1)

const shared = new URL("../../../shared/fixtures/", import.meta.url)

/** Recordings of a kind, small ones; none where there is no such folder. */
export const recorded = (kind: "responses" | "errors" | "streams" | "requests"): ReadonlyArray<string> => {
  const folder = new URL(`${kind}/`, shared)
  if (!existsSync(folder)) return []
  return readdirSync(folder).sort()
    .map((file) => readFileSync(new URL(file, folder), "utf8"))
    .filter((text) => text.length < 16_000)
}

const models = [
  ..."echo refusal incomplete content-filter failed failed-rate_limit_exceeded error-in-200 empty".split(" "),
  ..."no-usage unknown-item status-400 status-429 status-503 moderation guardrail no-credits".split(" "),
  ..."in-flight-budget context-length invalid-prompt no-endpoints html no-body".split(" ")
].map((name) => `emulator/${name}`)

const streamModels = [
  ..."error error-nested error-failed error-failed-short error-response-error error-with-usage".split(" "),
  ..."error-nested-then-failed error-first no-terminal empty-output rotating-ids reversed".split(" "),
  ..."interleaved unknown-events noise cut".split(" ")
].map((name) => `emulator/stream-${name}`)

/** Requests with all that makes answers differ. */
export const asked: ReadonlyArray<{ readonly [key: string]: Schema.Json }> = [
  ...models.map((model) => ({ model, input: "What is new?" })),
  { model: "openai/gpt-5", input: "Think.", reasoning: { effort: "high" } },
  {
    model: "openai/gpt-5",
    input: [{ role: "user", content: [{ type: "input_text", text: "Call." }] }],
    tools: [{ type: "function", name: "go", parameters: { type: "object", properties: { to: { type: "string" } } } }],
    tool_choice: "required"
  },
  {
    model: "openai/gpt-5",
    input: "An object.",
    text: {
      format: {
        type: "json_schema",
        name: "answer",
        schema: {
          type: "object",
          properties: { a: { type: "string" }, b: { type: "array", items: { type: "integer" } } },
          required: ["a", "b"],
          additionalProperties: false
        }
      }
    },
    metadata: { a: "b" },
    plugins: [{ id: "web" }],
    provider: { order: ["a"], sort: "price" }
  }
]

/** The emulator's answers. */
export const answers = Effect.forEach(asked, (body) => Effect.flatMap(post(body), (response) => response.text)).pipe(
  Effect.provide(Emulator.layerHttpClient())
)

/** The emulator's streams. */
export const streams = Effect.forEach(
  [...asked, ...streamModels.map((model) => ({ model, input: "What is new?" }))],
  (body) => sse(body)
).pipe(
  Effect.map((texts) => texts.filter((text) => text.includes("data: "))),
  Effect.provide(Emulator.layerHttpClient({ stream: { tokensPerDelta: 8 } }))
)

/** What the server of {@link fed} says next. */
export interface Fed {
  next: () => globalThis.Response
}

/** A client whose server says what it is fed. */
export const fed = (fed: Fed): Layer.Layer<OpenRouter.OpenRouter> =>
  ungated(OpenRouter.layer({ apiKey })).pipe(
    Layer.provide(Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) => Effect.sync(() => HttpClientResponse.fromWeb(request, fed.next())))
    )),
    Layer.merge(Layer.succeed(RetryPolicy.CurrentRetryPolicy, RetryPolicy.none))
  )

const isError = Schema.is(OpenRouterError.OpenRouterError)
const errorToJson = Schema.encodeUnknownExit(Schema.toCodecJson(OpenRouterError.OpenRouterError))
const errorToCompleteJson = Schema.encodeExit(OpenRouterError.Complete)
const errorOfJson = Schema.decodeUnknownExit(OpenRouterError.Complete)
const tags = new Set(["Completed", "Incomplete", "Refused", "Failed", "Empty"])

/** How calls ended, by tag. */
export type Tally = Map<string, number>

export const tally = (seen: Tally, exit: Exit.Exit<Outcome.Outcome, OpenRouterError.OpenRouterError>): void => {
  const tag = Exit.isSuccess(exit)
    ? exit.value._tag
    : Option.getOrUndefined(Exit.findErrorOption(exit))?._tag ?? "defect"
  seen.set(tag, (seen.get(tag) ?? 0) + 1)
}

/** Why the exit of a call is not as it must be, or undefined. */
export const wrong = (exit: Exit.Exit<Outcome.Outcome, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) {
    const { value } = exit
    if (!tags.has(value._tag)) return `an outcome with the tag ${value._tag}`
    if (typeof Response.text(value.response) !== "string") return "an outcome without text"
    if (value._tag === "Completed") return undefined
    const error = Outcome.toError(value)
    if (error.response !== value.response) return "an error without the response of its outcome"
    return isError(error) ? unstorable(error) : "an outcome without error"
  }
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (error === undefined) return `no typed error: ${String(exit.cause).slice(0, 600)}`
  if (!isError(error)) return `no member of the union: ${String(error).slice(0, 200)}`
  return unstorable(error)
}

/** Why an error cannot be stored, in part and as a whole, or undefined. */
const unstorable = (error: OpenRouterError.OpenRouterError): string | undefined => {
  if (!Exit.isSuccess(errorToJson(error))) return `an error that cannot be stored: ${error._tag}`
  const json = errorToCompleteJson(error)
  if (Exit.isFailure(json)) return `an error that cannot be stored as a whole: ${error._tag}`
  const back = errorOfJson(json.value)
  return Exit.isSuccess(back) && Equal.equals(errorToCompleteJson(back.value), json)
    ? undefined
    : `an error that was changed by being stored: ${error._tag}`
}

/** Why an answer cannot be sent back as history, or undefined. It need not be valid, but it must be a typed error then. */
export const unsendable = (exit: Exit.Exit<Outcome.Outcome, unknown>): string | undefined => {
  if (!Exit.isSuccess(exit)) return undefined
  try {
    const body = CreateResponse.toBody({ input: exit.value.response.output }, { stream: false })
    if (Result.isSuccess(body)) JSON.parse(body.success)
    return undefined
  } catch (cause) {
    return `its output cannot be sent back: ${String(cause)}`
  }
}

const gc = (() => {
  setFlagsFromString("--expose-gc")
  const found: unknown = runInNewContext("gc")
  return typeof found === "function" ? () => void found() : undefined
})()

const heap = (): number => {
  gc?.()
  gc?.()
  return process.memoryUsage().heapUsed
}

const slowest = 1000

const maxGrowth = 24 * 1024 * 1024

/** One kind of input, how it is changed, and what happens to it. */
export interface Fuzz<E, R> {
  readonly name: string
  readonly cases: number
  readonly corpus: ReadonlyArray<string>
  readonly mutate: (random: Random, text: string) => Mutation
  readonly run: (mutation: Mutation, random: Random) => Effect.Effect<string | undefined, E, R>
}

/** Runs all cases; fails with the seeds and kinds of those that went wrong. */
export const fuzz = <E, R>({ cases, corpus, mutate, name, run }: Fuzz<E, R>) =>
  Effect.gen(function*() {
    assert.isAbove(corpus.length, 10)
    const count = quarter(cases * factor)
    const problems: Array<string> = []
    let before = 0
    for (let n = 0; n < count; n++) {
      if (n === Math.floor(count / 4)) before = heap()
      const once = Effect.gen(function*() {
        const own = random(seed * 1_000_003 + n)
        const mutation = mutate(own, corpus[n % corpus.length] ?? "")
        const startedAt = performance.now()
        const exit = yield* Effect.exit(run(mutation, own))
        return { mutation, exit, took: performance.now() - startedAt }
      })
      const { exit, mutation, took: first } = yield* once
      // What is slow is so each time; a machine that had something else to do was not.
      const took = first > slowest ? Math.min(first, (yield* once).took) : first
      const problem = Exit.isSuccess(exit) ? exit.value : `died: ${String(exit.cause).slice(0, 600)}`
      const report = problem ?? (took > slowest ? `took ${Math.round(took)} ms` : undefined)
      if (report !== undefined) problems.push(`${name}, seed ${seed}, case ${n} (${mutation.kind}): ${report}`)
    }
    const growth = heap() - before
    assert.deepStrictEqual(problems.slice(0, 10), [], `${problems.length} of ${count} cases`)
    assert.isBelow(growth, gc === undefined ? maxGrowth * 4 : maxGrowth, "the heap grew")
  })
