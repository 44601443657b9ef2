/**
 * Checks of whole bodies: requests that our schema makes, and responses that the specification allows.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Outcome from "../../src/domain/outcome/Outcome.ts"
import { CreateResponse, toBody } from "../../src/domain/request/CreateResponse.ts"
import * as Response from "../../src/domain/response/Response.ts"
import { snakeCase } from "../../src/domain/wire/Wire.ts"
import { leftOut, unknownPart } from "./items.ts"
import type { Report } from "./report.ts"
import { asking } from "./sensible.ts"
import { generator, isJson, type Spec, validator, withoutNulls } from "./spec.ts"

/** What OpenRouter's newer SDK has and the specification does not have yet: an item, a plugin, errors that are objects. */
const isNewer = (one: unknown): boolean =>
  isJson(one) && (
    one["type"] === "configuration_update" || one["id"] === "switchyard-router" ||
    one["type"] === "mcp_call" && isJson(one["error"])
  )

/** Parameters of the panel's tools, which the specification unrolls to two levels although they are any JSON. */
const withoutParameters = (one: unknown): unknown =>
  isJson(one) && one["id"] === "fusion" && Array.isArray(one["tools"])
    ? { ...one, tools: one["tools"].map((tool: unknown) => isJson(tool) ? { ...tool, parameters: {} } : tool) }
    : one

const comparable = (json: unknown): unknown => {
  if (!isJson(json)) return json
  const { input, plugins } = json
  return {
    ...json,
    ...(Array.isArray(input) ? { input: input.filter((one) => !isNewer(one)) } : {}),
    ...(Array.isArray(plugins) ? { plugins: plugins.filter((one) => !isNewer(one)).map(withoutParameters) } : {})
  }
}

/** Half surrogate pairs, which our request refuses to send, become replacement characters. */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === "string") return new TextDecoder().decode(new TextEncoder().encode(value))
  if (Array.isArray(value)) return value.map(wellFormed)
  if (!isJson(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [wellFormed(key), wellFormed(one)]))
}

const isRequest = Schema.is(CreateResponse)

/** Every property of the specification's request is a field of ours, except those left out; and no other. */
export const checkFields = (spec: Spec, report: Report) => {
  const request = spec.schemas["ResponsesRequest"]
  const properties = isJson(request) && isJson(request["properties"]) ? Object.keys(request["properties"]) : []
  const ours = new Set(Object.keys(CreateResponse.fields).map(snakeCase))
  report.check("ResponsesRequest", properties.length === 0 ? "has no properties in the specification" : undefined)
  for (const property of properties) {
    report.check(
      `field ${property}`,
      ours.has(property) === leftOut.has(property)
        ? leftOut.has(property) ? "is said to be left out, but is there" : "is missing in CreateResponse"
        : undefined
    )
  }
  for (const field of ours) {
    report.check(`field ${field}`, properties.includes(field) ? undefined : "is not in the specification")
  }
  report.note(`left out: ${Array.from(leftOut, ([field, reason]) => `${field} (${reason})`).join("; ")}`)
}

/** The values of `type` and `id` in arrays, which tell how much of the protocol the generated requests use. */
const armsOf = (json: unknown, into: Map<string, number>) => {
  if (Array.isArray(json)) {
    for (const one of json) {
      const arm = isJson(one) ? one["type"] ?? one["id"] : undefined
      if (typeof arm === "string" && /^[a-z][a-z_:0-9-]{2,}$/.test(arm)) into.set(arm, (into.get(arm) ?? 0) + 1)
    }
  }
  if (typeof json === "object" && json !== null) { for (const one of Object.values(json)) armsOf(one, into) }
}

