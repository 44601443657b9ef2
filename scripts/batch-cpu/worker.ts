/** Makes calls in one of several ways, and says what they took. */
import { Effect, Layer, Redacted, Stream } from "effect"
import { Batch, OpenRouter } from "effect-openrouter"
import { DispatchHttpClient } from "effect-openrouter/node"

const [way = "forEach", count = "1000", port = "0"] = process.argv.slice(2)

const concurrency = 64

const layer = OpenRouter.layer({ apiKey: Redacted.make("sk-or-cpu"), apiUrl: `http://127.0.0.1:${port}/api/v1` }).pipe(
  Layer.provide(DispatchHttpClient.layer)
)

const items = Number(count)

const heap: Array<number> = []

const call = (n: number) => {
  if (n % (items / 10) === 0) {
    globalThis.gc?.()
    heap.push(process.memoryUsage().heapUsed)
  }
  return OpenRouter.respond({ model: "openai/gpt-5", input: `Tell me about ${n}.` })
}

const numbers = (to: number) => Array.from({ length: to }, (_, index) => index + 1)

const calls = (to: number): Effect.Effect<unknown, unknown, OpenRouter.OpenRouter> => {
  const onProgress: Batch.Reader<never> = Stream.runDrain
  const options = { concurrency, ...(way === "stream+progress" ? { onProgress } : {}) }
  switch (way) {
    case "run":
      return Batch.run(numbers(to), (n) => Effect.asVoid(call(n)), options)
    case "stream":
    case "stream+progress":
      return Stream.runDrain(Batch.stream(Stream.range(1, to), call, options))
    default:
      return Effect.forEach(numbers(to), (n) => Effect.result(call(n)), { concurrency, discard: true })
  }
}

await Effect.gen(function*() {
  yield* calls(3000)
  heap.length = 0
  const before = process.cpuUsage()
  yield* calls(items)
  const { system, user } = process.cpuUsage(before)
  process.send?.({ cpu: user + system, heap })
}).pipe(Effect.provide(layer), Effect.runPromise)
process.disconnect()
