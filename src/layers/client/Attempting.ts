/**
 * One attempt while it is made: who admitted it, what is noted of it, and that all are told its end exactly once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { OpenRouterError, RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Costs from "../../domain/outcome/Costs.ts"
import type * as Admission from "../../services/Admission.ts"

/**
 * What the value of an attempt says of it, for calls that may be billed.
 *
 * @since 0.1.0
 */
export interface Reading<A> {
  readonly costs: (value: A) => Costs.Costs
  readonly generationId?: (value: A) => string | undefined
}

/**
 * Those who make an attempt note here what the ones who admitted it will be told.
 *
 * @since 0.1.0
 */
export class Attempting {
  readonly call: Admission.Call
  readonly number: number
  readonly startedAt: number
  /** When the request left; absent until then. */
  sentAt: number | undefined
  /** When the first piece of a streamed answer arrived. */
  firstOutputAt: number | undefined
  generationId: string | undefined
  readonly #settles: Array<Admission.Settle> = []
  #isSettled = false

  constructor(call: Admission.Call, number: number, startedAt: number) {
    this.call = call
    this.number = number
    this.startedAt = startedAt
  }

  /** Asks the admissions for entry, one after the other. */
  enter(
    admissions: ReadonlyArray<Admission.Admission>,
    onWait?: Admission.Attempt["onWait"]
  ): Effect.Effect<void, RequestError> {
    const { call, number, startedAt } = this
    return this.#enter(admissions, 0, { call, number, startedAt, onWait })
  }

  #enter(
    admissions: ReadonlyArray<Admission.Admission>,
    index: number,
    attempt: Admission.Attempt
  ): Effect.Effect<void, RequestError> {
    const admission = admissions[index]
    return admission === undefined ? Effect.void : Effect.flatMap(admission.admit(attempt), (settle) => {
      this.#settles.push(settle)
      return this.#enter(admissions, index + 1, attempt)
    })
  }

  /**
   * Tells all that admitted it how it ended, last in first out. Only the first call counts, and once it has begun all are
   * told, even if the caller is interrupted meanwhile; `bounded` puts an end to those who take too long.
   */
  settle<A>(
    exit: Exit.Exit<A, OpenRouterError>,
    reading: Reading<A> | undefined,
    endedAt: number,
    bounded: (self: Effect.Effect<void>) => Effect.Effect<void>
  ): Effect.Effect<void> {
    return this.#settles.length === 0 ? Effect.void : Effect.uninterruptible(Effect.suspend(() => {
      if (this.#isSettled) return Effect.void
      this.#isSettled = true
      const ended = this.#ended(exit, reading, endedAt)
      const tell = (settle: Admission.Settle): Effect.Effect<void> => {
        const told = settle(ended)
        // Most have taken note by now.
        return Exit.isExit(told) ? told : bounded(told)
      }
      return allOf(this.#settles.reverse(), tell)
    }))
  }

  /** What it cost, if it ended with this error. */
  costsOf(error: OpenRouterError): Costs.Costs {
    return this.sentAt === undefined
      ? Costs.zero
      : Costs.ofError(error, { hasBegun: this.firstOutputAt !== undefined })
  }

  #ended<A>(
    exit: Exit.Exit<A, OpenRouterError>,
    reading: Reading<A> | undefined,
    endedAt: number
  ): Admission.Ended {
    const { firstOutputAt, sentAt } = this
    if (sentAt === undefined) return { _tag: "NotSent", exit }
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    const told = Exit.isSuccess(exit) ? attempted(() => reading?.generationId?.(exit.value)) : error?.generationId
    return {
      _tag: "Sent",
      exit,
      costs: reading === undefined ? Costs.zero : costsOf(exit, error && this.costsOf(error), reading.costs),
      generationId: this.generationId ?? told,
      sentAt,
      firstOutputAt,
      endedAt
    }
  }
}

/** What an endpoint of somebody else's says of its answer; if it throws, nothing is known. */
const attempted = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

const costsOf = <A>(
  exit: Exit.Exit<A, OpenRouterError>,
  ofError: Costs.Costs | undefined,
  costs: (value: A) => Costs.Costs
): Costs.Costs => {
  if (Exit.isSuccess(exit)) return attempted(() => costs(exit.value)) ?? Costs.interrupted
  return ofError ?? Costs.interrupted
}

/** Tells one after the other; those who have taken note at once cost no more than that. */
const allOf = (
  settles: ReadonlyArray<Admission.Settle>,
  tell: (settle: Admission.Settle) => Effect.Effect<void>,
  from = 0
): Effect.Effect<void> => {
  for (let index = from; index < settles.length; index++) {
    const settle = settles[index]
    if (settle === undefined) continue
    const told = toldBy(settle, tell)
    if (Exit.isExit(told) && Exit.isSuccess(told)) continue
    return Effect.andThen(isolated(told), Effect.suspend(() => allOf(settles, tell, index + 1)))
  }
  return Exit.void
}

const toldBy = (
  settle: Admission.Settle,
  tell: (settle: Admission.Settle) => Effect.Effect<void>
): Effect.Effect<void> => {
  try {
    return tell(settle)
  } catch (defect) {
    return Exit.die(defect)
  }
}

/** Whoever fails to take note must neither lose an answer that was paid for, nor keep others from being told. */
const isolated = (self: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.catchCause(self, (cause) => Effect.logError("an admission failed to settle an attempt", cause))
