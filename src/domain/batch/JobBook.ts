/**
 * What a program remembers of its batches: which it was about to submit, and which the server has.
 *
 * An intent is written before its batch is sent, and the batch when the server has accepted it. So a process that died between
 * the two leaves an intent without a batch, and the next one looks for it.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * A batch that was to be submitted.
 *
 * @since 0.1.0
 */
export const Intent = Schema.TaggedStruct("Intent", {
  /** 16 hex digits; the `custom_id`s of its requests are this, a dash, and their place in the batch. */
  hash: Schema.String,
  /** The same for the same requests. */
  digest: Schema.String,
  model: Schema.String,
  /** Milliseconds since the epoch. */
  at: Schema.Finite,
  /** By which its requests are known, in their order. */
  names: Schema.Array(Schema.String)
})

/**
 * @since 0.1.0
 */
export interface Intent extends Schema.Schema.Type<typeof Intent> {}

const Line = Schema.Union([
  Intent,
  /** The server has it. */
  Schema.TaggedStruct("Batch", { hash: Schema.String, id: Schema.String }),
  /** The server has not, and never had it; or what was left of it was taken into another one. */
  Schema.TaggedStruct("Dropped", { hash: Schema.String }),
  /** Some of its requests got no answer from it, and may be asked again. */
  Schema.TaggedStruct("Released", { hash: Schema.String, names: Schema.Array(Schema.String) })
])

/**
 * A line of the book.
 *
 * @since 0.1.0
 */
export type Line = typeof Line.Type

const codec = Schema.fromJsonString(Line)

const decode = Schema.decodeUnknownResult(codec)

const encode = Schema.encodeSync(codec)

/**
 * A line as text.
 *
 * @since 0.1.0
 */
export const toText = (line: Line): string => encode(line)

/**
 * A batch that is remembered.
 *
 * @since 0.1.0
 */
export interface Known {
  readonly intent: Intent
  /** Absent: nobody knows yet whether the server has it. */
  readonly id: string | undefined
  /** Names of requests that got no answer from it. */
  readonly released: ReadonlySet<string>
}

/**
 * All that is remembered. It belongs to one program, and changes with each line.
 *
 * @since 0.1.0
 */
export class JobBook {
  readonly #known = new Map<string, Known>()
  /** How many intents there were, those included that are forgotten. */
  intents = 0
  /** The newest batch of each name, once somebody has asked for that. */
  #byName: Map<string, string> | undefined

  /** Takes a line. */
  note(line: Line): void {
    switch (line._tag) {
      case "Intent":
        this.intents++
        this.#known.set(line.hash, { intent: line, id: undefined, released: new Set() })
        this.#index(line)
        break
      case "Batch": {
        const known = this.#known.get(line.hash)
        if (known !== undefined) this.#known.set(line.hash, { ...known, id: line.id })
        break
      }
      case "Released": {
        const known = this.#known.get(line.hash)
        if (known === undefined) break
        this.#known.set(line.hash, { ...known, released: new Set([...known.released, ...line.names]) })
        break
      }
      case "Dropped":
        for (const name of this.#known.get(line.hash)?.intent.names ?? []) {
          if (this.#byName?.get(name) === line.hash) this.#byName.delete(name)
        }
        this.#known.delete(line.hash)
    }
  }

  /** Takes a line of text; gives back what is wrong with it. */
  read(text: string): string | undefined {
    const line = decode(text)
    if (Result.isFailure(line)) return "it is no line of a book of batches"
    this.note(line.success)
    return undefined
  }

  /** Oldest first. */
  get known(): ReadonlyArray<Known> {
    return Array.from(this.#known.values())
  }

  /** The newest batch that a request is in and may still be answered by. */
  having(name: string): Known | undefined {
    const known = this.#newest(name)
    return known === undefined || known.released.has(name) ? undefined : known
  }

  /** Whether a request is in a batch that has ended without an answer to it. */
  isReleased(name: string): boolean {
    return this.#newest(name)?.released.has(name) === true
  }

  #newest(name: string): Known | undefined {
    if (this.#byName === undefined) {
      this.#byName = new Map()
      for (const known of this.#known.values()) this.#index(known.intent)
    }
    return this.#known.get(this.#byName.get(name) ?? "")
  }

  #index({ hash, names }: Intent): void {
    for (const name of names) this.#byName?.set(name, hash)
  }

  /** The newest batch of these requests. */
  of(digest: string): Known | undefined {
    return this.known.findLast(({ intent }) => intent.digest === digest)
  }
}
