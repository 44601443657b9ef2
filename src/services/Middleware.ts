/**
 * What wraps whole calls, their retries included: journals, caches, and what programs add of their own.
 *
 * A middleware takes the service and gives one back. It holds for the calls of the part of a program that it is given to,
 * whatever layer makes the client and whoever captured its service, because every layer applies the middlewares of its
 * caller to each call. They see requests with the defaults filled in and before they are checked. In the way of a call
 * they stand outside everything else. The calls that a middleware makes itself, of whatever client, are not wrapped again.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { dual } from "effect/Function"
import type { OpenRouter } from "./OpenRouter.ts"
import * as Program from "./Program.ts"

/**
 * Where a middleware of this library stands among the others of them, outermost first, whatever the order in which they are
 * given: what changes the request, the memory of a run, the memory of answers, what shares calls in flight, and what sends them as batches.
 *
 * @since 0.1.0
 */
export type Stage = "request" | "journal" | "cache" | "flight" | "batch"

/**
 * Wraps the service. It is called once for each client whose calls it wraps, so what it makes there is shared by them.
 *
 * @since 0.1.0
 */
export interface Middleware {
  (service: OpenRouter["Service"]): OpenRouter["Service"]
  /** Absent: it stays where it was given. */
  readonly stage?: Stage | undefined
}

/**
 * The middlewares of the running program, outermost first.
 *
 * @since 0.1.0
 */
export const CurrentMiddleware: Context.Reference<ReadonlyArray<Middleware>> = /* @__PURE__ */ Context.Reference<
  ReadonlyArray<Middleware>
>("effect-openrouter/OpenRouter/CurrentMiddleware", { defaultValue: () => [] })

/**
 * What {@link CurrentMiddleware} is inside of a middleware: calls that it makes itself, of whatever client, would have no
 * end if they were wrapped again.
 *
 * @internal
 */
export const unwrapped: ReadonlyArray<Middleware> = []

/**
 * A middleware that stands at its stage among those that have one.
 *
 * @since 0.1.0
 */
export const staged = (stage: Stage, wrap: (service: OpenRouter["Service"]) => OpenRouter["Service"]): Middleware =>
  Object.assign((service: OpenRouter["Service"]) => wrap(service), { stage })

const stages: { readonly [S in Stage]: number } = { request: 0, journal: 1, cache: 2, flight: 3, batch: 4 }

/**
 * The middlewares with one more inside. Those that have a stage are put in its order at the places that they take up
 * together; the others stay where they are.
 *
 * @since 0.1.0
 */
export const added = (outer: ReadonlyArray<Middleware>, middleware: Middleware): ReadonlyArray<Middleware> => {
  const all = [...outer, middleware]
  if (middleware.stage === undefined) return all
  const inOrder = all.flatMap((one) => one.stage === undefined ? [] : [{ one, at: stages[one.stage] }])
    .toSorted((a, b) => a.at - b.at)
  let next = 0
  return all.map((one) => one.stage === undefined ? one : inOrder[next++]?.one ?? one)
}

/**
 * Wraps all calls of an effect or a stream, inside of the middlewares that are there already.
 *
 * @since 0.1.0
 */
export const withMiddleware: {
  (middleware: Middleware): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, middleware: Middleware): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, middleware: Middleware): Program.Within<P> =>
    Program.update(self, CurrentMiddleware, (outer) => added(outer, middleware))
)
