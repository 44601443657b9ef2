/** A conversation on disk: one line of JSON for each exchange, which is written when it is over. */
import { Effect, FileSystem, Option, Schema } from "effect"
import { Input, Usd } from "effect-openrouter"

/** What was said and done since the last one, and what that cost. */
export const Exchange = Schema.Struct({ items: Schema.Array(Input.InputItem), cost: Usd.Usd })

export interface Exchange extends Schema.Schema.Type<typeof Exchange> {}

const Line = Schema.fromJsonString(Schema.toCodecJson(Exchange))

/** The exchanges of a file. A line that a crash has torn is left out. */
export const load = Effect.fn("History.load")(function*(file: string) {
  const files = yield* FileSystem.FileSystem
  const text = (yield* files.exists(file)) ? yield* files.readFileString(file) : ""
  return text.split("\n").flatMap((line) => Option.toArray(Schema.decodeOption(Line)(line)))
})

/** Adds an exchange to a file. The first line end is for a line that was torn before. */
export const append = Effect.fn("History.append")(function*(file: string, exchange: Exchange) {
  const files = yield* FileSystem.FileSystem
  const line = yield* Schema.encodeEffect(Line)(exchange)
  yield* files.writeFileString(file, `\n${line}\n`, { flag: "a" })
})
