import { assert, describe, it } from "@effect/vitest"
import { Effect, Predicate } from "effect"
import type { OpenRouterError } from "effect-openrouter"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { absent, isPresent } from "../domain/stream/recorded.ts"
import { final, scripted } from "../layers/client/support.ts"
import { canonical, endOf, type Envelope, type Failure, flat, handedOn, inBand, overHttp } from "./envelopes.ts"

type Tag = OpenRouterError.OpenRouterError["_tag"]

/** The tags of a failure in each of some envelopes. */
const tagsOf = (failure: Failure, envelopes: ReadonlyArray<Envelope>) =>
  Effect.gen(function*() {
    const tags: Array<readonly [envelope: string, tag: Tag]> = []
    for (const envelope of envelopes) tags.push([envelope.name, (yield* endOf(envelope))._tag])
    return Object.fromEntries(tags)
  }).pipe(Effect.provide(final(scripted(envelopes.map(({ reply }) => reply(failure))))))

const all = (envelopes: ReadonlyArray<Envelope>, tag: Tag) =>
  Object.fromEntries(envelopes.map(({ name }) => [name, tag]))

/** It is the same error in all envelopes. */
const isEverywhere = (failure: Failure, tag: Tag, envelopes: ReadonlyArray<Envelope>) =>
  Effect.map(tagsOf(failure, envelopes), (tags) => assert.deepStrictEqual(tags, all(envelopes, tag)))

const bare = [...overHttp, ...inBand]

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

/** What providers say: with which status, in which words, and what it means. */
interface Dialect {
  readonly name: string
  readonly tag: Tag
  readonly status: number
  /** Their own JSON or text. */
  readonly raw: { readonly [key: string]: unknown } | string
}

const dialect = (provider: string, tag: Tag, status: number, raw: Dialect["raw"]): Dialect => ({
  name: provider,
  tag,
  status,
  raw
})

const typed = (type: string, message: string, code: unknown = null) => ({ error: { message, type, param: null, code } })

const google = (code: number, status: string, message: string) => ({ error: { code, message, status } })

