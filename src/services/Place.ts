/**
 * Where in a program a call is made: scopes that nest (`run > tick > phase > character`), and tags that cut across them.
 *
 * Both are there with or without somebody who looks at them. They are read when a call begins, and every attempt says its
 * place, so ledgers and all other admissions can tell calls apart.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { dual } from "effect/Function"
import * as Program from "./Program.ts"

/**
 * The names of the scopes that enclose the running fiber, outermost first.
 *
 * @since 0.1.0
 */
export const CurrentScopes: Context.Reference<ReadonlyArray<string>> = /* @__PURE__ */ Context.Reference<
  ReadonlyArray<string>
>(
  "effect-openrouter/Place/CurrentScopes",
  { defaultValue: () => [] }
)

/**
 * Tags by name, such as `{ user: "u-17" }`.
 *
 * @since 0.1.0
 */
export interface Tags {
  readonly [name: string]: string
}

/**
 * The tags of the running fiber.
 *
 * @since 0.1.0
 */
export const CurrentTags: Context.Reference<Tags> = /* @__PURE__ */ Context.Reference<Tags>(
  "effect-openrouter/Place/CurrentTags",
  {
    defaultValue: () => ({})
  }
)

/**
 * Which of {@link CurrentScopes} keep their sum only, by their indices.
 *
 * @since 0.1.0
 */
export const CurrentSummed: Context.Reference<ReadonlyArray<number>> = /* @__PURE__ */ Context.Reference<
  ReadonlyArray<number>
>(
  "effect-openrouter/Place/CurrentSummed",
  { defaultValue: () => [] }
)

/**
 * How a ledger books a scope.
 *
 * @since 0.1.0
 */
export interface ScopeOptions {
  /**
   * `"sum"`: of the scope itself there is only its sum, and its inner scopes are summed up over all scopes beside it that
   * are kept like this. For what is repeated without end, such as the ticks of a simulation: a ledger then grows by one
   * scope with each. Default `"all"`: the scope and all that is in it are told apart.
   */
  readonly keep?: "all" | "sum" | undefined
}

/**
 * Names a part of a program. Scopes nest; the same name at the same place is the same scope.
 *
 * @since 0.1.0
 */
export const scope: {
  (name: string, options?: ScopeOptions): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, name: string, options?: ScopeOptions): Program.Within<P>
} = /* @__PURE__ */ dual(
  ([first]) => typeof first !== "string",
  <P extends Program.Program>(self: P, name: string, options?: ScopeOptions): Program.Within<P> =>
    options?.keep === "sum"
      ? Program.updateContext(self, (context) => {
        const outer = Context.get(context, CurrentScopes)
        return context.pipe(
          Context.add(CurrentScopes, [...outer, name]),
          Context.add(CurrentSummed, [...Context.get(context, CurrentSummed), outer.length])
        )
      })
      : Program.update(self, CurrentScopes, (outer) => [...outer, name])
)

/**
 * Tags a part of a program; a tag that is there already gets the new value inside.
 *
 * @since 0.1.0
 */
export const tag: {
  (tags: Tags): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, tags: Tags): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, tags: Tags): Program.Within<P> =>
    Program.update(self, CurrentTags, (outer) => ({ ...outer, ...tags }))
)
