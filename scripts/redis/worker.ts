/**
 * A process that makes calls through a gate which it shares with others: `node worker.ts OPTIONS`, with the URLs of Redis and of
 * the server as JSON. It says when it is ready, answers each order with a report, and ends with its parent.
 */
import { NodeRedis } from "@effect/platform-node"
import { Clock, Effect, Exit, Layer, Logger, Redacted, Schema } from "effect"
import { Admission, OpenRouter, OpenRouterError, RateGate } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"
import { Order, type Report } from "./messages.ts"

const { apiUrl, redisUrl } = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Struct({ redisUrl: Schema.String, apiUrl: Schema.String }))
)(process.argv[2])

const lines: Array<string> = []

/** Keeps what the gate says; Redis's client says a lot while it cannot connect. */
const listening = Logger.make(({ message }) => {
  const [text, cause] = Array.isArray(message) ? message : [message]
  if (String(text).startsWith("the rate gate")) lines.push(`${text} (${cause})`)
})

const keeping: Admission.Admission = {
  stage: "observe",
  admit: () => Effect.fail(new OpenRouterError.InvalidRequest({ message: "kept", origin: "local" }))
}

const call = ({ isKept, model }: Order, index: number) => {
  const sent = OpenRouter.respond({ model, input: `call ${index}` })
  return isKept ? Admission.with(sent, keeping) : sent
}

const obey = (order: Order) =>
  Effect.gen(function*() {
    const endedAt: Array<number> = []
    const errors: Array<string> = []
    yield* Effect.forEach(Array.from({ length: order.calls }, (_, index) => index), (index) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(call(order, index))
        endedAt.push(yield* Clock.currentTimeMillis)
        if (Exit.isFailure(exit)) {
          const [reason] = exit.cause.reasons
          errors.push(reason?._tag === "Fail" ? reason.error._tag : reason?._tag ?? "unknown")
        }
      }), { concurrency: "unbounded", discard: true })
    return { endedAt, errors, lines } satisfies Report
  })

const tell = (message: object) => Effect.sync(() => process.send?.(message))

const main = Effect.gen(function*() {
  const run = Effect.runForkWith(yield* Effect.context<OpenRouter.OpenRouter>())
  process.on(
    "message",
    (message) => run(Effect.flatMap(Effect.flatMap(Schema.decodeUnknownEffect(Order)(message), obey), tell))
  )
  process.on("disconnect", () => process.exit(0))
  yield* tell({ ready: true })
  return yield* Effect.never
})

await main.pipe(
  Effect.provide(
    OpenRouter.layer({ apiKey: Redacted.make("shared"), apiUrl }).pipe(
      Layer.provide(RateGate.layerRedis()),
      Layer.provide(NodeRedis.layer({ url: redisUrl, disableOfflineQueue: true })),
      Layer.provide(DispatchHttpClient.layer),
      Layer.provideMerge(Logger.layer([listening]))
    )
  ),
  Effect.runPromise
)
