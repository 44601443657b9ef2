import { assert, describe, it } from "@effect/vitest"
import { Effect, Predicate } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { absent, isPresent } from "../domain/stream/recorded.ts"
import {
  all,
  bare,
  canonical,
  type Envelope,
  flat,
  inBand,
  isEverywhere,
  overHttp,
  type Tag,
  tagsOf
} from "./envelopes.ts"

/** By name: the HTTP status with which it comes, and the tag of both. */
type Known = { readonly [name: string]: readonly [status: number, tag: Tag] }

/** The codes of OpenRouter and OpenAI. */
const codes: Known = {
  server_error: [500, "ServerError"],
  rate_limit_exceeded: [429, "RateLimited"],
  slow_down: [429, "RateLimited"],
  server_is_overloaded: [503, "ProviderOverloaded"],
  insufficient_quota: [429, "PaymentRequired"],
  credit_balance_exhausted: [429, "PaymentRequired"],
  organization_spend_limit_exceeded: [429, "PaymentRequired"],
  organization_usage_limit_exceeded: [429, "PaymentRequired"],
  project_spend_limit_exceeded: [429, "PaymentRequired"],
  billing_hard_limit_reached: [400, "PaymentRequired"],
  billing_not_active: [429, "PaymentRequired"],
  invalid_api_key: [401, "InvalidApiKey"],
  ip_not_authorized: [401, "InvalidApiKey"],
  model_not_found: [404, "ModelUnavailable"],
  unsupported_country_region_territory: [403, "AccessDenied"],
  data_residency_mismatch: [403, "AccessDenied"],
  context_length_exceeded: [400, "ContextLengthExceeded"],
  string_above_max_length: [400, "ContextLengthExceeded"],
  content_policy_violation: [400, "Refused"],
  content_filter: [400, "Refused"],
  image_content_policy_violation: [400, "Refused"],
  bio_policy: [400, "Refused"],
  cyber_policy: [400, "Refused"],
  misalignment_policy_violation: [400, "Refused"],
  vector_store_timeout: [504, "ProviderTimeout"],
  invalid_prompt: [400, "InvalidRequest"],
  invalid_image: [400, "InvalidRequest"],
  invalid_image_format: [400, "InvalidRequest"],
  invalid_base64_image: [400, "InvalidRequest"],
  invalid_image_url: [400, "InvalidRequest"],
  image_too_large: [400, "InvalidRequest"],
  image_too_small: [400, "InvalidRequest"],
  image_parse_error: [400, "InvalidRequest"],
  invalid_image_mode: [400, "InvalidRequest"],
  image_file_too_large: [413, "InvalidRequest"],
  unsupported_image_media_type: [400, "InvalidRequest"],
  empty_image_file: [400, "InvalidRequest"],
  failed_to_download_image: [400, "InvalidRequest"],
  image_file_not_found: [404, "InvalidRequest"],
  decimal_below_min_value: [400, "InvalidRequest"],
  integer_above_max_value: [400, "InvalidRequest"],
  integer_below_min_value: [400, "InvalidRequest"],
  invalid_function_parameters: [400, "InvalidRequest"],
  invalid_json: [400, "InvalidRequest"],
  invalid_request_error: [400, "InvalidRequest"],
  invalid_value: [400, "InvalidRequest"],
  missing_required_parameter: [400, "InvalidRequest"],
  mutually_exclusive_parameters: [400, "InvalidRequest"],
  previous_response_not_found: [404, "InvalidRequest"],
  unsupported_file: [400, "InvalidRequest"],
  unsupported_parameter: [400, "InvalidRequest"],
  unsupported_value: [400, "InvalidRequest"]
}

/** The types of OpenAI and Anthropic, and what others put in their place. */
const types: Known = {
  invalid_request_error: [400, "InvalidRequest"],
  authentication_error: [401, "InvalidApiKey"],
  billing_error: [402, "PaymentRequired"],
  insufficient_quota: [429, "PaymentRequired"],
  permission_error: [403, "AccessDenied"],
  request_forbidden: [403, "AccessDenied"],
  not_found_error: [404, "ModelUnavailable"],
  request_too_large: [413, "PayloadTooLarge"],
  rate_limit_error: [429, "RateLimited"],
  requests: [429, "RateLimited"],
  tokens: [429, "RateLimited"],
  rate_limited: [429, "RateLimited"],
  api_error: [500, "ServerError"],
  server_error: [500, "ServerError"],
  service_unavailable_error: [503, "ProviderOverloaded"],
  overloaded_error: [529, "ProviderOverloaded"],
  timeout_error: [504, "ProviderTimeout"],
  exceed_context_size_error: [400, "ContextLengthExceeded"],
  invalid_model: [400, "ModelUnavailable"],
  BadRequestError: [400, "InvalidRequest"],
  NotFoundError: [404, "ModelUnavailable"],
  InternalServerError: [500, "ServerError"]
}

