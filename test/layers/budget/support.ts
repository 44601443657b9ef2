import { Effect, Exit } from "effect"
import { Admission, Costs, type OpenRouterError, Usd } from "effect-openrouter"

export const model = "openai/gpt-5"

/** The input costs nothing, and a token of the answer a cent. */
export const prices = { [model]: { prompt: "0", completion: "0.01" } }

/** An attempt as an admission sees it. */
export const attempt = (fields: Partial<Admission.Call> = {}): Admission.Attempt => ({
  call: {
    name: "respond",
    model,
    request: { model, input: "Hello", maxOutputTokens: 100 },
    isBillable: true,
    account: "test",
    startedAt: 0,
    maxWait: 120_000,
    scopes: [],
    tags: {},
    ...fields
  },
  number: 1,
  startedAt: 0
})

/** The end of an attempt that cost so much. */
export const sent = (cost: string | undefined, generationId?: string): Admission.Ended => ({
  _tag: "Sent",
  exit: Exit.void,
  costs: cost === undefined ? Costs.interrupted : { ...Costs.zero, calls: 1, cost: Usd.make(cost) },
  generationId,
  sentAt: 0,
  firstOutputAt: undefined,
  endedAt: 0
})

/** The end of an attempt that failed and cost nothing. */
export const failed: Admission.Ended = {
  _tag: "Sent",
  exit: Exit.interrupt(),
  costs: Costs.zero,
  generationId: undefined,
  sentAt: 0,
  firstOutputAt: undefined,
  endedAt: 0
}

export const notSent: Admission.Ended = { _tag: "NotSent", exit: Exit.interrupt() }

/** Asks the admissions of the running program, as a client does. */
export const admitted = (
  fields: Partial<Admission.Call> = {}
): Effect.Effect<Admission.Settle, OpenRouterError.RequestError> =>
  Effect.flatMap(Admission.CurrentAdmissions, (admissions) =>
    Effect.map(
      Effect.forEach(admissions, (admission) => admission.admit(attempt(fields))),
      (settles) => (ended) => Effect.forEach(settles, (settle) => settle(ended), { discard: true })
    ))

/** A request that costs so many cents at most, by {@link prices}. */
export const cents = (count: number): Partial<Admission.Call> => ({
  request: { model, input: "Hello", maxOutputTokens: count }
})
