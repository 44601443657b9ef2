/**
 * Which decisions were used: each lets a call run once, also if its run is resumed twice from the same stored value.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Remembers keys that were claimed.
 *
 * @since 0.1.0
 */
export interface ApprovalClaims {
  /**
   * Claims all of the keys in one step and succeeds with true, or none of them, because one was claimed before, and succeeds
   * with false. What cannot reach its store should die: a call must not run unclaimed.
   */
  readonly claim: (keys: ReadonlyArray<string>) => Effect.Effect<boolean>
}

const maxKeys = 100_000

/**
 * Claims in memory, of the newest 100,000 decisions.
 *
 * @since 0.1.0
 */
export const makeApprovalClaims = (): ApprovalClaims => {
  const used = new Set<string>()
  return {
    claim: (keys) =>
      Effect.sync(() => {
        if (keys.some((key) => used.has(key))) return false
        for (const key of keys) used.add(key)
        for (const key of used) {
          if (used.size <= maxKeys) break
          used.delete(key)
        }
        return true
      })
  }
}

/**
 * The claims of the running program. Default: in memory, for this process. Where several processes may resume the same run,
 * provide claims that they share.
 *
 * @since 0.1.0
 */
export const CurrentApprovalClaims: Context.Reference<ApprovalClaims> = /* @__PURE__ */ Context.Reference<
  ApprovalClaims
>(
  "effect-openrouter/Tools/CurrentApprovalClaims",
  { defaultValue: makeApprovalClaims }
)
