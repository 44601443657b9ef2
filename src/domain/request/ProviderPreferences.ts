/**
 * How OpenRouter chooses the provider that serves a request.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Usd from "../money/Usd.ts"
import { deferred } from "../wire/Lazy.ts"
import * as Wire from "../wire/Wire.ts"

const optional = Schema.optional

const decimal = Schema.Union([
  Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  Schema.String.check(
    Schema.isPattern(/^\d+(\.\d+)?$/, { message: "is no price; write it as decimal text, such as 0.5" })
  )
])

/** A price: a number or decimal text here, always decimal text on the wire. */
const Price = decimal.pipe(Schema.decodeTo(
  decimal,
  SchemaTransformation.transform<string | number, string | number>({
    decode: (price) => price,
    encode: (price) => typeof price === "string" ? price : Usd.toText(Usd.fromNumber(price))
  })
))

/** One value, or one for each percentile. */
const Threshold = deferred(() =>
  Schema.Union([
    Schema.Finite,
    Wire.Struct({
      p50: optional(Schema.Finite),
      p75: optional(Schema.Finite),
      p90: optional(Schema.Finite),
      p99: optional(Schema.Finite)
    })
  ])
)

const SortBy = Wire.OpenLiterals(["price", "throughput", "latency", "exacto"])

/**
 * Preferences for the choice of a provider; every part is optional.
 *
 * Providers are named by slug, such as `openai` or `google-vertex/us-east5`.
 *
 * @since 0.1.0
 */
export const ProviderPreferences = Wire.LazyStruct(() => ({
  /** Providers to try first, in this order. */
  order: optional(Schema.Array(Schema.String)),
  only: optional(Schema.Array(Schema.String)),
  ignore: optional(Schema.Array(Schema.String)),
  /** Whether others may serve when the preferred ones cannot. OpenRouter's default: true. */
  allowFallbacks: optional(Schema.Boolean),
  /** Only providers that support every parameter of the request. OpenRouter's default: false. */
  requireParameters: optional(Schema.Boolean),
  dataCollection: optional(Wire.OpenLiterals(["allow", "deny"])),
  /** Only endpoints with zero data retention. */
  zdr: optional(Schema.Boolean),
  enforceDistillableText: optional(Schema.Boolean),
  quantizations: optional(Schema.Array(Wire.OpenLiterals([
    "int4",
    "int8",
    "fp4",
    "mxfp4",
    "nvfp4",
    "fp6",
    "fp8",
    "mxfp8",
    "fp16",
    "bf16",
    "fp32",
    "unknown"
  ]))),
  sort: optional(Schema.Union([
    SortBy,
    Wire.Struct({ by: optional(SortBy), partition: optional(Wire.OpenLiterals(["model", "none"])) })
  ])),
  /** Tokens per second. */
  preferredMinThroughput: optional(Threshold),
  /** Seconds. */
  preferredMaxLatency: optional(Threshold),
  /** US dollars per million tokens (`prompt`, `completion`), per image, audio unit or request. */
  maxPrice: optional(Wire.Struct({
    prompt: optional(Price),
    completion: optional(Price),
    image: optional(Price),
    audio: optional(Price),
    request: optional(Price)
  }))
}))

/**
 * @since 0.1.0
 */
export interface ProviderPreferences extends Schema.Schema.Type<typeof ProviderPreferences> {}
