/**
 * Which reply a call gets: one for all, one after the other, or by what the call asks for.
 *
 * A script is a plain value; {@link start} makes what is used up by the calls of one test.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { CreateResponse } from "../../domain/request/CreateResponse.ts"
import * as Shown from "./Shown.ts"
import type { Reply, Value } from "./TestReply.ts"

/**
 * What a test client replies to all calls: one reply, a list of them in order, or a map made by {@link byModel},
 * {@link bySchema} or {@link byRequest}.
 *
 * @since 0.1.0
 */
export type Script<A = Value> = Reply<A> | ReadonlyArray<Reply<A> | Forever<A>> | Cases

/**
 * The last reply of a list that does not end.
 *
 * @since 0.1.0
 */
export interface Forever<A = Value> {
  readonly _tag: "OpenRouterTest/Forever"
  readonly reply: Reply<A>
}

/**
 * Scripts by what a call asks for. The first that is for a call is the one it gets.
 *
 * @since 0.1.0
 */
export class Cases extends Pipeable.Class {
  readonly cases: ReadonlyArray<Case>

  constructor(cases: ReadonlyArray<Case>) {
    super()
    this.cases = cases
  }
}

/**
 * One script of {@link Cases}, and which calls it is for.
 *
 * @since 0.1.0
 */
export interface Case {
  /** For messages. */
  readonly name: string
  readonly isFor: (asked: Asked) => boolean
  /** A {@link Script} for values of any schema. */
  readonly script: unknown
}

/**
 * What is asked: the request, and the schema of `respondObject`.
 *
 * @since 0.1.0
 */
export interface Asked {
  readonly request: CreateResponse
  readonly schema: Schema.Codec<unknown, unknown> | undefined
}

/**
 * A reply that a list does not run out of: it is for all calls that follow.
 *
 * **Example** (Refused once, then always answered)
 *
 * ```ts
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const test = OpenRouterTest.layer([OpenRouterTest.refused("no"), OpenRouterTest.forever("walks home")])
 * ```
 *
 * @since 0.1.0
 */
export const forever = <A = Value>(reply: Reply<A>): Forever<A> => ({ _tag: "OpenRouterTest/Forever", reply })

/**
 * Scripts by the model that is asked for. A name may end with `*`, and `"*"` alone is for all that no other name is for.
 *
 * @since 0.1.0
 */
export const byModel = (scripts: { readonly [model: string]: Script }): Cases =>
  new Cases(
    Object.entries(scripts)
      .toSorted(([a], [b]) => breadth(a) - breadth(b))
      .map(([name, script]) => ({ name: `model ${name}`, isFor: ({ request }) => isNamed(request, name), script }))
  )

/** Exact names first, then longer beginnings before shorter ones. */
const breadth = (name: string): number => name.endsWith("*") ? 1 / name.length : 0

const isNamed = ({ model, models }: CreateResponse, name: string): boolean => {
  const asked = model ?? models?.[0] ?? ""
  return name.endsWith("*") ? asked.startsWith(name.slice(0, -1)) : asked === name
}

/**
 * Scripts by the schema that `respondObject` and its like ask for; a value is one of that schema.
 *
 * **Example** (A town: two kinds of questions, and plain text for the rest)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const Intention = Schema.Struct({ action: Schema.String })
 * const Event = Schema.Struct({ event: Schema.String, isLoud: Schema.Boolean })
 *
 * const test = OpenRouterTest.layer(
 *   OpenRouterTest.bySchema(
 *     [Intention, { action: "walks home" }],
 *     [Event, { event: "It rains.", isLoud: false }]
 *   ).pipe(OpenRouterTest.orElse("All is quiet."))
 * )
 * ```
 *
 * @since 0.1.0
 */
export const bySchema = <const Types extends ReadonlyArray<unknown>>(
  ...scripts: {
    readonly [K in keyof Types]: readonly [schema: Schema.Codec<Types[K], unknown>, script: Script<NoInfer<Types[K]>>]
  }
): Cases =>
  new Cases(scripts.map(([schema, script]): Case => ({
    name: `schema ${nameOf(schema)}`,
    isFor: (asked) => asked.schema === schema || asked.schema?.ast === schema.ast,
    script
  })))