/** OpenRouter's `error_type`. */
const errorTypes: Known = {
  context_length_exceeded: [400, "ContextLengthExceeded"],
  max_tokens_exceeded: [400, "ContextLengthExceeded"],
  token_limit_exceeded: [400, "ContextLengthExceeded"],
  string_too_long: [400, "ContextLengthExceeded"],
  authentication: [401, "InvalidApiKey"],
  permission_denied: [403, "AccessDenied"],
  payment_required: [402, "PaymentRequired"],
  rate_limit_exceeded: [429, "RateLimited"],
  provider_overloaded: [503, "ProviderOverloaded"],
  provider_unavailable: [502, "ProviderUnavailable"],
  invalid_request: [400, "InvalidRequest"],
  invalid_prompt: [400, "InvalidRequest"],
  not_found: [404, "ModelUnavailable"],
  precondition_failed: [412, "InvalidRequest"],
  payload_too_large: [413, "PayloadTooLarge"],
  unprocessable: [422, "InvalidRequest"],
  content_policy_violation: [403, "Refused"],
  refusal: [403, "Refused"],
  invalid_image: [400, "InvalidRequest"],
  image_too_large: [400, "InvalidRequest"],
  image_too_small: [400, "InvalidRequest"],
  unsupported_image_format: [400, "InvalidRequest"],
  image_not_found: [404, "InvalidRequest"],
  image_download_failed: [400, "InvalidRequest"],
  server: [500, "ServerError"],
  timeout: [504, "ProviderTimeout"],
  unmapped: [500, "ServerError"]
}

/** The codes of OpenRouter's `availability`. */
const availability: Known = {
  model_not_found: [400, "ModelUnavailable"],
  wrong_endpoint: [400, "InvalidRequest"],
  no_endpoints: [404, "ModelUnavailable"],
  model_deprecated: [404, "ModelUnavailable"],
  model_unavailable_upstream: [404, "ModelUnavailable"],
  privacy_restricted: [404, "ModelUnavailable"],
  constraint_filtered: [404, "ModelUnavailable"],
  free_variant_ended: [404, "ModelUnavailable"],
  capacity_exhausted: [429, "RateLimited"],
  temporarily_unavailable: [503, "ProviderOverloaded"],
  region_restricted: [403, "AccessDenied"]
}

/** The words in quotes in the lines of a declaration file that a pattern finds. */
const declared = (file: string, line: RegExp): ReadonlyArray<string> => {
  const text = readFileSync(new URL(`../../node_modules/${file}`, import.meta.url), "utf8")
  return (line.exec(text)?.[0] ?? "").match(/['"][a-z_]+['"]/g)?.map((word) => word.slice(1, -1)) ?? []
}

const sdkCodes = [
  ...declared("openai/resources/responses/responses.d.ts", /interface ResponseError \{[^}]*?code: [^;]*/),
  ...declared("@openrouter/sdk/esm/models/responseserrorfield.d.ts", /: \{[^}]*\}/)
]

const sdkErrorTypes = declared("@openrouter/sdk/esm/models/apierrortype.d.ts", /: \{[^}]*\}/)

const shared = new URL("../../../shared/", import.meta.url)

interface Recorded {
  readonly file: string
  readonly status: number
  readonly error: { readonly [key: string]: unknown }
}

/** The recorded errors that have an error object. */
const recorded = (): ReadonlyArray<Recorded> => {
  const folder = new URL("fixtures/errors/", shared)
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((file) => file.endsWith(".json")).flatMap((file) => {
    const { body, status }: { readonly status: number; readonly body: unknown } = JSON.parse(
      readFileSync(new URL(file, folder), "utf8")
    )
    return Predicate.hasProperty(body, "error") && Predicate.isObject(body.error)
      ? [{ file, status, error: Object.fromEntries(Object.entries(body.error)) }]
      : []
  })
}

const rows = (known: Known) => Object.entries(known).map(([name, [status, tag]]) => ({ name, status, tag }))

