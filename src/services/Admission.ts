/**
 * What an attempt has to pass before it is sent, and who is told how it ended.
 *
 * Ledgers, budgets, gates and meters are admissions: written once, they hold for answers, streams and plain endpoints, and
 * for test layers, because every layer runs each attempt of each call through the admissions of its caller. In the way of
 * a call they stand inside the retry loop and outside the transport:
 *
 * | stage | who | when |
 * |---|---|---|
 * | `reserve` | budgets | first: who waits for money holds no place at a gate |
 * | `wait` | gates | then: a reservation is held while waiting, because the call will be sent |
 * | `observe` | ledgers, meters | last: what is never sent is never seen |
 *
 * Within a stage outer ones come before inner ones. An admission lets the attempt pass by giving the function that is told
 * the end, or refuses it with an error. All that admitted an attempt are told its end exactly once, in reverse, also when a
 * later one refuses and when the caller is interrupted. Waits in `admit` are interruptible and under the call's `total`
 * deadline. What an admission takes it takes in the last step of `admit` (one `Effect.sync` that also gives the function), or it
 * says so by `attempt.took` in the step in which it does, so that no interruption comes between the two.
 *
 * **Example** (Counting attempts by how they ended)
 *
 * ```ts
 * import { Effect, Exit } from "effect"
 * import { Admission, OpenRouter } from "effect-openrouter"
 *
 * const counts = new Map<string, number>()
 * const meter: Admission.Admission = {
 *   stage: "observe",
 *   admit: () =>
 *     Effect.succeed((ended) =>
 *       Effect.sync(() => {
 *         const how = Exit.isSuccess(ended.exit) ? "answered" : "failed"
 *         counts.set(how, (counts.get(how) ?? 0) + 1)
 *       })
 *     )
 * }
 * const program = OpenRouter.respond({ model: "openai/gpt-5", input: "Hello" }).pipe(Admission.with(meter))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import type { OpenRouterError, RequestError } from "../domain/error/OpenRouterError.ts"
import type { Usd } from "../domain/money/Usd.ts"
import type * as Costs from "../domain/outcome/Costs.ts"
import type { CreateResponse } from "../domain/request/CreateResponse.ts"
import type { Tags } from "./Place.ts"
import type { Source } from "./Prices.ts"
import * as Program from "./Program.ts"

/**
 * What all attempts of one call have in common. It is one object for one call, so it tells calls apart.
 *
 * @since 0.1.0
 */
export interface Call {
  /** `respond`, `stream`, or the name of a plain endpoint, such as `embeddings` or `models`. */
  readonly name: string
  /** The model that is asked for. */
  readonly model: string | undefined
  /** The request as it is sent, defaults filled in; absent for plain endpoints. */
  readonly request: CreateResponse | undefined
  /** False for what costs nothing, such as `GET /models`: budgets and gates let it pass. */
  readonly isBillable: boolean
  /** Which key is used, without telling it: 12 hex digits of its SHA-256; `test` in a test layer. */
  readonly account: string
  /** Epoch milliseconds by the caller's clock at which the call began. */
  readonly startedAt: number
  /** Milliseconds that it may wait in all for what is closed to it: its `RetryPolicy`'s `maxWait`, or `Deadlines.total` if less. */
  readonly maxWait: number
  /** The names of the enclosing scopes, outermost first. */
  readonly scopes: ReadonlyArray<string>
  /** The indices of those scopes that keep their sum only, see `Place.scope`. Absent: none. */
  readonly summed?: ReadonlyArray<number>
  readonly tags: Tags
  /** The prices of the client, for budgets. Absent: it has none. */
  readonly prices?: Source | undefined
}

/**
 * A wait that an admission puts an attempt through.
 *
 * @since 0.1.0
 */
export interface Wait {
  /** Who makes it wait, in a word, such as `rate_gate` or `budget`. Metrics are kept by it, so it must not vary. */
  readonly reason: string
  /** Epoch milliseconds at which the wait is expected to end; absent if nobody knows. */
  readonly until?: number | undefined
  /** The error that is the cause, where there is one. */
  readonly error?: OpenRouterError | undefined
}

/**
 * One sending of a call.
 *
 * @since 0.1.0
 */
export interface Attempt {
  readonly call: Call
  /** From 1. */
  readonly number: number
  /** Epoch milliseconds by the caller's clock at which it asked for admission. */
  readonly startedAt: number
  /** Takes note that the attempt has to wait from now on, for traces and metrics; absent where nobody wants to know. */
  readonly onWait?: ((wait: Wait) => void) | undefined
  /**
   * An admission may say here what it gives as soon as it has taken something, so that it is told the end even if `admit` is
   * interrupted before it can give that. `begun` is called once the first piece of a streamed answer is there. The client has
   * this; a program that asks admissions itself may do without.
   */
  readonly took?: ((settle: Settle, begun?: () => void) => void) | undefined
}

/**
 * The request has not left: it was refused, or its caller was interrupted or out of time before that. It cost nothing.
 *
 * @since 0.1.0
 */
