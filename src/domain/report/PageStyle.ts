/**
 * How a page looks, in light and dark, on a screen and on paper.
 *
 * @since 0.1.0
 */

/**
 * The style sheet, for the elements of `Page`.
 *
 * @since 0.1.0
 */
export const style = `
:root { color-scheme: light dark; --paper: #fbfbfa; --card: #ffffff; --text: #1b1d21; --faint: #5b616a; --line: #dcdfe4;
  --accent: #1f5fa8; --answered: #3b7fc4; --failed: #cf3a2e; --interrupted: #b7750a; --saved: #2a8c62; --waiting: #b9c0ca;
  --light: 86%; --depth: 55%; --shade: rgb(31 95 168 / .12); }
@media (prefers-color-scheme: dark) { :root { --paper: #121418; --card: #1a1d23; --text: #e9ebee; --faint: #a5adb8;
  --line: #343a44; --accent: #7fb8f0; --answered: #5a9fe0; --failed: #f0705f; --interrupted: #e2a73c; --saved: #55ba8a;
  --waiting: #566070; --light: 27%; --depth: 32%; --shade: rgb(127 184 240 / .16); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
main { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1.25rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .25rem; }
p, figcaption { color: var(--faint); margin: .25rem 0 .75rem; max-width: 46rem; }
#totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0; }
#totals > div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem .7rem; }
dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dd.figure { font-size: 1.35rem; line-height: 1.3; font-weight: 600; }
dd.long { font-size: 1.15rem; line-height: 1.53; }
dd.note { color: var(--faint); font-size: .85rem; }
dd.note .bad { color: var(--failed); font-weight: 600; }
figure { margin: 0; position: relative; }
button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  min-height: 2rem; padding: 0 .75rem; cursor: pointer; }
button:hover { border-color: var(--accent); } button:disabled { opacity: .5; cursor: default; border-color: var(--line); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; z-index: 1; }
ol, ul { list-style: none; display: flex; flex-wrap: wrap; padding: 0; margin: .5rem 0; }
#trail { gap: .25rem; align-items: center; min-height: 2rem; }
#trail li { display: flex; align-items: center; max-width: 100%; }
#trail li + li::before { content: "›"; color: var(--faint); margin-right: .25rem; }
#trail button { border-color: transparent; background: none; color: var(--accent); padding: 0 .4rem; min-width: 0; max-width: 100%;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#trail button[aria-current] { color: var(--text); font-weight: 600; }
#icicle { position: relative; overflow: hidden; border-radius: 6px; }
#icicle > * { position: absolute; height: 2.1rem; min-height: 0; border-radius: 3px; border: 1px solid var(--paper); }
#icicle button { padding: 0 .4rem; overflow: hidden; white-space: nowrap; text-align: left; text-overflow: ellipsis;
  background: hsl(var(--hue) var(--depth) var(--light)); color: var(--text); }
#icicle .back::before { content: "‹ " / ""; }
#icicle .narrow { padding: 0; border-width: 1px .5px; }
#icicle button:hover { background: hsl(var(--hue) var(--depth) calc(var(--light) - 5%)); }
#icicle button:focus-visible { outline-offset: -3px; }
#icicle button b { font-weight: 600; }
#icicle .rest { background: repeating-linear-gradient(115deg, var(--line) 0 2px, transparent 2px 5px); }
#said { min-height: 1.45em; color: var(--text); }
canvas { display: block; width: 100%; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
#overview { margin-bottom: .5rem; cursor: col-resize; touch-action: pan-y; }
#overview.still { cursor: default; }
#legend { gap: .3rem 1.25rem; }
#legend li { display: flex; align-items: center; gap: .4rem; color: var(--faint); }
#legend b { color: var(--text); font-weight: 600; font-variant-numeric: tabular-nums; }
.key { width: .95rem; height: .7rem; border-radius: 2px; flex: none; }
.key.answered { background: var(--answered); } .key.failed { background: var(--failed); }
.key.interrupted { background: var(--interrupted); } .key.saved { background: var(--saved); }
.key.waiting { background: var(--waiting); }
.key.again { height: 0; border-top: 2px dotted var(--text); border-radius: 0; }
.tools { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin-top: .5rem; }
#shown { color: var(--faint); margin-left: .4rem; font-variant-numeric: tabular-nums; }
#tip { position: absolute; pointer-events: none; background: var(--card); color: var(--text); border: 1px solid var(--line);
  border-radius: 6px; box-shadow: 0 4px 16px rgb(0 0 0 / .18); padding: .45rem .65rem; font-size: .87rem; max-width: min(22rem, 92%);
  overflow-wrap: anywhere; z-index: 2; }
#tip b { display: block; font-weight: 600; } [hidden] { display: none !important; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:last-child, td:last-child { padding-right: .25rem; }
thead th { color: var(--faint); font-weight: 500; font-size: .87rem; } tbody th { font-weight: normal; }
.number, .money { text-align: right; }
.name { max-width: 20rem; overflow: hidden; text-overflow: ellipsis; }
td .gloss, th .gloss { color: var(--faint); font-size: .87rem; }
.short .more { display: none; } button.all { margin-top: .5rem; }
.bar { display: block; height: 4px; border-radius: 2px; background: var(--answered); min-width: 1px; }
.share { width: 22%; min-width: 4rem; vertical-align: middle; }
.id { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .85em; }
button.plain { border: 0; background: none; padding: 0; min-height: 0; color: var(--accent); max-width: 100%; overflow: hidden;
  text-overflow: ellipsis; vertical-align: bottom; text-align: left; }
button.plain:hover { text-decoration: underline; }
.heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.bad { color: var(--failed); }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 0 2.5rem; align-items: start; }
h3 { font-size: 1rem; margin: .75rem 0 .1rem; }
@media (max-width: 40rem) { main { padding: 1rem .9rem 2rem; } #totals { grid-template-columns: 1fr 1fr; gap: .5rem; }
  #totals > div:first-child { grid-column: 1 / -1; } .name { min-width: 8.5rem; white-space: normal; overflow-wrap: anywhere; } .share { display: none; } .two .gloss { display: block; } .two th { white-space: normal; } th, td { padding-right: .7rem; } }
@media print { .short .more { display: table-row; } button.all, .tools { display: none; } .scroll { overflow: visible; } }
`
