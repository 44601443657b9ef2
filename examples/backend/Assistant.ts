/** Asks the model for a user, within what that user and all together may spend in a day. */
import { Context, Effect, Layer, Pull, Stream } from "effect"
import { Budget, Deadlines, OpenRouter, type OpenRouterError, RetryPolicy, type Usd } from "effect-openrouter"
import { HttpError } from "effect-openrouter/http"
import type { Event } from "./Api.ts"

export interface Options {
  readonly model: string
  /** USD that one user may spend in a day. */
  readonly perUser: Usd.Input
  /** USD that all users together may spend in a day, for who throws the cookie away is a new user. */
  readonly together: Usd.Input
}

const instructions = "You answer on a web page that shows plain text. Be friendly, and use a few sentences."

const make = Effect.fnUntraced(function*({ model, perUser, together }: Options) {
  const openRouter = yield* OpenRouter.OpenRouter
  const users = yield* Budget.keyed(perUser, { name: "user", per: "day", maxWait: "20 seconds" })
  const everyone = yield* Budget.make(together, { name: "everyone", per: "day", maxWait: "20 seconds" })

  // With a limit to the answer a budget can tell beforehand what it costs at most.
  const request = (input: string) => ({ model, instructions, input, maxOutputTokens: 800 })

  // Nobody looks at a page for two minutes, which is what programs do by default.
  const retry = RetryPolicy.make({ times: 2, maxWait: "5 seconds" })
  const deadlines = { response: "1 minute", firstEvent: "30 seconds", idle: "20 seconds" } as const

  // The callers are not told what happened; the log is.
  const log = (error: OpenRouterError.OpenRouterError) => Effect.logWarning("no answer", error)

  const spending = (user: string) => Effect.map(users.state(user), ({ limit, spent }) => ({ limit, spent }))

  const answer = (user: string, question: string) =>
    OpenRouter.respond(request(question)).pipe(
      RetryPolicy.with(retry),
      Deadlines.with(deadlines),
      users.run(user),
      everyone.run,
      Effect.tapError(log),
      HttpError.mapErrors,
      Effect.flatMap(({ text }) => Effect.map(spending(user), (spending) => ({ text, ...spending }))),
      Effect.provideService(OpenRouter.OpenRouter, openRouter)
    )

  const stream = (user: string, question: string) =>
    OpenRouter.streamText(request(question)).pipe(
      RetryPolicy.with(retry),
      Deadlines.with(deadlines),
      users.run(user),
      everyone.run,
      Stream.tapError(log),
      HttpError.mapErrors,
      Stream.map((delta): Event => ({ _tag: "Text", delta })),
      Stream.concat(Stream.fromEffect(Effect.map(spending(user), (spent): Event => ({ _tag: "Done", ...spent })))),
      begun,
      Effect.provideService(OpenRouter.OpenRouter, openRouter)
    )

  return { answer, stream, spending }
})

/**
 * Waits for the first event, so that what fails before it can be told by the status of the answer; what fails later is the
 * last event. The scope is that of the HTTP request: a caller who leaves closes it, and so the stream from OpenRouter.
 */
const begun = Effect.fnUntraced(function*<R>(stream: Stream.Stream<Event, HttpError.HttpError, R>) {
  const pull = yield* Stream.toPull(stream)
  const first = yield* Pull.catchDone(pull, () => Effect.die("a stream of events has an end of its own"))
  return Stream.fromArray(first).pipe(
    Stream.concat(Stream.fromPull(Effect.succeed(pull))),
    Stream.catch((error) => Stream.succeed<Event>({ _tag: "Failed", error }))
  )
})

/** The part of the backend that does not know HTTP. */
export class Assistant extends Context.Service<Assistant, Effect.Success<ReturnType<typeof make>>>()(
  "backend/Assistant"
) {
  static readonly layer = (options: Options) => Layer.effect(Assistant, make(options))
}
