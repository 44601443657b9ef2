/** The command of the chat; `main.ts` runs it. */
import { Cause, Config, Console, Effect, Layer, Option, Queue, Stdio, Stream } from "effect"
import { Input, Tools, Usd } from "effect-openrouter"
import { OpenRouterNode } from "effect-openrouter/node"
import { Command, Flag } from "effect/cli"
import { run } from "../command.ts"
import * as Desk from "./Desk.ts"
import * as Emulated from "./Emulated.ts"
import * as History from "./History.ts"

const flags = {
  history: Flag.String("history").pipe(
    Flag.withDefault("chat.jsonl"),
    Flag.withDescription("The file of the conversation (chat.jsonl)")
  ),
  notes: Flag.String("notes").pipe(
    Flag.withDefault("notes.txt"),
    Flag.withDescription("Where it writes things down (notes.txt)")
  ),
  model: Flag.String("model").pipe(
    Flag.withDefault("openai/gpt-5-mini"),
    Flag.withDescription("Who answers (openai/gpt-5-mini)")
  )
}

const write = (text: string) => Effect.sync(() => void process.stdout.write(text))

const instructions = "You chat in a terminal. Be short and friendly. Use the tools where they help."

const talk = Effect.fn("talk")(function*({ history, model }: { readonly history: string; readonly model: string }) {
  const stdin = yield* Stdio.Stdio.useSync((stdio) => stdio.stdin)
  // An input that stays open would keep the process from its end.
  yield* Effect.addFinalizer(() => Effect.sync(() => process.stdin.destroy()))
  const lines = yield* Stream.toQueue(stdin.pipe(Stream.decodeText(), Stream.splitLines), { capacity: 16 })
  /** The next line; none when the input has ended. */
  const ask = (prompt: string) =>
    Effect.andThen(write(prompt), Queue.take(lines)).pipe(Effect.catchIf(Cause.isDone, () => Effect.succeed("")))

  const exchanges = yield* History.load(history)
  let transcript = exchanges.flatMap(({ items }) => items)
  let cost = exchanges.reduce((sum, exchange) => Usd.sum(sum, exchange.cost), Usd.zero)

  /** One at a time, for there is one keyboard: calls of a step may ask at the same time. */
  const decide = (call: Tools.PendingCall) =>
    Effect.map(
      Effect.orDie(ask(`\n  ${call.name} ${JSON.stringify(call.arguments)} — may it? [y/N] `)),
      (said) =>
        /^y/i.test(said) ? Tools.approve(call) : Tools.deny(call, /^no?$/i.test(said) ? "the user says no" : said)
    )

  const show = (event: Tools.Event) => {
    switch (event._tag) {
      case "TextDelta":
        return write(event.delta)
      case "ToolCalled":
        return write(`\n  (${event.name} …)`)
      case "ToolReturned":
        return write(event.isFailure ? " (it did not work)\n" : "\n")
      default:
        return Effect.void
    }
  }

  for (;;) {
    const said = (yield* ask(`\n[${cost}] > `)).trim()
    if (said === "") return yield* Console.log("")
    const input = [...transcript, Input.user(said)]
    const events = Tools.stream({ model, instructions, input, toolkit: Desk.toolkit, concurrency: 1, decide })
    const last = yield* Stream.runLast(Stream.tap(events, show))
    if (Option.isNone(last) || last.value._tag !== "Ended") return yield* Effect.die("a run has an end")
    const { outcome } = last.value
    yield* write("\n")
    if (outcome._tag === "Stopped") yield* Console.error(`${outcome.error._tag}: ${outcome.error.message}`)
    cost = Usd.sum(cost, outcome.costs.cost)
    // What failed before anything was said leaves no trace; what failed later can be gone on with.
    if (outcome.steps === 0) continue
    yield* History.append(history, { items: outcome.transcript.slice(transcript.length), cost: outcome.costs.cost })
    transcript = [...outcome.transcript]
  }
}, Effect.scoped)

/** OpenRouter itself where there is a key. */
const client = Layer.unwrap(Effect.gen(function*() {
  const key = yield* Config.option(Config.Redacted("OPENROUTER_API_KEY"))
  if (Option.isSome(key)) return OpenRouterNode.layerUndici
  yield* Console.error(
    "No OPENROUTER_API_KEY: you talk to the emulator. Try: how late is it? roll the dice; write it down."
  )
  return Emulated.layer
}))

const chat = Command.make(
  "chat",
  flags,
  (options) => Effect.provide(talk(options), [Desk.layer(options.notes), client])
)

run(chat)
