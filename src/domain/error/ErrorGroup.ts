/**
 * The four things that errors mean for a caller, for those who do not want to name every tag.
 *
 * | group | what it means | tags |
 * |---|---|---|
 * | `unavailable` | the service cannot answer now; later, or with another model, it may | `RateLimited`, `ProviderTimeout`, `ProviderUnavailable`, `ProviderOverloaded`, `ServerError`, `UnexpectedStatus`, `ConnectionFailed`, `TimedOut`, `MalformedResponse`, `StreamInterrupted` |
 * | `rejected` | the request will not be served as it is: it, its model or its key has to change | `InvalidRequest`, `ContextLengthExceeded`, `PayloadTooLarge`, `InvalidApiKey`, `AccessDenied`, `ModelUnavailable` |
 * | `unfunded` | the money is gone: the account's, the key's, or that of a budget | `PaymentRequired`, `BudgetExceeded` |
 * | `noAnswer` | the answer is none; all but a refusal before the model were paid for | `Incomplete`, `Refused`, `GenerationFailed`, `EmptyCompletion`, `InvalidOutput` |
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { OpenRouterError } from "./OpenRouterError.ts"

/**
 * A group of errors.
 *
 * @since 0.1.0
 */
export type Group = "unavailable" | "rejected" | "unfunded" | "noAnswer"

const groups = {
  RateLimited: "unavailable",
  ProviderTimeout: "unavailable",
  ProviderUnavailable: "unavailable",
  ProviderOverloaded: "unavailable",
  ServerError: "unavailable",
  UnexpectedStatus: "unavailable",
  ConnectionFailed: "unavailable",
  TimedOut: "unavailable",
  MalformedResponse: "unavailable",
  StreamInterrupted: "unavailable",
  InvalidRequest: "rejected",
  ContextLengthExceeded: "rejected",
  PayloadTooLarge: "rejected",
  InvalidApiKey: "rejected",
  AccessDenied: "rejected",
  ModelUnavailable: "rejected",
  PaymentRequired: "unfunded",
  BudgetExceeded: "unfunded",
  Incomplete: "noAnswer",
  Refused: "noAnswer",
  GenerationFailed: "noAnswer",
  EmptyCompletion: "noAnswer",
  InvalidOutput: "noAnswer"
} as const satisfies { readonly [Tag in OpenRouterError["_tag"]]: Group }

type Groups = typeof groups

/** The tags of a group. */
type TagOf<G extends Group> = { readonly [Tag in keyof Groups]: Groups[Tag] extends G ? Tag : never }[keyof Groups]

/**
 * The errors of a group: all of them, or those among `E`.
 *
 * @since 0.1.0
 */
export type OfGroup<G extends Group, E = OpenRouterError> = Extract<
  E,
  Extract<OpenRouterError, { readonly _tag: TagOf<G> }>
>

/**
 * True for an error of this library.
 *
 * @since 0.1.0
 */
export const isOpenRouterError: (u: unknown) => u is OpenRouterError = Schema.is(OpenRouterError)

/**
 * The group of an error; `undefined` for what is no error of this library.
 *
 * @since 0.1.0
 */
export function groupOf(error: OpenRouterError): Group
export function groupOf(error: unknown): Group | undefined
export function groupOf(error: unknown): Group | undefined {
  return isOpenRouterError(error) ? groups[error._tag] : undefined
}

/**
 * True for an error of a group.
 *
 * @since 0.1.0
 */
export const isOfGroup = <G extends Group, E>(error: E, group: G): error is OfGroup<G, E> => groupOf(error) === group
