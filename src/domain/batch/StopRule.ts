/**
 * When a batch starts no more items.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Wire from "../wire/Wire.ts"
import { NotStarted } from "./NotStarted.ts"

/**
 * The tags of an error.
 *
 * @since 0.1.0
 */
export type TagOf<E> = E extends { readonly _tag: infer Tag extends string } ? Tag : never

/**
 * So many failures stop a batch.
 *
 * @since 0.1.0
 */
export interface TooMany {
  /** Below 1 a share of the items that have ended, otherwise their number. */
  readonly failures: number
  /** How many items must have ended before a share counts. Default 20. */
  readonly after?: number | undefined
}

/**
 * What stops a batch: the tag of an error, a test of it, or too many failures.
 *
 * @since 0.1.0
 */
export type StopRule<E> = TagOf<E> | TooMany | ((error: E) => boolean)

/**
 * One rule or several; any of them stops the batch.
 *
 * @since 0.1.0
 */
export type StopRules<E> = StopRule<E> | ReadonlyArray<StopRule<E>>

const defaultAfter = 20

/** The name of an error in reports: its tag. */
const tagOf = (error: unknown): string | undefined =>
  Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : undefined

/**
 * What a failure is counted as: the tag of its error, or `Failure`.
 *
 * @since 0.1.0
 */
export const nameOf = (error: unknown): string => tagOf(error) ?? "Failure"

const isList = <E>(rules: StopRules<E>): rules is ReadonlyArray<StopRule<E>> => Array.isArray(rules)

const isTooMany = <E>(rule: StopRule<E>): rule is TooMany => typeof rule === "object"

/**
 * Watches how the items of one batch end, and says when it is to stop. It belongs to that batch, and changes with each item.
 *
 * @since 0.1.0
 */
export class StopWatch<E> {
  readonly #tests: ReadonlyArray<(error: E) => boolean>
  readonly #limits: ReadonlyArray<TooMany>
  #ended = 0
  #failed = 0

  /** `usual` holds where the rules name no errors; an empty list of rules means that nothing stops the batch. */
  constructor(rules: StopRules<E> | undefined, usual: (error: E) => boolean) {
    const list: ReadonlyArray<StopRule<E>> = rules === undefined ? [] : isList(rules) ? rules : [rules]
    this.#limits = list.filter(isTooMany)
    const tests = list.flatMap((rule): ReadonlyArray<(error: E) => boolean> => {
      if (isTooMany(rule)) return []
      return [typeof rule === "function" ? rule : (error) => Predicate.isTagged(error, rule)]
    })
    const namesNone = rules === undefined || list.length > 0 && tests.length === 0
    this.#tests = namesNone ? [usual] : tests
  }

  /** Whether this error alone stops the batch. */
  isEnd(error: E): boolean {
    return this.#tests.some((test) => test(error))
  }

  /** Takes note of an item that succeeded. */
  succeeded(): void {
    this.#ended++
  }

  /** Takes note of an item that failed; what it gives is why the others are not started any more. */
  failed(error: E): NotStarted | undefined {
    this.#ended++
    this.#failed++
    const tag = tagOf(error)
    if (this.isEnd(error)) {
      return new NotStarted({
        reason: "error",
        message: `not started: the batch was stopped by ${tag ?? "an error"}`,
        ...Wire.compact({ stoppedBy: tag })
      })
    }
    return this.#limits.some((limit) => this.#isReached(limit))
      ? new NotStarted({
        reason: "failures",
        message: `not started: ${this.#failed} of ${this.#ended} items failed, the last with ${tag ?? "an error"}`,
        ...Wire.compact({ stoppedBy: tag })
      })
      : undefined
  }

  #isReached({ after = defaultAfter, failures }: TooMany): boolean {
    return failures < 1
      ? this.#ended >= after && this.#failed >= failures * this.#ended
      : this.#failed >= failures
  }
}
