/**
 * What this provider says and reads beside the common language of `effect/ai`: under the key `openrouter` in the metadata of
 * answers and errors, and in the options of prompts.
 *
 * All of it is plain JSON, because `LanguageModel` throws an answer away whose metadata is not. Amounts of money are exact
 * decimal text in US dollars, as `Usd` writes them.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type * as Usd from "../../domain/money/Usd.ts"
import * as Wire from "../../domain/wire/Wire.ts"

/**
 * What the answer as a whole says of itself; in the metadata of its `finish` part.
 *
 * @since 0.1.0
 */
export type Finish = {
  /** What OpenRouter charged, in US dollars. Absent is unknown, not zero. */
  readonly cost?: string
  /** What all attempts of the call cost. */
  readonly callCost?: string
  /** What the provider bills besides, for calls with your own provider key. */
  readonly upstreamCost?: string
  /** Ask `OpenRouter.generation` with it. */
  readonly generationId?: string
  /** How many times the request was sent. */
  readonly attempts: number
  /** The model that served. */
  readonly model?: string
  /** The provider that served, where OpenRouter told it: see `OpenRouter.withRouterMetadata`. */
  readonly provider?: string
  readonly serviceTier?: string
  /** What a cache did: OpenRouter's, or one of this library. */
  readonly cache?: { readonly status: string; readonly by?: string; readonly age?: number; readonly ttl?: number }
  /** The words with which the model refused. */
  readonly refusal?: string
  /** Why the answer stopped early. */
  readonly incompleteReason?: string
  /** Calls of tools that are not in the toolkit. Nobody can answer them, so they are no parts. */
  readonly unknownCalls?: ReadonlyArray<{ readonly id: string; readonly name: string; readonly arguments: string }>
}

/**
 * What a text of the model remembers of its message, so that history goes back as it came.
 *
 * @since 0.1.0
 */
export type Text = {
  /** The id of its message. */
  readonly id?: string
  /** Whether it is `commentary` or `final_answer`. */
  readonly phase?: string
  /** The words with which the model refused; the text itself is empty then. */
  readonly refusal?: string
}

/**
 * An item of the answer as it came: it goes back unchanged.
 *
 * @since 0.1.0
 */
export type Item = { readonly item: Schema.Json }

/**
 * Where in the text a source is cited, and what it says.
 *
 * @since 0.1.0
 */
export type Source = { readonly startIndex?: number; readonly endIndex?: number; readonly content?: string }

/**
 * What is known of the response as a whole, or an event that this version does not know.
 *
 * @since 0.1.0
 */
export type ResponseInfo = { readonly event?: Schema.Json }

/**
 * The options of a text, or of a message, of a prompt.
 *
 * @since 0.1.0
 */
export type CacheOptions = {
  /** Marks the end of a prefix that the provider shall cache, on providers with explicit prompt caching. */
  readonly cacheControl?: { readonly type: "ephemeral" } | null
}

/**
 * The options of a file of a prompt.
 *
 * @since 0.1.0
 */
export type FileOptions = {
  /** How closely an image is looked at: `auto` (the default), `low`, `high`, `original`. */
  readonly detail?: string
}

/**
 * What is known of a failed call.
 *
 * @since 0.1.0
 */
export type Failure = {
  /** The tag of this library's error, such as `RateLimited`. */
  tag: string
  /** What OpenRouter charged for the last attempt, in US dollars. Absent is unknown. */
  cost?: string
  /** What all attempts of the call cost. */
  callCost?: string
  generationId?: string
  attempts?: number
  model?: string
  status?: number
  code?: string
  errorType?: string
  /** The text that arrived before the failure. */
  partialText?: string
  /** The provider that failed, by its name. */
  provider?: string
  inputTokens?: number
  outputTokens?: number
  /** Calls of tools that are not in the toolkit. */
  unknownCalls?: Array<{ id: string; name: string; arguments: string }>
}

declare module "effect/ai/Response" {
  interface FinishPartMetadata {
    readonly openrouter?: Finish | null
  }
  interface TextPartMetadata {
    readonly openrouter?: Text | null
  }
  interface TextEndPartMetadata {
    readonly openrouter?: Text | null
  }
  interface ReasoningPartMetadata {
    readonly openrouter?: Item | null
  }
  interface ReasoningEndPartMetadata {
    readonly openrouter?: Item | null
  }
  interface ToolCallPartMetadata {
    readonly openrouter?: Item | null
  }
  interface ToolResultPartMetadata {
    readonly openrouter?: Item | null
  }
  interface FilePartMetadata {
    readonly openrouter?: Item | null
  }
  interface UrlSourcePartMetadata {
    readonly openrouter?: Source | null
  }
  interface ResponseMetadataPartMetadata {
    readonly openrouter?: ResponseInfo | null
  }
}

declare module "effect/ai/Prompt" {
  interface SystemMessageOptions {
    readonly openrouter?: CacheOptions | null
  }
  interface UserMessageOptions {
    readonly openrouter?: CacheOptions | null
  }
  interface TextPartOptions {
    readonly openrouter?: (CacheOptions & Text) | null
  }
  interface FilePartOptions {
    readonly openrouter?: (FileOptions & Partial<Item>) | null
  }
  interface ReasoningPartOptions {
    readonly openrouter?: Item | null
  }
  interface ToolCallPartOptions {
    readonly openrouter?: Item | null
  }
  interface ToolResultPartOptions {
    readonly openrouter?: Item | null
  }
}

declare module "effect/ai/AiError" {
  interface RateLimitErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface QuotaExhaustedErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface AuthenticationErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface ContentPolicyErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface InvalidRequestErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface InvalidResponseErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface InternalProviderErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface InvalidOutputErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface StructuredOutputErrorMetadata {
    readonly openrouter?: Failure | null
  }
  interface UnknownErrorMetadata {
    readonly openrouter?: Failure | null
  }
}

/**
 * Plain JSON of a value that is JSON but for members that are `undefined`.
 *
 * @since 0.1.0
 */
export const toJson = (value: unknown): Schema.Json => JSON.parse(JSON.stringify(value) ?? "null")

/**
 * The JSON of an item: as it came, or of its fields where it was made by hand.
 *
 * @since 0.1.0
 */
export const itemOf = (item: object, encode: (item: unknown) => unknown): Item => ({
  item: toJson(Wire.raw(item) ?? encode(item))
})

/**
 * An amount as exact decimal text.
 *
 * @since 0.1.0
 */
export const amount = (usd: Usd.Usd | undefined): string | undefined => usd === undefined ? undefined : usd.toJSON()
