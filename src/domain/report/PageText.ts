/**
 * How a page writes numbers, times and tables.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"

/**
 * A text that is no part of the HTML it is put into.
 *
 * @since 0.1.0
 */
export const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)

/**
 * A whole number, by thousands.
 *
 * @since 0.1.0
 */
export const number = (n: number): string => String(n).replaceAll(/\B(?=(\d{3})+$)/g, ",")

const two = (n: number): string => String(n).padStart(2, "0")

/**
 * A duration, such as `254 ms`, `4.5 s`, `2 min 05 s` or `1 h 03 min`.
 *
 * @since 0.1.0
 */
export const duration = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 59_950) return `${(millis / 1000).toFixed(1)} s`
  const seconds = Math.round(millis / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}

const isoOf = (time: number): string => DateTime.formatIso(DateTime.makeUnsafe(time))

/**
 * The time of day of an instant (epoch milliseconds), UTC.
 *
 * @since 0.1.0
 */
export const clock = (time: number): string => isoOf(time).slice(11, 19)

/**
 * The day of an instant, UTC.
 *
 * @since 0.1.0
 */
export const day = (time: number): string => isoOf(time).slice(0, 10)

/**
 * The `time` element of an instant; `text` is what people read.
 *
 * @since 0.1.0
 */
export const instant = (time: number, text: string): string => `<time datetime="${isoOf(time)}">${text}</time>`

/**
 * A column: its head, and of which kind its cells are.
 *
 * @since 0.1.0
 */
export interface Column<A> {
  readonly head: string
  readonly kind?: "number" | "money" | "name" | "share" | undefined
  /** HTML. */
  readonly cell: (row: A) => string
}

/** So many rows are seen at first; a button shows the others. */
const seen = 10

/** Amounts stand with their points one below the other. */
const decimalsOf = (amount: string): number => amount.startsWith("$") ? (amount.split(".")[1] ?? "").length : 0

/**
 * A table; its caption names it for screen readers.
 *
 * @since 0.1.0
 */
export const table = <A>(
  id: string,
  caption: string,
  columns: ReadonlyArray<Column<A>>,
  rows: ReadonlyArray<A>
): string => {
  const decimals = columns.map((column) =>
    column.kind === "money" ? rows.reduce((most, row) => Math.max(most, decimalsOf(column.cell(row))), 0) : 0
  )
  const cellOf = (column: Column<A>, row: A, at: number): string => {
    const cell = column.cell(row)
    const missing = column.kind === "money" && cell.startsWith("$") ? (decimals[at] ?? 0) - decimalsOf(cell) : 0
    return missing > 0 ? `<span style="margin-right:${missing}ch">${cell}</span>` : cell
  }
  const classOf = ({ kind }: Column<A>) => kind === undefined ? "" : ` class="${kind}"`
  const heads = columns.map((column) => `<th scope="col"${classOf(column)}>${escaped(column.head)}</th>`)
  const lines = rows.map((row, index) => {
    const cells = columns.map((column, at) =>
      at === 0
        ? `<th scope="row"${classOf(column)}>${cellOf(column, row, at)}</th>`
        : `<td${classOf(column)}>${cellOf(column, row, at)}</td>`
    )
    return `<tr${index >= seen ? " class=\"more\"" : ""}>${cells.join("")}</tr>`
  })
  return `<div class="scroll" role="group" aria-label="${escaped(caption)}"><table id="${id}" class="short">` +
    `<caption>${escaped(caption)}</caption><thead><tr>${heads.join("")}</tr></thead><tbody>\n${
      lines.join("\n")
    }</tbody></table></div>` +
    (rows.length > seen ? `<button type="button" class="all" data-table="${id}">Show all ${rows.length}</button>` : "")
}

/**
 * A name that may be too long for its place.
 *
 * @since 0.1.0
 */
export const name = (text: string): string => {
  const safe = escaped(text)
  return text.length > 28 ? `<span title="${safe}">${safe}</span>` : safe
}
