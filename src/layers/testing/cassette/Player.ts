/**
 * One exchange that is replayed.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as BodyText from "../../../domain/cassette/BodyText.ts"
import { describe, type Entry, type KeptAnswer } from "../../../domain/cassette/CassetteFile.ts"
import type { RequestError } from "../../../domain/error/OpenRouterError.ts"
import type { Answer } from "../../../services/Transport.ts"

/**
 * A program reads more of an answer than the one that recorded it. A defect, and nothing that is tried again: what came
 * after that is not known.
 *
 * @since 0.1.0
 */
export class CassetteEnded extends Data.TaggedError("CassetteEnded")<{ readonly message: string }> {}

/**
 * Replays an exchange; with its delays on the caller's clock, or at once.
 *
 * @since 0.1.0
 */
export const play = (
  entry: Entry,
  options: { readonly path: string; readonly delays: boolean }
): Effect.Effect<Answer, RequestError> =>
  Effect.flatMap(Clock.currentTimeMillis, (startedAt): Effect.Effect<Answer, RequestError> => {
    const { answer, request } = entry
    const { headers = {}, status } = answer
    const until = (at: number | undefined): Effect.Effect<void> =>
      at === undefined || !options.delays
        ? Effect.void
        : Effect.flatMap(Clock.currentTimeMillis, (now) =>
          now < startedAt + at ? Effect.sleep(startedAt + at - now) : Effect.void)
    const ended = Effect.suspend(() =>
      Effect.die(
        new CassetteEnded({
          message: `The cassette ${options.path} ends in the middle of the answer to ${describe(request)}, ` +
            "where the program left that recorded it. Record it again with a program that reads on."
        })
      )
    )
    const rest = restOf(answer, ended)
    if (status === undefined) return Effect.andThen(until(answer.at), rest ?? ended)
    const played: Answer = {
      status,
      headers,
      text: answer.chunks === undefined
        ? Effect.andThen(until(answer.bodyAt), rest ?? Effect.sync(() => BodyText.toText(answer) ?? ""))
        : Stream.suspend(() => chunksOf(answer, until, rest)).pipe(Stream.decodeText, Stream.mkString),
      chunks: Stream.suspend(() => chunksOf(answer, until, rest))
    }
    return Effect.as(until(answer.at), played)
  })

/** How an exchange goes on after what came; `undefined` if that was all. */
const restOf = (
  { ending, error }: KeptAnswer,
  ended: Effect.Effect<never>
): Effect.Effect<never, RequestError> | undefined =>
  error !== undefined ? Effect.fail(error) : ending === "waiting" ? Effect.never : ending === "left" ? ended : undefined

const chunksOf = (
  answer: KeptAnswer,
  until: (at: number | undefined) => Effect.Effect<void>,
  rest: Effect.Effect<never, RequestError> | undefined
): Answer["chunks"] => {
  const whole = BodyText.toText(answer)
  const chunks: ReadonlyArray<BodyText.Chunk> = answer.chunks ??
    (whole === undefined || whole === ""
      ? []
      : [{ text: whole, ...(answer.bodyAt !== undefined && { at: answer.bodyAt }) }])
  let index = 0
  const pull = Effect.suspend((): Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, RequestError> => {
    const chunk = chunks[index++]
    if (chunk === undefined) return rest ?? Cause.done()
    return Effect.as(until(chunk.at), Arr.of(BodyText.toBytes(chunk)))
  })
  return Stream.fromPull(Effect.succeed(pull))
}
