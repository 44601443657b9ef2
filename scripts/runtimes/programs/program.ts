/**
 * What a user's program does, in any runtime: calls, a stream, failures by type, and interruptions.
 *
 * It imports the package by its name, and is copied into a project that has the packed package installed. It uses nothing
 * that one of the runtimes lacks.
 */
import {
  Clock,
  type Config,
  ConfigProvider,
  Data,
  Deferred,
  Duration,
  Effect,
  Fiber,
  Layer,
  Schema,
  Stream
} from "effect"
import { Deadlines, OpenRouter, RetryPolicy } from "effect-openrouter"
import { FetchHttpClient } from "effect/http"

/** Where the program finds what it needs. */
export interface Places {
  /** The API. */
  readonly apiUrl: string
  /** What the program shows as its key. */
  readonly apiKey: string
  /** An address where nobody listens. */
  readonly closedUrl: string
  /** Tells what the emulator sees of its callers. */
  readonly watchUrl: string
  /**
   * True if a Worker stands between. On a machine of one's own workerd sees that a caller has left when it sends something, so only
   * a stream that goes on is looked at.
   */
  readonly isProxied: boolean
}

/** What the program asks for. */
export const models: ReadonlyArray<string> = [
  "emulator/echo",
  "emulator/flaky-502",
  "emulator/hang",
  "emulator/refusal",
  "emulator/status-429",
  "emulator/stream-silence",
  "openai/gpt-5",
  "town/breaks",
  "town/endless",
  "town/split"
]

/** How a check went; `problem` is why it failed. */
export interface Result {
  readonly name: string
  readonly millis: number
  readonly problem?: string
}

class Wrong extends Data.TaggedError("Wrong")<{ readonly message: string }> {}

const expect = (isRight: boolean, message: () => string): Effect.Effect<void, Wrong> =>
  isRight ? Effect.void : Effect.fail(new Wrong({ message: message() }))

const model = "emulator/echo"
const sentence = "Grüezi, 世界! 🐦 The fountain has frozen over, and the pigeons do not mind."

const Intention = Schema.Struct({ action: Schema.NonEmptyString, hours: Schema.Int })

const answers = Effect.gen(function*() {
  const { attempts, cost, text } = yield* OpenRouter.respond({ model, input: sentence })
  yield* expect(text === sentence && attempts === 1 && cost !== undefined, () => `${text}, ${attempts}, ${cost}`)
})

const streams = Effect.gen(function*() {
  const pieces = yield* Stream.runCollect(OpenRouter.streamText({ model, input: sentence }))
  yield* expect(pieces.join("") === sentence && pieces.length > 5, () => JSON.stringify(pieces))
  // In chunks of seven bytes, which split characters.
  const split = yield* Stream.mkString(OpenRouter.streamText({ model: "town/split", input: sentence }))
  yield* expect(split === sentence, () => split)
})

const answersInAShape = Effect.gen(function*() {
  const { value } = yield* OpenRouter.respondObject({
    model: "openai/gpt-5",
    input: "What does Bob want?",
    schema: Intention
  })
  yield* expect(value.action !== "" && Number.isInteger(value.hours), () => JSON.stringify(value))
})

const triesAgain = Effect.gen(function*() {
  const { attempts } = yield* OpenRouter.respond({ model: "emulator/flaky-502", input: sentence })
  yield* expect(attempts === 2, () => `${attempts} attempts`)
})

const rateLimited = OpenRouter.respond({ model: "emulator/status-429", input: sentence }).pipe(
  RetryPolicy.with(RetryPolicy.none),
  Effect.flip,
  Effect.flatMap((error) =>
    expect(
      error._tag === "RateLimited" && error.resetAt !== undefined,
      () => `${error._tag}: ${error.message}`
    )
  )
)

const refused = OpenRouter.respond({ model: "emulator/refusal", input: sentence }).pipe(
  Effect.flip,
  Effect.flatMap((error) => expect(error._tag === "Refused" && error.refusal !== "", () => error._tag))
)

const breaksOff = OpenRouter.streamText({ model: "town/breaks", input: sentence }).pipe(
  Stream.runDrain,
  Effect.flip,
  Effect.flatMap((error) => {
    const isTyped = error._tag === "ConnectionFailed" && error.phase === "receiving" ||
      error._tag === "StreamInterrupted"
    const isKept = "partialText" in error && typeof error.partialText === "string" && error.partialText.length > 0
    return expect(isTyped && isKept, () => `${error._tag}: ${error.message}, ${JSON.stringify(error)}`)
  })
)

const nobodyListens = OpenRouter.respond({ model, input: sentence }).pipe(
  RetryPolicy.with(RetryPolicy.none),
  Effect.flip,
  Effect.flatMap((error) => expect(error._tag === "ConnectionFailed", () => `${error._tag}: ${error.message}`))
)

/** `open` requests are being answered; of the `abandoned` the connection was closed before the answer was whole. */
const Seen = Schema.Struct({ open: Schema.Number, abandoned: Schema.Number })
type Seen = typeof Seen.Type

/** What the emulator sees now. */
export const seen = ({ watchUrl }: Places): Effect.Effect<Seen> =>
  Effect.promise(() => fetch(watchUrl).then((response) => response.json())).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Seen)),
    Effect.orDie
  )

