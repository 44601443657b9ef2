/** What every program with Effect, its schemas and its HTTP client over `fetch` has in its bundle, whoever wrote it. */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Schema from "effect/Schema"

const Answer = Schema.Struct({ output: Schema.Array(Schema.Struct({ type: Schema.String })) })

const program = HttpClient.get("https://openrouter.ai/api/v1/responses").pipe(
  Effect.flatMap((response) => response.json),
  Effect.flatMap(Schema.decodeUnknownEffect(Answer))
)
program.pipe(Effect.provide(FetchHttpClient.layer), Effect.runPromise).then((answer) => console.log(answer.output))
