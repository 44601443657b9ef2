import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { final, scripted, sent } from "../layers/client/support.ts"
import {
  bare,
  endOf,
  type Envelope,
  type Failure,
  flat,
  handedOn,
  inBand,
  isEverywhere,
  overHttp,
  type Tag
} from "./envelopes.ts"

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
  dialect("Mistral, at capacity, in its older words", "RateLimited", 429, {
    object: "error",
    message: "Service tier capacity exceeded for this model.",
    type: "invalid_request_error",
    param: null,
    code: null
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

describe("#15 what a status or a code alone does not tell", () => {
  it.effect("#15 moderation is Refused with its reasons in every envelope", () =>
    Effect.gen(function*() {
      const metadata = { reasons: ["violence"], flagged_input: "a secret plan", provider_name: "OpenAI" }
      const failures: ReadonlyArray<Failure> = [
        { status: 403, metadata },
        { status: 403, code: "403", metadata },
        { status: 403, code: "server_error", errorType: "content_policy_violation", metadata },
        { status: 403, errorType: "permission_denied", metadata }
      ]
      for (const failure of failures) {
        for (const envelope of [...bare, flat]) {
          const error = yield* Effect.provide(endOf(envelope), final(scripted([envelope.reply(failure)])))
          if (error._tag !== "Refused") return assert.fail(`${error._tag} in ${envelope.name}`)
          assert.strictEqual(error.source, "moderation", envelope.name)
          assert.deepStrictEqual(error.reasons, ["violence"], envelope.name)
          assert.strictEqual(error.flaggedInput && Redacted.value(error.flaggedInput), "a secret plan", envelope.name)
        }
      }
    }))

  it.effect("#15 a guardrail's patterns make AccessDenied of a failure without a code", () =>
    isEverywhere({ status: 403, metadata: { patterns: ["sudo"] } }, "AccessDenied", [...bare, flat]))

  it.effect("#15 a spent quota is asked for once", () =>
    Effect.forEach([...overHttp, ...inBand], (envelope) =>
      Effect.gen(function*() {
        const error = yield* endOf(envelope)
        assert.strictEqual(error._tag, "PaymentRequired", envelope.name)
        assert.isFalse(error.isRetryable)
        assert.lengthOf(yield* sent, 1)
      }).pipe(Effect.provide(
        scripted([envelope.reply({ status: 429, code: "insufficient_quota", type: "insufficient_quota" })])
      ))))

  const messages: ReadonlyArray<readonly [message: string, tag: Tag, status: number]> = [
    ["openai/gpt-0 is not a valid model ID", "ModelUnavailable", 400],
    [
      "This endpoint's maximum context length is 200000 tokens. However, you requested about 2500021 tokens.",
      "ContextLengthExceeded",
      400
    ],
    ["This endpoint's maximum context length is 4096 tokens.", "ContextLengthExceeded", 413],
    ["Upstream: prompt is too long: 213462 tokens > 200000 maximum", "ContextLengthExceeded", 502],
    ["openai/gpt-4 requires moderation. Your input was flagged for \"violence\".", "Refused", 403]
  ]

  it.effect.each(messages)("#15 %s", ([message, tag, status]) =>
    Effect.gen(function*() {
      const numbered = inBand.map((envelope): Envelope => ({
        ...envelope,
        reply: (failure) => envelope.reply({ ...failure, code: String(status) })
      }))
      yield* isEverywhere({ status, message }, tag, [...overHttp, ...numbered])
      yield* isEverywhere({ status, message }, tag, inBand)
      yield* isEverywhere({ status, message: "Provider returned error" }, tag, handedOn(message))
      yield* isEverywhere({ status }, tag, [
        { name: "text", stream: false, reply: () => ({ status, body: message }) },
        { name: "JSON text", stream: false, reply: () => ({ status, body: JSON.stringify(message) }) }
      ])
    }))

  it.effect("#15 where a code tells the cause, nobody looks at the message", () =>
    Effect.gen(function*() {
      const message = "prompt is too long; the model does not exist; Overloaded; rate limit exceeded"
      yield* isEverywhere({ status: 400, code: "unsupported_value", message }, "InvalidRequest", bare)
      yield* isEverywhere({ status: 400, code: "previous_response_not_found", message }, "InvalidRequest", bare)
      yield* isEverywhere({ status: 400, code: "brand_new", message }, "InvalidRequest", overHttp)
      yield* isEverywhere({ status: 400, code: "brand_new", message }, "GenerationFailed", inBand)
      yield* isEverywhere({ status: 400, errorType: "invalid_request", message }, "InvalidRequest", bare)
      yield* isEverywhere({ status: 429, message }, "RateLimited", overHttp)
    }))

  it.effect("#15 the provider's key is not the caller's", () =>
    Effect.gen(function*() {
      const raw = JSON.stringify(typed("authentication_error", "bad key", "invalid_api_key"))
      yield* isEverywhere(
        { status: 502 },
        "ProviderUnavailable",
        handedOn(raw).filter(({ name }) => !/word/.test(name))
      )
    }))
})
