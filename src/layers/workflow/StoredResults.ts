/**
 * What the activities of an execution were answered with, read ahead.
 *
 * An engine asks the store for each activity on its own, with a message to itself and back. A workflow that is run on asks for all
 * of its finished calls, one after the other in much the order in which they were made; here a page of them is one query. What is
 * not found, and whatever did not succeed, is left to the engine, which also makes it. *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"

/**
 * So many are read at once. They are held until they are asked for; while half of them are, no more are read.
 *
 * @since 0.1.0
 */
export const pageSize = 2000

/**
 * A page of activities that have ended, in the order of their ids.
 *
 * @since 0.1.0
 */
export const Rows = Schema.Array(Schema.Struct({
  id: Schema.String,
  asked: Schema.fromJsonString(Schema.Struct({ name: Schema.String, attempt: Schema.Int })),
  answered: Schema.String
}))

/** An activity that succeeded, as the engine stores it. */
const Succeeded = Schema.Struct({
  _tag: Schema.Literal("Success"),
  value: Schema.Struct({
    _tag: Schema.Literal("Complete"),
    exit: Schema.Struct({ _tag: Schema.Literal("Success"), value: Schema.Unknown })
  })
})

const isSucceeded = Schema.is(Succeeded)

/** Why a page could not be read, which is no reason not to go on: the engine reads as well. */
const isAway = "what activities were answered with cannot be read ahead; they are asked for one by one"

/**
 * The stored results of one run of a workflow's body. It gives each once.
 *
 * @since 0.1.0
 */
export class StoredResults {
  readonly #read: (after: string) => Effect.Effect<typeof Rows.Type, unknown>
  readonly #lock = Semaphore.makeUnsafe(1)
  readonly #held = new Map<string, string>()
  #last = "0"
  #isOver = false

  /** `read`: a page of what comes after an id. */
  constructor(read: (after: string) => Effect.Effect<typeof Rows.Type, unknown>) {
    this.#read = read
  }

  /** What an activity succeeded with, as JSON; `undefined` where the engine has to be asked. */
  find(name: string, attempt: number): Effect.Effect<{ readonly value: unknown } | undefined> {
    const key = `${name}/${attempt}`
    return Effect.suspend(() => {
      const held = this.#take(key)
      return held !== undefined || !this.#wantsMore() ? Effect.succeed(held) : this.#lock.withPermit(this.#page(key))
    })
  }

  #wantsMore(): boolean {
    return !this.#isOver && this.#held.size <= pageSize / 2
  }

  #take(key: string): { readonly value: unknown } | undefined {
    const text = this.#held.get(key)
    if (text === undefined) return undefined
    this.#held.delete(key)
    const answered: unknown = JSON.parse(text)
    return isSucceeded(answered) ? { value: answered.value.exit.value } : undefined
  }

  /** Who waited for another one's page looks there first. */
  #page(key: string): Effect.Effect<{ readonly value: unknown } | undefined> {
    return Effect.gen({ self: this }, function*() {
      const held = this.#take(key)
      if (held !== undefined || !this.#wantsMore()) return held
      const rows = yield* this.#read(this.#last).pipe(
        Effect.catchCause((cause) => Effect.as(Effect.logWarning(isAway, cause), []))
      )
      for (const { answered, asked } of rows) this.#held.set(`${asked.name}/${asked.attempt}`, answered)
      this.#last = rows[rows.length - 1]?.id ?? this.#last
      this.#isOver = rows.length < pageSize
      return this.#take(key)
    })
  }
}
