/** The table that `npm run herd` prints, in Markdown, line by line as the runs end. */
import type { Measure } from "./measure.ts"

const columns = [
  "scenario",
  "client",
  "calls",
  "gave up",
  "429s",
  "after the first window",
  "503s",
  "requests",
  "wall s",
  "ideal s",
  "ratio",
  "bars"
]

const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

/** The two lines above the first row. */
export const head = `${line(columns)}\n${
  line(columns.map((_, index) => index < 2 || index === columns.length - 1 ? "---" : "--:"))
}`

const seconds = (millis: number) => Number.isFinite(millis) ? (millis / 1000).toFixed(2) : "no end"

/** One row; `verdict` says how the bars were kept, and is empty for a client that has none to keep. */
export const row = (scenario: string, client: string, figures: Measure, verdict: string): string =>
  line([
    scenario,
    client,
    String(figures.calls),
    String(figures.gaveUp),
    String(figures.refused),
    String(figures.refusedLater),
    String(figures.met),
    String(figures.requests),
    seconds(figures.wall),
    seconds(figures.ideal),
    Number.isFinite(figures.wall) ? (figures.wall / figures.ideal).toFixed(2) : "",
    verdict
  ])
