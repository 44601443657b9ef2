/**
 * Flags that several commands have, and how they tell their defaults.
 *
 * @since 0.1.0
 */
import * as Flag from "effect/cli/Flag"
import type * as Config from "effect/Config"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Budget from "../../services/Budget.ts"
import type { OpenRouter as Client } from "../../services/OpenRouter.ts"
import type { RateGate } from "../../services/RateGate.ts"
import * as OpenRouter from "../OpenRouter.ts"
import * as Emulator from "../testing/Emulator.ts"

/**
 * A whole number in this range.
 *
 * @since 0.1.0
 */
export const from = (minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): Schema.Int =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/**
 * An amount in dollars, as decimal text.
 *
 * @since 0.1.0
 */
export const amount: Schema.String = Schema.String.check(
  Schema.isPattern(/^\d+(\.\d+)?$/, { expected: "an amount such as 12.50" })
)

/**
 * A flag with its default, which its description tells.
 *
 * @since 0.1.0
 */
export const defaulted =
  <A extends string | number | boolean>(value: NoInfer<A>, about: string) => (flag: Flag.Flag<A>): Flag.Flag<A> =>
    flag.pipe(Flag.withDescription(`${about} (default ${value})`), Flag.withDefault(value))

/**
 * A switch that is off unless it is named.
 *
 * @since 0.1.0
 */
export const off = (name: string, about: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(about), Flag.withDefault(false))

/**
 * A length of time, such as `300 millis`, with its default.
 *
 * @since 0.1.0
 */
export const duration = (name: string, value: string, about: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("duration"),
    defaulted(value, about),
    Flag.withSchema(Schema.DurationFromString)
  )

/**
 * Output for machines.
 *
 * @since 0.1.0
 */
export const json: Flag.Flag<boolean> = off("json", "One JSON document on stdout, and nothing else")

/**
 * Asks the emulator instead of OpenRouter.
 *
 * @since 0.1.0
 */
export const emulator: Flag.Flag<boolean> = off(
  "emulator",
  "Ask the built-in emulator: no key, no network, no cost"
)

/**
 * Who answers.
 *
 * @since 0.1.0
 */
export const model: Flag.Flag<string> = Flag.String("model").pipe(
  Flag.withAlias("m"),
  Flag.withMetavar("slug"),
  defaulted("openrouter/auto", "Who answers, such as openai/gpt-5")
)

/**
 * What the model is told first.
 *
 * @since 0.1.0
 */
export const system: Flag.Flag<Option.Option<string>> = Flag.String("system").pipe(
  Flag.withAlias("s"),
  Flag.withMetavar("text"),
  Flag.withDescription("Instructions for the model"),
  Flag.optional
)

/**
 * How long an answer may become.
 *
 * @since 0.1.0
 */
export const maxTokens: Flag.Flag<Option.Option<number>> = Flag.Int("max-tokens").pipe(
  Flag.withDescription("Tokens that an answer may have, those of its reasoning included (default: the model's limit)"),
  Flag.withSchema(from(1)),
  Flag.optional
)

/**
 * How creative an answer is.
 *
 * @since 0.1.0
 */
export const temperature: Flag.Flag<Option.Option<number>> = Flag.Finite("temperature").pipe(
  Flag.withDescription("From 0 to 2 (default: the model's own)"),
  Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  Flag.optional
)

/**
 * How long the model thinks.
 *
 * @since 0.1.0
 */
export const effort: Flag.Flag<Option.Option<"none" | "minimal" | "low" | "medium" | "high">> = Flag.Literals(
  "effort",
  ["none", "minimal", "low", "medium", "high"]
).pipe(Flag.withDescription("How long the model thinks (default: the model's own)"), Flag.optional)

/**
 * What may be spent.
 *
 * @since 0.1.0
 */
export const budget: Flag.Flag<Option.Option<string>> = Flag.String("budget").pipe(
  Flag.withMetavar("usd"),
  Flag.withDescription("USD that may be spent, such as 0.50; what would cost more is not sent (default: no limit)"),
  Flag.withSchema(amount),
  Flag.optional
)

/**
 * Keeps an effect within the `--budget`, if there is one.
 *
 * @since 0.1.0
 */
export const within =
  (budget: Option.Option<string>) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Option.match(budget, {
      onNone: () => self,
      onSome: (usd) => Budget.limit(self, usd, { name: "--budget" })
    })

/**
 * The client that a command asks: OpenRouter, with the key and the settings of the environment, or the emulator.
 *
 * @since 0.1.0
 */
export const client = (isEmulated: boolean): Layer.Layer<Client | RateGate, Config.ConfigError> =>
  isEmulated
    ? OpenRouter.layer({ apiKey: Redacted.make("emulator") }).pipe(Layer.provide(Emulator.layerHttpClient()))
    : OpenRouter.layerFetch
