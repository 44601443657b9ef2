/**
 * A small town of characters who each think with a model of their own.
 *
 * A tick has four phases. Within a phase all calls run at once, and wait for their turn where there is a rate limit; the next
 * begins when all of them have ended.
 */
import { Data, Effect, Result, Schedule, Schema } from "effect"
import { Budget, CostLedger, OpenRouter, RateGate, type Usd } from "effect-openrouter"
import type { Person, Place } from "./data.ts"

/** What somebody did in a tick; `idle` says why they did nothing. */
export interface Turn extends Person {
  readonly action: string
  readonly goTo: string
  readonly idle?: string
}

export interface Options {
  readonly model: string
  readonly ticks: number
  /** What a tick may cost; who would cost more than what is left of it idles. Default: as much as it does. */
  readonly budget?: Usd.Input | undefined
  readonly people: ReadonlyArray<Person>
  readonly places: ReadonlyArray<Place>
  /** Is told of the progress, a line at a time. */
  readonly say: (line: string) => Effect.Effect<void>
  /** Is given the story so far when somebody ends it. */
  readonly onInterrupt?: (story: Story) => Effect.Effect<void>
}

/** The ticks that were completed, what all calls cost (run > tick > phase > name), and what ended the story early. */
export interface Story {
  readonly ticks: ReadonlyArray<Effect.Success<ReturnType<typeof live>>>
  readonly costs: CostLedger.Report
  readonly stoppedBy: Failure | Interrupted | undefined
}

/** Somebody has heard enough. */
export class Interrupted extends Data.TaggedError("Interrupted")<{ readonly message: string }> {}

type Failure = OpenRouter.ObjectError
type Call<A> = Effect.Effect<A, Failure, OpenRouter.OpenRouter>

/** Tells the story of a town. It never fails: a call that a town cannot do without ends it early. */
export const run = Effect.fn("Town.run")(function*(options: Options) {
  const ledger = yield* CostLedger.make({ name: "run" })
  const ticks: Array<Effect.Success<ReturnType<typeof live>>> = []
  const soFar = (stoppedBy: Story["stoppedBy"]) =>
    Effect.map(ledger.report, (costs): Story => ({ ticks, costs, stoppedBy }))
  const result = yield* Effect.gen(function*() {
    let people = options.people
    for (let n = 1; n <= options.ticks; n++) {
      yield* options.say(`\nTick ${n} of ${options.ticks}`)
      const name = `tick ${n}`
      const tick = yield* paid(live(n, people, options), options).pipe(
        CostLedger.scope(name),
        CostLedger.tag({ tick: name })
      )
      ticks.push(tick)
      people = tick.turns.map(({ about, goTo, memories, name }) => ({ name, about, place: goTo, memories }))
    }
  }).pipe(
    ledger.run,
    Effect.result,
    // The calls that were under way have ended by then, and are booked.
    Effect.onInterrupt(() =>
      Effect.flatMap(
        soFar(new Interrupted({ message: "the story was not told to its end" })),
        (story) => options.onInterrupt?.(story) ?? Effect.void
      )
    )
  )
  return yield* soFar(Result.isFailure(result) ? result.failure : undefined)
})

/** No answer in a town is long. */
const paid = <A, E, R>(tick: Effect.Effect<A, E, R>, { budget }: Options) =>
  budget === undefined ? tick : Budget.limit(tick, budget, { outputTokens: 300 })

