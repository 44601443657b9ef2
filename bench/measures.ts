/** Figures of a run, round by round, and what is read off them. */
import type { Figures } from "./tasks/task.ts"
import { median } from "./tasks/task.ts"

/** Figures by the name of their measure, such as `call-2k/openai/c32`; one for every round. */
export class Measures {
  readonly #rounds = new Map<string, Array<number>>()

  add(prefix: string, figures: Figures): void {
    for (const [name, value] of Object.entries(figures)) {
      const measure = `${prefix}/${name}`
      const rounds = this.#rounds.get(measure)
      if (rounds === undefined) this.#rounds.set(measure, [value])
      else rounds.push(value)
    }
  }

  /** The median over the rounds. */
  value(measure: string): number | undefined {
    const rounds = this.#rounds.get(measure)
    return rounds === undefined ? undefined : median(rounds)
  }

  /** The median of the ratios of the rounds: noise that hits a whole round cancels out. */
  ratio(measure: string, to: string): number | undefined {
    return this.#paired(measure, to, (a, b) => a / b)
  }

  /** The median of the differences of the rounds. */
  difference(measure: string, to: string): number | undefined {
    return this.#paired(measure, to, (a, b) => a - b)
  }

  #paired(measure: string, to: string, combine: (a: number, b: number) => number): number | undefined {
    const rounds = this.#rounds.get(measure)
    const others = this.#rounds.get(to)
    if (rounds === undefined || others === undefined) return undefined
    return median(rounds.flatMap((value, round) => {
      const other = others[round]
      return other === undefined ? [] : [combine(value, other)]
    }))
  }

  toJSON(): Readonly<Record<string, ReadonlyArray<number>>> {
    return Object.fromEntries(this.#rounds)
  }
}
