/**
 * Limits shared by processes through Redis, each change by one script, in one step.
 *
 * Time is Redis's own, so the processes' clocks do not matter: what they announce and are told is converted by the difference
 * to their own, which every answer narrows. Where Redis is away a fiber asks once a second whether it is back; calls pass
 * without waiting for it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redis from "effect/persistence/Redis"
import * as Schedule from "effect/Schedule"
import type { Scope } from "effect/Scope"
import type { SharedWindow } from "../../domain/gate/AnnouncedWindow.ts"
import type { Answer, SharedLimits } from "../gate/SharedLimits.ts"
import * as LimitScript from "./LimitScript.ts"
import * as ProcessName from "./ProcessName.ts"

/** How often a Redis that was away is asked whether it is back. */
const awayMillis = 1000

const alone: Answer = { isTogether: false, hold: undefined, windows: [] }

/** Whether Redis can be reached, and by how much our clock is ahead of its. */
class Reach {
  /** Milliseconds; absent until the first answer. */
  offset: number | undefined
  isAway = false

  /** Redis looked at its clock between the two instants, which narrows the difference; a stable one is kept. */
  answered(askedAt: number, answeredAt: number, redisNow: number): void {
    const most = answeredAt - redisNow
    this.offset = Math.max(askedAt - redisNow, Math.min(most, this.offset ?? most))
  }
}

/**
 * The limits of all processes that use the same Redis and prefix. Nothing here fails or waits longer than `timeout`; what is
 * under way ends with the scope.
 *
 * @since 0.1.0
 */
export const make = (options: {
  /** Default `effect-openrouter:`. */
  readonly prefix?: string | undefined
  /** How long an answer of Redis is waited for. Default 250 milliseconds. */
  readonly timeout?: Duration.Input | undefined
}): Effect.Effect<SharedLimits, never, Redis.Redis | Scope> =>
  Effect.gen(function*() {
    const { prefix = "effect-openrouter:", timeout = "250 millis" } = options
    const redis = yield* Redis.Redis
    const scope = yield* Effect.scope
    const run = redis.eval(LimitScript.script)
    const process = yield* ProcessName.drawn
    const reach = new Reach()

    // In two steps: where this process was busy for long, an answer that is there is read between them.
    const half = Effect.sleep(Duration.divideUnsafe(Duration.fromInputUnsafe(timeout), 2))
    const tooLate = Effect.andThen(Effect.andThen(half, half), Effect.fail(new Cause.TimeoutError("no answer in time")))

    const background = <A>(self: Effect.Effect<A>): Effect.Effect<Fiber.Fiber<A>> =>
      Effect.forkIn(self, scope, { startImmediately: true })

    const send = Effect.fnUntraced(function*(keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) {
      const [what = "", ...rest] = args
      const askedAt = yield* Clock.currentTimeMillis
      const reply = yield* Effect.raceFirst(run(keys.map((key) => prefix + key), [what, process, ...rest]), tooLate)
      const now = yield* Clock.currentTimeMillis
      reach.answered(askedAt, now, reply[0] ?? now)
      return reply
    })

    /** Asks from time to time whether Redis is back, so that no call has to. */
    const comeBack = send(["ping"], ["ping"]).pipe(
      Effect.delay(awayMillis),
      Effect.sandbox,
      Effect.retry(Schedule.forever),
      Effect.andThen(Effect.sync(() => {
        reach.isAway = false
      })),
      Effect.ignore
    )

    const ask = (keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) =>
      Effect.suspend(() =>
        reach.isAway ? Effect.undefined : Effect.catchCause(send(keys, args), (cause) =>
          Effect.suspend(() => {
            if (reach.isAway) return Effect.undefined
            reach.isAway = true
            return Effect.logWarning("the rate gate cannot reach Redis and goes on alone", cause).pipe(
              Effect.andThen(background(comeBack)),
              Effect.as(undefined)
            )
          }))
      )

    const tell = (keys: ReadonlyArray<string>, ...args: ReadonlyArray<string | number>): Effect.Effect<void> =>
      Effect.asVoid(background(ask(keys, args)))

    const giveBack: SharedLimits["giveBack"] = (keys, { windows }) =>
      windows.some((window) => window !== undefined)
        ? tell(
          keys,
          "give",
          ...keys.map((_, index) => {
            const window = windows[index]
            return window === undefined ? "" : window.startsAt - (reach.offset ?? 0)
          })
        )
        : Effect.void

    return {
      pass: (keys, known, tries) => {
        const { offset } = reach
        const args = known.flatMap(({ length, limit, startsAt }) =>
          limit === undefined || offset === undefined
            ? ["", "", ""]
            : [limit, length ?? "", Math.round(startsAt - offset)]
        )
        return Effect.uninterruptible(
          Effect.flatMap(
            background(Effect.flatMap(ask(keys, ["pass", tries ? 1 : 0, ...args]), (reply) =>
              Effect.map(
                Clock.currentTimeMillis,
                (now) => reply === undefined ? alone : answerOf(reply, keys.length, reach.offset ?? 0, now)
              ))),
            (asked) => {
              const answer = Effect.map(Fiber.await(asked), (exit) => Exit.isSuccess(exit) ? exit.value : alone)
              return Effect.onInterrupt(Effect.interruptible(answer), () =>
                // It may have been counted by now.
                background(
                  Effect.flatMap(answer, (answer) => answer.hold === undefined ? giveBack(keys, answer) : Effect.void)
                ))
            }
          )
        )
      },
      giveBack,
      closed: (key, until, limit, takenAt) => {
        const { offset } = reach
        if (offset === undefined) return Effect.void
        const [instant, taken] = [Math.round(until - offset), Math.round(takenAt - offset)]
        return tell([key], "close", instant, Math.round(offset), limit ?? "", taken)
      },
      opened: (key) => tell([key], "open"),
      forget: (keys) => tell(keys, "forget")
    }
  })

const headLength = 4
const windowLength = 5

/** Reads what the script answers to `pass`. */
const answerOf = (reply: ReadonlyArray<number>, keys: number, offset: number, now: number): Answer => {
  const [, hold = 0, index = 0, isClosed = 0] = reply
  return {
    isTogether: true,
    hold: hold === 0
      ? undefined
      : { until: Math.max(hold + offset, now + 1), index: index - 1, isClosed: isClosed === 1 },
    windows: reply.length <= headLength
      ? []
      : Array.from({ length: keys }, (_, key) => windowOf(reply, headLength + windowLength * key, offset))
  }
}

const windowOf = (reply: ReadonlyArray<number>, at: number, offset: number): SharedWindow | undefined => {
  const [start = -1, limit = -1, length = -1, extra = 0, taken = 0] = reply.slice(at, at + windowLength)
  return limit < 0
    ? undefined
    : { limit, length: length < 0 ? undefined : length, startsAt: start + offset, extra, taken }
}
