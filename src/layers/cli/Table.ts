/**
 * Tables for terminals: columns of the width of their cells.
 *
 * @since 0.1.0
 */
import * as CliOutput from "effect/cli/CliOutput"

/**
 * A column: what it is called, and whether it holds figures, which stand to the right.
 *
 * @since 0.1.0
 */
export interface Column {
  readonly name: string
  readonly isFigure?: boolean
}

const control = /\p{Control}/gu

/** Names from a server are text, and no commands to a terminal. */
const shown = (cell: string): string => cell.replaceAll(control, " ")

const padded = (cell: string, width: number, isFigure: boolean): string => {
  const space = " ".repeat(Math.max(0, width - CliOutput.displayWidth(cell)))
  return isFigure ? space + cell : cell + space
}

/**
 * A table with its head.
 *
 * @since 0.1.0
 */
export const make = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const lines = [columns.map(({ name }) => name), ...rows.map((row) => row.map(shown))]
  const widths = columns.map((_, index) =>
    lines.reduce((width, line) => Math.max(width, CliOutput.displayWidth(line[index] ?? "")), 0)
  )
  return lines.map((line) =>
    columns.map(({ isFigure = false }, index) => padded(line[index] ?? "", widths[index] ?? 0, isFigure)).join("  ")
      .trimEnd()
  ).join("\n")
}

/**
 * Names and values below each other; what is absent is left out.
 *
 * @since 0.1.0
 */
export const pairs = (values: ReadonlyArray<readonly [name: string, value: unknown]>): string => {
  const there = values.filter(([, value]) => value !== undefined)
  const width = there.reduce((width, [name]) => Math.max(width, name.length), 0)
  return there.map(([name, value]) => `${name.padEnd(width)}  ${shown(String(value))}`).join("\n")
}
