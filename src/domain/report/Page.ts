/**
 * A page with all that it needs in it: one file, which loads nothing.
 *
 * @since 0.1.0
 */
import type { CallChart } from "./CallChart.ts"
import { script } from "./PageScript.ts"

const style = `
:root { color-scheme: light dark; --paper: #fff; --text: #1c1e21; --faint: #5a6068; --line: #d5d9de; --lightness: 84%;
  --answered: #2b7bb9; --failed: #c0392b; --interrupted: #b9770e; --saved: #2e8b57; --waiting: #b4bac2; --again: #1c1e21; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --text: #e8eaed; --faint: #a3abb5; --line: #3a4048;
  --lightness: 28%; --answered: #5aa9e6; --failed: #ef6a5b; --interrupted: #e0a63a; --saved: #57b87f; --waiting: #59616b;
  --again: #ffffff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--paper); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p, figcaption { color: var(--faint); margin: .25rem 0 .5rem; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0; } dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; } figure { margin: 0; }
button { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 3px;
  min-height: 1.75rem; padding: 0 .6rem; cursor: pointer; }
button:focus-visible, .scroll:focus-visible { outline: 3px solid var(--answered); outline-offset: 1px; z-index: 1; }
#icicle { position: relative; overflow: hidden; }
#icicle button { position: absolute; height: 1.9rem; padding: 0 .3rem; overflow: hidden; white-space: nowrap; text-align: left;
  text-overflow: ellipsis; background: hsl(var(--hue) 45% var(--lightness)); border-color: var(--paper); }
ol, ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem .9rem; padding: 0; margin: .5rem 0; }
#trail li + li::before { content: "› "; } .key { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; }
canvas { display: block; width: 100%; height: 240px; border: 1px solid var(--line); }
.scroll { overflow: auto; max-height: 24rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); padding-bottom: .25rem; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { position: sticky; top: 0; background: var(--paper); } tbody th { font-weight: normal; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0 2rem; }
`

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)

/** JSON that cannot end the element it is in. */
const embedded = (chart: CallChart): string => JSON.stringify(chart).replaceAll("<", "\\u003c")

const table = (id: string, caption: string): string =>
  `<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table id="${id}"><caption>${caption}</caption>` +
  `<thead></thead><tbody></tbody></table></div>`

/**
 * The page of a document.
 *
 * @since 0.1.0
 */
export const make = (chart: CallChart): string => {
  const title = escaped(chart.title)
  const drawn = chart.bins.length > 0
    ? "There are too many calls to draw each: shown is how many were under way."
    : "Each bar is an attempt; grey is its wait for a budget or a rate limit."
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
<p>from <time>${escaped(chart.from)}</time></p>
<dl id="totals"></dl>
<section aria-labelledby="h-scopes"><h2 id="h-scopes">Costs by scope</h2>
<p>Choose a scope to look into it; Escape, or its own bar, leads back.</p>
<nav aria-label="Enclosing scopes"><ol id="trail"></ol></nav>
<div id="icicle" role="group" aria-label="Costs by scope"></div>
<p id="said" role="status"></p>
${table("scopes", "The chosen scope, and what is directly in it")}</section>
<section aria-labelledby="h-time"><h2 id="h-time">Calls over time</h2>
<figure><canvas id="timeline" role="img"></canvas><figcaption>${drawn}</figcaption></figure>
<ul id="legend"></ul>
<div role="group" aria-label="What the timeline shows"><button type="button" id="in">Closer</button>
<button type="button" id="out">Farther</button> <button type="button" id="earlier">Earlier</button>
<button type="button" id="later">Later</button> <button type="button" id="all">All</button>
<span id="shown" role="status"></span></div></section>
<section aria-labelledby="h-sums"><h2 id="h-sums">Models and outcomes</h2>
<div class="two">${table("models", "By model")}${table("outcomes", "By outcome")}</div></section>
<section aria-labelledby="h-dear"><h2 id="h-dear">The dearest calls</h2>${
    table("dearest", `The ${chart.dearest.length} dearest calls`)
  }</section>
<section aria-labelledby="h-failed"><h2 id="h-failed">Failed calls</h2>${
    table("failed", `${chart.failed.length} of ${chart.failedCount} failed calls`)
  }</section>
</main>
<script type="application/json" id="data">${embedded(chart)}</script>
<script>${script}</script>
</body>
</html>
`
}
