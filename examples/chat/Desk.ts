/** What the model can do for whoever chats with it. */
import { DateTime, Effect, FileSystem, Random, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"

class Unwritten extends Schema.TaggedError<Unwritten>()("Unwritten", { file: Schema.String }) {}

const Time = Tool.make("time", { description: "The time now, in UTC", success: Schema.String })

const Dice = Tool.make("dice", {
  description: "Rolls dice",
  parameters: Schema.Struct({
    count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })),
    sides: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 100 }))
  }),
  success: Schema.Array(Schema.Int)
})

const Note = Tool.make("note", {
  description: "Writes a line into the user's notes",
  parameters: Schema.Struct({ text: Schema.String }),
  success: Schema.String,
  failure: Unwritten,
  needsApproval: true
})

export const toolkit = Toolkit.make(Time, Dice, Note)

/** The handlers; notes go to a file. */
export const layer = (notes: string) =>
  toolkit.toLayer(Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    return {
      time: () => Effect.map(DateTime.now, DateTime.formatIso),
      dice: ({ count, sides }) => Effect.forEach(Array.from({ length: count }), () => Random.nextIntBetween(1, sides)),
      note: ({ text }) =>
        files.writeFileString(notes, `${text}\n`, { flag: "a" }).pipe(
          Effect.as("written"),
          Effect.mapError(() => new Unwritten({ file: notes }))
        )
    }
  }))
