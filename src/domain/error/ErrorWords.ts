/**
 * What an error's message means where no code says it: the phrases of the providers, which a router hands on behind a mere
 * status, or behind a code such as `invalid_request_error` that stands for everything.
 *
 * @since 0.1.0
 */
import type { Tag } from "./ErrorNames.ts"

/** A phrase, the tag that it means, and the tags so far that it may replace; `undefined` stands for none. */
interface Phrase {
  readonly tag: Tag
  readonly instead: ReadonlyArray<Tag | undefined>
  readonly pattern: RegExp
}

const phrases: ReadonlyArray<Phrase> = [
  {
    // Money that is spent, not a limit per minute: Google's "exceeded your current quota" passes by itself.
    tag: "PaymentRequired",
    instead: [undefined, "InvalidRequest", "RateLimited", "AccessDenied"],
    pattern:
      /used all available credits|monthly spending limit|credit balance is too low|insufficient (balance|credits)/i
  },
  {
    tag: "RateLimited",
    instead: [undefined, "InvalidRequest", "ServerError"],
    pattern:
      /rate limit (was )?(exceeded|reached)|temporarily rate-limited|too many requests|capacity exceeded for this/i
  },
  {
    tag: "Refused",
    instead: [undefined, "InvalidRequest", "AccessDenied"],
    pattern: new RegExp(
      [
        "content (violates|exists risk)",
        "violat\\w+ (our|the) (usage|content) polic",
        "content management policy",
        "blocked by (the |our )?content filter",
        "inappropriate content",
        "your input was flagged",
        "prompt was (blocked|flagged)",
        "PROHIBITED_CONTENT"
      ].join("|"),
      "i"
    )
  },
  {
    tag: "ContextLengthExceeded",
    instead: [undefined, "InvalidRequest", "PayloadTooLarge", "ServerError", "ProviderUnavailable"],
    pattern: new RegExp(
      [
        "maximum (context|prompt|allowed input|input) length",
        "(context (window|length|size|limit)|token limit)[^.]{0,40} (was )?(exceed|reach)",
        "exceed\\w*[^.]{0,60}(context (window|length|size|limit)|token limit)",
        "longer than the (model'?s )?context length|greater than the context length",
        "(prompt|input) (is )?too long",
        "input token count[^.]{0,60}exceed",
        "too many tokens in|tokens in the prompt cannot exceed",
        "range of input length should be",
        "reduce the length of the (messages|prompt|input)"
      ].join("|"),
      "i"
    )
  },
  {
    tag: "ModelUnavailable",
    instead: [undefined, "InvalidRequest"],
    pattern: new RegExp(
      [
        "is not a valid model",
        "no endpoints found",
        "invalid model( name)?:",
        "model (identifier|id) is invalid",
        "models?[ /`'\"][^ ]{0,100} (does not exist|is not found|not found)",
        "models? (does )?not (exist|found)"
      ].join("|"),
      "i"
    )
  },
  {
    tag: "ProviderOverloaded",
    instead: [undefined, "ServerError", "ProviderUnavailable"],
    pattern: /\boverloaded\b|\bat capacity\b/i
  }
]

/**
 * The tag that a message means, given what is known without it; `undefined` if it says nothing more.
 *
 * @since 0.1.0
 */
export const tell = (message: string, soFar: Tag | undefined): Tag | undefined =>
  phrases.find(({ instead, pattern }) => instead.includes(soFar) && pattern.test(message))?.tag
