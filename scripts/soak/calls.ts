/** The calls of a soak, each as a program would make it, and how each of their requests ended. */
import { Cause, Effect, Exit, Fiber, Result, Schema, Stream } from "effect"
import { Batch, Budget, Conversations, CostLedger, OpenRouter, Tools } from "effect-openrouter"
import { Tool, Toolkit } from "effect/ai"
import * as Plan from "./plan.ts"

const Lookup = Toolkit.make(Tool.make("lookUp", {
  description: "What comes after a number",
  parameters: Schema.Struct({ n: Schema.Int }),
  success: Schema.String
}))

/** The handlers of the loops of tools. */
export const layerTools = Lookup.toLayer({ lookUp: ({ n }) => Effect.succeed(`something comes after ${n}`) })

/** What calls need. */
export type Needs = OpenRouter.OpenRouter | Conversations.Conversations | Tool.HandlersFor<typeof Lookup.tools>

/** How a request ended: the tag of its outcome or error, with more words where something is wrong with it. */
type Ended = string

const causeOf = (cause: Cause.Cause<{ readonly _tag: string }>): Ended => {
  const [reason] = cause.reasons
  switch (reason?._tag) {
    case "Fail":
      return reason.error._tag
    case "Die":
      return `died: ${Cause.pretty(cause)}`
    default:
      return Cause.hasInterruptsOnly(cause) ? "Interrupted" : Cause.pretty(cause)
  }
}

const said = (seed: number, place: Plan.Place, text: string): Ended =>
  text === Plan.answerOf(seed, place) ? Plan.completed : `answered with a wrong text: ${text}`

/** What was shown of an answer while it arrived; of a stream with a broken event a piece may be missing. */
const shown = (seed: number, place: Plan.Place, text: string): Ended => {
  const whole = Plan.answerOf(seed, place)
  if (text === whole) return Plan.completed
  let end = 0
  while (end < text.length && text[end] === whole[end]) end++
  return end > 0 && whole.endsWith(text.slice(end)) && whole.length - text.length < 30
    ? Plan.completedWithAGap
    : `showed a wrong text: ${text}`
}

const answered = (seed: number, call: Plan.Call, item: number) =>
  Effect.map(
    OpenRouter.respond({ model: call.model, input: Plan.questionOf(call.n, item), maxOutputTokens: 2000 }),
    ({ text }) => said(seed, { n: call.n, item, step: 0 }, text)
  )

/** Makes a call; gives how each of its requests ended, as `Plan.coursesOf` has them. */
const make = (
  seed: number,
  call: Plan.Call
): Effect.Effect<Ended | ReadonlyArray<Ended>, { readonly _tag: string }, Needs> => {
  const { kind, model, n } = call
  const place: Plan.Place = { n, item: 0, step: 0 }
  const request = { model, input: Plan.questionOf(n), maxOutputTokens: 2000 }
  switch (kind) {
    case "plain":
      return answered(seed, call, 0)
    case "structured":
      return Effect.map(
        OpenRouter.respondObject({ ...request, schema: Schema.Struct({ n: Schema.Int, text: Schema.String }) }),
        ({ value }) => value.n === n ? said(seed, place, value.text) : `has ${value.n} as n`
      )
    case "stream":
      return OpenRouter.streamText(request).pipe(Stream.mkString, Effect.map((text) => shown(seed, place, text)))
    case "tools":
      return Effect.map(
        Tools.run({ ...request, toolkit: Lookup }),
        (run) => run._tag === "Answered" ? said(seed, { ...place, step: 1 }, run.text) : run._tag
      )
    case "conversation":
      return call.isStreamed
        ? Conversations.streamText(call.talk, request).pipe(
          Stream.map((part) => part._tag === "Text" ? part.text : ""),
          Stream.mkString,
          Effect.map((text) => shown(seed, place, text))
        )
        : Effect.map(Conversations.respond(call.talk, request), ({ text }) => said(seed, place, text))
    case "budget":
      return Budget.limit(answered(seed, call, 0), call.isTooDear ? "0.00000001" : "1")
    case "batch":
      return Effect.map(
        Batch.run(
          Array.from({ length: Plan.batchSize }, (_, item) => item),
          (item) => answered(seed, call, item),
          { stopOn: [] }
        ),
        (results) => results.map((result) => Result.isSuccess(result) ? result.success : result.failure._tag)
      )
  }
}

/** How long an interrupted call may still go on. */
const interruptMillis = 2000

/** Makes a call of the plan, and tells what is wrong with how it ended. */
export const problemOf = Effect.fnUntraced(function*(
  seed: number,
  call: Plan.Call,
  courses: ReadonlyArray<Plan.Course>
) {
  const fiber = yield* Effect.forkChild(
    CostLedger.scope(Effect.suspend(() => make(seed, call)), call.kind),
    { startImmediately: true }
  )
  if (call.interruptedAfter !== undefined) {
    yield* Effect.sleep(call.interruptedAfter)
    const isOver = yield* Effect.timeoutOption(Fiber.interrupt(fiber), interruptMillis)
    if (isOver._tag === "None") return `is not over ${interruptMillis} ms after it was interrupted`
  }
  const exit = yield* Effect.timeoutOption(Fiber.await(fiber), Plan.deadlineMillis)
  if (exit._tag === "None") {
    yield* Fiber.interrupt(fiber)
    return `is not over after ${Plan.deadlineMillis} ms`
  }
  const value = Exit.isFailure(exit.value) ? causeOf(exit.value.cause) : exit.value.value
  if (value === "Interrupted" && call.interruptedAfter !== undefined) return undefined
  const ended = typeof value === "string" ? [value] : value
  if (ended.length !== courses.length) return `ended ${ended.length} times of ${courses.length}: ${ended.join(", ")}`
  const wrong = courses.flatMap(({ ends, met }, item) => {
    const end = ended[item] ?? ""
    return ends.includes(end) ? [] : [`${end} instead of ${ends.join(" or ")} after ${met.join(", ") || "no fault"}`]
  })
  return wrong.length === 0 ? undefined : wrong.join("; ")
})
