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
 * Wraps the service. It is called once for each client whose calls it wraps, so what it makes there is shared by them.
 *
 * @since 0.1.0
 */
export type Middleware = (service: OpenRouter["Service"]) => OpenRouter["Service"]

/**
 * The middlewares of the running program, outermost first.
 *
 * @since 0.1.0
 */
export const CurrentMiddleware: Context.Reference<ReadonlyArray<Middleware>> = Context.Reference<
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
 * Wraps all calls of an effect or a stream, inside of the middlewares that are there already.
 *
 * @since 0.1.0
 */
export const withMiddleware: {
  (middleware: Middleware): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, middleware: Middleware): Program.Within<P>
} = dual(
  2,
  <P extends Program.Program>(self: P, middleware: Middleware): Program.Within<P> =>
    Program.update(self, CurrentMiddleware, (outer) => [...outer, middleware])
)
