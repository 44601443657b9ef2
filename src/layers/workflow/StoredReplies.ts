/**
 * What the activities of an execution ended with, read from the tables of the engine: many at a time, and without the message
 * to the workflow itself that an activity else is, which is most of what a replay costs.
 *
 * Only values are read that never change: an activity that has ended with success keeps its reply. Whatever is not found here
 * goes the usual way.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Workflow from "effect/workflow/Workflow"
import { WorkflowInstance } from "effect/workflow/WorkflowEngine"

/**
 * Finds the value that an activity ended with, by the name of the activity.
 *
 * @since 0.1.0
 */
export type Find = (
  instance: WorkflowInstance["Service"],
  activity: string
) => Effect.Effect<Option.Option<Schema.Json>>

/** The engine hashes longer keys. */
const longestKey = 255

/** So many are read by one query. */
const together = 200

/** The replies that end a request have this kind in the table. */
const ending = 0

class Lookup extends Request.Class<{ readonly key: string }, Option.Option<Schema.Json>> {}

const readRows = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({
  message_id: Schema.String,
  payload: Schema.String
})))

/** As the engine writes an activity that has ended with success. */
const readReply = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({
  _tag: Schema.Literal("Success"),
  value: Schema.Struct({
    _tag: Schema.Literal("Complete"),
    exit: Schema.Struct({ _tag: Schema.Literal("Success"), value: Schema.Json })
  })
})))

/**
 * Finds them in the tables of an engine over this database.
 *
 * @since 0.1.0
 */
export const make = (sql: SqlClient): Find => {
  const read = Effect.fnUntraced(function*(keys: ReadonlyArray<string>) {
    const rows = yield* Effect.flatMap(
      sql`
        SELECT m.message_id, r.payload FROM cluster_messages m
        JOIN cluster_replies r ON r.request_id = m.id AND r.kind = ${ending}
        WHERE ${sql.in("m.message_id", keys)}
      `.unprepared,
      readRows
    )
    return new Map(rows.map((row) => [row.message_id, row.payload]))
  }, Effect.withTracerEnabled(false))
  const resolver = RequestResolver.make<Lookup>((entries) =>
    Effect.map(
      // What cannot be read here, the engine reads, and repeats until it can.
      Effect.orElseSucceed(read(Arr.map(entries, ({ request }) => request.key)), () => new Map<string, string>()),
      (found) => {
        for (const entry of entries) {
          const payload = found.get(entry.request.key)
          const reply = payload === undefined ? Option.none() : readReply(payload)
          entry.completeUnsafe(Exit.succeed(Option.map(reply, ({ value }) => value.exit.value)))
        }
      }
    )
  ).pipe(RequestResolver.batchN(together))
  return (instance, activity) => {
    const key = `Workflow/${instance.workflow._tag}/${instance.executionId}/activity/${activity}/1`
    if (key.length > longestKey) return Effect.succeedNone
    // It counts as an activity in flight, so that another call does not put the workflow to sleep meanwhile.
    return Workflow.wrapActivityResult(Effect.request(new Lookup({ key }), resolver), () => false).pipe(
      Effect.provideService(WorkflowInstance, instance)
    )
  }
}
