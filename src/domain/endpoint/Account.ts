/**
 * What a key may spend and what the account has left: `GET /key` and `GET /credits`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Figure from "../money/Figure.ts"
import * as Wire from "../wire/Wire.ts"
import * as Call from "./Call.ts"

const optional = Schema.optionalKey

/**
 * The limits and the usage of the key in use. Amounts are US dollars; an absent `limit` means none.
 *
 * @since 0.1.0
 */
export const KeyInfo = Wire.LazyStruct(() => ({
  label: optional(Schema.String),
  limit: optional(Figure.amount),
  limitRemaining: optional(Figure.amount),
  /** When the limit starts anew, such as `daily` or `monthly`. */
  limitReset: optional(Schema.String),
  includeByokInLimit: optional(Schema.Boolean),
  usage: optional(Figure.amount),
  usageDaily: optional(Figure.amount),
  usageWeekly: optional(Figure.amount),
  usageMonthly: optional(Figure.amount),
  byokUsage: optional(Figure.amount),
  byokUsageDaily: optional(Figure.amount),
  byokUsageWeekly: optional(Figure.amount),
  byokUsageMonthly: optional(Figure.amount),
  isFreeTier: optional(Schema.Boolean),
  isManagementKey: optional(Schema.Boolean),
  creatorUserId: optional(Schema.String),
  workspaceId: optional(Schema.String),
  organizationId: optional(Schema.String),
  /** As the server writes it. */
  expiresAt: optional(Schema.String),
  /** Requests to free models today; starts anew at midnight UTC. */
  freeModelDailyRequests: optional(Wire.Struct({
    limit: optional(Schema.Finite),
    used: optional(Schema.Finite),
    remaining: optional(Schema.Finite)
  }))
}))

/**
 * @since 0.1.0
 */
export interface KeyInfo extends Schema.Schema.Type<typeof KeyInfo> {}

/**
 * What the account has bought and used, in US dollars. The balance is the difference.
 *
 * @since 0.1.0
 */
export const Credits = Wire.LazyStruct(() => ({
  totalCredits: Figure.amount,
  totalUsage: Figure.amount
}))

/**
 * @since 0.1.0
 */
export interface Credits extends Schema.Schema.Type<typeof Credits> {}

/**
 * `GET /key`.
 *
 * @since 0.1.0
 */
export const key: Call.Call<KeyInfo> = {
  name: "key",
  path: "/key",
  read: Call.reader(KeyInfo, { from: "data" })
}

/**
 * `GET /credits`.
 *
 * @since 0.1.0
 */
export const credits: Call.Call<Credits> = {
  name: "credits",
  path: "/credits",
  read: Call.reader(Credits, { from: "data" })
}
