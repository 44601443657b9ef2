/**
 * A page with all that it needs in it: one file, which loads nothing. Totals and tables are there without its script.
 *
 * @since 0.1.0
 */
import * as Usd from "../money/Usd.ts"
import type { Box, CallChart } from "./CallChart.ts"
import type { Row, Sum } from "./CallSums.ts"
import { script } from "./PageScript.ts"
import { style } from "./PageStyle.ts"
import * as Text from "./PageText.ts"
import { script as timelineScript } from "./TimelineScript.ts"

/** A figure that tests and programs find by its name. */
const figure = (name: string, text: string): string => `<span data-name="${name}">${text}</span>`

const card = (name: string, value: string, notes: ReadonlyArray<string>): string =>
  `<div><dt>${name}</dt><dd class="figure${value.length > 10 ? " long" : ""}" data-name="${name}">${value}</dd>${
    notes.map((note) => `<dd class="note">${note}</dd>`).join("")
  }</div>`

const totals = ({ totals }: CallChart): string => {
  const count = (name: string, n: number) => figure(name, Text.number(n))
  const bad = (name: string, n: number, what: string) =>
    n > 0 ? `<span class="bad">${count(name, n)} ${what}</span>` : `${count(name, n)} ${what}`
  const unknown = totals.unknown
  return [
    card("Cost", String(totals.cost), [
      unknown > 0
        ? `at least: ${bad("Unknown", unknown, unknown === 1 ? "call of unknown cost" : "calls of unknown cost")}`
        : `${count("Unknown", unknown)} calls of unknown cost`
    ]),
    card("Calls", Text.number(totals.calls), [
      bad("Failed", totals.failures, "failed or interrupted"),
      "each attempt counts"
    ]),
    card("Tokens in", Text.number(totals.inputTokens), [`${count("Cached", totals.cachedTokens)} from a cache`]),
    card("Tokens out", Text.number(totals.outputTokens), [`${count("Reasoning", totals.reasoningTokens)} to reason`]),
    totals.savedCalls > 0
      ? card("Saved", String(totals.saved), [`${count("Saved calls", totals.savedCalls)} answered without a call`])
      : "",
    Usd.isZero(totals.upstreamCost)
      ? ""
      : card("Billed by providers", String(totals.upstreamCost), ["to your own keys; not in the cost"]),
    totals.dropped > 0
      ? card("Entries missing", Text.number(totals.dropped), [
        "<span class=\"bad\">lost or unreadable; in no figure</span>"
      ])
      : ""
  ].join("\n")
}

/** There are thousands of them, so their names are not in it. */
type BoxJson = readonly [
  name: string,
  cost: string,
  figures: Box["f"],
  inner: ReadonlyArray<BoxJson>,
  inside?: ReadonlyArray<BoxJson>
]

const boxJson = ({ f, i, n, s, t }: Box): BoxJson =>
  i === undefined ? [n, t, f, s.map(boxJson)] : [n, t, f, s.map(boxJson), i.map(boxJson)]

/** JSON that cannot end the element it is in. */
const embedded = ({ scopes, timeline }: CallChart): string =>
  JSON.stringify({ scopes: boxJson(scopes), timeline }).replaceAll("<", "\\u003c")

const costOf = ({ bookings, cost, unknown }: Sum): string => unknown > 0 && unknown === bookings ? "unknown" : cost

const shareOf = ({ share }: Sum): string =>
  share === 0
    ? ""
    : `<span class="bar" role="img" aria-label="${(share * 100).toFixed(1)} %" style="width:${
      (share * 100).toFixed(1)
    }%"></span>`

const unknownOf = ({ unknown }: Sum): string => Text.number(unknown)

const models = (chart: CallChart): string =>
  Text.table<Sum>("models", "Calls and costs by model", [
    { head: "Model", kind: "name", cell: ({ name }) => Text.name(name) },
    { head: "Cost", kind: "money", cell: costOf },
    { head: "Calls", kind: "number", cell: ({ calls }) => Text.number(calls) },
    { head: "Failed", kind: "number", cell: ({ failures }) => Text.number(failures) },
    { head: "Unknown", kind: "number", cell: unknownOf },
    { head: "Share", kind: "share", cell: shareOf }
  ], chart.models)

/** What outcomes mean that are no tag of an answer or an error. */
const glosses: ReadonlyMap<string, string> = new Map([
  ["Completed", "answered"],
  ["Answered", "another endpoint"],
  ["Saved", "not asked: the answer was there"],
  ["Interrupted", "given up by the program"],
  ["Died", "a defect of the program"],
  ["Recorded", "booked by the program"],
  ["Reconciled", "became known later"]
])

const outcomes = (chart: CallChart): string =>
  Text.table<Sum>("outcomes", "Calls and costs by outcome", [
    {
      head: "Outcome",
      cell: ({ name }) => {
        const gloss = glosses.get(name)
        return gloss === undefined ? Text.name(name) : `${name} <span class="gloss">${gloss}</span>`
      }
    },
    { head: "Cost", kind: "money", cell: costOf },
    { head: "Count", kind: "number", cell: ({ bookings }) => Text.number(bookings) },
    { head: "Unknown", kind: "number", cell: unknownOf },
    { head: "Share", kind: "share", cell: shareOf }
  ], chart.outcomes)