/** Waits, a little, until the emulator sees this. */
export const untilSeen = (places: Places, what: string, isSeen: (seen: Seen) => boolean) =>
  Effect.gen(function*() {
    for (let tries = 0; tries < 100; tries++) {
      if (isSeen(yield* seen(places))) return
      yield* Effect.sleep("20 millis")
    }
    return yield* new Wrong({ message: `not seen after 2 seconds: ${what}; ${JSON.stringify(yield* seen(places))}` })
  })

/** Waits until a caller has left that came after this, and its connection is closed. */
export const untilLeft = (places: Places, before: Seen) =>
  untilSeen(
    places,
    "a closed connection",
    ({ abandoned, open }) => open === before.open && abandoned === before.abandoned + 1
  )

const timesOut = (places: Places) =>
  Effect.gen(function*() {
    const before = yield* seen(places)
    const error = yield* OpenRouter.respond({ model: "emulator/hang", input: sentence }).pipe(
      Deadlines.with({ response: "300 millis" }),
      Effect.flip
    )
    yield* expect(error._tag === "TimedOut", () => `${error._tag}: ${error.message}`)
    if (!places.isProxied) yield* untilLeft(places, before)
  })

/** The caller leaves as soon as the emulator has the request and `begun` is over: then its connection must be closed. */
const leaves = <A, E, R>(places: Places, call: Effect.Effect<A, E, R>, begun: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const before = yield* seen(places)
    const fiber = yield* Effect.forkChild(call)
    yield* untilSeen(places, "a request", ({ open }) => open === before.open + 1)
    yield* begun
    const [taken] = yield* Effect.timed(Fiber.interrupt(fiber))
    yield* expect(Duration.toMillis(taken) < 1000, () => `the interruption took ${Duration.format(taken)}`)
    yield* untilLeft(places, before)
  })

const leavesACall = (places: Places) =>
  leaves(places, OpenRouter.respond({ model: "emulator/hang", input: sentence }), Effect.void)

const leavesAStream = (places: Places) =>
  Effect.gen(function*() {
    const first = yield* Deferred.make<void>()
    // The first of them sends nothing more after some text, the second one never ends.
    const model = places.isProxied ? "town/endless" : "emulator/stream-silence"
    const call = OpenRouter.streamText({ model, input: sentence }).pipe(
      Stream.runForEach(() => Deferred.succeed(first, undefined))
    )
    const begun = Deferred.await(first).pipe(
      Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.die("no text came") })
    )
    yield* leaves(places, call, begun)
  })

/** Runs a check, however it ends. */
export const timed = Effect.fnUntraced(function*<E, R>(name: string, check: Effect.Effect<void, E, R>) {
  const start = yield* Clock.currentTimeMillis
  const problem = yield* check.pipe(
    Effect.as(undefined),
    Effect.timeoutOrElse({ duration: "20 seconds", orElse: () => Effect.succeed("not over after 20 seconds") }),
    Effect.catchCause((cause) => Effect.succeed(String(cause)))
  )
  const result: Result = { name, millis: (yield* Clock.currentTimeMillis) - start }
  return problem === undefined ? result : { ...result, problem }
})

/** The client as the documentation has it: from configuration, over what the runtime has. */
export type Client = Layer.Layer<OpenRouter.OpenRouter, Config.ConfigError>

/** The clients that work in any runtime. */
export const clients: { readonly [name: string]: Client } = {
  layerFetch: OpenRouter.layerFetch,
  "layerConfig over FetchHttpClient": OpenRouter.layerConfig().pipe(Layer.provide(FetchHttpClient.layer))
}

/** The client at an address. */
export const at = (client: Client, apiKey: string, apiUrl: string) =>
  Layer.fresh(client).pipe(
    Layer.provide(ConfigProvider.layer(
      ConfigProvider.fromUnknown({ OPENROUTER_API_KEY: apiKey, OPENROUTER_API_URL: apiUrl })
    ))
  )

/** Runs all checks with a client. */
export const run = (client: Client, places: Places): Effect.Effect<ReadonlyArray<Result>> =>
  Effect.all([
    timed("one call", answers),
    timed("a stream", streams),
    timed("an answer of a given shape", answersInAShape),
    timed("a second attempt", triesAgain),
    timed("typed error: RateLimited, with its reset", rateLimited),
    timed("typed error: Refused", refused),
    timed("typed error: a stream that breaks off, with its text", breaksOff),
    timed("typed error: nobody listens", Effect.provide(nobodyListens, at(client, places.apiKey, places.closedUrl))),
    timed("typed error: a deadline", timesOut(places)),
    ...(places.isProxied ? [] : [timed("an interrupted call has its connection closed", leavesACall(places))]),
    timed("an interrupted stream has its connection closed", leavesAStream(places))
  ]).pipe(Effect.provide(at(client, places.apiKey, places.apiUrl)), Effect.orDie)

/** Runs all checks with the client of this name. */
export const runNamed = (name: string, places: Places): Effect.Effect<ReadonlyArray<Result>> => {
  const client = clients[name]
  return client === undefined ? Effect.die(new Error(`there is no client "${name}"`)) : run(client, places)
}