/** Requests generated from our schema are accepted by the specification. */
export const checkRequests = async (
  spec: Spec,
  report: Report,
  options: { readonly count: number; readonly seed: number }
) => {
  const validate = validator(spec, "ResponsesRequest")
  // Small samples are mostly empty; every field gets its turn as a request with many fields and as one with few.
  const dense = Schema.Struct({
    input: Schema.toType(CreateResponse.fields.input),
    tools: Schema.toType(CreateResponse.fields.tools),
    plugins: Schema.toType(CreateResponse.fields.plugins)
  })
  const arbitraries: ReadonlyArray<Arbitrary.Arbitrary<CreateResponse>> = [
    Arbitrary.schema(Schema.toType(CreateResponse)),
    Arbitrary.schema(dense)
  ]
  const arms = new Map<string, number>()
  for (const [index, arbitrary] of arbitraries.entries()) {
    const count = Math.floor(options.count / arbitraries.length)
    const samples = await Effect.runPromise(
      Arbitrary.sampleEffect(arbitrary, { count, seed: options.seed + index, size: 6, maxDiscards: count * 100 })
    )
    for (const sample of samples) {
      const request = wellFormed(asking(sample))
      if (!isRequest(request)) {
        report.check("generated request", "is no request")
        continue
      }
      const body = toBody(request, { stream: index % 2 === 1 })
      if (Result.isFailure(body)) {
        report.check("generated request", `is refused: ${body.failure.message}`)
        continue
      }
      const json: unknown = JSON.parse(body.success)
      const problem = validate(comparable(json))
      report.check("generated request", problem === undefined ? undefined : `${problem} in ${body.success}`)
      armsOf(json, arms)
    }
  }
  report.note("not compared: configuration_update, switchyard-router, errors of mcp_call that are objects (SDK only)")
  report.note("not compared: parameters of the fusion plugin's tools (any JSON; two levels in the specification)")
  report.note(`generated requests contain ${arms.size} types of items, parts, tools, plugins and conditions`)
}

/** Responses generated from the specification decode, with every item typed, and have an outcome. */
export const checkResponses = (
  spec: Spec,
  report: Report,
  options: { readonly count: number; readonly seed: number }
) => {
  const next = generator(spec, "OpenResponsesResult", { seed: options.seed })
  const context = { attempts: 1, headers: {}, now: 0 }
  const outcomes = new Map<string, number>()
  for (let n = 0; n < options.count; n++) {
    const json = next()
    const decoded = Response.decode(json)
    if (Result.isFailure(decoded)) {
      report.check("generated response", `does not decode: ${decoded.failure}`)
      continue
    }
    const unknown = unknownPart(decoded.success.output, "output")
    const outcome = Effect.runSyncExit(Effect.sync(() => Outcome.fromResponse(decoded.success, context)))
    if (Exit.isSuccess(outcome)) {
      const result = outcome.value
      const tag = Result.isSuccess(result) ? result.success._tag : result.failure._tag
      outcomes.set(tag, (outcomes.get(tag) ?? 0) + 1)
    }
    report.check(
      "generated response",
      unknown ?? (Exit.isSuccess(outcome) ? keysLost(json, decoded.success) : "has no outcome")
    )
  }
  const counts = Array.from(outcomes).toSorted().map(([tag, count]) => `${tag} ${count}`)
  report.note(`outcomes of generated responses: ${counts.join(", ")}`)
}

/** A field that the specification knows and the decoded response does not have, or undefined. */
const keysLost = (json: unknown, response: Response.Response): string | undefined => {
  const present = withoutNulls(json)
  const lost = isJson(present) ? Object.keys(present).filter((key) => !decodedKeys(response).has(key)) : []
  const notTyped = lost.filter((key) => !echoes.has(key))
  return notTyped.length === 0 ? undefined : `loses ${notTyped.join(", ")}`
}

const decodedKeys = (response: Response.Response) => new Set(Object.keys(response).map(snakeCase))

/** Fields of a response that are not typed: they repeat the request, or are computed from `output`. */
const echoes = new Set(["background", "store", "previous_response_id", "prompt_cache_options", "output_text"])
