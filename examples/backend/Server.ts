/** The endpoints and the page. */
import { Effect, Layer, Redacted } from "effect"
import { HttpEffect, HttpRouter, HttpServerRequest, HttpServerResponse, HttpStaticServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { randomUUID } from "node:crypto"
import { fileURLToPath } from "node:url"
import * as Api from "./Api.ts"
import { Assistant } from "./Assistant.ts"

const Handlers = HttpApiBuilder.group(
  Api.Api,
  "model",
  Effect.fnUntraced(function*(handlers) {
    const { answer, spending, stream } = yield* Assistant
    return handlers.handleAll({
      answer: ({ payload }) => Api.User.use((user) => answer(user, payload.question)),
      stream: ({ payload }) =>
        Effect.andThen(
          HttpEffect.appendPreResponseHandler(unbuffered),
          Api.User.use((user) => stream(user, payload.question))
        ),
      spending: () => Api.User.use(spending)
    })
  })
)

/** Proxies pass on each event when it comes, and keep none. */
const unbuffered = (_request: HttpServerRequest.HttpServerRequest, response: HttpServerResponse.HttpServerResponse) =>
  Effect.succeed(HttpServerResponse.setHeaders(response, { "cache-control": "no-store", "x-accel-buffering": "no" }))

const isName = (name: string) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name)

const Known = Layer.succeed(Api.Known, {
  cookie: (handler, { credential }) => {
    const name = Redacted.value(credential)
    return isName(name)
      ? Effect.provideService(handler, Api.User, name)
      : Effect.fail(new Api.Unknown({ message: "This browser is not known. Load the page first." }))
  }
})

/** The page loads nothing from elsewhere, and nobody may put it into a frame. */
const headers = {
  "content-security-policy": "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; "
    + "style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff"
}

/** Names each browser that loads the page. */
const Page = HttpRouter.use(Effect.fnUntraced(function*(router) {
  const files = yield* HttpStaticServer.make({
    root: fileURLToPath(new URL("page", import.meta.url)),
    cacheControl: "no-cache"
  })
  yield* router.add(
    "GET",
    "/*",
    Effect.gen(function*() {
      const { cookies } = yield* HttpServerRequest.HttpServerRequest
      const response = HttpServerResponse.setHeaders(yield* files, headers)
      return isName(cookies[Api.cookie.key] ?? "") ? response : HttpServerResponse.setCookieUnsafe(
        response,
        Api.cookie.key,
        randomUUID(),
        { httpOnly: true, sameSite: "strict", path: "/", maxAge: "30 days" }
      )
    })
  )
}))

/** Everything that the server answers. It needs the assistant, an HTTP server and where its files are. */
export const layer = HttpRouter.serve(
  Layer.mergeAll(HttpApiBuilder.layer(Api.Api).pipe(Layer.provide(Layer.provide(Handlers, Known))), Page),
  { disableLogger: true, disableListenLog: true }
)
