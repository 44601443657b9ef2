/** A small program as a user would write it; its tests are beside it. */
import { Effect, Schema, Stream } from "effect"
import { CostLedger, OpenRouter } from "effect-openrouter"

export const model = "openai/gpt-5"

export const Intention = Schema.Struct({
  action: Schema.String,
  goTo: Schema.Literals(["the inn", "the mill"]),
  hours: Schema.Int
})

export interface Turn {
  readonly name: string
  readonly action: string
}

/** What somebody does; idles where the model refuses or makes no sense. */
export const turn = (name: string) =>
  OpenRouter.respondObject({ model, instructions: `You are ${name}.`, input: "What do you do?", schema: Intention })
    .pipe(
      Effect.map(({ value }): Turn => ({ name, action: `${value.action} (${value.goTo})` })),
      Effect.catchTags({
        Refused: ({ refusal }) => Effect.succeed<Turn>({ name, action: `idles: ${refusal}` }),
        InvalidOutput: () => Effect.succeed<Turn>({ name, action: "idles: made no sense" })
      }),
      CostLedger.scope(name)
    )

/** One day of all of them, at once. */
export const day = (names: ReadonlyArray<string>) =>
  Effect.forEach(names, turn, { concurrency: "unbounded" }).pipe(CostLedger.measured)

/** What a narrator says, and half of it where the stream breaks off. */
export const narration = OpenRouter.streamText({ model, input: "Narrate." }).pipe(
  Stream.mkString,
  Effect.catchTag("StreamInterrupted", ({ partialText = "" }) => Effect.succeed(`${partialText} …`))
)
