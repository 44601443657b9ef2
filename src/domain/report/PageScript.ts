/**
 * What runs in a page: it draws the document that is in it. It writes text only, never HTML, and loads nothing.
 *
 * @since 0.1.0
 */

/**
 * The script, which expects the elements of `Page`.
 *
 * @since 0.1.0
 */
export const script = `"use strict";
const chart = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const el = (name, text, attributes) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  return made;
};
const number = (n) => n.toLocaleString("en");
const time = (ms) => ms === null ? "" : ms < 1000 ? ms + " ms" : ms < 120000 ? (ms / 1000).toFixed(1) + " s" : (ms / 60000).toFixed(1) + " min";
const kinds = ["answered", "failed", "interrupted", "saved"];

const fill = (id, heads, rows) => {
  const table = byId(id);
  const head = el("tr");
  for (const name of heads) head.append(el("th", name, { scope: "col" }));
  const body = el("tbody");
  for (const row of rows) {
    const line = el("tr");
    row.forEach((cell, index) => line.append(index === 0 ? el("th", cell, { scope: "row" }) : el("td", cell)));
    body.append(line);
  }
  table.querySelector("thead").replaceChildren(head);
  table.querySelector("tbody").replaceWith(body);
};

// Costs by scope, an icicle: each row is inside of the one above.
const whole = chart.scopes;
let path = [whole];
const isFree = whole.c === 0;
const sizeOf = (box) => isFree ? box.f[0] : box.c;
const inWords = (box) => box.n + ": " + box.t + ", " + number(box.f[0]) + " calls, " + number(box.f[1]) + " failed";
const hue = (name) => { let h = 0; for (let i = 0; i < name.length; i++) h = (h * 31 + name.charCodeAt(i)) % 360; return h; };
const drawScopes = (focus) => {
  const top = path[path.length - 1];
  const place = byId("icicle");
  const boxes = [];
  let rows = 0;
  const visit = (box, trail, depth, left, width) => {
    if (width < 0.25 || boxes.length > 800) return;
    rows = Math.max(rows, depth + 1);
    const button = el("button", width > 3 ? box.n + " " + box.t : "", { type: "button", title: inWords(box), "aria-label": inWords(box) });
    button.style.cssText = "left:" + left + "%;width:" + width + "%;top:" + depth * 2 + "rem;--hue:" + hue(box.n);
    button.addEventListener("click", () => { path = depth === 0 && path.length > 1 ? path.slice(0, -1) : trail; drawScopes(true); });
    boxes.push(button);
    const all = sizeOf(box);
    let from = left;
    for (const inner of box.s) {
      const share = all > 0 ? sizeOf(inner) / all * width : 0;
      visit(inner, trail.concat(inner), depth + 1, from, share);
      from += share;
    }
  };
  visit(top, path, 0, 0, 100);
  place.style.height = rows * 2 + "rem";
  place.replaceChildren(...boxes);
  byId("trail").replaceChildren(...path.map((box, index) => {
    const step = el("li");
    const button = el("button", box.n, { type: "button" });
    if (index === path.length - 1) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => { path = path.slice(0, index + 1); drawScopes(true); });
    step.append(button);
    return step;
  }));
  fill("scopes", ["Scope", "Calls", "Failed", "Unknown", "Tokens in", "Tokens out", "Cost"],
    [top].concat(top.s.slice(0, 200)).map((box) => [box.n].concat(box.f.map(number), box.t)));
  byId("said").textContent = inWords(top);
  if (focus && boxes[0]) boxes[0].focus();
};
byId("icicle").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && path.length > 1) { path = path.slice(0, -1); drawScopes(true); return; }
  const all = Array.from(byId("icicle").children);
  const at = all.indexOf(document.activeElement);
  const to = event.key === "ArrowRight" || event.key === "ArrowDown" ? at + 1 : event.key === "ArrowLeft" || event.key === "ArrowUp" ? at - 1 : -1;
  if (all[to]) { event.preventDefault(); all[to].focus(); }
});

// Calls over time: each in the first lane that is free when it comes.
const lanes = [];
const laneOf = chart.calls.map(([at, waited, ran]) => {
  let lane = lanes.findIndex((end) => end <= at);
  if (lane < 0) lane = lanes.length < 2000 ? lanes.length : 0;
  lanes[lane] = at + Math.max(1, waited + ran);
  return lane;
});
const full = Math.max(1, chart.span);
let view = [0, full];
const canvas = byId("timeline");
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawTime = () => {
  const width = canvas.clientWidth;
  const height = 240;
  const scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const g = canvas.getContext("2d");
  g.scale(scale, scale);
  const colors = kinds.map((kind) => color("--" + kind));
  const [waiting, again, text] = [color("--waiting"), color("--again"), color("--text")];
  const x = (ms) => (ms - view[0]) / (view[1] - view[0]) * width;
  const floor = height - 18;
  if (chart.calls.length > 0) {
    const step = Math.min(12, floor / Math.max(1, lanes.length));
    const thick = Math.max(0.5, step - (step > 3 ? 1 : 0));
    chart.calls.forEach(([at, waited, ran, kind, attempt], index) => {
      const sent = at + waited;
      if (sent + ran < view[0] || at > view[1]) return;
      const y = laneOf[index] * step;
      if (waited > 0) { g.fillStyle = waiting; g.fillRect(x(at), y, Math.max(0.5, x(sent) - x(at)), thick); }
      const long = Math.max(1, x(sent + ran) - x(sent));
      g.fillStyle = colors[kind];
      g.fillRect(x(sent), y, long, thick);
      if (attempt > 1) { g.fillStyle = again; g.fillRect(x(sent), y, Math.min(3, long), thick); }
    });
  } else if (chart.bins.length > 0) {
    const count = chart.bins[0].length;
    const order = [0, 1, 2, 3, 4];
    let most = 1;
    for (let i = 0; i < count; i++) most = Math.max(most, order.reduce((sum, row) => sum + chart.bins[row][i], 0));
    for (let i = 0; i < count; i++) {
      let y = floor;
      for (const row of order) {
        const tall = chart.bins[row][i] / most * floor;
        g.fillStyle = row === 4 ? waiting : colors[row];
        y -= tall;
        g.fillRect(x(i / count * full), y, Math.max(1, (x(full) - x(0)) / count), tall);
      }
    }
  }
  g.fillStyle = text;
  g.font = "12px system-ui, sans-serif";
  const start = time(Math.round(view[0]));
  const end = time(Math.round(view[1]));
  g.fillText(start, 0, height - 4);
  g.fillText(end, width - g.measureText(end).width, height - 4);
  byId("shown").textContent = start + " to " + end;
};
const zoom = (by, to) => {
  const middle = to === undefined ? (view[0] + view[1]) / 2 : to;
  const half = Math.min(full, Math.max(10, (view[1] - view[0]) * by)) / 2;
  const from = Math.min(Math.max(0, middle - half), full - Math.min(full, half * 2));
  view = [from, Math.min(full, from + half * 2)];
  drawTime();
};
const move = (share) => zoom(1, (view[0] + view[1]) / 2 + (view[1] - view[0]) * share);
byId("in").addEventListener("click", () => zoom(0.5));
byId("out").addEventListener("click", () => zoom(2));
byId("earlier").addEventListener("click", () => move(-0.25));
byId("later").addEventListener("click", () => move(0.25));
byId("all").addEventListener("click", () => zoom(1e9));

byId("totals").replaceChildren(...chart.totals.map(([name, value]) => {
  const pair = el("div");
  pair.append(el("dt", name), el("dd", name === "Cost" || !/^[0-9]+$/.test(value) ? value : number(Number(value)), { "data-name": name }));
  return pair;
}));
byId("legend").replaceChildren(...kinds.concat("waiting", "again").map((kind) => {
  const item = el("li");
  item.append(el("span", undefined, { class: "key", style: "background:var(--" + kind + ")" }), kind === "again" ? "a repeated attempt begins" : kind);
  return item;
}));
const sums = (rows) => rows.map(([name, calls, cost]) => [name, number(calls), cost]);
fill("models", ["Model", "Calls", "Cost"], sums(chart.models));
fill("outcomes", ["Outcome", "Calls", "Cost"], sums(chart.outcomes));
const heads = ["Scope", "Model", "Outcome", "After", "Took", "Cost", "Generation"];
const cells = (rows) => rows.map((row) => [row.scope || "–", row.model, row.outcome, time(row.at), time(row.ms), row.cost, row.id]);
fill("dearest", heads, cells(chart.dearest));
fill("failed", heads, cells(chart.failed));
canvas.setAttribute("aria-label", "Timeline of calls over " + time(chart.span) + ": " + chart.outcomes.map(([name, calls]) => calls + " " + name).join(", "));
drawScopes(false);
drawTime();
addEventListener("resize", drawTime);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawTime);
document.documentElement.dataset.ready = "true";
`
