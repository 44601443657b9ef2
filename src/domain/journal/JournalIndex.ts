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
  /** Which of all lines says so. */
  readonly line: number
}

interface Open {
  readonly call: InFlight
  readonly line: number
}

class Run<Place> {
  readonly name: string
  readonly startedAt: DateTime.Utc
  openedAt: DateTime.Utc
  starts = 0
  /** The line that says that its program has succeeded, the last of them. */
  finished: number | undefined
  readonly ended = new Map<string, Found<Place>>()
  readonly started = new Map<string, Open>()
  /** Its first line; what is of its name before that was forgotten. */
  readonly line: number

  constructor(name: string, time: DateTime.Utc, line: number) {
    this.name = name
    this.line = line
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
      isFinished: this.finished !== undefined,
      calls: this.ended.size,
      errors,
      cost,
      unknown,
      inFlight: Array.from(this.started.values(), ({ call }) => call)
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
  /** How many lines there are. */
  #lines = 0
  /** Lines that no longer count, and those that do. */
  stale = 0
  live = 0

  /** Takes note of a line that is there; they come in the order in which they are. */
  add(line: JournalLine.Facts, place: Place): void {
    const number = ++this.#lines
    if (line._tag === "Forgotten") {
      this.forget(line.run)
      this.stale++
      return
    }
    this.live++
    const run = this.#run(line.run, line.time, number)
    switch (line._tag) {
      case "Opened":
        run.openedAt = line.time
        run.starts++
        return
      case "Finished":
        if (run.finished !== undefined) this.#dropped(1)
        run.finished = number
        return
      case "Started": {
        if (run.started.has(line.key)) this.#dropped(1)
        const { call, key, model, scopes, time } = line
        run.started.set(key, {
          call: { key, call, scopes, time, ...model === undefined ? {} : { model } },
          line: number
        })
        return
      }
      case "Ended": {
        if (run.started.delete(line.key)) this.#dropped(1)
        if (run.ended.has(line.key)) this.#dropped(1)
        const { answer, cost, key, scopes } = line
        run.ended.set(key, { place, cost, isError: answer._tag === "Error", scopes, line: number })
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

  /**
   * Tells of all lines that are there, given in their order, whether each still counts: it does not if a later one took its place, or
   * if its run was forgotten after it.
   */
  counting(): (line: JournalLine.Facts) => boolean {
    let number = 0
    return (line) => {
      number++
      const run = this.#runs.get(line.run)
      if (run === undefined || number < run.line) return false
      switch (line._tag) {
        case "Opened":
          return true
        case "Finished":
          return run.finished === number
        case "Started":
          return run.started.get(line.key)?.line === number
        case "Ended":
          return run.ended.get(line.key)?.line === number
        case "Forgotten":
          return false
      }
    }
  }

  /** A run is no more. */
  forget(name: string): void {
    const run = this.#runs.get(name)
    if (run === undefined) return
    this.#runs.delete(name)
    this.#dropped(run.ended.size + run.started.size + run.starts + (run.finished === undefined ? 0 : 1))
  }

  #run(name: string, time: DateTime.Utc, line: number): Run<Place> {
    let run = this.#runs.get(name)
    if (run === undefined) {
      run = new Run(name, time, line)
      this.#runs.set(name, run)
    }
    return run
  }

  #dropped(lines: number): void {
    this.stale += lines
    this.live -= lines
  }
}