/** From public reports of what the providers answer. */
const dialects: ReadonlyArray<Dialect> = [
  dialect(
    "OpenAI",
    "ContextLengthExceeded",
    400,
    typed("invalid_request_error", "Your input exceeds the context window of this model.", "context_length_exceeded")
  ),
  dialect(
    "OpenAI without a code",
    "ContextLengthExceeded",
    400,
    typed("invalid_request_error", "This model's maximum context length is 8192 tokens, however you requested 8213.")
  ),
  dialect(
    "Anthropic",
    "ContextLengthExceeded",
    400,
    { type: "error", error: { type: "invalid_request_error", message: "prompt is too long: 213462 tokens > 200000" } }
  ),
  dialect("Anthropic, with the answer", "ContextLengthExceeded", 400, {
    type: "error",
    error: {
      type: "invalid_request_error",
      message: "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease input length"
    }
  }),
  dialect(
    "Google",
    "ContextLengthExceeded",
    400,
    google(
      400,
      "INVALID_ARGUMENT",
      "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."
    )
  ),
  dialect("xAI", "ContextLengthExceeded", 400, {
    code: "Client specified an invalid argument",
    error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens."
  }),
  dialect("Mistral", "ContextLengthExceeded", 400, {
    object: "error",
    message: "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
    type: "invalid_request_prompt",
    param: null,
    code: "3051"
  }),
  dialect(
    "DeepSeek",
    "ContextLengthExceeded",
    400,
    typed(
      "invalid_request_error",
      "This model's maximum context length is 131072 tokens. However, you requested 131134 tokens.",
      "invalid_request_error"
    )
  ),
  dialect("Bedrock", "ContextLengthExceeded", 400, { message: "Input is too long for requested model." }),
  dialect("vLLM", "ContextLengthExceeded", 400, {
    object: "error",
    message: "This model's maximum context length is 32768 tokens. However, you requested 41648 tokens.",
    type: "BadRequestError",
    param: null,
    code: 400
  }),
  dialect("llama.cpp", "ContextLengthExceeded", 400, {
    error: {
      code: 400,
      message: "the request exceeds the available context size, try increasing it",
      type: "exceed_context_size_error",
      n_prompt_tokens: 1407,
      n_ctx: 256
    }
  }),
  dialect("LM Studio", "ContextLengthExceeded", 400, {
    error: "The number of tokens to keep from the initial prompt is greater than the context length."
  }),
  dialect(
    "Kimi",
    "ContextLengthExceeded",
    400,
    typed("invalid_request_error", "Your request exceeded model token limit: 131072")
  ),
  dialect("MiniMax, as text", "ContextLengthExceeded", 400, "Token limit reached"),
  dialect(
    "a prefix before JSON",
    "ContextLengthExceeded",
    400,
    `ApiError: ${JSON.stringify(typed("invalid_request_error", "m", "context_length_exceeded"))}`
  ),
  dialect("Azure", "Refused", 400, {
    error: {
      message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
      type: null,
      param: "prompt",
      code: "content_filter",
      status: 400,
      innererror: { code: "ResponsibleAIPolicyViolation" }
    }
  }),
  dialect(
    "OpenAI",
    "Refused",
    400,
    typed(
      "invalid_request_error",
      "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
      "invalid_prompt"
    )
  ),
  dialect("Anthropic", "Refused", 400, {
    type: "error",
    error: { type: "invalid_request_error", message: "Output blocked by content filtering policy" }
  }),
  dialect("xAI", "Refused", 403, {
    code: "The caller does not have permission to execute the specified operation",
    error: "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_DATA_LEAKAGE"
  }),
  dialect("DeepSeek", "Refused", 400, typed("invalid_request_error", "Content Exists Risk", "invalid_request_error")),
  dialect("Google", "Refused", 400, google(400, "INVALID_ARGUMENT", "The prompt was blocked: PROHIBITED_CONTENT")),
  dialect("Alibaba", "Refused", 400, {
    error: { code: "data_inspection_failed", message: "Input data may contain inappropriate content.", type: null }
  }),
  dialect(
    "OpenAI",
    "PaymentRequired",
    429,
    typed("insufficient_quota", "You exceeded your current quota, please check your plan.", "insufficient_quota")
  ),
  dialect("Anthropic", "PaymentRequired", 400, {
    type: "error",
    error: { type: "invalid_request_error", message: "Your credit balance is too low to access the Anthropic API." }
  }),
  dialect("xAI", "PaymentRequired", 429, {
    code: "Some resource has been exhausted",
    error: "Your team 1 has either used all available credits or reached its monthly spending limit."
  }),
  dialect("DeepSeek", "PaymentRequired", 402, typed("unknown_error", "Insufficient Balance", "invalid_request_error")),
  dialect(
    "Google, which has its quota by the minute",
    "RateLimited",
    429,
    google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.")
  ),
  dialect("Mistral", "RateLimited", 429, {
    object: "error",
    message: "Rate limit exceeded",
    type: "rate_limited",
    param: null,
    code: "1300"
  }),
  dialect("Mistral, at capacity", "RateLimited", 429, {
    object: "error",
    message: "Service tier capacity exceeded for this model.",
    type: "service_tier_capacity_exceeded",
    code: "3505"
  }),
  dialect("Bedrock", "RateLimited", 429, {
    __type: "ThrottlingException",
    message: "Too many tokens, please wait before trying again."
  }),
  dialect(
    "OpenAI",
    "ProviderOverloaded",
    503,
    typed("service_unavailable_error", "Our servers are currently overloaded.", "server_is_overloaded")
  ),
  dialect("Anthropic", "ProviderOverloaded", 529, {
    type: "error",
    error: { type: "overloaded_error", message: "Overloaded" }
  }),
  dialect("Anthropic behind a 500", "ProviderOverloaded", 500, {
    type: "error",
    error: { type: "api_error", message: "Overloaded" }
  }),
  dialect(
    "Google",
    "ProviderOverloaded",
    503,
    google(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
  ),
  dialect("xAI", "ProviderOverloaded", 503, {
    code: "The service is currently unavailable",
    error: "The model is at capacity."
  }),
  dialect("Bedrock", "ProviderOverloaded", 503, {
    __type: "com.amazon.coral.service#ServiceUnavailableException",
    message: "Bedrock is unable to process your request."
  }),
  dialect(
    "OpenAI",
    "ModelUnavailable",
    400,
    typed("invalid_request_error", "The requested model 'gpt-0' does not exist.", "model_not_found")
  ),
  dialect("Anthropic", "ModelUnavailable", 404, {
    type: "error",
    error: { type: "not_found_error", message: "model: claude-0" }
  }),
  dialect("xAI", "ModelUnavailable", 400, { code: "invalid-argument", error: "Model not found: grok-0" }),
  dialect(
    "DeepSeek",
    "ModelUnavailable",
    400,
    typed("invalid_request_error", "Model Not Exist", "invalid_request_error")
  ),
  dialect("Mistral", "ModelUnavailable", 400, {
    object: "error",
    message: "Invalid model: mistral-0",
    type: "invalid_model",
    code: "1500"
  }),
  dialect(
    "Google",
    "ModelUnavailable",
    404,
    google(404, "NOT_FOUND", "models/gemini-0 is not found for API version v1beta.")
  ),
  dialect("Bedrock", "ModelUnavailable", 400, {
    __type: "ValidationException",
    message: "The provided model identifier is invalid."
  }),
  dialect("vLLM", "ModelUnavailable", 404, {
    object: "error",
    message: "The model `qwen-0` does not exist.",
    type: "NotFoundError",
    code: 404
  })
]

const asJson = (raw: Dialect["raw"]) => JSON.parse(JSON.stringify(raw))

describe("#15 the dialects of the providers", () => {
  it.effect.each(dialects)("#15 $name, handed on: $tag", ({ raw, status, tag }) =>
    Effect.gen(function*() {
      const envelopes = handedOn(typeof raw === "string" ? raw : JSON.stringify(raw))
      yield* isEverywhere({ status }, tag, envelopes)
      yield* isEverywhere({ status }, tag, handedOn(asJson(raw)))
    }))

  it.effect.each(dialects)("#15 $name, by itself: $tag", ({ raw, status, tag }) =>
    Effect.gen(function*() {
      const body = typeof raw === "string" ? raw : JSON.stringify(raw)
      yield* isEverywhere({ status }, tag, [
        { name: "HTTP", stream: false, reply: () => ({ status, body }) },
        { name: "HTTP, asked for a stream", stream: true, reply: () => ({ status, body }) }
      ])
      // Inside a 200 some of them do not even look like an error.
      if (typeof raw === "string" || !("error" in raw || raw["object"] === "error")) return
      yield* isEverywhere({ status }, tag, [
        { name: "200", stream: false, reply: () => ({ body }) },
        { name: "200, asked for a stream", stream: true, reply: () => ({ body }) }
      ])
    }))
})
