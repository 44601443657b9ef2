/**
 * Rules: which requests get another reply than the ordinary answer.
 *
 * Rules are asked in order; the first one that fires decides. Each counts for itself: the requests that match it, also those
 * that another one decides, and those that it decides. They come before the built-in `emulator/…` models and after authentication, validation, rate
 * limit and credits.
 *
 * @since 0.1.0
 */
import type { JsonObject } from "./Prompt.ts"
import type { Reply } from "./Reply.ts"

/**
 * One request as rules see it.
 *
 * - `path`: without the base path, for example `/responses`.
 * - `key`: the label of the API key, see `keyLabel` of the ledger.
 * - `text`: all text the model reads, instructions included.
 * - `body`: the JSON as it arrived, in the spelling of its endpoint.
 * - `attempt`: how often this very content was sent, 1 for the first time. A retry has a higher one.
 *
 * @since 0.1.0
 */
export interface Call {
  readonly path: string
  readonly key: string
  readonly model: string
  readonly text: string
  readonly attempt: number
  readonly body: JsonObject
}

/**
 * The requests that a rule is about; everything given must hold, and an empty condition holds always.
 *
 * Without a `path` both endpoints are meant that ask a model, `/responses` and `/chat/completions`. `model` is the exact slug.
 * `attempt` is 1 for the first time that this very content is sent, 2 for its first repetition.
 *
 * @since 0.1.0
 */
export interface Condition {
  readonly path?: string
  readonly model?: string
  readonly textIncludes?: string
  readonly attempt?: number
}

/**
 * A rule: when it applies and what happens then.
 *
 * - `when`: a condition, or a predicate (asked for calls of a model only). Default: every call of a model, that is
 *   `POST /responses` and `POST /chat/completions`.
 * - `times`: it decides at most so many requests, and then leaves them to the rules behind it.
 * - `nth`: only the matching request with this number, counted from 1, whoever decides the others.
 * - `reply`: the reply, or a function of the call.
 *
 * `times` and `nth` count in order of arrival, each rule for itself: of two rules with `nth` 1 and 2 the first request
 * gets one and the second the other, and so it is with two rules whose `times` is 1. `attempt` is the way to script retries under concurrency.
 *
 * @since 0.1.0
 */
export interface Rule {
  readonly when?: Condition | ((call: Call) => boolean)
  readonly times?: number
  readonly nth?: number
  readonly reply: Reply | ((call: Call) => Reply)
}

/**
 * How many requests matched a rule so far, and how many of them it decided.
 *
 * @since 0.1.0
 */
export interface Count {
  readonly matched: number
  readonly decided: number
}

/**
 * A rule with its count.
 *
 * @since 0.1.0
 */
export interface CountedRule {
  readonly rule: Rule
  readonly count: Count
}

/**
 * The count of a rule that no request has matched yet.
 *
 * @since 0.1.0
 */
export const none: Count = { matched: 0, decided: 0 }

/**
 * A rule that no request has matched yet.
 *
 * @since 0.1.0
 */
export const counted = (rule: Rule): CountedRule => ({ rule, count: none })

/**
 * The reply of the first rule that fires, and the rules with their new counts.
 *
 * @since 0.1.0
 */
export const fire = (
  rules: ReadonlyArray<CountedRule>,
  call: Call
): readonly [reply: Reply | undefined, rules: ReadonlyArray<CountedRule>] => {
  let reply: Reply | undefined = undefined
  const next = rules.map((entry) => {
    const { count, rule } = entry
    if (!matches(rule.when, call)) return entry
    const decides = reply === undefined && isDue(rule, count)
    if (decides) reply = typeof rule.reply === "function" ? rule.reply(call) : rule.reply
    return { rule, count: counting(count, decides) }
  })
  return [reply, next]
}

/**
 * True if a rule is about the next request that matches it.
 *
 * @since 0.1.0
 */
export const isDue = ({ nth, times }: Pick<Rule, "times" | "nth">, { decided, matched }: Count): boolean =>
  decided < (times ?? Infinity) && (nth === undefined || nth === matched + 1)

/**
 * The count after one more request that matched.
 *
 * @since 0.1.0
 */
export const counting = ({ decided, matched }: Count, decides: boolean): Count => ({
  matched: matched + 1,
  decided: decides ? decided + 1 : decided
})

/**
 * True for the endpoints that ask a model for an answer: `/responses` and `/chat/completions`.
 *
 * @since 0.1.0
 */
export const isAsking = (path: string): boolean => path === "/responses" || path === "/chat/completions"

/**
 * True if a condition holds for a call.
 *
 * @since 0.1.0
 */
export const matches = (when: Rule["when"], call: Call): boolean => {
  if (typeof when === "function") return isAsking(call.path) && when(call)
  return (when?.path === undefined ? isAsking(call.path) : when.path === call.path) &&
    (when?.model === undefined || when.model === call.model) &&
    (when?.textIncludes === undefined || call.text.includes(when.textIncludes)) &&
    (when?.attempt === undefined || when.attempt === call.attempt)
}
