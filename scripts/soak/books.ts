/** Compares what the client has booked with what the server has charged, generation by generation. */
import { type CostLedger, Usd } from "effect-openrouter"

export class Books {
  /** What the client has booked for a generation, `undefined` for an unknown cost; what the server agreed with is left out. */
  readonly #booked = new Map<string, Usd.Usd | undefined>()
  /** What the server has charged, likewise. */
  readonly #charged = new Map<string, Usd.Usd>()
  readonly problems: Array<string> = []
  dropped = 0

  book(line: CostLedger.Line): void {
    if (line._tag === "Dropped") {
      this.dropped += line.count
      return
    }
    if (line.generationId === undefined) return
    this.#booked.set(line.generationId, line.cost)
    this.#settle(line.generationId)
  }

  charge(charges: ReadonlyArray<readonly [id: string, cost: string]>): void {
    for (const [id, cost] of charges) {
      this.#charged.set(id, Usd.make(cost))
      this.#settle(id)
    }
  }

  #settle(id: string): void {
    const [booked, charged] = [this.#booked.get(id), this.#charged.get(id)]
    if (booked === undefined || charged === undefined) return
    if (!Usd.equals(booked, charged)) this.problems.push(`${id} was charged ${charged} and is booked as ${booked}`)
    this.#booked.delete(id)
    this.#charged.delete(id)
  }

  /** What was charged to ids that the client never saw, after all lines and charges have come. */
  finish(): { readonly unseen: Usd.Usd; readonly count: number } {
    for (const [id, booked] of this.#booked) {
      if (this.#charged.has(id)) {
        this.problems.push(`${id} was charged ${this.#charged.get(id)}, which nobody has booked`)
      } else if (booked !== undefined && !Usd.isZero(booked)) {
        this.problems.push(`${id} is booked as ${booked} and was not charged`)
      }
    }
    const unseen = Array.from(this.#charged).filter(([id]) => !this.#booked.has(id))
    return { unseen: Usd.sumAll(unseen.map(([, cost]) => cost)), count: unseen.length }
  }
}
