/**
 * What the names mean by which servers call their errors: OpenRouter's `error_type`, the `code` and the `type` of an error,
 * and the status names and exceptions of the providers behind it.
 *
 * A name that tells one cause holds whatever the HTTP status beside it is: `insufficient_quota` is a matter of money, though
 * it comes with 429. A name that only tells a kind, such as `invalid_request_error`, holds where no status says more.
 *
 * Sources: OpenRouter's specification and docs, the official SDKs of OpenRouter, OpenAI, Anthropic and AWS, `google.rpc.Code`,
 * the descriptions of gRPC codes that xAI sends, and public reports of what Mistral, DeepSeek, vLLM and llama.cpp answer.
 *
 * @since 0.1.0
 */

/**
 * The tags of errors that a server's words can mean.
 *
 * @since 0.1.0
 */
export type Tag =
  | "InvalidRequest"
  | "ContextLengthExceeded"
  | "PayloadTooLarge"
  | "InvalidApiKey"
  | "PaymentRequired"
  | "AccessDenied"
  | "ModelUnavailable"
  | "RateLimited"
  | "ProviderTimeout"
  | "ProviderUnavailable"
  | "ProviderOverloaded"
  | "ServerError"
  | "UnexpectedStatus"
  | "Refused"

type Named = { readonly [T in Tag]?: string }

/** Names of one cause. */
const causes: Named = {
  ContextLengthExceeded: `context_length_exceeded max_tokens_exceeded token_limit_exceeded string_too_long
    string_above_max_length exceed_context_size_error context_exceeded context_window_exceeded
    context_window_exceeded_error model_context_window_exceeded prompt_too_long`,
  InvalidRequest: `invalid_image image_too_large image_too_small unsupported_image_format image_download_failed
    image_not_found invalid_image_format invalid_base64_image invalid_image_url image_parse_error invalid_image_mode
    image_file_too_large unsupported_image_media_type empty_image_file failed_to_download_image image_file_not_found
    precondition_failed unprocessable previous_response_not_found wrong_endpoint`,
  InvalidApiKey: "authentication invalid_api_key incorrect_api_key api_key_invalid",
  PaymentRequired: `payment_required insufficient_quota insufficient_credits insufficient_balance billing_error
    billing_hard_limit_reached billing_not_active credit_balance_exhausted organization_spend_limit_exceeded
    organization_usage_limit_exceeded project_spend_limit_exceeded in_flight_budget_exhausted weight_exceeds_budget`,
  AccessDenied: `data_residency_mismatch region_restricted unsupported_country unsupported_country_region_territory
    account_deactivated`,
  Refused: `content_policy_violation refusal image_content_policy_violation bio_policy cyber_policy
    misalignment_policy_violation content_filter responsible_ai_policy_violation prohibited_content moderation_blocked
    data_inspection_failed`,
  ModelUnavailable: `model_not_found invalid_model unknown_model model_not_available model_deprecated no_endpoints
    model_unavailable_upstream privacy_restricted constraint_filtered free_variant_ended deployment_not_found`,
  PayloadTooLarge: "payload_too_large request_too_large",
  RateLimited: `rate_limit_exceeded capacity_exhausted too_many_requests rate_limited throttling_exception
    usage_limit_reached`,
  ProviderTimeout: "vector_store_timeout model_timeout_exception",
  ProviderUnavailable: "provider_unavailable model_error_exception model_stream_error_exception",
  ProviderOverloaded: `provider_overloaded server_is_overloaded service_unavailable_error overloaded_error overloaded
    engine_overloaded engine_overloaded_error model_overloaded server_overloaded temporarily_unavailable
    service_unavailable service_unavailable_exception model_not_ready_exception unavailable
    the_service_is_currently_unavailable`
}