export interface NotSent {
  readonly _tag: "NotSent"
  readonly exit: Exit.Exit<unknown, OpenRouterError>
}

/**
 * The request has left.
 *
 * @since 0.1.0
 */
export interface Sent {
  readonly _tag: "Sent"
  /** The outcome of a response, the value of a plain endpoint, an error, or an interruption. */
  readonly exit: Exit.Exit<unknown, OpenRouterError>
  /** What the attempt cost, as far as is known; nothing for what is not billable. */
  readonly costs: Costs.Costs
  /** From the headers or the answer; what `GET /generation` asks for. */
  readonly generationId: string | undefined
  /** Epoch milliseconds, as all times here. */
  readonly sentAt: number
  /** When the first piece of a streamed answer arrived. */
  readonly firstOutputAt: number | undefined
  readonly endedAt: number
}

/**
 * How an attempt ended.
 *
 * @since 0.1.0
 */
export type Ended = NotSent | Sent

/**
 * Is told how an attempt ended, once.
 *
 * @since 0.1.0
 */
export type Settle = (ended: Ended) => Effect.Effect<void>

/**
 * When an admission is asked, see the table of the module.
 *
 * @since 0.1.0
 */
export type Stage = "reserve" | "wait" | "observe"

/**
 * Lets attempts pass, or not.
 *
 * @since 0.1.0
 */
export interface Admission {
  readonly stage: Stage
  readonly admit: (attempt: Attempt) => Effect.Effect<Settle, RequestError>
  /**
   * What follows an error, if it is this admission that knows. `wait`: the next attempt waits in `admit` as long as it has to,
   * so the retry loop sends it there at once, and it is none of the policy's `times`. `end`: there is no next attempt.
   */
  readonly after?: ((call: Call, error: OpenRouterError) => "wait" | "end" | undefined) | undefined
  /** Is told what an attempt really cost whose costs were unknown, by its generation id. */
  readonly correct?: ((generationId: string, costs: Costs.Costs) => Effect.Effect<void>) | undefined
  /** Is told what a call cost that an earlier run of the program paid for, and that is not made again. */
  readonly paid?: ((model: string | undefined, cost: Usd) => Effect.Effect<void>) | undefined
  /**
   * Whether this error, with which a call inside of it ended, means that it refuses what comes as well. Batches that it encloses
   * then start no more calls. Default: no.
   */
  readonly endsAll?: ((error: OpenRouterError) => boolean) | undefined
  /** Of admissions with one owner the outermost counts alone. Default: each counts, however often it is added. */
  readonly owner?: object | undefined
}

/**
 * The admissions of the running program, outermost first.
 *
 * @since 0.1.0
 */
export const CurrentAdmissions: Context.Reference<ReadonlyArray<Admission>> = /* @__PURE__ */ Context.Reference<
  ReadonlyArray<Admission>
>("effect-openrouter/Admission", { defaultValue: () => [] })

const withAdmission: {
  (admission: Admission): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, admission: Admission): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, admission: Admission): Program.Within<P> =>
    Program.update(
      self,
      CurrentAdmissions,
      (outer) =>
        admission.owner !== undefined && outer.some(({ owner }) => owner === admission.owner)
          ? outer
          : [...outer, admission]
    )
)

export {
  /**
   * Adds an admission to all calls of an effect or a stream.
   *
   * @since 0.1.0
   */
  withAdmission as with
}

/**
 * Tells the admissions of the running program what an attempt really cost whose costs were unknown when it ended.
 *
 * One that fails to take note is logged, and keeps no other from being told.
 *
 * @since 0.1.0
 */
export const correct = (generationId: string, costs: Costs.Costs): Effect.Effect<void> =>
  eachTold(({ correct }) => correct?.(generationId, costs))

/**
 * Tells the admissions of the running program what a call cost that is not made, because an earlier run of the program paid for
 * it and its answer was stored.
 *
 * One that fails to take note is logged, and keeps no other from being told.
 *
 * @since 0.1.0
 */
export const paid = (model: string | undefined, cost: Usd): Effect.Effect<void> =>
  eachTold(({ paid }) => paid?.(model, cost))

const eachTold = (tell: (admission: Admission) => Effect.Effect<void> | undefined): Effect.Effect<void> =>
  Effect.flatMap(CurrentAdmissions, (admissions) =>
    Effect.forEach(
      admissions,
      (admission) =>
        Effect.catchCause(
          Effect.suspend(() => tell(admission) ?? Effect.void),
          (cause) => Effect.logError("an admission failed to take note of a cost", cause)
        ),
      { discard: true }
    ))

const stages: { readonly [S in Stage]: number } = { reserve: 0, wait: 1, observe: 2 }

/**
 * Admissions in the order in which they are asked.
 *
 * @since 0.1.0
 */
export const inOrder = (admissions: ReadonlyArray<Admission>): ReadonlyArray<Admission> =>
  admissions.every((admission, index) => {
      const before = admissions[index - 1]
      return before === undefined || stages[before.stage] <= stages[admission.stage]
    })
    ? admissions
    : admissions.toSorted((a, b) => stages[a.stage] - stages[b.stage])
