/**
 * Damage to answers that are under way.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { Damage } from "../../../domain/emulator/FaultPlan.ts"
import type { Position } from "../../../domain/emulator/Streaming.ts"
import { ConnectionFailed } from "../../../domain/error/OpenRouterError.ts"
import type { RequestError } from "../../../domain/error/OpenRouterError.ts"
import type { Answer } from "../../../services/Transport.ts"

const broken = Effect.suspend(() =>
  Effect.fail(
    new ConnectionFailed({
      phase: "receiving",
      reason: "fault",
      message: "cannot read the answer: a fault has broken the connection"
    })
  )
)

/**
 * Damages an answer whose headers are there.
 *
 * @since 0.1.0
 */
export const damage = (answer: Answer, damage: Damage): Effect.Effect<Answer, RequestError> => {
  switch (damage._tag) {
    case "Late":
      return Effect.as(Effect.sleep(damage.by), answer)
    case "Lost":
      return broken
    case "Truncated": {
      const keep = Math.min(1, Math.max(0, damage.keep))
      return Effect.succeed({
        ...answer,
        text: Effect.map(answer.text, (text) => text.slice(0, Math.floor(text.length * keep)))
      })
    }
    case "Broken":
      return Effect.succeed({ ...answer, chunks: endedAt(answer.chunks, damage.ending.after, endOf(damage.ending)) })
    case "Rechunked":
      return Effect.succeed({ ...answer, chunks: rechunked(answer.chunks, Math.max(1, Math.floor(damage.bytes))) })
  }
}

type Bytes = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, RequestError>

const endOf = (ending: Extract<Damage, { readonly _tag: "Broken" }>["ending"]): Bytes => {
  switch (ending._tag) {
    case "Cut":
      return Cause.done()
    case "Reset":
      return broken
    case "Stall": {
      const { comments = "1 second" } = ending
      return comments === "none"
        ? Effect.never
        : Effect.as(Effect.sleep(Math.max(1, Duration.toMillis(comments))), Arr.of(comment))
    }
  }
}

const comment = new TextEncoder().encode(": OPENROUTER PROCESSING\n\n")

/** Lets a stream through up to a place, and then goes on with something else. */
const endedAt = (chunks: Answer["chunks"], after: Position, end: Bytes): Answer["chunks"] =>
  Stream.transformPull(chunks, (pull) =>
    Effect.sync(() => {
      const ruler = new Ruler(after)
      const next: Bytes = Effect.suspend(() =>
        ruler.isReached ? end : Effect.flatMap(pull, (pieces) => {
          const kept = pieces.map((piece) => ruler.take(piece)).filter((piece) => piece.length > 0)
          return Arr.isReadonlyArrayNonEmpty(kept) ? Effect.succeed(kept) : next
        })
      )
      return next
    }))

/** Measures how far a stream has come. */
class Ruler {
  readonly #after: Position
  #bytes = 0
  #events = 0
  #deltas = 0
  /** What has come of the event that goes on. */
  #event = ""

  constructor(after: Position) {
    this.#after = after
  }

  get isReached(): boolean {
    const after = this.#after
    if ("bytes" in after) return this.#bytes >= after.bytes
    return "events" in after ? this.#events >= after.events : this.#deltas >= after.deltas
  }

  /** As much of a piece as is before the place. */
  take(piece: Uint8Array): Uint8Array {
    if ("bytes" in this.#after) {
      const kept = piece.subarray(0, Math.max(0, Math.floor(this.#after.bytes) - this.#bytes))
      this.#bytes += piece.length
      return kept
    }
    let index = 0
    while (index < piece.length && !this.isReached) this.#read(piece[index++] ?? 0)
    return piece.subarray(0, index)
  }

  #read(byte: number): void {
    const character = String.fromCharCode(byte)
    if (character === "\r") return
    this.#event += character
    if (!this.#event.endsWith("\n\n")) return
    if (/^data:/m.test(this.#event)) this.#events += 1
    if (/"type":\s*"[^"]*\.delta"/.test(this.#event)) this.#deltas += 1
    this.#event = ""
  }
}

const rechunked = (chunks: Answer["chunks"], bytes: number): Answer["chunks"] =>
  Stream.flatMap(chunks, (chunk) =>
    Stream.fromIterable(
      Array.from({ length: Math.ceil(chunk.length / bytes) }, (_, index) =>
        chunk.subarray(index * bytes, (index + 1) * bytes))
    ))
