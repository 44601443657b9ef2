/**
 * One exchange that is recorded: it goes on as it would without, and what was seen of it is kept when it is over.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as BodyText from "../../../domain/cassette/BodyText.ts"
import type { KeptAnswer, KeptRequest } from "../../../domain/cassette/CassetteFile.ts"
import * as Scrubbing from "../../../domain/cassette/Scrubbing.ts"
import type { RequestError } from "../../../domain/error/OpenRouterError.ts"
import type { Answer } from "../../../services/Transport.ts"
import type { Slot } from "./Tape.ts"

/**
 * How an exchange is recorded.
 *
 * @since 0.1.0
 */
export interface Settings {
  readonly request: KeptRequest
  readonly slot: Slot
  readonly scrub: Scrubbing.Scrub
  /** True if it is written down when everything came. */
  readonly delays: boolean
  /** What is done when the entry is complete. */
  readonly onEnd: Effect.Effect<void>
}

/**
 * Records an exchange. Its entry is complete when the scope closes, or at once if there is no answer.
 *
 * @since 0.1.0
 */
export const record = (
  send: Effect.Effect<Answer, RequestError, Scope.Scope>,
  settings: Settings
): Effect.Effect<Answer, RequestError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const recording = new Recording(settings, yield* Clock.Clock)
      const answer = yield* restore(send).pipe(
        Effect.onExit((exit) => Exit.isFailure(exit) ? recording.failed(exit.cause) : Effect.void)
      )
      yield* Effect.addFinalizer(() => recording.over)
      return recording.of(answer)
    })
  )

/** The headers that mean something to a client; cookies, traces and names of servers are not among them. */
const meaningful = /^(?:content-type|date|retry-after(?:-ms)?|x-generation-id|x-ratelimit-.*|x-openrouter-.*)$/

type Bytes = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, RequestError>

class Recording {
  readonly #settings: Settings
  readonly #clock: Clock.Clock
  readonly #startedAt: number
  readonly #chunks: Array<Scrubbing.Timed> = []
  #head: Pick<KeptAnswer, "status" | "headers" | "at"> = {}
  #body: string | undefined
  #bodyAt: number | undefined
  #isStream = false
  #error: RequestError | undefined
  #isWaiting = true
  #isComplete = false
  /** Of what fell over nothing is kept: that was the program, and no server. */
  #isFallen = false

  constructor(settings: Settings, clock: Clock.Clock) {
    this.#settings = settings
    this.#clock = clock
    this.#startedAt = clock.currentTimeMillisUnsafe()
  }

  /** There is no answer. */
  failed(cause: Cause.Cause<RequestError>): Effect.Effect<void> {
    this.#note(cause)
    return this.over
  }

  readonly over: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#isFallen) return Effect.void
    const { request, slot } = this.#settings
    slot({ request, recordedAt: DateTime.makeUnsafe(this.#startedAt), answer: this.#answer })
    return this.#settings.onEnd
  })

  of(answer: Answer): Answer {
    const { scrub } = this.#settings
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined && meaningful.test(name)) headers[name] = scrub(value)
    }
    this.#head = { status: answer.status, headers, ...this.#time("at") }
    // Whoever does not read the body does not wait for it.
    this.#isWaiting = false
    return {
      status: answer.status,
      headers: answer.headers,
      text: Effect.suspend(() => {
        this.#isWaiting = true
        return Effect.onExit(answer.text, (exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) return this.#note(exit.cause)
            this.#body = exit.value
            this.#bodyAt = this.#at
            this.#isComplete = true
          }))
      }),
      chunks: Stream.transformPull(answer.chunks, (pull) =>
        Effect.sync(() => {
          this.#isStream = true
          return this.#pulled(pull)
        }))
    }
  }

  #pulled(pull: Bytes): Bytes {
    return Effect.suspend(() => {
      this.#isWaiting = true
      return Effect.onExit(pull, (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) {
            this.#isWaiting = false
            const at = this.#at
            // The reader may use the memory again.
            for (const bytes of exit.value) this.#chunks.push({ at, bytes: bytes.slice() })
            return
          }
          const end = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
          if (Cause.isDone(end)) this.#isComplete = true
          else if (end !== undefined) this.#error = end
          else if (Cause.hasDies(exit.cause)) this.#isFallen = true
        }))
    })
  }

  #note(cause: Cause.Cause<RequestError>): void {
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (error !== undefined) this.#error = error
    else if (Cause.hasDies(cause)) this.#isFallen = true
  }

  get #at(): number | undefined {
    return this.#settings.delays ? this.#clock.currentTimeMillisUnsafe() - this.#startedAt : undefined
  }

  #time<Name extends string>(name: Name): { readonly [N in Name]?: number } {
    const at = this.#at
    const time: { [N in Name]?: number } = {}
    return at === undefined ? time : { ...time, [name]: at }
  }

  get #answer(): KeptAnswer {
    const { scrub } = this.#settings
    const body = this.#isStream
      ? { chunks: Scrubbing.stream(this.#chunks, scrub).map(({ at, bytes }) => BodyText.ofBytes(bytes, at)) }
      : this.#body === undefined
      ? {}
      : BodyText.ofText(scrub(this.#body))
    return {
      ...this.#head,
      ...body,
      ...(this.#bodyAt !== undefined && { bodyAt: this.#bodyAt }),
      ...(this.#error !== undefined
        ? { error: this.#error }
        : this.#isComplete
        ? {}
        : { ending: this.#isWaiting ? "waiting" : "left" })
    }
  }
}
