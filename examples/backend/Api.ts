/** What the backend offers: one endpoint that answers as JSON, one that streams, and what is left of a user's budget. */
import { Context, Schema } from "effect"
import { Usd } from "effect-openrouter"
import { HttpError } from "effect-openrouter/http"
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity
} from "effect/http-api"

/** Who asks. A real backend has accounts; this one gives each browser a name. */
export class User extends Context.Service<User, string>()("backend/User") {}

/** The cookie with that name. The page gets it, and no script can read it. */
export const cookie = HttpApiSecurity.apiKey({ key: "user", in: "cookie" })

/** The browser has no cookie, or not one of ours. */
export class Unknown extends Schema.TaggedError<Unknown>()(
  "Unknown",
  { message: Schema.String },
  { httpApiStatus: 401 }
) {}

export class Known extends HttpApiMiddleware.Service<Known, { provides: User }>()("backend/Known", {
  security: { cookie },
  error: Unknown
}) {}

export const Question = Schema.Struct({
  question: Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(10_000))
})

/** What a user has spent today, and may spend. */
export const Spending = Schema.Struct({ spent: Usd.Usd, limit: Usd.Usd })

/** A piece of the text. */
export const Text = Schema.TaggedStruct("Text", { delta: Schema.String })

/** The last event of a good answer. */
export const Done = Schema.TaggedStruct("Done", Spending.fields)

/** The last event of an answer that broke off. What happened earlier has a status instead. */
export const Failed = Schema.TaggedStruct("Failed", { error: HttpError.HttpError })

export const Event = Schema.Union([Text, Done, Failed])

export type Event = typeof Event.Type

const Model = HttpApiGroup.make("model")
  .add(
    HttpApiEndpoint.post("answer", "/answer", {
      payload: Question,
      success: Schema.Struct({ text: Schema.String, ...Spending.fields }),
      error: HttpError.all
    }),
    HttpApiEndpoint.post("stream", "/stream", {
      payload: Question,
      success: HttpApiSchema.StreamSse({ data: Event }),
      error: HttpError.all
    }),
    HttpApiEndpoint.get("spending", "/spending", { success: Spending })
  )
  .middleware(Known)
  .prefix("/api")

export class Api extends HttpApi.make("backend").add(Model) {}
