/**
 * Calls that wait for somebody's decision, as a value that can be stored, and the decisions.
 *
 * The value has the whole run: with a toolkit and decisions another process goes on where it ended. Whoever can change it can
 * change what is called, so where it leaves your hands (a browser, a queue) give the run a secret, which signs it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Costs from "../outcome/Costs.ts"
import * as Input from "../request/Input.ts"
import * as CanonicalJson from "../wire/CanonicalJson.ts"
import { lazy } from "../wire/Lazy.ts"
import * as Sha256 from "../wire/Sha256.ts"
import { Transcript } from "./Transcript.ts"

/**
 * A call that waits.
 *
 * @since 0.1.0
 */
export const PendingCall = Schema.Struct({
  callId: Schema.String,
  /** The name of the tool. */
  name: Schema.String,
  /** As the model gave them; they fit the tool. */
  arguments: Schema.Json,
  /** Stands for this call of this run with these arguments: a decision repeats it, and holds for nothing else. */
  hash: Schema.String
})

/**
 * @since 0.1.0
 */
export interface PendingCall extends Schema.Schema.Type<typeof PendingCall> {}

/**
 * A run that ended because calls wait for decisions: all that is needed to go on.
 *
 * `Schema.toCodecJson(Tools.Pending)` is its JSON. It has the conversation in clear, so store it where prompts may be stored.
 *
 * @since 0.1.0
 */
export const Pending = Schema.TaggedStruct("Pending", {
  version: Schema.Literal(1),
  /** The run: the same over all its resumptions. */
  id: Schema.String,
  /** Of the names of the tools and of what they take. */
  fingerprint: Schema.String,
  /** What the model said beside its calls; may be empty. */
  text: Schema.String,
  /** What waits, in the order in which the model asked. */
  calls: Schema.Array(PendingCall),
  /** The conversation up to and with the calls. */
  transcript: Transcript,
  /** The results of calls of the same step that need not wait. */
  settled: Schema.Array(Schema.suspend(() => Input.FunctionCallOutput)),
  /** How many times the model was asked so far. */
  steps: Schema.Int,
  /** How many calls were run so far. */
  toolCalls: Schema.Int,
  /** In how many steps in a row each call of the last step was asked for, by a hash of it. */
  repeats: Schema.Record(Schema.String, Schema.Int),
  /** What the run cost so far. */
  costs: Costs.Costs,
  signature: Schema.optionalKey(Schema.String)
})

/**
 * @since 0.1.0
 */
export interface Pending extends Schema.Schema.Type<typeof Pending> {}

const decided = { callId: Schema.String, hash: Schema.String }

/**
 * What somebody decided about a call. It is plain data and can come from a browser.
 *
 * @since 0.1.0
 */
export const Decision = Schema.TaggedUnion({
  /** Run it, with `arguments` in the place of the model's if there are any. */
  Approve: { ...decided, arguments: Schema.optionalKey(Schema.Json) },
  /** Do not run it; the model is told `reason`. */
  Deny: { ...decided, reason: Schema.optionalKey(Schema.String) },
  /** It was done elsewhere, and this came of it: a text, or JSON. */
  Supply: { ...decided, result: Schema.Json }
})

/**
 * @since 0.1.0
 */
export type Decision = typeof Decision.Type

/**
 * Lets a call run, with the model's arguments or with others.
 *
 * @since 0.1.0
 */
export const approve = (call: PendingCall, options?: { readonly arguments?: Schema.Json }): Decision => ({
  _tag: "Approve",
  callId: call.callId,
  hash: call.hash,
  ...(options?.arguments === undefined ? {} : { arguments: options.arguments })
})

/**
 * Does not let a call run, and says why to the model.
 *
 * @since 0.1.0
 */
export const deny = (call: PendingCall, reason?: string): Decision => ({
  _tag: "Deny",
  callId: call.callId,
  hash: call.hash,
  ...(reason === undefined ? {} : { reason })
})

/**
 * Gives the result of a call that was done elsewhere.
 *
 * @since 0.1.0
 */
export const supply = (call: PendingCall, result: Schema.Json): Decision => ({
  _tag: "Supply",
  callId: call.callId,
  hash: call.hash,
  result
})

/**
 * Where a call is made. Ids of calls are not enough: some providers use the same ones in every step.
 *
 * @since 0.1.0
 */
export interface Place {
  /** The run. */
  readonly id: string
  readonly steps: number
}

/**
 * The hash that binds a decision to a call.
 *
 * @since 0.1.0
 */
export const hashOf = ({ id, steps }: Place, call: Omit<PendingCall, "hash">): string =>
  Sha256.hex(CanonicalJson.stringify([id, steps, call.callId, call.name, call.arguments]))

const toJson = lazy(() => Schema.encodeSync(Schema.toCodecJson(Pending)))

const signatureOf = ({ signature: _, ...pending }: Pending, secret: string): string =>
  Sha256.hmac(secret, CanonicalJson.stringify(toJson()(pending)))

/**
 * Signs the value, by HMAC-SHA-256 of its canonical JSON: a store may write its members in another order.
 *
 * @since 0.1.0
 */
export const sign = (pending: Pending, secret: string): Pending => ({
  ...pending,
  signature: signatureOf(pending, secret)
})

/**
 * Whether the value was signed with this secret and not changed since.
 *
 * @since 0.1.0
 */
export const isSigned = (pending: Pending, secret: string): boolean =>
  pending.signature !== undefined && Sha256.isEqual(pending.signature, signatureOf(pending, secret))
