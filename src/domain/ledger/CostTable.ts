/**
 * Reports for people.
 *
 * @since 0.1.0
 */
import * as Usd from "../money/Usd.ts"
import type { ScopeReport } from "./ScopeReport.ts"

/**
 * Renders a report as a table, a line per scope, inner scopes indented.
 *
 * `depth` limits how deep it goes (default: all). What is inside of scopes that keep their sum only is told once, under
 * `(inside)`. What was saved has its columns if anything was.
 *
 * @since 0.1.0
 */
export const toTable = (report: ScopeReport, options?: { readonly depth?: number | undefined }): string => {
  const depth = options?.depth ?? Infinity
  const decimals = decimalsOf(report, depth)
  const hasSaved = report.savedCalls > 0
  const rows: Array<ReadonlyArray<string>> = [[
    "scope",
    "calls",
    "failed",
    "unknown",
    "tokens in",
    "tokens out",
    "cost",
    ...(hasSaved ? ["saved calls", "saved"] : [])
  ]]
  const visit = (scope: ScopeReport, level: number): void => {
    const { calls, cost, failures, inputTokens, outputTokens, saved, savedCalls, unknown } = scope
    rows.push([
      "  ".repeat(level) + scope.name,
      ...[calls, failures, unknown, inputTokens, outputTokens].map(String),
      Usd.format(cost, { decimals }),
      ...(hasSaved ? [String(savedCalls), Usd.format(saved, { decimals })] : [])
    ])
    if (level >= depth) return
    for (const inner of scope.scopes) visit(inner, level + 1)
    if (scope.inside === undefined) return
    rows.push([`${"  ".repeat(level + 1)}(inside)`, ...Array<string>(hasSaved ? 8 : 6).fill("")])
    if (level + 1 < depth) { for (const inner of scope.inside) visit(inner, level + 2) }
  }
  visit(report, 0)
  const widths = rows.reduce<ReadonlyArray<number>>(
    (widths, row) => row.map((cell, column) => Math.max(widths[column] ?? 0, cell.length)),
    []
  )
  return rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)).join(
      "  "
    ).trimEnd()
  ).join("\n")
}

/** As many decimals as the longest amount has, so that nothing is rounded and the points stand below each other. */
const decimalsOf = (report: ScopeReport, depth: number): number => {
  const own = Math.max(2, report.cost.scale, report.saved.scale)
  return depth === 0 ? own : [...report.scopes, ...report.inside ?? []].reduce(
    (decimals, inner) => Math.max(decimals, decimalsOf(inner, depth - 1)),
    own
  )
}