const nameOf = (schema: Schema.Codec<unknown, unknown>): string =>
  SchemaAST.resolveIdentifier(schema.ast) ?? "without an identifier"

/**
 * Scripts by whatever a test wants to look at: each has a function that says whether it is for a request.
 *
 * **Example** (Ann is refused)
 *
 * ```ts
 * import { OpenRouterTest } from "effect-openrouter/testing"
 *
 * const test = OpenRouterTest.layer(OpenRouterTest.byRequest(
 *   [({ instructions }) => instructions === "You are Ann.", OpenRouterTest.refused("no")],
 *   [() => true, "walks home"]
 * ))
 * ```
 *
 * @since 0.1.0
 */
export const byRequest = (
  ...scripts: ReadonlyArray<readonly [isFor: (request: CreateResponse) => boolean, script: Script]>
): Cases =>
  new Cases(scripts.map(([isFor, script], index): Case => ({
    name: `request ${index + 1}`,
    isFor: ({ request }) => isFor(request),
    script
  })))

/**
 * Adds a script for the calls that none of the others is for.
 *
 * @since 0.1.0
 */
export const orElse: {
  (otherwise: Script): (self: Cases) => Cases
  (self: Cases, otherwise: Script): Cases
} = /* @__PURE__ */ dual(
  2,
  (self: Cases, otherwise: Script): Cases =>
    new Cases([
      ...self.cases,
      ...(otherwise instanceof Cases
        ? otherwise.cases
        : [{ name: "all other calls", isFor: () => true, script: otherwise }])
    ])
)

/**
 * A script in use.
 *
 * @since 0.1.0
 */
export interface Running {
  /** The reply for a call, or why there is none. */
  readonly next: (asked: Asked) => Next
  /** What nobody has asked for, a line each. */
  readonly unused: () => ReadonlyArray<string>
}

/**
 * The reply for a call, or why there is none.
 *
 * @since 0.1.0
 */
export type Next =
  | { readonly _tag: "Reply"; readonly reply: unknown }
  | { readonly _tag: "None"; readonly reason: string }

/**
 * Begins a script: each run uses it up from its beginning.
 *
 * @since 0.1.0
 */
export const start = (script: unknown): Running => {
  if (script instanceof Cases) return startCases(script)
  return isList(script) ? startList(script) : { next: () => ({ _tag: "Reply", reply: script }), unused: () => [] }
}

const isList = (script: unknown): script is ReadonlyArray<unknown> => Array.isArray(script)

const startList = (replies: ReadonlyArray<unknown>): Running => {
  let used = 0
  return {
    next: () => {
      const reply = replies[used]
      if (isForever(reply)) return { _tag: "Reply", reply: reply.reply }
      if (used === replies.length) return { _tag: "None", reason: `its list had ${counted(used)}, and all are used` }
      used++
      return { _tag: "Reply", reply }
    },
    unused: () => {
      const left = replies.slice(used).filter((reply) => !isForever(reply))
      if (left.length === 0) return []
      const shown = left.slice(0, maxShown).map(Shown.reply)
      const more = left.length > maxShown ? `, and ${left.length - maxShown} more` : ""
      return [`${left.length} of ${counted(replies.length)}: ${shown.join(", ")}${more}`]
    }
  }
}

const isForever = (reply: unknown): reply is Forever => Predicate.isTagged(reply, "OpenRouterTest/Forever")

const maxShown = 5

const counted = (replies: number): string => replies === 1 ? "1 reply" : `${replies} replies`

const startCases = ({ cases }: Cases): Running => {
  const running = cases.map(({ isFor, name, script }) => ({ isFor, name, script: start(script) }))
  return {
    next: (asked) => {
      const found = running.find(({ isFor }) => isFor(asked))
      if (found === undefined) {
        const names = running.map(({ name }) => name).join(", ")
        return { _tag: "None", reason: `the script is for ${names === "" ? "no call" : names}` }
      }
      const next = found.script.next(asked)
      return next._tag === "None" ? { ...next, reason: `${found.name}: ${next.reason}` } : next
    },
    unused: () => running.flatMap(({ name, script }) => script.unused().map((line) => `${name}: ${line}`))
  }
}
