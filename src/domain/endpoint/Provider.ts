/**
 * The providers behind OpenRouter.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../wire/Wire.ts"
import * as Call from "./Call.ts"

const optional = Schema.optionalKey

/**
 * A provider. `slug` is what `provider.order` and its siblings take.
 *
 * @since 0.1.0
 */
export const Provider = Wire.LazyStruct(() => ({
  name: Schema.String,
  slug: Schema.String,
  privacyPolicyUrl: optional(Schema.String),
  termsOfServiceUrl: optional(Schema.String),
  statusPageUrl: optional(Schema.String),
  /** Country code. */
  headquarters: optional(Schema.String),
  /** Country codes. */
  datacenters: optional(Schema.Array(Schema.String))
}))

/**
 * @since 0.1.0
 */
export interface Provider extends Schema.Schema.Type<typeof Provider> {}

/**
 * `GET /providers`.
 *
 * @since 0.1.0
 */
export const providers: Call.Call<ReadonlyArray<Provider>> = {
  name: "providers",
  path: "/providers",
  read: Call.reader(Schema.Array(Schema.suspend(() => Provider)), { from: "data" })
}