describe("#14 one table for all envelopes", () => {
  it.effect.each(rows(codes))(
    "#14 code $name is $tag",
    ({ name, status, tag }) => isEverywhere({ status, code: name }, tag, [...bare, flat])
  )

  it.effect.each(rows(types))(
    "#14 type $name with a null code is $tag",
    ({ name, status, tag }) => isEverywhere({ status, code: null, type: name }, tag, bare)
  )

  it.effect.each(rows(types))(
    "#14 type $name without a code is $tag",
    ({ name, status, tag }) => isEverywhere({ status, type: name }, tag, inBand)
  )

  it.effect.each(rows(errorTypes))(
    "#14 error_type $name is $tag",
    ({ name, status, tag }) =>
      isEverywhere({ status, code: "server_error", errorType: name }, tag, [...bare, flat, ...canonical])
  )

  it.effect.each(rows(availability))(
    "#14 availability $name is $tag",
    ({ name, status, tag }) =>
      Effect.gen(function*() {
        const error = { message: "m", availability: { code: name, retryable: false } }
        const envelopes: ReadonlyArray<Envelope> = [
          { name: "HTTP", stream: false, reply: () => ({ status, body: JSON.stringify({ error }) }) },
          { name: "200", stream: false, reply: () => ({ body: JSON.stringify({ error }) }) }
        ]
        yield* isEverywhere({ status }, tag, envelopes)
      })
  )

  it.effect.each([400, 401, 402, 403, 404, 408, 412, 413, 422, 429, 500, 502, 503, 504, 524, 529])(
    "#14 the number %i in a body is the status",
    (status) =>
      Effect.gen(function*() {
        const envelopes: ReadonlyArray<Envelope> = inBand.map((envelope) => ({
          ...envelope,
          reply: (failure) => {
            const { body, ...reply } = envelope.reply({ ...failure, code: "NUMBER" })
            return { ...reply, body: body.replaceAll(`"NUMBER"`, String(status)) }
          }
        }))
        const [http] = Object.values(yield* tagsOf({ status }, overHttp.slice(0, 1)))
        if (http === undefined) return assert.fail("no error")
        yield* isEverywhere({ status }, http, envelopes)
        yield* isEverywhere({ status, code: String(status) }, http, [...bare, flat])
      })
  )

  it("#14 knows all names of the official SDKs", () => {
    assert.isAbove(sdkCodes.length, 30)
    assert.isAbove(sdkErrorTypes.length, 20)
    assert.deepStrictEqual(sdkCodes.filter((code) => codes[code] === undefined), [])
    assert.deepStrictEqual(sdkErrorTypes.filter((errorType) => errorTypes[errorType] === undefined), [])
  })

  it.skipIf(!isPresent)(`#14 knows all names of the recorded traffic and of the specification (else ${absent})`, () => {
    const spec = readFileSync(new URL("spec/responses.flat.openapi.json", shared), "utf8")
    const enumOf = (name: string): ReadonlyArray<string> =>
      new RegExp(`"enum": \\[[^\\]]*"${name}"[^\\]]*\\]`).exec(spec)?.[0].match(/"[a-z_]+"/g)
        ?.map((word) => word.slice(1, -1)).filter((word) => word !== "enum") ?? []
    const inSpec = [enumOf("vector_store_timeout"), enumOf("max_tokens_exceeded")] as const
    assert.isAbove(inSpec[0].length, 15)
    assert.isAbove(inSpec[1].length, 20)
    assert.deepStrictEqual(inSpec[0].filter((code) => codes[code] === undefined), [])
    assert.deepStrictEqual(inSpec[1].filter((errorType) => errorTypes[errorType] === undefined), [])
    const names = (key: string) => recorded().flatMap(({ error }) => typeof error[key] === "string" ? [error[key]] : [])
    assert.deepStrictEqual(names("code").filter((code) => codes[code] === undefined), [])
    assert.deepStrictEqual(names("type").filter((type) => types[type] === undefined), [])
  })

  it.effect.skipIf(!isPresent)(
    "#14 a recorded error is the same inside a 200 as over HTTP",
    () =>
      Effect.forEach(
        recorded().filter(({ status }) => status >= 400),
        ({ error, file, status }) =>
          Effect.gen(function*() {
            const failed = { status: "failed", output: [], error }
            const envelopes: ReadonlyArray<Envelope> = [
              { name: "HTTP", stream: false, reply: () => ({ status, body: JSON.stringify({ error }) }) },
              { name: "200", stream: false, reply: () => ({ body: JSON.stringify({ error }) }) },
              { name: "failed", stream: false, reply: () => ({ body: JSON.stringify(failed) }) },
              {
                name: "response.failed",
                stream: true,
                reply: () => ({
                  headers: { "content-type": "text/event-stream" },
                  body: `data: ${JSON.stringify({ type: "response.failed", response: failed })}\n\n`
                })
              },
              {
                name: "error",
                stream: true,
                reply: () => ({
                  headers: { "content-type": "text/event-stream" },
                  body: `data: ${JSON.stringify({ type: "error", error })}\n\n`
                })
              }
            ]
            const tags = yield* tagsOf({ status }, envelopes)
            // Only its status says of this one that what was not found is no field.
            if (status === 404 && error["code"] === null) {
              return
            }
            assert.deepStrictEqual(tags, all(envelopes, tags["HTTP"] ?? "ServerError"), file)
          })
      )
  )
})
