/**
 * The entries of an open cassette, by their requests: which one is next, which are new, and what its file will hold.
 *
 * @since 0.1.0
 */
import type { Entry, KeptRequest, Normalize } from "../../../domain/cassette/CassetteFile.ts"
import * as File from "../../../domain/cassette/CassetteFile.ts"

/** The answers to one request. */
interface Group {
  /** Those of the file, in their order. */
  recorded: ReadonlyArray<Entry>
  /** How many of them were asked for. */
  asked: number
  /** New ones in the order in which they were asked for, `undefined` as long as they go on. They replace those of the file. */
  fresh: Array<Entry | undefined> | undefined
}

/**
 * A place for the answer to a request that was sent.
 *
 * @since 0.1.0
 */
export type Slot = (entry: Entry) => void

/**
 * An open cassette. Its methods are synchronous, so that no two calls get the same place.
 *
 * @since 0.1.0
 */
export class Tape {
  readonly #normalize: Normalize
  readonly #groups = new Map<string, Group>()
  replayed = 0
  recorded = 0

  constructor(entries: ReadonlyArray<Entry>, normalize: Normalize) {
    this.#normalize = normalize
    for (const [key, recorded] of groupsOf(entries, normalize)) {
      this.#groups.set(key, { recorded, asked: 0, fresh: undefined })
    }
  }

  /** The entries with which it was opened, in their order. */
  get entries(): ReadonlyArray<Entry> {
    return Array.from(this.#groups.values()).flatMap(({ recorded }) => recorded)
  }

  get unused(): ReadonlyArray<Entry> {
    return Array.from(this.#groups.values()).flatMap(({ asked, fresh, recorded }) =>
      fresh === undefined ? recorded.slice(asked) : []
    )
  }

  /** The next answer to a request; the last one again and again. `undefined` if there is none, or new ones are recorded. */
  next(request: KeptRequest, isStale: (entry: Entry) => boolean): Entry | undefined {
    const group = this.#groups.get(File.keyOf(request, this.#normalize))
    if (group === undefined || group.fresh !== undefined) return undefined
    if (group.asked === 0 && group.recorded.some(isStale)) return undefined
    const entry = group.recorded[Math.min(group.asked, group.recorded.length - 1)]
    if (entry === undefined) return undefined
    group.asked += 1
    this.replayed += 1
    return entry
  }

  /** A place for the answer to a request that is sent now. */
  reserve(request: KeptRequest): Slot {
    const key = File.keyOf(request, this.#normalize)
    const group = this.#groups.get(key) ?? { recorded: [], asked: 0, fresh: undefined }
    this.#groups.set(key, group)
    group.fresh ??= []
    const { fresh } = group
    const index = fresh.push(undefined) - 1
    return (entry) => {
      if (fresh[index] === undefined) this.recorded += 1
      const maxAge = group.recorded[0]?.maxAge
      fresh[index] = maxAge === undefined ? entry : { ...entry, maxAge }
    }
  }

  /** What a file should hold that holds these entries now: of each request that was recorded the new answers alone. */
  merged(current: ReadonlyArray<Entry>): ReadonlyArray<Entry> {
    const groups = groupsOf(current, this.#normalize)
    for (const [key, { fresh = [] }] of this.#groups) {
      const entries = fresh.filter((entry) => entry !== undefined)
      if (entries.length > 0) groups.set(key, entries)
    }
    return Array.from(groups.values()).flat()
  }
}

const groupsOf = (entries: ReadonlyArray<Entry>, normalize: Normalize): Map<string, ReadonlyArray<Entry>> => {
  const groups = new Map<string, Array<Entry>>()
  for (const entry of entries) {
    const key = File.keyOf(entry.request, normalize)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  return new Map(groups)
}