/** Names of a kind: an HTTP status beside them says more. */
const kinds: Named = {
  InvalidRequest: `invalid_request invalid_prompt invalid_request_error bad_request bad_request_error invalid_argument
    client_specified_an_invalid_argument validation_exception validation_error failed_precondition out_of_range
    unprocessable_entity unprocessable_entity_error mutually_exclusive_parameters`,
  InvalidApiKey: `authentication_error unauthenticated unauthorized ip_not_authorized
    the_request_does_not_have_valid_authentication_credentials`,
  AccessDenied: `permission_denied permission_error forbidden request_forbidden access_denied access_denied_exception
    the_caller_does_not_have_permission_to_execute_the_specified_operation`,
  ModelUnavailable: "not_found not_found_error resource_not_found_exception some_requested_entity_was_not_found",
  RateLimited: `rate_limit_error resource_exhausted some_resource_has_been_exhausted service_quota_exceeded_exception
    service_tier_capacity_exceeded slow_down requests tokens`,
  ProviderTimeout: `timeout timeout_error deadline_exceeded deadline_expired_before_operation_could_complete
    gateway_timeout request_timeout`,
  ProviderUnavailable: "bad_gateway",
  ServerError: `server server_error unmapped internal internal_error internal_server_error internal_server_exception
    api_error`
}

const tableOf = (named: Named): ReadonlyMap<string, Tag> => {
  const table = new Map<string, Tag>()
  for (const tag of tags) for (const name of named[tag]?.split(/\s+/) ?? []) table.set(name, tag)
  return table
}

const tags: ReadonlyArray<Tag> = [
  "InvalidRequest",
  "ContextLengthExceeded",
  "PayloadTooLarge",
  "InvalidApiKey",
  "PaymentRequired",
  "AccessDenied",
  "ModelUnavailable",
  "RateLimited",
  "ProviderTimeout",
  "ProviderUnavailable",
  "ProviderOverloaded",
  "ServerError",
  "Refused"
]

const byCause = /* @__PURE__ */ tableOf(causes)

const byKind = /* @__PURE__ */ tableOf(kinds)

/** OpenAI has a name of its own for each way in which a parameter can be wrong. */
const ofParameter = /^(invalid|unsupported|missing|unknown|duplicate)_|_(above|below)_(max|min)_/

/**
 * A name as the table has it: `ThrottlingException`, `INVALID_ARGUMENT`, `invalid-argument` and whole sentences as words
 * joined by `_`.
 */
const normalized = (name: string): string =>
  name
    .slice(0, 200)
    .replace(/^.*#/, "")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_|_$/g, "")
    .toLowerCase()

/**
 * The tag of the first name that tells one cause.
 *
 * @since 0.1.0
 */
export const cause = (names: ReadonlyArray<string>): Tag | undefined => first(names, (name) => byCause.get(name))

/**
 * The tag of the first name that tells at least a kind.
 *
 * @since 0.1.0
 */
export const kind = (names: ReadonlyArray<string>): Tag | undefined =>
  first(names, (name) => byKind.get(name) ?? (ofParameter.test(name) ? "InvalidRequest" : undefined))

/**
 * True if a code says more than a kind of error, whether it is known or not. Then nobody has to look at the message.
 *
 * @since 0.1.0
 */
export const isTelling = (code: string): boolean => /[a-z]/i.test(code) && !byKind.has(normalized(code))

const first = (names: ReadonlyArray<string>, tagOf: (name: string) => Tag | undefined): Tag | undefined => {
  for (const name of names) {
    const tag = tagOf(normalized(name))
    if (tag !== undefined) return tag
  }
  return undefined
}

/**
 * What an HTTP status means, of an answer or in a body.
 *
 * @since 0.1.0
 */
export const ofStatus = (status: number): Tag => {
  switch (status) {
    case 400:
    case 412:
    case 422:
      return "InvalidRequest"
    case 401:
      return "InvalidApiKey"
    case 402:
      return "PaymentRequired"
    case 403:
      return "AccessDenied"
    case 404:
      return "ModelUnavailable"
    case 408:
    case 504:
    case 524:
      return "ProviderTimeout"
    case 413:
      return "PayloadTooLarge"
    case 429:
      return "RateLimited"
    case 502:
      return "ProviderUnavailable"
    case 503:
    case 529:
      return "ProviderOverloaded"
    default:
      return status >= 500 && status <= 599 ? "ServerError" : "UnexpectedStatus"
  }
}
