/**
 * A conversation as a value: all that was said, as it is sent with the next request.
 *
 * OpenRouter keeps no state between requests, so a conversation is the program's. Items of answers are kept as they came:
 * reasoning, encrypted content and phases go back unchanged. It is immutable, and stored as plain JSON through its schema.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import type { CreateResponse } from "../request/CreateResponse.ts"
import { InputItem, user } from "../request/Input.ts"
import * as RequestSize from "../request/RequestSize.ts"
import type { Item } from "./ItemLink.ts"
import * as Leftovers from "./Leftovers.ts"
import * as Turns from "./Turns.ts"

/**
 * A conversation. As JSON it is `{ "items": [...] }` with the items as they travel, so it can be a field of any state:
 * `Schema.Struct({ name: Schema.String, memories: Conversation.Conversation })`.
 *
 * @since 0.1.0
 */
export const Conversation: Schema.Struct<{ readonly items: Schema.$Array<typeof InputItem> }> = Schema.Struct({
  items: Schema.Array(InputItem)
}).annotate({ identifier: "Conversation" })

/**
 * @since 0.1.0
 */
export interface Conversation {
  /** What was said, oldest first; put it into the `input` of a request. */
  readonly items: ReadonlyArray<InputItem>
}

/**
 * What is said: a text of the user, an item, or several.
 *
 * @since 0.1.0
 */
export type Said = string | Item | ReadonlyArray<Item>

/**
 * The items of what is said.
 *
 * @since 0.1.0
 */
export const itemsOf = (said: Said): ReadonlyArray<Item> =>
  typeof said === "string" ? [user(said)] : isList(said) ? said : [said]

const isList = (said: Item | ReadonlyArray<Item>): said is ReadonlyArray<Item> => Array.isArray(said)

/**
 * A conversation in which nothing was said.
 *
 * @since 0.1.0
 */
export const empty: Conversation = { items: [] }

/**
 * A conversation from what was said, such as instructions: `Conversation.make(Input.system("You are Bob."))`.
 *
 * @since 0.1.0
 */
export const make = (said: Said): Conversation => append(empty, said)

/**
 * Adds what is said next: a text of the user, items made by hand, or the `output` of a response.
 *
 * What the API would refuse as history is left out: items that were cut off (`in_progress`, a call without all of its
 * arguments), an output whose call is not there, a second output of one call, and a call that is still without its output
 * when somebody says something else.
 *
 * @since 0.1.0
 */
export const append: {
  (said: Said): (self: Conversation) => Conversation
  (self: Conversation, said: Said): Conversation
} = /* @__PURE__ */ dual(
  2,
  (self: Conversation, said: Said): Conversation => ({
    items: Leftovers.linked([...self.items, ...Leftovers.finished(itemsOf(said))])
  })
)

/**
 * How many turns a conversation has: each begins with what is said to the model and ends before something else is.
 *
 * @since 0.1.0
 */
export const turns = (self: Conversation): number => Turns.starts(self.items).length

/** The instructions at the beginning, and the turns from one to before another. */
const between = (self: Conversation, from: number, to: number): Conversation => {
  const starts = Turns.starts(self.items)
  if (from <= 0 && to >= starts.length) return self
  const [first = self.items.length] = starts
  const start = starts[Math.max(0, from)] ?? self.items.length
  const end = starts[to] ?? self.items.length
  return { items: [...self.items.slice(0, first), ...self.items.slice(start, end)] }
}

/** A count, whatever number was given. */
const whole = (count: number): number => count >= 0 ? Math.floor(count) : 0

/**
 * Only the last `depth` turns, and the instructions at the beginning. A call stays with its output.
 *
 * @since 0.1.0
 */
export const window: {
  (depth: number): (self: Conversation) => Conversation
  (self: Conversation, depth: number): Conversation
} = /* @__PURE__ */ dual(2, (self: Conversation, depth: number): Conversation => {
  const count = turns(self)
  return between(self, Math.max(0, count - whole(depth)), count)
})

/**
 * The conversation as it was after its first `turns` turns, to go on from there in another way. Without a number all of it:
 * values do not change, so both go on for themselves.
 *
 * @since 0.1.0
 */
export const fork: {
  (turns?: number): (self: Conversation) => Conversation
  (self: Conversation, turns?: number): Conversation
} = /* @__PURE__ */ dual(
  ([first]) => typeof first === "object",
  (self: Conversation, turns?: number): Conversation => turns === undefined ? self : between(self, 0, whole(turns))
)

/**
 * How tokens are counted.
 *
 * @since 0.1.0
 */
export interface TokenOptions {
  /** Counts the tokens of a request without its images. Default: one token for two bytes, as `Prices` counts. */
  readonly tokenizer?: ((request: CreateResponse) => number) | undefined
}

/**
 * How many tokens a conversation is as the input of a request, by the rule of `Prices`: rather too many than too few.
 *
 * @since 0.1.0
 */
export const tokens = (self: Conversation, options?: TokenOptions): number => {
  if (self.items.length === 0) return 0
  const request = { input: self.items }
  return RequestSize.of(request, options?.tokenizer?.(request)).inputTokens
}

/**
 * As many of the last turns as are at most `max` tokens, with the instructions at the beginning; not even those where they are more.
 *
 * @since 0.1.0
 */
export const tokensUpTo: {
  (max: number, options?: TokenOptions): (self: Conversation) => Conversation
  (self: Conversation, max: number, options?: TokenOptions): Conversation
} = /* @__PURE__ */ dual(
  ([first]) => typeof first === "object",
  (self: Conversation, max: number, options?: TokenOptions): Conversation => {
    const fits = (candidate: Conversation): boolean => tokens(candidate, options) <= max
    if (fits(self)) return self
    const count = turns(self)
    let fewest = 0
    let tooMany = count
    if (!fits(between(self, count, count))) return empty
    while (tooMany - fewest > 1) {
      const middle = Math.floor((fewest + tooMany) / 2)
      if (fits(between(self, count - middle, count))) fewest = middle
      else tooMany = middle
    }
    return between(self, count - fewest, count)
  }
)

/**
 * The calls that wait for their outputs: answer them, or say something else and they are given up.
 *
 * @since 0.1.0
 */
export const openCalls = (self: Conversation): ReadonlyArray<Item> => Leftovers.open(self.items)
