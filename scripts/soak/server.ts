/**
 * The emulator of a soak, in a process of its own: `node server.ts SEED PORT LATENCY`, without faults and limits for the seed
 * `calm`. It tells its parent the port, and its books whenever it is sent anything but `{ gather, millis }`: then it holds its
 * answers until it has so many requests, and for so long after the last one came. It ends with its parent.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { BigDecimal, Effect, Latch, Layer, Predicate, Ref } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import * as Ledger from "../../src/domain/emulator/Ledger.ts"
import { toConfig } from "../../src/domain/emulator/Options.ts"
import * as RateWindow from "../../src/domain/emulator/RateWindow.ts"
import * as Serving from "../../src/layers/testing/emulator/Serving.ts"
import type { Books } from "./messages.ts"
import * as Plan from "./plan.ts"

const { Reply } = Emulator

const [said = "7", door = "0", delay = String(Plan.latencyMillis)] = process.argv.slice(2)

const isCalm = said === "calm"

const [seed, port, latency] = [isCalm ? 0 : Number(said), Number(door), Number(delay)]

const faults = new Plan.Faults()

/** How many results of tools a request sends back: the step of its loop. */
const stepOf = (input: unknown): number =>
  Array.isArray(input)
    ? input.filter((item) => Predicate.isObject(item) && item["type"] === "function_call_output").length
    : 0

const answer = (place: Plan.Place, body: Emulator.Call["body"]): Emulator.Reply.Answer => {
  if (Array.isArray(body["tools"]) && place.step === 0) return Reply.toolCall("lookUp", { n: place.n })
  return Predicate.hasProperty(body["text"], "format")
    ? Reply.answer({ json: { n: place.n, text: Plan.answerOf(seed, place) } })
    : Reply.text(Plan.answerOf(seed, place))
}

/** The middle of an answer: after its first pieces. */
const middle = { deltas: 3 }

const replyTo = ({ attempt, body, text }: Emulator.Call): Emulator.Reply.Reply => {
  const place = Plan.placeOf(text, stepOf(body["input"]))
  if (place === undefined) return Reply.answer()
  const isStreamed = body["stream"] === true
  const usual = answer(place, body)
  const fault = isCalm ? undefined : Plan.faultOf(seed, place, isStreamed, attempt)
  if (fault === undefined) return usual
  if (Plan.callOf(seed, place.n).interruptedAfter === undefined) faults.add(Plan.markOf(place, attempt, fault))
  const after = fault.isEarly ? { events: 0 } : middle
  switch (fault.kind) {
    case "429":
      return Reply.failure(429, {
        errorType: "rate_limit_exceeded",
        metadata: { limit_source: "upstream_provider_shared_pool", provider_name: "Emulator" },
        reset: { after: fault.millis, place: fault.isEarly ? "headers" : "body", tells: ["reset"] }
      })
    case "502":
      return Reply.failure(502)
    case "503":
      return Reply.failure(503, { headers: { "retry-after-ms": String(fault.millis) } })
    case "error in 200":
      return Reply.failure(502, { httpStatus: 200, message: "The provider answered with an error." })
    case "refusal":
      return Reply.refusal()
    case "truncation":
      return Reply.incomplete()
    case "cut":
      return { ...usual, stream: { ending: { _tag: "Cut", after } } }
    case "stall":
      return isStreamed
        ? { ...usual, stream: { ending: { _tag: "Stall", after, comments: 500 } } }
        : Reply.hang({ billed: fault.isBilled })
    case "reset":
      return isStreamed
        ? { ...usual, stream: { ending: { _tag: "Reset", after } } }
        : Reply.disconnect({ billed: fault.isBilled })
    case "malformed":
      return isStreamed ? { ...usual, stream: { brokenEvent: 5 } } : { ...usual, keep: 0.5 }
  }
}

const config = toConfig({
  seed,
  credits: "1000000",
  prices: Plan.prices,
  latency,
  limits: isCalm ? [] : [{ over: "key", requests: Plan.requestsPerSecond, window: "1 second", hint: "headers" }],
  stream: { tokensPerDelta: 4 },
  rules: [{ reply: replyTo }]
})

// Nobody is left to stop it.
process.on("disconnect", () => process.exit())

/** Requests whose answers are held until as many are there as are expected, and for a while longer. */
let gathered = 0
let expected = 0
let heldMillis = 0
const together = Latch.makeUnsafe(true)

const gather = (requests: number, millis: number) => {
  expected = requests
  heldMillis = millis
  together.closeUnsafe()
}

const held = Effect.suspend(() => {
  if (together.isOpen()) return Effect.void
  gathered++
  const complete = gathered < expected ? together.await : Effect.andThen(Effect.sleep(heldMillis), together.open)
  return Effect.ensuring(complete, Effect.sync(() => gathered--))
})

const main = Effect.gen(function*() {
  const server = yield* Serving.start(config)
  yield* HttpServer.serveEffect(Effect.tap(Serving.app(server), held))
  const { address } = yield* HttpServer.HttpServer
  const told = new Set<string>()
  const books = Effect.map(Ref.get(server.state), ({ books, credits, windows }): typeof Books.Type => {
    const { generations } = books
    const fresh = [...generations.previous, ...generations.current].filter(([id]) => !told.has(id))
    for (const [id] of fresh) told.add(id)
    const { calls, statuses, total } = Ledger.toLedger(books, credits)
    return {
      total: BigDecimal.format(total),
      calls,
      statuses,
      charges: fresh.map(([id, { cost }]) => [id, BigDecimal.format(cost)]),
      digest: faults.digest,
      faults: faults.counts,
      refused: RateWindow.traffic(windows).reduce((sum, { refused }) => sum + refused, 0),
      openRequests: Effect.runSync(Ref.get(server.open)) + gathered,
      openConnections: Array.from(server.sockets).filter(Serving.isOpen).length
    }
  })
  process.on("message", (message) => {
    if (Predicate.hasProperty(message, "gather") && Predicate.hasProperty(message, "millis")) {
      gather(Number(message.gather), Number(message.millis))
    } else process.send?.(Effect.runSync(books))
  })
  process.send?.({ port: "port" in address ? address.port : 0 })
  return yield* Effect.never
})

main.pipe(
  Effect.scoped,
  Effect.provide(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" }).pipe(Layer.orDie)),
  Effect.runFork
)
