/**
 * The calls of one run of a program, each known by its place: its scopes inside of the run, its request, and its number among
 * equal ones. Shared by the journal and by durable workflows.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { End } from "../domain/journal/JournalEnd.ts"
import * as JournalKey from "../domain/journal/JournalKey.ts"
import * as CreateResponse from "../domain/request/CreateResponse.ts"
import * as PlaceMark from "../domain/wire/PlaceMark.ts"
import * as Wire from "../domain/wire/Wire.ts"
import * as Admission from "./Admission.ts"
import * as CallKey from "./CallKey.ts"
import * as CostLedger from "./CostLedger.ts"
import { CurrentHeaders, CurrentMark } from "./Defaults.ts"
import { CurrentScopes } from "./Place.ts"
import { Numbering } from "./Sampling.ts"

/** OpenRouter's response cache, for as long as it keeps anything. */
const cached = { "x-openrouter-cache": "true", "x-openrouter-cache-ttl": "86400" }

/**
 * A call that is to be made, or was.
 *
 * @since 0.1.0
 */
export interface Asked {
  readonly call: string
  readonly model: string | undefined
  readonly scopes: ReadonlyArray<string>
  /** Without and with its number among equal calls. */
  readonly base: string
  readonly number: number
  readonly key: string
  /** What caches know it by. They count a call that is answered from memory, or the next one would be taken for it. */
  readonly cacheKey: CallKey.CallKey | undefined
  /** Whether it failed before, and is to be asked again. */
  isRepeat: boolean
}

/**
 * Names the calls of a run.
 *
 * @since 0.1.0
 */
export class PlacedCalls {
  readonly #depth: number
  readonly #numbering = new Numbering()

  /** `depth`: how many scopes enclose the run. */
  constructor(depth: number) {
    this.#depth = depth
  }

  /** Takes the next number of equal calls at the place of a fiber. */
  ask(
    { context }: Fiber.Fiber<unknown, unknown>,
    call: string,
    body: string,
    model: string | undefined,
    cacheKey: CallKey.CallKey | undefined
  ): Asked {
    const scopes = Context.get(context, CurrentScopes).slice(this.#depth)
    const base = JournalKey.of(scopes, call, body)
    const number = this.#numbering.take(base)
    return { call, model, scopes, base, number, key: JournalKey.nth(base, number), cacheKey, isRepeat: false }
  }

  /** Frees the number of a call that did not end. */
  giveBack({ base, cacheKey, number }: Asked): void {
    this.#numbering.giveBack(base, number)
    cacheKey?.giveBack()
  }
}

/**
 * The bytes of a request; none for one that cannot be sent.
 *
 * @since 0.1.0
 */
export const bodyOf = (request: CreateResponse.CreateResponse): string | undefined =>
  Result.getOrUndefined(CreateResponse.toBody(request, { stream: false }))

/**
 * Books a call that was paid for before: saved for ledgers, spent for budgets.
 *
 * @since 0.1.0
 */
export const booked = ({ call, model }: Asked, { cost, generationId }: End): Effect.Effect<void> =>
  Effect.andThen(
    CostLedger.recordSaved({ call, ...Wire.compact({ cost, generationId, model }) }),
    cost === undefined ? Effect.void : Admission.paid(model, cost)
  )

/**
 * Marks a call with its place, and has OpenRouter's response cache answer its repeats unless the caller has another wish.
 *
 * @since 0.1.0
 */
export const marking = (
  { cacheKey, isRepeat, key }: Asked,
  { metadata }: CreateResponse.CreateResponse,
  mark: string = key
): (context: Context.Context<never>) => Context.Context<never> => {
  const counted = (context: Context.Context<never>): Context.Context<never> =>
    Context.add(context, CallKey.CurrentCallKey, cacheKey)
  return PlaceMark.fits(metadata)
    ? (context: Context.Context<never>): Context.Context<never> =>
      counted(context).pipe(
        Context.add(CurrentMark, mark),
        Context.add(CurrentHeaders, {
          ...cached,
          // It keeps failures inside of a 200 as well.
          ...isRepeat ? { "x-openrouter-cache-clear": "true" } : {},
          ...Context.get(context, CurrentHeaders)
        })
      )
    : counted
}
