/**
 * Plans of faults: which exchange goes wrong, and how. By chance, by script, or both.
 *
 * Chance is drawn from the seed and from the call itself: its path, its body, the scopes of the program around it, and how
 * often it was sent before. So the same seed gives the same fault to the same call, whatever the order in which calls
 * arrive.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Draw from "./Draw.ts"
import * as NamedModel from "./NamedModel.ts"
import * as Prompt from "./Prompt.ts"
import * as Recent from "./Recent.ts"
import type { Reply } from "./Reply.ts"
import * as Rule from "./Rule.ts"
import type { Ending } from "./Streaming.ts"

/**
 * What is done to an exchange that takes place.
 *
 * - `Late`: its answer comes so much later.
 * - `Lost`: the request arrives and is paid for, and the connection breaks before its answer comes.
 * - `Truncated`: of a body in one piece only this share comes, from 0 to 1.
 * - `Broken`: its stream ends like this; bytes, events and deltas are those of the real one.
 * - `Rechunked`: its stream comes in chunks of so many bytes, wherever that splits.
 *
 * @since 0.1.0
 */
export type Damage =
  | { readonly _tag: "Late"; readonly by: Duration.Input }
  | { readonly _tag: "Lost" }
  | { readonly _tag: "Truncated"; readonly keep: number }
  | { readonly _tag: "Broken"; readonly ending: Extract<Ending, { readonly _tag: "Cut" | "Reset" | "Stall" }> }
  | { readonly _tag: "Rechunked"; readonly bytes: number }

/**
 * What goes wrong: damage to the exchange, or a reply of the emulator instead of it. The name of a built-in model, such as
 * `emulator/status-503` or `emulator/stream-reset`, stands for its reply.
 *
 * @since 0.1.0
 */
export type Fault = Damage | Reply | `emulator/${string}`

/**
 * A call as a plan sees it: that of the emulator's rules, with the scopes of the program around it, outermost first.
 *
 * @since 0.1.0
 */
export interface FaultCall extends Rule.Call {
  readonly scopes: ReadonlyArray<string>
}

/**
 * When something goes wrong.
 *
 * - `fault`: what; or a function of the call.
 * - `probability` (1): the share of the calls that are concerned, from 0 to 1.
 * - `when`, `times`, `nth`: as for rules of the emulator. Default: every call of a model.
 *
 * @since 0.1.0
 */
export interface FaultRule {
  readonly fault: Fault | ((call: FaultCall) => Fault)
  readonly probability?: number
  readonly when?: Rule.Condition | ((call: FaultCall) => boolean)
  readonly times?: number
  readonly nth?: number
}

/**
 * What goes wrong in a program. Rules are asked in order, each counts for itself, and the first one that fires decides.
 *
 * `seed` (0): another seed, other calls.
 *
 * @since 0.1.0
 */
export interface FaultPlan {
  readonly seed?: number
  readonly faults: ReadonlyArray<FaultRule>
}

/**
 * What a plan remembers: the counts of its rules, and how often each of the newest 10,000 calls was sent.
 *
 * @since 0.1.0
 */
export interface Progress {
  readonly counts: ReadonlyArray<Rule.Count>
  readonly attempts: Recent.Recent<number>
}

/**
 * The beginning of a plan.
 *
 * @since 0.1.0
 */
export const begin = (plan: FaultPlan): Progress => ({
  counts: plan.faults.map(() => Rule.none),
  attempts: Recent.make(10_000)
})

/**
 * A request on its way to the server.
 *
 * @since 0.1.0
 */
export interface Passing {
  readonly method: string
  readonly path: string
  readonly body: string | undefined
  readonly scopes: ReadonlyArray<string>
}

/**
 * A fault with the call that it is for, and a number for what else is left to chance.
 *
 * @since 0.1.0
 */
export interface Chosen {
  readonly call: FaultCall
  readonly fault: Damage | Reply
  readonly seed: number
}

/**
 * Decides about a request; `undefined` if it passes unharmed.
 *
 * @since 0.1.0
 */
export const choose = (
  plan: FaultPlan,
  progress: Progress,
  passing: Passing
): readonly [chosen: Chosen | undefined, progress: Progress] => {
  const body = parse(passing.body)
  const path = passing.path.split("?", 1)[0] ?? ""
  const content = Draw.make(plan.seed ?? 0, contentOf(passing, body))
  const attempt = (Recent.get(progress.attempts, Draw.toKey(content)) ?? 0) + 1
  const { input, instructions, model } = body
  const call: FaultCall = {
    path,
    key: "",
    model: typeof model === "string" ? model : "",
    text: Result.getOrElse(Prompt.read(instructions, input), () => ""),
    attempt,
    body,
    scopes: passing.scopes
  }
  const draw = Draw.child(content, attempt)
  let chosen: Chosen | undefined = undefined
  const counts = plan.faults.map((rule, index) => {
    const count = progress.counts[index] ?? Rule.none
    if (!isAbout(rule, call)) return count
    const own = Draw.child(draw, index)
    if (chosen !== undefined || !Rule.isDue(rule, count) || Draw.fraction(own) >= (rule.probability ?? 1)) {
      return Rule.counting(count, false)
    }
    const fault = resolve(typeof rule.fault === "function" ? rule.fault(call) : rule.fault, call)
    if (fault !== undefined) chosen = { call, fault, seed: Draw.integer(Draw.child(own, "seed"), 0, 0x7fffffff) }
    return Rule.counting(count, fault !== undefined)
  })
  return [chosen, { counts, attempts: Recent.set(progress.attempts, Draw.toKey(content), attempt) }]
}

const isAbout = ({ when }: FaultRule, call: FaultCall): boolean =>
  typeof when === "function" ? Rule.isAsking(call.path) && when(call) : Rule.matches(when, call)

const parse = (text: string | undefined): Prompt.JsonObject => {
  try {
    const json: unknown = JSON.parse(text ?? "{}")
    return Predicate.isObject(json) ? json : {}
  } catch {
    return {}
  }
}

/** What makes a call this call; fields that only label it differ from run to run. */
const contentOf = ({ method, path, scopes }: Passing, body: Prompt.JsonObject): string => {
  const { metadata: _, session_id: __, trace: ___, ...asked } = body
  return JSON.stringify([method, path, scopes, asked])
}

/** What a fault comes to for a call; `undefined` where it comes to nothing, as for every other call of a flaky model. */
const resolve = (fault: Fault, call: FaultCall): Damage | Reply | undefined => {
  if (typeof fault !== "string") return fault
  const reply = NamedModel.reply({ ...call, model: fault })
  if (reply === undefined) throw new Error(`there is no fault of the name '${fault}'`)
  if (reply._tag !== "Answer") return reply
  const { _tag, delay, ...rest } = reply
  // The real answer will do.
  if (Object.keys(rest).length > 0) return reply
  return delay === undefined ? undefined : { _tag: "Late", by: delay }
}

/**
 * The first name in a plan that stands for no fault.
 *
 * @since 0.1.0
 */
export const unknownName = ({ faults }: FaultPlan): string | undefined =>
  faults.flatMap(({ fault }) => typeof fault === "string" ? [fault] : []).find((name) =>
    NamedModel.reply({ path: "", key: "", model: name, text: "", attempt: 1, body: {} }) === undefined
  )

/**
 * True if the exchange takes place, and is damaged.
 *
 * @since 0.1.0
 */
export const isDamage = (fault: Damage | Reply): fault is Damage =>
  fault._tag === "Late" || fault._tag === "Lost" || fault._tag === "Truncated" || fault._tag === "Broken" ||
  fault._tag === "Rechunked"
