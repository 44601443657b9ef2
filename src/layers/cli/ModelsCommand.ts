/**
 * `effect-openrouter models`: which models there are, what they can do, and what they cost.
 *
 * @since 0.1.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Model from "../../domain/endpoint/Model.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as OpenRouter from "../../services/OpenRouter.ts"
import * as Flags from "./Flags.ts"
import * as Table from "./Table.ts"

const flags = {
  words: Argument.String("words").pipe(
    Argument.withDescription("Only models whose id or name has all of these"),
    Argument.variadic()
  ),
  supports: Flag.String("supports").pipe(
    Flag.withMetavar("parameter"),
    Flag.withDescription("Only models that support it, such as tools or structured_outputs; may be repeated"),
    Flag.atLeast(0)
  ),
  input: Flag.String("input").pipe(
    Flag.withMetavar("modality"),
    Flag.withDescription("Only models that take it, such as image; may be repeated"),
    Flag.atLeast(0)
  ),
  output: Flag.String("output").pipe(
    Flag.withMetavar("modality"),
    Flag.withDescription("Only models that give it, such as image; may be repeated"),
    Flag.atLeast(0)
  ),
  context: Flag.Int("context").pipe(
    Flags.defaulted(0, "Only models with a context of so many tokens"),
    Flag.withSchema(Flags.from(0))
  ),
  maxPrice: Flag.String("max-price").pipe(
    Flag.withMetavar("usd"),
    Flag.withDescription(
      "Only models whose million tokens, in or out, cost this at most; 0 for free ones (default: all)"
    ),
    Flag.withSchema(Flags.amount),
    Flag.optional
  ),
  sort: Flag.Literals("sort", ["price", "context", "newest", "id"]).pipe(
    Flag.withDescription("The cheapest, the longest or the newest first, or by name (default price)"),
    Flag.withDefault("price")
  ),
  limit: Flag.Int("limit").pipe(
    Flag.withAlias("n"),
    Flag.withDescription("How many at most (default: all)"),
    Flag.withSchema(Flags.from(1)),
    Flag.optional
  ),
  json: Flags.json,
  emulator: Flags.emulator
}

type Options = Command.Command.Config.Infer<typeof flags>

const perMillion = (price: Usd.Usd | undefined): Usd.Usd | undefined =>
  price === undefined ? undefined : Usd.multiply(price, 1_000_000)

/** What a million tokens in and a million out cost together; unknown for routers, whose price is that of whom they choose. */
const priceOf = ({ pricing }: Model.Model): Usd.Usd | undefined => {
  const [prompt, completion] = [perMillion(pricing?.prompt), perMillion(pricing?.completion)]
  return prompt === undefined || completion === undefined ? undefined : Usd.sum(prompt, completion)
}

const hasAll = (all: ReadonlyArray<string> | undefined, wanted: ReadonlyArray<string>): boolean =>
  wanted.every((name) => all?.includes(name) === true)

const isCheap = ({ pricing }: Model.Model, maxPrice: Option.Option<string>): boolean => {
  if (Option.isNone(maxPrice)) return true
  const most = Usd.make(maxPrice.value)
  return [pricing?.prompt, pricing?.completion].every((price) => {
    const million = perMillion(price)
    return million !== undefined && Usd.isLessThanOrEqualTo(million, most)
  })
}

const matches = (model: Model.Model, options: Options): boolean => {
  const name = `${model.id} ${model.name ?? ""}`.toLowerCase()
  return options.words.every((word) => name.includes(word.toLowerCase())) &&
    hasAll(model.supportedParameters, options.supports) &&
    hasAll(model.architecture?.inputModalities, options.input) &&
    hasAll(model.architecture?.outputModalities, options.output) &&
    (model.contextLength ?? 0) >= options.context &&
    isCheap(model, options.maxPrice)
}

const byId = (a: Model.Model, b: Model.Model): number => a.id < b.id ? -1 : Number(a.id > b.id)

const byPrice = (a: Model.Model, b: Model.Model): number => {
  const [one, other] = [priceOf(a), priceOf(b)]
  if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined)
  return Usd.Order(one, other)
}

const orders: { readonly [S in Options["sort"]]: (a: Model.Model, b: Model.Model) => number } = {
  price: byPrice,
  context: (a, b) => (b.contextLength ?? 0) - (a.contextLength ?? 0),
  newest: (a, b) => (b.created ?? 0) - (a.created ?? 0),
  id: byId
}

/** As many decimals as the cheap ones need. */
const priceText = (price: Usd.Usd | undefined): string =>
  price === undefined ? "" : Usd.format(price, { decimals: Math.max(2, Math.min(price.scale, 4)) })

const encode = Schema.encodeSync(Schema.toCodecJson(Schema.Array(Schema.suspend(() => Model.Model))))

/**
 * The command.
 *
 * @since 0.1.0
 */
export const command: Command.Command<"models", Options, {}, RequestError | Config.ConfigError, never> = Command.make(
  "models",
  flags,
  (options) =>
    Effect.gen(function*() {
      const all = yield* OpenRouter.models()
      const found = all.filter((model) => matches(model, options)).toSorted((a, b) =>
        orders[options.sort](a, b) || byId(a, b)
      ).slice(0, Option.getOrUndefined(options.limit))
      if (options.json) return yield* Console.log(JSON.stringify(encode(found)))
      yield* Console.log(Table.make(
        [
          { name: "model" },
          { name: "context", isFigure: true },
          { name: "$/M in", isFigure: true },
          { name: "$/M out", isFigure: true },
          { name: "takes" }
        ],
        found.map((model) => [
          model.id,
          String(model.contextLength ?? ""),
          priceText(perMillion(model.pricing?.prompt)),
          priceText(perMillion(model.pricing?.completion)),
          model.architecture?.inputModalities?.join(", ") ?? ""
        ])
      ))
      yield* Console.error(`${found.length} of ${all.length} models`)
    })
).pipe(
  Command.provide(({ emulator }) => Flags.client(emulator)),
  Command.withDescription("List models. Prices are in USD for a million tokens."),
  Command.withExamples([
    { command: "effect-openrouter models --supports tools --max-price 1 --limit 10", description: "Ten cheap ones" },
    { command: "effect-openrouter models claude --sort newest --json | jq -r '.[].id'", description: "For programs" }
  ])
)