/** One tick: everybody decides, at every place something comes of it and is told, everybody remembers. */
const live = Effect.fn("Town.live")(function*(tick: number, people: ReadonlyArray<Person>, options: Options) {
  const { model, places, say } = options
  const Intention = Schema.Struct({ action: Schema.String, goTo: Schema.Literals(places.map(({ name }) => name)) })

  const intentions = yield* phase("intentions", people, options, {
    ask: (person) =>
      OpenRouter.respondObject({
        model,
        instructions: persona(person),
        input: `Hour ${tick}, ${person.place}. You remember: ${person.memories.join(" ") || "nothing yet."}\n` +
          "What do you do now, in one sentence, and where do you go afterwards?",
        schema: Intention
      }).pipe(Effect.map(({ value }): Turn => ({ ...person, ...value }))),
    otherwise: (person, idle): Turn => ({ ...person, action: "idles", goTo: person.place, idle })
  })

  const events = yield* phase("resolution", places, options, {
    ask: (place) =>
      OpenRouter.respondObject({
        model,
        instructions: `You decide what happens at ${place.name} of a small town: ${place.about}.`,
        input: `Hour ${tick}. ${actionsAt(place, intentions)}\nWhat happens, in one sentence?`,
        schema: Event
      }).pipe(Effect.map(({ value }) => ({ ...place, ...value }))),
    otherwise: (place) => ({ ...place, event: "Nothing comes of it.", mood: "calm" })
  })

  const scenes = yield* phase("narration", events, options, {
    ask: (scene) =>
      OpenRouter.respond({
        model,
        instructions: "You narrate the life of a small town, two or three plain sentences at a time.",
        input: `Hour ${tick}, ${scene.name}, ${scene.mood}. ${scene.event}`
      }).pipe(
        Effect.map(({ text }) => ({ ...scene, narration: text })),
        // Half a narration is worth reading.
        Effect.catchTag("Incomplete", (e) => Effect.succeed({ ...scene, narration: `${e.partialText} …` }))
      ),
    otherwise: (scene) => ({ ...scene, narration: scene.event })
  })
  yield* Effect.forEach(scenes, ({ name, narration }) => say(`    ${name}: ${narration}`))
  const seenAt = new Map(scenes.map(({ name, narration }) => [name, narration]))

  const turns = yield* phase("memory", intentions, options, {
    ask: (turn) =>
      OpenRouter.respond({
        model,
        instructions: persona(turn),
        input: `Hour ${tick}. You: ${turn.action}\n${seenAt.get(turn.place)}\nWhat of it do you remember? One sentence.`
      }).pipe(Effect.map(({ text }): Turn => ({ ...turn, memories: [...turn.memories, text].slice(-3) }))),
    otherwise: (turn, idle): Turn => ({ ...turn, idle })
  })
  return { tick, turns, scenes }
})

const Event = Schema.Struct({ event: Schema.String, mood: Schema.Literals(["calm", "merry", "tense", "sad"]) })

const persona = ({ about, name }: Person) => `You are ${name}, ${about}. You live in a small harbour town.`

const actionsAt = ({ name }: Place, turns: ReadonlyArray<Turn>) =>
  turns.filter(({ place }) => place === name).map((turn) => `${turn.name}: ${turn.action}`).join("\n") || "Nobody here."

/**
 * Asks for all rows at once and books each call under the phase and the name of the row.
 *
 * A failure counts only when all calls have ended: one that is interrupted is paid for, and nobody knows what it cost.
 */
const phase = Effect.fnUntraced(function*<A extends Place, B>(
  name: string,
  rows: ReadonlyArray<A>,
  { say }: Options,
  { ask, otherwise }: { readonly ask: (row: A) => Call<B>; readonly otherwise: (row: A, why: string) => B }
) {
  const call = (row: A) => {
    const idle = (why: string) => Effect.succeed({ value: otherwise(row, why), idle: [`${row.name} idles: ${why}`] })
    return ask(row).pipe(
      Effect.map((value) => ({ value, idle: [] })),
      // What a town can live with. Anything else stops it: no credits, a wrong key, a provider that stays down.
      Effect.catchTags({
        Refused: ({ refusal }) => idle(`refused (${refusal})`),
        Incomplete: ({ reason }) => idle(`cut short (${reason})`),
        InvalidOutput: () => idle("made no sense"),
        RateLimited: () => idle("rate-limited for too long"),
        BudgetExceeded: () => idle("the money of this tick is spent")
      }),
      CostLedger.scope(row.name),
      CostLedger.tag({ phase: name, "character and place": row.name }),
      Effect.result
    )
  }
  const calls = Effect.forEach(rows, call, { concurrency: "unbounded" })
  const [results, spent] = yield* calls.pipe(CostLedger.scope(name), CostLedger.measured)
  const answers = yield* Effect.fromResult(Result.all(results))
  yield* say(`  ${name}: ${rows.length} calls, ${spent.cost}`)
  yield* Effect.forEach(answers.flatMap(({ idle }) => idle), (line) => say(`    ${line}`))
  return answers.map(({ value }) => value)
})

/** Tells every other second how many calls of a story wait for their turn at the rate gate of their client. */
export const sayingWaits = <A, E, R>(story: Effect.Effect<A, E, R>, say: Options["say"]) =>
  RateGate.state.pipe(
    Effect.map((limits) => limits.flatMap(({ reach, waiting }) => reach === "model" ? waiting : []).reduce(sum, 0)),
    Effect.flatMap((waiting) => waiting > 0 ? say(`    ${waiting} calls wait for their turn`) : Effect.void),
    Effect.schedule(Schedule.spaced("2 seconds")),
    Effect.forkScoped,
    Effect.andThen(story),
    Effect.scoped
  )

const sum = (a: number, b: number) => a + b
