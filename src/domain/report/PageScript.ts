/**
 * What runs in a page: costs by scope, and tables that can be opened. It writes text only, never HTML, and loads nothing.
 *
 * @since 0.1.0
 */

/**
 * The script, which expects the elements of `Page`. What it defines is there for the script of the timeline, too.
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
const two = (n) => String(n).padStart(2, "0");
const time = (ms) => {
  if (ms < 1000) return Math.round(ms) + " ms";
  if (ms < 59950) return (ms / 1000).toFixed(1) + " s";
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return Math.floor(seconds / 60) + " min " + two(seconds % 60) + " s";
  const minutes = Math.round(seconds / 60);
  return Math.floor(minutes / 60) + " h " + two(minutes % 60) + " min";
};
// In a bar there is no room for the last digit; the table has it.
const about = (usd) => usd === 0 ? "$0" : usd >= 1 ? "$" + usd.toFixed(2) : usd < 0.000001 ? "< $0.000001"
  : "$" + usd.toFixed(Math.min(7, 1 - Math.floor(Math.log10(usd))));
const some = (n, one, many) => number(n) + " " + (n === 1 ? one : many);

// Tables: what is wider than the window can be scrolled by keyboard, and long ones can be opened.
const settle = () => document.querySelectorAll(".scroll").forEach((area) => {
  if (area.scrollWidth > area.clientWidth) area.tabIndex = 0; else area.removeAttribute("tabindex");
});
const opens = (button) => button.addEventListener("click", () => { byId(button.dataset.table).classList.remove("short"); button.remove(); settle(); });
document.querySelectorAll("button.all").forEach(opens);

// Costs by scope, an icicle: each row is inside of the one above.
const icicle = byId("icicle");
if (icicle) {
  const boxOf = ([n, t, f, s, i]) => ({ n, t, f, c: Number(t.replace("$", "")), s: s.map(boxOf), i: i && i.map(boxOf) });
  const whole = boxOf(chart.scopes);
  const isFree = whole.c === 0;
  const sizeOf = (box) => Math.max(0, isFree ? box.f[0] : box.c);
  const inWords = (box) => box.n + ": " + box.t + ", " + some(box.f[0], "call", "calls") +
    (box.f[1] > 0 ? ", " + number(box.f[1]) + " failed" : "") + (box.f[2] > 0 ? ", " + number(box.f[2]) + " of unknown cost" : "");
  const hue = (name) => { let h = 7; for (let i = 0; i < name.length; i++) h = (h * 31 + name.charCodeAt(i)) >>> 0; return h * 137 % 360; };
  // The way to a scope is in the address, so that a browser can go back.
  const trailOf = () => {
    const trail = [whole];
    const match = /^#scope=([0-9.]+)$/.exec(location.hash);
    for (const index of match ? match[1].split(".") : []) {
      const next = trail[trail.length - 1].s[index];
      if (!next) break;
      trail.push(next);
    }
    return trail;
  };
  let trail = trailOf();
  let wantsFocus = false;
  const go = (to) => {
    const way = to.slice(1).map((box, index) => to[index].s.indexOf(box));
    wantsFocus = true;
    const hash = "#scope=" + way.join(".");
    if (location.hash === hash) draw(); else location.hash = hash;
  };
  const out = () => { if (trail.length > 1) go(trail.slice(0, -1)); };
  const link = (text, to, attributes) => {
    const button = el("button", text, Object.assign({ type: "button" }, attributes));
    button.addEventListener("click", () => go(to));
    return button;
  };
  const listOf = (id, caption, boxes, isInside) => {
    const table = el("table", undefined, { id, class: "short" });
    table.append(el("caption", caption));
    const head = el("tr");
    ["Scope", "Cost", "Calls", "Failed", "Unknown", "Tokens in", "Tokens out"].forEach((name, index) =>
      head.append(el("th", name, { scope: "col", class: index === 0 ? "name" : name === "Cost" ? "money" : "number" })));
    table.createTHead().append(head);
    const body = table.createTBody();
    boxes.slice(0, 300).forEach((box, index) => {
      const row = el("tr", undefined, index < 10 ? {} : { class: "more" });
      const name = el("th", undefined, { scope: "row", class: "name" });
      const isThere = isInside || box === trail[trail.length - 1];
      name.append(isThere ? el("span", box.n, { title: box.n }) : link(box.n, trail.concat(box), { class: "plain", title: box.n }));
      row.append(name);
      const price = el("td", undefined, { class: "money" });
      price.append(el("span", box.t));
      row.append(price);
      box.f.forEach((n, at) => row.append(el("td", number(n), { class: at === 1 && n > 0 ? "number bad" : "number" })));
      body.append(row);
    });
    // Amounts stand with their points one below the other.
    const costs = Array.from(body.rows, (row) => row.cells[1].firstChild);
    const decimals = costs.map((cost) => (cost.textContent.split(".")[1] || "").length);
    const most = Math.max(0, ...decimals);
    costs.forEach((cost, index) => { cost.style.marginRight = most - decimals[index] + "ch"; });
    const area = el("div", undefined, { class: "scroll", role: "group", "aria-label": caption });
    area.append(table);
    const parts = [area];
    if (boxes.length > 10) {
      const shown = Math.min(300, boxes.length);
      const button = el("button", shown < boxes.length ? "Show the first " + shown + " of " + number(boxes.length) : "Show all " + shown,
        { type: "button", class: "all", "data-table": id });
      parts.push(button);
    }
    return parts;
  };
  const draw = () => {
    trail = trailOf();
    const top = trail[trail.length - 1];
    const wide = icicle.clientWidth;
    // What is narrower cannot be pointed at; the table has it.
    const least = 500 / Math.max(1, wide);
    const boxes = [];
    let rows = 0;
    const place = (node, depth, left, width) => {
      rows = Math.max(rows, depth + 1);
      node.style.cssText += ";left:" + left + "%;width:" + width + "%;top:" + depth * 2.15 + "rem";
      boxes.push(node);
    };
    const visit = (box, to, depth, left, width) => {
      const button = link(undefined, to, { title: inWords(box), "aria-label": inWords(box), tabindex: "-1" });
      const room = width / 100 * wide;
      if (room <= 34) button.classList.add("narrow");
      else {
        button.append(el("b", box.n));
        const price = isFree ? "" : about(box.c);
        if (price !== "" && room > 24 + 9 * (box.n.length + price.length)) {
          button.append(" " + price);
          // Who speaks to the machine says what is to be seen.
          button.setAttribute("aria-label", box.n + " " + price + ", exactly " + inWords(box).slice(box.n.length + 2));
        }
      }
      button.style.setProperty("--hue", hue(box.n));
      button.dataset.depth = depth;
      place(button, depth, left, width);
      const all = sizeOf(box);
      let from = left;
      let small = 0;
      let count = 0;
      for (const inner of box.s) {
        const share = all > 0 ? sizeOf(inner) / all * width : 0;
        // From the widest to the narrowest: after the first that cannot be seen come such only.
        if (share < least || boxes.length > 900 || depth > 8) { small += share; count++; continue; }
        visit(inner, to.concat(inner), depth + 1, from, share);
        from += share;
      }
      if (small > 0.02 && depth < 9) {
        const rest = el("div", undefined, { class: "rest", title: some(count, "narrow scope", "narrow scopes") + " of " + box.n });
        place(rest, depth + 1, from, small);
      }
    };
    visit(top, trail, 0, 0, 100);
    const [root] = boxes;
    root.tabIndex = 0;
    // The bar that was chosen leads out again.
    if (trail.length > 1) {
      const way = link(undefined, trail.slice(0, -1), { title: inWords(top), class: "back", "aria-label": root.getAttribute("aria-label") + "; leads back to " + trail[trail.length - 2].n, "data-depth": "0" });
      way.style.cssText = root.style.cssText;
      way.append(...root.childNodes);
      boxes[0] = way;
    }
    icicle.style.height = rows * 2.15 + "rem";
    icicle.replaceChildren(...boxes);
    byId("trail").replaceChildren(...trail.map((box, index) => {
      const step = el("li");
      step.append(link(box.n, trail.slice(0, index + 1), index === trail.length - 1 ? { "aria-current": "true", title: box.n } : { title: box.n }));
      return step;
    }));
    byId("said").textContent = inWords(top);
    byId("inside").replaceChildren(
      ...listOf("scopes", top.n + " and what is directly in it", [top].concat(top.s), false),
      ...(top.i ? [el("h3", "Inside of those that keep their sum only, of all together")].concat(listOf("summed", "Inside of scopes that keep their sum only", top.i, true)) : []));
    byId("inside").querySelectorAll("button.all").forEach(opens);
    settle();
    if (wantsFocus) boxes[0].focus({ preventScroll: true });
    wantsFocus = false;
  };
  addEventListener("hashchange", draw);
  icicle.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return out();
    const all = Array.from(icicle.querySelectorAll("button"));
    const at = document.activeElement;
    const depth = Number(at.dataset.depth);
    const row = (n) => all.filter((button) => Number(button.dataset.depth) === n);
    const left = (button) => parseFloat(button.style.left);
    const end = (button) => left(button) + parseFloat(button.style.width);
    const same = row(depth);
    const to = event.key === "ArrowRight" ? same[same.indexOf(at) + 1]
      : event.key === "ArrowLeft" ? same[same.indexOf(at) - 1]
      : event.key === "ArrowDown" ? row(depth + 1).find((button) => left(button) >= left(at) - 0.001 && left(button) < end(at))
      : event.key === "ArrowUp" ? row(depth - 1).findLast((button) => left(button) <= left(at) + 0.001)
      : event.key === "Home" ? same[0] : event.key === "End" ? same[same.length - 1] : undefined;
    if (!event.key.startsWith("Arrow") && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    if (!to) return;
    at.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  });
  icicle.addEventListener("focusin", (event) => { if (event.target.title) byId("said").textContent = event.target.title; });
  icicle.addEventListener("pointerover", (event) => { if (event.target.closest("[title]")) byId("said").textContent = event.target.closest("[title]").title; });
  icicle.addEventListener("pointerleave", () => { byId("said").textContent = inWords(trail[trail.length - 1]); });
  let drawn = 0;
  addEventListener("resize", () => { if (icicle.clientWidth !== drawn) { drawn = icicle.clientWidth; draw(); } });
  draw();
  drawn = icicle.clientWidth;
}
settle();
`
