/** An emulator in a process of its own, which says how often each line was paid for when it is sent a message. */
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Emulator } from "effect-openrouter/testing"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import { type Books, failureOf, isRefused, numberOf } from "./lines.ts"

/** How often each line was answered, refusals included, and not from the cache. */
const paid = new Map<number, number>()

const counted = ({ attempt, text }: { readonly attempt: number; readonly text: string }) => {
  const n = numberOf(text)
  if (failureOf(n, attempt) === undefined) paid.set(n, (paid.get(n) ?? 0) + 1)
}

const emulator = Emulator.layerServer({
  latency: "60 millis",
  rules: [
    {
      when: (call) => {
        counted(call)
        return failureOf(numberOf(call.text), call.attempt) !== undefined
      },
      reply: ({ attempt, text }) =>
        Emulator.Reply.failure(failureOf(numberOf(text), attempt) ?? 500, { reset: { after: "50 millis" } })
    },
    { when: ({ text }) => isRefused(numberOf(text)), reply: Emulator.Reply.refusal() }
  ]
})

// Nobody is left to stop it.
process.on("disconnect", () => process.exit())

const main = Effect.gen(function*() {
  const { address } = yield* HttpServer.HttpServer
  const { ledger } = yield* Emulator.Emulator
  process.on("message", () => {
    const { calls, statuses } = Effect.runSync(ledger)
    const books: typeof Books.Type = {
      lines: paid.size,
      twice: Object.fromEntries([...paid].filter(([, times]) => times > 1)),
      paid: [...paid.values()].reduce((sum, times) => sum + times, 0),
      booked: calls,
      statuses
    }
    process.send?.(books)
  })
  process.send?.("port" in address ? address.port : 0)
  return yield* Effect.never
})

main.pipe(
  Effect.provide(emulator.pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })))),
  Effect.runFork
)
