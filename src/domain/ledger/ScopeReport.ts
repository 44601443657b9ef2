/**
 * What the calls of a scope cost, its inner scopes included.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Usd from "../money/Usd.ts"
import * as Costs from "../outcome/Costs.ts"

const figures = {
  ...Costs.Costs.fields,
  /** Calls that were not made, because their answer was there already: in a cache, in a journal, or on its way. */
  savedCalls: Schema.Int,
  /** What they would have cost, as far as is known. It is not part of `cost`. */
  saved: Usd.Usd
}

/**
 * The figures of a ledger: what was paid, and what was saved.
 *
 * @since 0.1.0
 */
export const Figures = Schema.Struct(figures)

/**
 * @since 0.1.0
 */
export interface Figures extends Schema.Schema.Type<typeof Figures> {}

/**
 * Nothing paid, nothing saved.
 *
 * @since 0.1.0
 */
export const zero: Figures = { ...Costs.zero, savedCalls: 0, saved: Usd.zero }

/**
 * The sums of both.
 *
 * @since 0.1.0
 */
export const sum = (self: Figures, that: Figures): Figures => ({
  ...Costs.sum(self, that),
  savedCalls: self.savedCalls + that.savedCalls,
  saved: Usd.sum(self.saved, that.saved)
})

/**
 * What is left of `self` without `that`, which is part of it.
 *
 * @since 0.1.0
 */
export const subtract = (self: Figures, that: Figures): Figures => ({
  ...Costs.subtract(self, that),
  savedCalls: self.savedCalls - that.savedCalls,
  saved: Usd.subtract(self.saved, that.saved)
})

/**
 * The figures of a scope, its inner scopes included, with a report of each.
 *
 * @since 0.1.0
 */
export interface ScopeReport extends Figures {
  readonly name: string
  readonly scopes: ReadonlyArray<ScopeReport>
  /** What is inside of those `scopes` that keep their sum only, summed over all of them. Its sums are in theirs. */
  readonly inside?: ReadonlyArray<ScopeReport>
}

/**
 * A {@link ScopeReport} as JSON.
 *
 * @since 0.1.0
 */
export interface ScopeReportEncoded extends Schema.Codec.Encoded<typeof Figures> {
  readonly name: string
  readonly scopes: ReadonlyArray<ScopeReportEncoded>
  readonly inside?: ReadonlyArray<ScopeReportEncoded>
}

/**
 * The members of a scope's report, for schemas that have more.
 *
 * @since 0.1.0
 */
export const fields = {
  name: Schema.String,
  ...figures,
  scopes: Schema.Array(Schema.suspend((): Schema.Codec<ScopeReport, ScopeReportEncoded> => ScopeReport)),
  inside: Schema.optionalKey(
    Schema.Array(Schema.suspend((): Schema.Codec<ScopeReport, ScopeReportEncoded> => ScopeReport))
  )
}

/**
 * Schema of the report of one scope.
 *
 * @since 0.1.0
 */
export const ScopeReport: Schema.Codec<ScopeReport, ScopeReportEncoded> = Schema.Struct(fields)

/**
 * The scope that those are booked in which a ledger has no room for.
 *
 * @since 0.1.0
 */
export const other = "(other)"
