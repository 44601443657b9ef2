/**
 * What a journal holds, by run and key, and where each line is: the part of a journal that is kept in memory.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Usd from "../money/Usd.ts"
import type * as JournalLine from "./JournalLine.ts"

/**
 * A call that was in flight when its run broke off: what it cost is unknown.
 *
 * @since 0.1.0
 */
export interface InFlight {
  readonly key: string
  readonly call: string
  readonly scopes: ReadonlyArray<string>
  readonly model?: string
  readonly time: DateTime.Utc
}

/**
 * What a journal holds of a run.
 *
 * @since 0.1.0
 */
export interface RunSummary {
  readonly run: string
  /** When it was opened first, and last. */
  readonly startedAt: DateTime.Utc
  readonly openedAt: DateTime.Utc
  /** How often it was opened. */
  readonly starts: number
  /** True once its program has succeeded. */
  readonly isFinished: boolean
  /** Calls that ended, and those of them that ended with an error. */
  readonly calls: number
  readonly errors: number
  /** What they cost as far as it is known, and how many have an unknown cost, those in flight included. */
  readonly cost: Usd.Usd
  readonly unknown: number
  readonly inFlight: ReadonlyArray<InFlight>
}

interface Found<Place> {
  readonly place: Place
  readonly cost: Usd.Usd | undefined
  readonly isError: boolean
  readonly scopes: ReadonlyArray<string>
}

class Run<Place> {
  readonly name: string
  readonly startedAt: DateTime.Utc
  openedAt: DateTime.Utc
  starts = 0
  isFinished = false
  readonly ended = new Map<string, Found<Place>>()
  readonly started = new Map<string, InFlight>()

  constructor(name: string, time: DateTime.Utc) {
    this.name = name
    this.startedAt = time
    this.openedAt = time
  }

  get summary(): RunSummary {
    let cost = Usd.zero
    let unknown = this.started.size
    let errors = 0
    for (const found of this.ended.values()) {
      if (found.cost === undefined) unknown++
      else cost = Usd.sum(cost, found.cost)
      if (found.isError) errors++
    }
    return {
      run: this.name,
      startedAt: this.startedAt,
      openedAt: this.openedAt,
      starts: this.starts,
      isFinished: this.isFinished,
      calls: this.ended.size,
      errors,
      cost,
      unknown,
      inFlight: [...this.started.values()]
    }
  }
}

/**
 * The index of a journal. `Place` is where a store finds the line of a call that ended.
 *
 * @since 0.1.0
 */
export class JournalIndex<Place> {
  readonly #runs = new Map<string, Run<Place>>()
  /** Lines that no longer count, and those that do. */
  stale = 0
  live = 0

  /** Takes note of a line that is there. */
  add(line: JournalLine.Facts, place: Place): void {
    if (line._tag === "Forgotten") {
      this.forget(line.run)
      this.stale++
      return
    }
    this.live++
    const run = this.#run(line.run, line.time)
    switch (line._tag) {
      case "Opened":
        run.openedAt = line.time
        run.starts++
        return
      case "Finished":
        if (run.isFinished) this.#dropped(1)
        run.isFinished = true
        return
      case "Started": {
        if (run.started.has(line.key) || run.ended.has(line.key)) this.#dropped(1)
        const { call, key, model, scopes, time } = line
        run.started.set(key, { key, call, scopes, time, ...model === undefined ? {} : { model } })
        return
      }
      case "Ended": {
        if (run.started.delete(line.key)) this.#dropped(1)
        if (run.ended.has(line.key)) this.#dropped(1)
        const { answer, cost, key, scopes } = line
        run.ended.set(key, { place, cost, isError: answer._tag === "Error", scopes })
      }
    }
  }

  /** Where the line of a call is that ended. */
  find(run: string, key: string): Place | undefined {
    return this.#runs.get(run)?.ended.get(key)?.place
  }

  /** The keys of the calls of a run that ended, in their order. */
  keysOf(run: string): ReadonlyArray<string> {
    return [...this.#runs.get(run)?.ended.keys() ?? []]
  }

  has(run: string): boolean {
    return this.#runs.has(run)
  }

  get summaries(): ReadonlyArray<RunSummary> {
    return [...this.#runs.values()].map(({ summary }) => summary)
  }

  /** True if a line still counts; of a run that is forgotten none does. */
  counts(line: JournalLine.Facts): boolean {
    const run = this.#runs.get(line.run)
    if (run === undefined || line._tag === "Forgotten") return false
    return line._tag !== "Started" || run.started.has(line.key)
  }

  /** The lines were written anew, those alone that count. */
  moved(placeOf: (run: string, key: string) => Place | undefined): void {
    for (const run of this.#runs.values()) {
      for (const [key, found] of run.ended) {
        const place = placeOf(run.name, key)
        if (place !== undefined) run.ended.set(key, { ...found, place })
      }
    }
    this.stale = 0
  }

  /** A run is no more. */
  forget(name: string): void {
    const run = this.#runs.get(name)
    if (run === undefined) return
    this.#runs.delete(name)
    this.#dropped(run.ended.size + run.started.size + run.starts + (run.isFinished ? 1 : 0))
  }

  #run(name: string, time: DateTime.Utc): Run<Place> {
    let run = this.#runs.get(name)
    if (run === undefined) {
      run = new Run(name, time)
      this.#runs.set(name, run)
    }
    return run
  }

  #dropped(lines: number): void {
    this.stale += lines
    this.live -= lines
  }
}
