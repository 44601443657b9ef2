/**
 * What the requests of a part of a program have in common: fields that they leave out, and headers.
 *
 * Fields are filled in at the very beginning of a call, before its middlewares see the request. Headers are added to each
 * attempt when it is sent.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { dual } from "effect/Function"
import type { CreateResponse } from "../domain/request/CreateResponse.ts"
import * as Wire from "../domain/wire/Wire.ts"
import * as Program from "./Program.ts"

/**
 * The fields that the requests of the running program have where they leave them out.
 *
 * @since 0.1.0
 */
export const CurrentDefaults: Context.Reference<CreateResponse> = /* @__PURE__ */ Context.Reference<CreateResponse>(
  "effect-openrouter/OpenRouter/CurrentDefaults",
  { defaultValue: () => noFields }
)

const noFields: CreateResponse = {}

/**
 * Gives all requests of an effect or a stream fields that they leave out, each top-level field as a whole.
 *
 * Inner defaults come before outer ones. A request is checked after it has been filled.
 *
 * **Example** (One model for a part of a program)
 *
 * ```ts
 * import { OpenRouter } from "effect-openrouter"
 *
 * const program = OpenRouter.respond({ input: "Describe the town square." }).pipe(
 *   OpenRouter.withDefaults({ model: "openai/gpt-5", maxOutputTokens: 500 })
 * )
 * ```
 *
 * @since 0.1.0
 */
export const withDefaults: {
  (fields: CreateResponse): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, fields: CreateResponse): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, fields: CreateResponse): Program.Within<P> =>
    Program.update(self, CurrentDefaults, (outer) => filled(fields, outer))
)

/**
 * A request with the fields of `defaults` that it leaves out.
 *
 * @since 0.1.0
 */
export const filled = (request: CreateResponse, defaults: CreateResponse): CreateResponse =>
  defaults === noFields ? request : { ...defaults, ...Wire.compact(request) }

/**
 * Headers by lower-case name.
 *
 * @since 0.1.0
 */
export interface Headers {
  readonly [name: string]: string
}

/**
 * The headers that the requests of the running program carry besides the client's own.
 *
 * @since 0.1.0
 */
export const CurrentHeaders: Context.Reference<Headers> = /* @__PURE__ */ Context.Reference<Headers>(
  "effect-openrouter/OpenRouter/CurrentHeaders",
  { defaultValue: () => noHeaders }
)

const noHeaders: Headers = {}

/**
 * The place of the running call in a run that is journaled: what is sent carries it, see `PlaceMark`.
 *
 * @since 0.1.0
 */
export const CurrentMark: Context.Reference<string | undefined> = /* @__PURE__ */ Context.Reference<string | undefined>(
  "effect-openrouter/Defaults/CurrentMark",
  { defaultValue: () => undefined }
)

/**
 * Adds headers to all requests of an effect or a stream, such as those of OpenRouter's response cache or a provider's.
 *
 * A header that is there already, also one of the layer, gets the new value inside. `authorization` and `accept` stay the
 * client's. One that no HTTP message can carry makes the call fail with `InvalidRequest`.
 *
 * @since 0.1.0
 */
export const withHeaders: {
  (headers: Headers): <P extends Program.Program>(self: P) => Program.Within<P>
  <P extends Program.Program>(self: P, headers: Headers): Program.Within<P>
} = /* @__PURE__ */ dual(
  2,
  <P extends Program.Program>(self: P, headers: Headers): Program.Within<P> =>
    Program.update(self, CurrentHeaders, (outer) => ({ ...outer, ...lowerCased(headers) }))
)

const lowerCased = (headers: Headers): Headers =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
