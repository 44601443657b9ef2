/**
 * What a ledger tells: sums by scope and by tag, and the calls whose cost is unknown.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Usd from "../money/Usd.ts"
import * as Costs from "../outcome/Costs.ts"
import { lazy } from "../wire/Lazy.ts"
import * as LedgerEntry from "./LedgerEntry.ts"
import * as ScopeReport from "./ScopeReport.ts"

/**
 * A call whose cost is unknown, and which OpenRouter can be asked for.
 *
 * @since 0.1.0
 */
export const UnknownCall = Schema.Struct({
  generationId: Schema.String,
  /** When it ended. */
  time: Schema.DateTimeUtc,
  ...LedgerEntry.place,
  /** The model that was asked for. */
  model: Schema.optionalKey(Schema.String),
  /** What is booked of it. */
  costs: Costs.Costs
})

/**
 * @since 0.1.0
 */
export interface UnknownCall extends Schema.Schema.Type<typeof UnknownCall> {}

/**
 * What a ledger has booked: its figures, those of its scopes (`scopes`) and of its tags (`tags`: a scope for each name,
 * with one for each value in it).
 *
 * A ledger that starts from it goes on where that one was; see `CostLedger.make`. As JSON, amounts are decimal text.
 *
 * @since 0.1.0
 */
export const Report = Schema.Struct({
  version: Schema.Literal(1),
  ...ScopeReport.fields,
  tags: Schema.Array(ScopeReport.ScopeReport),
  /** Of the `unknown` calls those that can be asked for, as many as the ledger remembers, oldest first. */
  unknownCalls: Schema.Array(UnknownCall),
  /** How many scopes and values of tags were added to `(other)`, because there were too many. */
  folded: Schema.Int,
  /** How many entries are missing, in a report that was made of entries. */
  dropped: Schema.Int
})

/**
 * @since 0.1.0
 */
export interface Report extends Schema.Schema.Type<typeof Report> {}

const codec = Schema.toCodecJson(Report)

/**
 * A report as JSON text.
 *
 * @since 0.1.0
 */
export const FromJson: Schema.Codec<Report, string> = Schema.fromJsonString(codec)

const encode = Schema.encodeSync(codec)

const encodeScope = lazy(() => Schema.encodeSync(Schema.toCodecJson(ScopeReport.ScopeReport)))

/**
 * A report as plain JSON, or that of one scope, or what {@link by} and {@link byName} give; amounts are decimal text, exact.
 *
 * @since 0.1.0
 */
export const toJson = (report: Report | ScopeReport.ScopeReport): typeof codec.Encoded =>
  "version" in report ? encode(report) : encodeScope()(report)

/**
 * What each value of a tag cost, the most expensive first; calls without the tag are in `(untagged)`, at the end.
 *
 * @since 0.1.0
 */
export const by: {
  (tag: string): (report: Report) => ScopeReport.ScopeReport
  (report: Report, tag: string): ScopeReport.ScopeReport
} = /* @__PURE__ */ dual(2, (report: Report, tag: string): ScopeReport.ScopeReport => {
  const tagged = report.tags.find(({ name }) => name === tag)
  const figures = ScopeReport.sum(ScopeReport.zero, report)
  const values = (tagged?.scopes ?? []).toSorted(byCost)
  const rest = (name: string, whole: ScopeReport.Figures, parts: ReadonlyArray<ScopeReport.Figures>) => {
    const left = ScopeReport.subtract(whole, parts.reduce(ScopeReport.sum, ScopeReport.zero))
    return isNothing(left) ? [] : [{ name, ...left, scopes: [] }]
  }
  return {
    name: tag,
    ...figures,
    scopes: [
      ...values,
      // Of a tag whose values were all added up there is only the sum.
      ...tagged === undefined ? [] : rest(ScopeReport.other, tagged, values),
      ...rest("(untagged)", figures, tagged === undefined ? [] : [tagged])
    ]
  }
})

const isNothing = ({ calls, cost, savedCalls, upstreamCost }: ScopeReport.Figures): boolean =>
  calls === 0 && savedCalls === 0 && Usd.isZero(cost) && Usd.isZero(upstreamCost)

/**
 * What all scopes of one name cost, wherever they are, the most expensive first.
 *
 * A call counts once for each name that encloses it, so these figures overlap where scopes are nested.
 *
 * @since 0.1.0
 */
export const byName = (report: Report): ScopeReport.ScopeReport => {
  const sums = new Map<string, ScopeReport.Figures>()
  const visit = (scopes: ReadonlyArray<ScopeReport.ScopeReport>, outer: ReadonlySet<string>): void => {
    for (const scope of scopes) {
      if (!outer.has(scope.name)) {
        sums.set(scope.name, ScopeReport.sum(sums.get(scope.name) ?? ScopeReport.zero, scope))
      }
      const enclosing = new Set([...outer, scope.name])
      visit(scope.scopes, enclosing)
      visit(scope.inside ?? [], enclosing)
    }
  }
  visit(report.scopes, new Set())
  visit(report.inside ?? [], new Set())
  return {
    name: report.name,
    ...ScopeReport.sum(ScopeReport.zero, report),
    scopes: Array.from(sums, ([name, figures]) => ({ name, ...figures, scopes: [] })).toSorted(byCost)
  }
}

const byCost = (a: ScopeReport.ScopeReport, b: ScopeReport.ScopeReport): number => {
  const isRest = Number(a.name === ScopeReport.other) - Number(b.name === ScopeReport.other)
  return isRest || Usd.Order(b.cost, a.cost) || (a.name < b.name ? -1 : Number(a.name > b.name))
}
