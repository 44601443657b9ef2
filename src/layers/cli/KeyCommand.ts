/**
 * `effect-openrouter key`: what the key in use may spend, and has spent.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import type * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Account from "../../domain/endpoint/Account.ts"
import type { RequestError } from "../../domain/error/OpenRouterError.ts"
import * as Usd from "../../domain/money/Usd.ts"
import * as OpenRouter from "../../services/OpenRouter.ts"
import * as Flags from "./Flags.ts"
import * as Table from "./Table.ts"

const flags = { json: Flags.json, emulator: Flags.emulator }

/** Only a management key may know; for any other the account is not there. */
const credits: Effect.Effect<Account.Credits | undefined, RequestError, OpenRouter.OpenRouter> = OpenRouter.credits
  .pipe(
    Effect.catchTag(["AccessDenied", "InvalidApiKey"], () => Effect.undefined)
  )

const encodeKey = Schema.encodeSync(Schema.toCodecJson(Account.KeyInfo))

const encodeCredits = Schema.encodeSync(Schema.toCodecJson(Account.Credits))

const toText = (key: Account.KeyInfo, account: Account.Credits | undefined): string => {
  const free = key.freeModelDailyRequests
  return Table.pairs([
    ["key", key.label],
    ["kind", key.isManagementKey === true ? "management key" : key.isFreeTier === true ? "free tier" : "paid tier"],
    ["limit", key.limit === undefined ? "none" : `${key.limit}${key.limitReset ? `, ${key.limitReset}` : ""}`],
    ["left of it", key.limitRemaining],
    ["spent", key.usage],
    ["  today", key.usageDaily],
    ["  this week", key.usageWeekly],
    ["  this month", key.usageMonthly],
    ["by your own provider keys", key.byokUsage],
    ["free models today", free?.used === undefined ? undefined : `${free.used} of ${free.limit ?? "?"} requests`],
    ["expires", key.expiresAt],
    ["credits bought", account?.totalCredits],
    ["credits used", account?.totalUsage],
    ["credits left", account === undefined ? undefined : Usd.subtract(account.totalCredits, account.totalUsage)]
  ])
}

/**
 * The command.
 *
 * @since 0.1.0
 */
export const command: Command.Command<
  "key",
  Command.Command.Config.Infer<typeof flags>,
  {},
  RequestError | Config.ConfigError,
  never
> = Command.make("key", flags, ({ json }) =>
  Effect.gen(function*() {
    const [key, account] = yield* Effect.all([OpenRouter.key, credits], { concurrency: 2 })
    yield* Console.log(
      json
        ? JSON.stringify({ key: encodeKey(key), ...(account !== undefined && { credits: encodeCredits(account) }) })
        : toText(key, account)
    )
  })).pipe(
    Command.provide(({ emulator }) => Flags.client(emulator)),
    Command.withDescription(
      "Show the limits and the usage of the key; of a management key also the account's credits."
    ),
    Command.withExamples([
      { command: "effect-openrouter key --json | jq .key.limit_remaining", description: "What is left, for programs" }
    ])
  )
