/**
 * Which of several equal calls a call is, where answers are kept or shared.
 *
 * A cache, a journal and single flight know a call by its request. Two characters who are asked the same are to give two
 * answers all the same: a part of a program that wants this names its samples, or has its equal calls counted. Both are
 * there with or without somebody who looks at them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import * as Program from "./Program.ts"

/**
 * The names of the samples that enclose the running fiber, outermost first.
 *
 * @since 0.1.0
 */
export const CurrentSamples: Context.Reference<ReadonlyArray<string>> = /* @__PURE__ */ Context.Reference<
  ReadonlyArray<string>
>(
  "effect-openrouter/Sampling/CurrentSamples",
  { defaultValue: () => [] }
)

/**
 * Has the calls of an effect or a stream answered as a sample of their own: an answer is kept and shared only among calls
 * under the same names.
 *
 * **Example** (Three openings for one story, and the same three again)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { OpenRouter, ResponseCache } from "effect-openrouter"
 *
 * const opening = OpenRouter.respond({ model: "openai/gpt-5", input: "Begin a story." })
 *
 * const openings = Effect.forEach(["a", "b", "c"], (name) => ResponseCache.sample(opening, name))
 * ```
 *
 * @since 0.1.0
 */
export const sample: {
  (name: string): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, name: string): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, name: string): Program.Within<P> =>
    Program.update(self, CurrentSamples, (outer) => [...outer, name])
)

/**
 * Numbers equal things from 1. A number that was given back is the next to be taken.
 *
 * It knows each different key that it was asked for until it is dropped.
 *
 * @since 0.1.0
 */
export class Numbering {
  readonly #taken = new Map<string, Numbers>()

  /** The lowest number of this key that is free. */
  take(key: string): number {
    let numbers = this.#taken.get(key)
    if (numbers === undefined) {
      numbers = { last: 0, free: new Set(), from: 1 }
      this.#taken.set(key, numbers)
    }
    const { free } = numbers
    if (free.size === 0) return ++numbers.last
    while (!free.has(numbers.from)) numbers.from++
    free.delete(numbers.from)
    return numbers.from++
  }

  /** Makes a number free again. */
  giveBack(key: string, number: number): void {
    const numbers = this.#taken.get(key)
    if (numbers === undefined) return
    numbers.free.add(number)
    numbers.from = Math.min(numbers.from, number)
    if (numbers.free.size === numbers.last) this.#taken.delete(key)
  }
}

interface Numbers {
  /** The highest that was ever taken. */
  last: number
  /** Those up to `last` that are free. */
  readonly free: Set<number>
  /** None below it is free. */
  from: number
}

/**
 * What counts the equal calls of the running program; none where they are not told apart.
 *
 * @since 0.1.0
 */
export const CurrentNumbering: Context.Reference<Numbering | undefined> = /* @__PURE__ */ Context.Reference<
  Numbering | undefined
>(
  "effect-openrouter/Sampling/CurrentNumbering",
  { defaultValue: () => undefined }
)

/**
 * Tells equal calls of an effect or a stream apart by counting them anew in each run: the n-th of them gets the n-th answer
 * that is kept, so 300 equal prompts give 300 answers, and the same 300 when they are asked again. What fails gives its
 * number back. Inside of another one it changes nothing: the outermost counts. `Batch.run` and `Journal.resumable` do this.
 *
 * @since 0.1.0
 */
export function numbered<P extends Program.Program>(self: P): Program.Within<P>
export function numbered(self: Program.Program): Program.Program {
  // Each run counts for itself.
  return Stream.isStream(self)
    ? Stream.suspend(() => counted(self, new Numbering()))
    : Effect.suspend(() => counted(self, new Numbering()))
}

const counted = <P extends Program.Program>(self: P, numbering: Numbering): Program.Within<P> =>
  Program.update(self, CurrentNumbering, (outer) => outer ?? numbering)
