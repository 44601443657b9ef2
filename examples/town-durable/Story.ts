/** The story as a workflow, and the engine of each process that has to do with it. */
import { Effect, Layer, Redacted, Schema } from "effect"
import { Sqlite } from "effect-openrouter/node"
import { DurableEngine } from "effect-openrouter/workflow"
import { Workflow } from "effect/workflow"
import * as data from "../town/data.ts"
import * as Town from "../town/Town.ts"

export const Story = Workflow.make("TownStory", {
  payload: { id: Schema.String, ticks: Schema.Int, model: Schema.String },
  /** What was narrated last at each place. */
  success: Schema.Array(Schema.Struct({ place: Schema.String, narration: Schema.String })),
  error: Schema.String,
  idempotencyKey: ({ id }) => id
})

/** Tells of each tick as often as it is told: a replay tells it again, and pays for nothing. */
export const storyLayer = (say: Town.Options["say"]) =>
  Story.toLayer(Effect.fn(function*({ model, ticks }) {
    const story = yield* Town.run({ model, ticks, say, people: data.people, places: data.places })
    if (story.stoppedBy !== undefined) return yield* Effect.fail(story.stoppedBy.message)
    const scenes = story.ticks.at(-1)?.scenes ?? []
    return scenes.map(({ name, narration }) => ({ place: name, narration }))
  }))

/** Where stories are kept: a URL of PostgreSQL, or a file. */
export interface Place {
  readonly database: string
}

const isPostgres = ({ database }: Place) => /^postgres(ql)?:/.test(database)

const file = ({ database }: Place) => Sqlite.layer({ filename: database, synchronous: "NORMAL" })

/** For a process that runs stories. */
export const runner = (place: Place, port: number): Layer.Layer<DurableEngine.Engine, unknown> =>
  isPostgres(place)
    ? DurableEngine.layerPostgres({ url: Redacted.make(place.database), host: "127.0.0.1", port })
    : DurableEngine.layerCluster({ host: "127.0.0.1", port }).pipe(Layer.provide(file(place)))

/** For a process that begins them. */
export const client = (place: Place): Layer.Layer<DurableEngine.Engine, unknown> =>
  isPostgres(place)
    ? DurableEngine.layerPostgresClient({ url: Redacted.make(place.database) })
    : DurableEngine.layerClusterClient().pipe(Layer.provide(file(place)))