const calls = (id: string, caption: string, rows: ReadonlyArray<Row>): string =>
  Text.table<Row>(id, caption, [
    { head: "Scope", kind: "name", cell: ({ scope }) => Text.name(scope === "" ? "–" : scope) },
    { head: "Cost", kind: "money", cell: ({ cost }) => cost },
    {
      head: "Outcome",
      cell: ({ attempt, outcome }) =>
        Text.name(outcome) + (attempt > 1 ? ` <span class="gloss">attempt ${attempt}</span>` : "")
    },
    { head: "Model", kind: "name", cell: ({ model }) => Text.name(model) },
    { head: "At", kind: "number", cell: ({ came }) => Text.instant(came, Text.clock(came)) },
    { head: "Took", kind: "number", cell: ({ ran }) => ran === undefined ? "–" : Text.duration(ran) },
    { head: "Generation", cell: ({ id }) => id === "" ? "–" : `<span class="id">${Text.escaped(id)}</span>` }
  ], rows)

const when = ({ count, timeline: { from, span } }: CallChart): string => {
  if (count === 0) return "<p>No call was booked.</p>"
  const end = from + span
  const last = Text.day(from) === Text.day(end) ? Text.clock(end) : `${Text.day(end)}, ${Text.clock(end)}`
  return `<p>${Text.instant(from, `${Text.day(from)}, ${Text.clock(from)}`)} to ${Text.instant(end, last)} UTC, ${
    Text.duration(span)
  }</p>`
}

const scopes = (chart: CallChart): string =>
  `<section aria-labelledby="h-scopes"><h2 id="h-scopes">Costs by scope</h2>
<p>Each bar is as wide as what it cost${
    chart.scopes.c > 0 ? "" : " (nothing was charged: as wide as it has calls)"
  }, and what is inside of it is below it. Choose one to look into it; its own bar, Escape, or the way back of the browser leads out again.</p>
<nav aria-label="Enclosing scopes"><ol id="trail"></ol></nav>
<div id="icicle" role="group" aria-label="Costs by scope; the arrow keys move"></div>
<p id="said" role="status"></p>
<div id="inside"></div></section>`

const timeline = ({ count, timeline: { bins, calls, kinds, repeated, waited } }: CallChart): string => {
  const entry = (kind: string, n: number, what: string) =>
    n > 0 ? `<li><span class="key ${kind}"></span><b>${Text.number(n)}</b> ${what}</li>` : ""
  const isMany = bins.length > 0
  const about = isMany
    ? `<b>${
      Text.number(count)
    }</b> calls are too many to draw each: shown is how many were under way. All figures of this page count every call.`
    : "Above is how many were under way, below each attempt. Point at one to see what it was; drag over a part of the time to look closer."
  return `<section aria-labelledby="h-time"><h2 id="h-time">Calls over time</h2>
<p>${about}</p>
<ul id="legend">${
    [
      entry("answered", kinds[0], "answered"),
      entry("failed", kinds[1], "failed"),
      entry("interrupted", kinds[2], "interrupted"),
      entry("saved", kinds[3], "saved"),
      entry("waiting", waited, "had to wait for a budget or a rate limit"),
      isMany ? "" : entry("again", repeated, "repeat a failed attempt, after a pause")
    ].join("")
  }</ul>
<figure><canvas id="overview" role="img"></canvas>${
    calls.length > 0
      ? `<canvas id="timeline" tabindex="0" role="application" aria-roledescription="timeline"></canvas>
<div id="tip" hidden></div>`
      : ""
  }</figure>${
    calls.length > 0
      ? `
<div class="tools" role="group" aria-label="What the timeline shows"><button type="button" id="closer">Closer</button>
<button type="button" id="farther">Farther</button><button type="button" id="earlier">Earlier</button>
<button type="button" id="later">Later</button><button type="button" id="whole">All</button>
<span id="shown" role="status"></span></div><p id="picked" role="status" class="heard"></p>`
      : ""
  }</section>`
}

const section = (id: string, head: string, content: string): string =>
  `<section aria-labelledby="h-${id}"><h2 id="h-${id}">${head}</h2>${content}</section>`

const dearest = (chart: CallChart): string =>
  section(
    "dear",
    "The dearest calls",
    chart.dearest.length === 0 ? "<p>None was charged for.</p>" : calls("dearest", "The dearest calls", chart.dearest)
  )

const failed = ({ failed, failedCount }: CallChart): string =>
  section(
    "failed",
    "Failed calls",
    failedCount === 0
      ? "<p>None failed.</p>"
      : (failedCount > failed.length ? `<p>The first ${failed.length} of ${Text.number(failedCount)}.</p>` : "") +
        calls("failed", "Failed calls", failed)
  )

/**
 * The page of a document.
 *
 * @since 0.1.0
 */
export const make = (chart: CallChart): string => {
  const title = Text.escaped(chart.title)
  const isEmpty = chart.totals.calls === 0 && chart.count === 0
  const content = isEmpty ? "" : `
${scopes(chart)}
${chart.count === 0 ? "" : timeline(chart)}
${
    section(
      "sums",
      "Models and outcomes",
      `<div class="two"><div>${models(chart)}</div><div>${outcomes(chart)}</div></div>`
    )
  }
${dearest(chart)}
${failed(chart)}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${when(chart)}
<dl id="totals">
${totals(chart)}
</dl>
<noscript><p>The bars of the scopes and the timeline need JavaScript; totals and tables are complete without it.</p></noscript>${content}
</main>
<script type="application/json" id="data">${embedded(chart)}</script>
<script>${script}${timelineScript}
document.documentElement.dataset.ready = "true";
</script>
</body>
</html>
`
}
