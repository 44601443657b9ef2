/**
 * One attempt while it is made: who admitted it, what is noted of it, and that all are told its end exactly once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
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
export class Attempting implements Admission.Attempt {
  readonly call: Admission.Call
  readonly number: number
  readonly startedAt: number
  onWait: Admission.Attempt["onWait"]
  /** When the request left; absent until then. */
  sentAt: number | undefined
  /** When the first piece of a streamed answer arrived. */
  firstOutputAt: number | undefined
  generationId: string | undefined
  readonly #settles: Array<Admission.Settle> = []
  #begun: ReadonlyArray<() => void> = none
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
    this.onWait = onWait
    return this.#enter(admissions, 0)
  }

  #enter(
    admissions: ReadonlyArray<Admission.Admission>,
    index: number
  ): Effect.Effect<void, RequestError> {
    const admission = admissions[index]
    return admission === undefined ? Effect.void : Effect.flatMap(admission.admit(this), (settle) => {
      if (this.#settles[this.#settles.length - 1] !== settle) this.#settles.push(settle)
      return this.#enter(admissions, index + 1)
    })
  }

  took(settle: Admission.Settle, begun?: () => void): void {
    this.#settles.push(settle)
    if (begun !== undefined) this.#begun = [...this.#begun, begun]
  }

  /** The first piece of a streamed answer has arrived. */
  began(now: number): void {
    this.firstOutputAt = now
    const all = this.#begun
    this.#begun = none
    for (const begun of all) begun()
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
      // Most take note at once; from the first on that does not, each waits for the one before it.
      let left: Array<Effect.Effect<void>> | undefined
      for (const settle of this.#settles.reverse()) {
        if (left === undefined) {
          const told = tell(settle, ended)
          if (told !== Exit.void) left = [isolated(bounded(told))]
        } else left.push(isolated(Effect.suspend(() => bounded(tell(settle, ended)))))
      }
      return left === undefined ? Effect.void : Effect.forEach(left, identity, { discard: true })
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
    const error = Exit.isSuccess(exit) ? undefined : Option.getOrUndefined(Exit.findErrorOption(exit))
    const told = Exit.isSuccess(exit) ? attempted(() => reading?.generationId?.(exit.value)) : error?.generationId
    const costs = reading === undefined ? undefined : () => costsOf(exit, error && this.costsOf(error), reading.costs)
    return new SentEnd(exit, costs, this.generationId ?? told, sentAt, firstOutputAt, endedAt)
  }
}

const none: ReadonlyArray<() => void> = []

/** Not all who admitted an attempt ask what it cost. */
class SentEnd implements Admission.Sent {
  readonly _tag = "Sent"
  readonly exit: Admission.Sent["exit"]
  readonly generationId: string | undefined
  readonly sentAt: number
  readonly firstOutputAt: number | undefined
  readonly endedAt: number
  readonly #read: (() => Costs.Costs) | undefined
  #costs: Costs.Costs | undefined

  constructor(
    exit: Admission.Sent["exit"],
    read: (() => Costs.Costs) | undefined,
    generationId: string | undefined,
    sentAt: number,
    firstOutputAt: number | undefined,
    endedAt: number
  ) {
    this.exit = exit
    this.#read = read
    this.generationId = generationId
    this.sentAt = sentAt
    this.firstOutputAt = firstOutputAt
    this.endedAt = endedAt
  }

  get costs(): Costs.Costs {
    return this.#costs ??= this.#read?.() ?? Costs.zero
  }
}

/** What takes note; one that throws is a defect of its own. */
const tell = (settle: Admission.Settle, ended: Admission.Ended): Effect.Effect<void> => {
  try {
    return settle(ended)
  } catch (defect) {
    return Effect.die(defect)
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

/** Whoever fails to take note must neither lose an answer that was paid for, nor keep others from being told. */
const isolated = (self: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.catchCause(self, (cause) => Effect.logError("an admission failed to settle an attempt", cause))
