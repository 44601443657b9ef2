/**
 * What runs in a page to draw calls over time: how many were under way, and below it each attempt of the time that is looked at.
 *
 * @since 0.1.0
 */

/**
 * The script, which comes after that of `PageScript`.
 *
 * @since 0.1.0
 */
export const script = `
const overview = byId("overview");
if (overview) {
  const { bins, calls, from, models, outcomes, places, span } = chart.timeline;
  const detail = byId("timeline");
  const tip = byId("tip");
  const full = Math.max(1, span);
  const kinds = ["answered", "failed", "interrupted", "saved"];
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  let colors = {};
  const readColors = () => { for (const name of kinds.concat("waiting", "text", "faint", "line", "accent", "shade")) colors[name] = color(name); };
  const brush = (canvas, height) => {
    const width = canvas.clientWidth - 2;
    const scale = window.devicePixelRatio || 1;
    canvas.style.height = height + "px";
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round((height - 2) * scale);
    const g = canvas.getContext("2d");
    g.scale(scale, scale);
    g.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    return [g, width];
  };
  // Marks at whole seconds, minutes or hours; a clock where it fits, else how long after the first call.
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 2592e6, 7776e6];
  const clock = (ms, step) => {
    const iso = new Date(from + ms).toISOString();
    return step < 1000 ? iso.slice(17, 23) + " s" : step < 60000 ? iso.slice(11, 19) : step < 864e5 ? iso.slice(11, 16) : iso.slice(5, 10);
  };
  const axis = (g, width, height, begin, end) => {
    const wanted = (end - begin) / Math.max(2, width / 110);
    const step = steps.find((step) => step >= wanted) || Math.ceil(wanted / 7776e6) * 7776e6;
    g.textBaseline = "alphabetic";
    for (let at = Math.ceil((from + begin) / step) * step - from; at <= end; at += step) {
      const x = (at - begin) / (end - begin) * width;
      g.fillStyle = colors.line;
      g.fillRect(Math.round(x), 0, 1, height - 16);
      const text = clock(at, step);
      const wide = g.measureText(text).width;
      g.fillStyle = colors.faint;
      g.fillText(text, Math.min(width - wide - 2, Math.max(2, x - wide / 2)), height - 4);
    }
  };
  // How many were under way: rows as bins of a page with too many calls have them.
  const rowsOf = () => {
    if (bins.length > 0) return bins;
    const count = 600;
    const rows = [0, 1, 2, 3, 4].map(() => new Array(count).fill(0));
    const bin = (at) => Math.min(count - 1, Math.max(0, Math.floor(at / full * count)));
    for (const [at, waited, ran, kind] of calls) {
      for (let i = bin(at + waited); i <= bin(at + waited + ran); i++) rows[kind][i]++;
      if (waited > 0) for (let i = bin(at); i <= bin(at + waited); i++) rows[4][i]++;
    }
    return rows;
  };
  const rows = rowsOf();
  const count = rows[0].length;
  const order = [0, 3, 2, 1, 4];
  let most = 1;
  for (let i = 0; i < count; i++) most = Math.max(most, order.reduce((sum, row) => sum + rows[row][i], 0));

  // A call with its repeated attempts has a lane of its own, the first that is free when it comes.
  const ends = calls.map(([at, waited, ran]) => at + Math.max(1, waited + ran));
  const roots = calls.map((_, index) => index);
  calls.forEach((call, index) => { if (call[9] >= 0) { roots[index] = roots[call[9]]; ends[roots[index]] = Math.max(ends[roots[index]], ends[index]); } });
  const busy = [];
  const lanes = [];
  calls.forEach(([at], index) => {
    if (roots[index] !== index) { lanes.push(lanes[roots[index]]); return; }
    let lane = busy.findIndex((end) => end <= at);
    if (lane < 0) lane = busy.length < 3000 ? busy.length : 0;
    busy[lane] = ends[index];
    lanes.push(lane);
  });
  // So many can be told apart at first; the others are one step away.
  const comfortable = 300;
  const first = calls.length <= comfortable * 1.5 ? full
    : Math.min(full, Math.max(10, calls.slice(0, comfortable).reduce((end, _, index) => Math.max(end, ends[index]), 0)));
  let view = [0, first];
  let picked = -1;
  let isKeyed = false;
  let layout = { step: 1, thick: 1, x: () => 0, width: 1 };
  const inView = (index) => ends[roots[index]] >= view[0] && calls[index][0] <= view[1];

  const drawOverview = () => {
    const height = detail ? 92 : 260;
    const [g, width] = brush(overview, height);
    const floor = height - 20;
    axis(g, width, height - 2, 0, full);
    for (let i = 0; i < count; i++) {
      let y = floor;
      const x = Math.floor(i / count * width);
      const wide = Math.max(1, Math.floor((i + 1) / count * width) - x);
      for (const row of order) {
        const tall = rows[row][i] / most * (floor - 16);
        if (tall <= 0) continue;
        g.fillStyle = row === 4 ? colors.waiting : colors[kinds[row]];
        g.fillRect(x, y - tall, wide, tall);
        y -= tall;
      }
    }
    g.fillStyle = colors.faint;
    const peak = "at most " + number(most) + " at once";
    g.fillText(peak, width - g.measureText(peak).width - 4, 12);
    if (detail && view[1] - view[0] < full) {
      const [left, right] = view.map((at) => at / full * width);
      g.fillStyle = colors.shade;
      g.fillRect(left, 0, Math.max(2, right - left), floor);
      g.strokeStyle = colors.accent;
      g.lineWidth = 2;
      g.strokeRect(left + 1, 1, Math.max(2, right - left - 2), floor - 1);
    }
  };
  const drawDetail = () => {
    if (!detail) return;
    let deepest = 0;
    let shown = 0;
    calls.forEach((_, index) => { if (inView(index)) { deepest = Math.max(deepest, lanes[index] + 1); shown++; } });
    const height = Math.max(120, Math.min(380, deepest * 12 + 30));
    const [g, width] = brush(detail, height);
    const floor = height - 22;
    const step = Math.min(18, (floor - 4) / Math.max(1, deepest));
    const thick = Math.max(1, step - (step > 4 ? 2 : step > 2.5 ? 1 : 0));
    const x = (ms) => (ms - view[0]) / (view[1] - view[0]) * width;
    layout = { step, thick, x, width };
    axis(g, width, height - 2, view[0], view[1]);
    // What failed is drawn last, so that nothing hides it.
    for (const kind of [0, 3, 2, 1]) {
      calls.forEach(([at, waited, ran, mine, , , , , , repeats], index) => {
        if (mine !== kind || !inView(index)) return;
        const y = 4 + lanes[index] * step;
        const sent = at + waited;
        if (repeats >= 0) {
          const before = x(calls[repeats][0] + calls[repeats][1] + calls[repeats][2]);
          g.fillStyle = colors.text;
          for (let dot = before + 1; dot < x(at) && dot < width; dot += 4) if (dot > -4) g.fillRect(dot, y + thick / 2 - 0.5, 2, Math.min(2, thick));
        }
        if (waited > 0) { g.fillStyle = colors.waiting; g.fillRect(x(at), y, Math.max(0.5, x(sent) - x(at)), thick); }
        g.fillStyle = colors[kinds[mine]];
        g.fillRect(x(sent), y, Math.max(1.5, x(sent + ran) - x(sent)), thick);
      });
    }
    if (picked >= 0 && inView(picked)) {
      const [at, waited, ran] = calls[picked];
      g.strokeStyle = colors.text;
      g.lineWidth = 2;
      g.strokeRect(x(at) - 1, 3 + lanes[picked] * step, Math.max(3, x(at + waited + ran) - x(at)) + 2, Math.max(3, thick) + 2);
    }
    byId("shown").textContent = (view[1] - view[0] >= full ? "all of " : clock(view[0], 1000) + " to " + clock(view[1], 1000) + " UTC, ") +
      time(view[1] - view[0]) + ": " + some(shown, "call", "calls");
    detail.setAttribute("aria-label", "Calls over " + time(view[1] - view[0]) + ", " + some(shown, "call", "calls") + "; the arrow keys lead from one to the next");
    byId("farther").disabled = byId("whole").disabled = view[1] - view[0] >= full;
    byId("earlier").disabled = view[0] <= 0;
    byId("later").disabled = view[1] >= full;
    byId("closer").disabled = view[1] - view[0] <= 10;
  };
  const redraw = () => { readColors(); drawOverview(); drawDetail(); };
  const look = (begin, long) => {
    const wide = Math.min(full, Math.max(10, long));
    const left = Math.min(Math.max(0, begin), full - wide);
    view = [left, left + wide];
    redraw();
  };
  const zoom = (by, at) => {
    const long = (view[1] - view[0]) * by;
    const middle = at === undefined ? (view[0] + view[1]) / 2 : at;
    look(middle - (middle - view[0]) * by, long);
  };
  const wordsOf = (index) => {
    const [at, waited, ran, kind, attempt, outcome, place, model, cost, repeats] = calls[index];
    const before = repeats < 0 ? 0 : at - calls[repeats][0] - calls[repeats][1] - calls[repeats][2];
    return [
      places[place] || "(no scope)",
      outcomes[outcome] + (attempt > 1 ? ", attempt " + attempt : "") + (kind === 3 ? ", not asked" : ", " + time(ran)),
      (waited > 0 ? "waited " + time(waited) + " before" : "") + (before > 0 ? (waited > 0 ? ", " : "") + "paused " + time(before) : ""),
      (cost === "unknown" ? "of unknown cost" : cost) + (models[model] ? ", " + models[model] : ""),
      "came at " + new Date(from + at).toISOString().slice(11, 23) + " UTC"
    ].filter((line) => line !== "");
  };
  const pick = (index, isKey) => {
    if (index === picked) return;
    picked = index;
    isKeyed = isKey === true;
    drawDetail();
    tip.hidden = index < 0;
    if (index < 0) return;
    const words = wordsOf(index);
    tip.replaceChildren(el("b", words[0]), ...words.slice(1).map((line) => el("div", line)));
    const [at, waited, ran] = calls[index];
    const left = Math.max(0, layout.x(at));
    const below = detail.offsetTop + 4 + (lanes[index] + 1) * layout.step + 8;
    tip.style.left = Math.max(0, Math.min(left, detail.clientWidth - tip.offsetWidth)) + "px";
    tip.style.top = below + "px";
    if (isKey) byId("picked").textContent = words.join(", ");
  };
  if (detail) {
    const at = (event, canvas) => (event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth;
    const under = (event) => {
      const y = event.clientY - detail.getBoundingClientRect().top - 4;
      const ms = view[0] + at(event, detail) * (view[1] - view[0]);
      const near = (view[1] - view[0]) / layout.width * 3;
      const lane = Math.floor(y / layout.step);
      let best = -1;
      let far = near;
      calls.forEach(([came, waited, ran], index) => {
        if (Math.abs(lanes[index] - lane) > (layout.step < 3 ? 3 / layout.step : 0)) return;
        const away = Math.max(0, came - ms, ms - came - waited - ran);
        if (away < far || away === 0) { best = index; far = away; }
      });
      return best;
    };
    // Dragging chooses a part of the time: in the overview, or in what is looked at.
    const drags = (canvas, begin, end) => {
      let anchor;
      canvas.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        anchor = [at(event, canvas), event.pointerId];
        canvas.setPointerCapture(event.pointerId);
      });
      canvas.addEventListener("pointermove", (event) => {
        if (!anchor || Math.abs(at(event, canvas) - anchor[0]) * canvas.clientWidth < 4) return;
        const [a, b] = [anchor[0], at(event, canvas)].sort((a, b) => a - b).map((share) => begin() + Math.min(1, Math.max(0, share)) * (end() - begin()));
        if (canvas === overview) look(a, b - a);
        else {
          drawDetail();
          const g = canvas.getContext("2d");
          g.fillStyle = colors.shade;
          g.fillRect(layout.x(a), 0, layout.x(b) - layout.x(a), canvas.clientHeight);
        }
      });
      canvas.addEventListener("pointerup", (event) => {
        if (!anchor) return;
        const [a, b] = [anchor[0], at(event, canvas)].sort((a, b) => a - b);
        anchor = undefined;
        const [first, last] = [begin(), end()];
        if ((b - a) * canvas.clientWidth >= 4) {
          if (canvas !== overview) { pick(-1); look(first + a * (last - first), (b - a) * (last - first)); }
        } else if (canvas === overview) look(a * full - (view[1] - view[0]) / 2, view[1] - view[0]);
      });
      canvas.addEventListener("pointercancel", () => { anchor = undefined; });
    };
    drags(overview, () => 0, () => full);
    drags(detail, () => view[0], () => view[1]);
    detail.addEventListener("pointermove", (event) => { if (event.buttons === 0) pick(under(event)); });
    detail.addEventListener("pointerleave", () => { if (!isKeyed) pick(-1); });
    detail.addEventListener("pointerup", (event) => { if (event.pointerType === "touch") pick(under(event)); });
    detail.addEventListener("dblclick", () => { pick(-1); look(0, full); });
    detail.addEventListener("blur", () => pick(-1));
    detail.addEventListener("keydown", (event) => {
      const near = picked >= 0 ? picked : calls.findIndex((_, index) => inView(index)) - 1;
      const to = event.key === "ArrowRight" || event.key === "ArrowDown" ? near + 1
        : event.key === "ArrowLeft" || event.key === "ArrowUp" ? near - 1
        : event.key === "Home" ? 0 : event.key === "End" ? calls.length - 1 : -1;
      if (event.key === "+") return zoom(0.5);
      if (event.key === "-") return zoom(2);
      if (event.key === "Escape") return pick(-1);
      if (!calls[to]) return;
      event.preventDefault();
      if (!inView(to)) look(calls[to][0] - (view[1] - view[0]) / 4, view[1] - view[0]);
      pick(to, true);
    });
    const on = (id, act) => byId(id).addEventListener("click", () => { pick(-1); act(); });
    on("closer", () => zoom(0.5));
    on("farther", () => zoom(2));
    on("earlier", () => look(view[0] - (view[1] - view[0]) * 0.6, view[1] - view[0]));
    on("later", () => look(view[0] + (view[1] - view[0]) * 0.6, view[1] - view[0]));
    on("whole", () => look(0, full));
  } else overview.classList.add("still");
  overview.setAttribute("aria-label", "Calls under way over " + time(span) + ", at most " + number(most) + " at once");
  redraw();
  let wide = overview.clientWidth;
  addEventListener("resize", () => { if (overview.clientWidth !== wide) { wide = overview.clientWidth; redraw(); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
`
