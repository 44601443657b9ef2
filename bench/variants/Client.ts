/** What a variant must be able to do to be measured, and how promise-based clients come by it. */

/** Calls to make. */
export interface Plan {
  readonly count: number
  readonly concurrency: number
  /** The number of distinct models, each in a ledger scope of its name. Default: one model and no scope. */
  readonly distinct?: number | undefined
}

/** Calls that wait for their answer. */
export interface Held {
  /** Resolves with the number of calls that were answered; an interrupted one is not. */
  readonly answered: Promise<number>
  /** Interrupts all; resolves once the client has returned to its caller. */
  readonly interrupt: () => Promise<void>
}

/** A client at work; all of it rejects as soon as one call does not end as it should. */
export interface Client {
  readonly calls: (plan: Plan) => Promise<void>
  /** Reads streams to their end; resolves with the characters of text in all. */
  readonly streams: (plan: Plan, onEvent: () => void) => Promise<number>
  readonly hold: (count: number) => Held
}

/** Where a client is to call, and what it must get there. */
export interface Target {
  readonly apiUrl: string
  readonly expects: "answer" | "rateLimit"
}

/** A module that makes a client; imported by the process that measures it, and by no other. */
export interface Variant {
  readonly make: (target: Target, options: Options) => Promise<Client>
}

/** How one of our own variants is set up. */
export interface Options {
  readonly transport?: string | undefined
  readonly tracing?: boolean | undefined
}

export const apiKey = "sk-or-v1-benchbenchbenchbenchbenchbench"

/** What a promise-based client can do. */
export interface Calls {
  /** One call; the signal is only given if the call may be interrupted. */
  readonly call: (signal?: AbortSignal) => Promise<unknown>
  /** One stream; resolves with the characters of its text. */
  readonly stream: (onEvent: () => void) => Promise<number>
  /** True for the answer, or the error, that the target says must come. */
  readonly isExpected: (result: unknown) => boolean
}

/** Makes a promise-based client measurable. */
export const fromPromises = (target: Target, { call, isExpected, stream }: Calls): Client => {
  const checked: () => Promise<void> = target.expects === "answer"
    ? async () => check(await call(), isExpected)
    : async () =>
      check(
        await call().then(
          () => undefined,
          (error: unknown) => error
        ),
        isExpected
      )
  return {
    calls: (plan) => concurrently(plan, checked),
    streams: async (plan, onEvent) => {
      let characters = 0
      await concurrently(plan, async () => {
        const length = await stream(onEvent)
        characters += length
      })
      return characters
    },
    hold: (count) => {
      const controller = new AbortController()
      const results = Promise.allSettled(Array.from({ length: count }, () => call(controller.signal)))
      return {
        answered: results.then((all) =>
          all.filter((one) => one.status === "fulfilled" && isExpected(one.value)).length
        ),
        interrupt: async () => {
          controller.abort()
          await results
        }
      }
    }
  }
}

/** Runs a task so many times, so many at once. */
const concurrently = async ({ concurrency, count }: Plan, task: () => Promise<void>): Promise<void> => {
  let left = count
  const work = async () => {
    while (left-- > 0) await task()
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, work))
}

const check = (result: unknown, isExpected: (result: unknown) => boolean): void => {
  if (!isExpected(result)) throw new Error("a call did not end as it should", { cause: result })
}

/** True for an error with such a status. */
export const hasStatus = (error: unknown, status: number): boolean =>
  typeof error === "object" && error !== null &&
  ("status" in error && error.status === status || "statusCode" in error && error.statusCode === status)
