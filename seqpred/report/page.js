"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const DASHES = [[6, 4], [2, 3], [10, 4], [1, 4], [8, 3, 2, 3]];
  const digits = new Map([...data.alphabet].map((character, i) => [character, i]));
  const COLOURS = ["--base", "--c2", "--c3", "--c4", "--c1", "--c6"];
  const lineColour = (name, i) => (name === "blend" ? "--blend" : COLOURS[i % COLOURS.length]);
  const tracks = new Map(data.tracks.map(([name, first, grid, packed]) => [name, { name, first, grid, packed }]));
  const mase = new Map(data.order.map((name, i) => [name, data.mase[i]]));
  const shown = new Set(["interval", "model", data.best]);

  function unpack([low, step, text]) {
    const base = data.alphabet.length;
    return Array.from({ length: text.length / 2 }, (_, i) => {
      const count = digits.get(text[2 * i]) * base + digits.get(text[2 * i + 1]);
      return count === base * base - 1 ? null : low + count * step;
    });
  }

  function grid([start, ...runs]) {
    const times = [start];
    for (const [step, count] of runs) for (let i = 0; i < count; i++) times.push(times[times.length - 1] + step);
    return times;
  }

  /* The curves of a track: times, actual values, quantiles and baselines with nulls before the first window. */
  function curves(track) {
    const times = grid(data.times[track.grid]);
    const numbers = unpack(track.packed);
    const ahead = (numbers.length - times.length) / (data.levels.length + data.points.length);
    const before = times.length - ahead;
    const cut = (i) => new Array(before).fill(null)
      .concat(numbers.slice(times.length + i * ahead, times.length + (i + 1) * ahead));
    return {
      times, before, range: (data.alphabet.length ** 2 - 2) * track.packed[1], actual: numbers.slice(0, times.length),
      quantiles: data.levels.map((_, i) => cut(i)),
      points: data.points.map((_, i) => cut(data.levels.length + i)),
    };
  }

  const label = (name) => name.replaceAll("_", " ");
  const title = (name) => name || "All rows";
  const median = data.levels.indexOf(0.5);
  const pad = (n) => String(n).padStart(2, "0");

  function moment(time) {
    if (!data.dated) return String(time);
    const d = new Date(time * 1000);
    const day = `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`;
    return time % 86400 === 0 ? day : `${day} ${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`;
  }

  /* A number with the digits that matter within a range of values. */
  function number(value, range = Math.abs(value)) {
    if (value == null) return "-";
    const size = Math.abs(value);
    const digits = 4 + Math.max(0, Math.floor(Math.log10(size / range || 1)));
    if (size >= 1e15 || (size < 1e-3 && size > 0)) return value.toExponential(3);
    return String(Number(value.toPrecision(Math.min(15, digits))));
  }

  const percent = (level) => Number((100 * level).toPrecision(6));

  function axes() {
    const common = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    const dates = data.dated
      ? [[31536000, "{YYYY}"], [2419200, "{MMM} {YYYY}"], [86400, "{MMM} {D}"], [60, "{HH}:{mm}"], [1, "{HH}:{mm}:{ss}"]]
      : null;
    const values = dates && dates.map(([size, form], i) =>
      [size, form, null, null, i === 2 ? "\n{YYYY}" : null, null, i > 2 ? "\n{MMM} {D}" : null, null, 1]);
    return [
      { ...common, ...(values ? { values } : {}), space: 70 },
      {
        ...common, size: (u, texts) => 20 + 7 * Math.max(4, ...(texts ?? []).map((text) => text.length)),
        values: (u, ticks) => ticks.map((tick) => number(tick, Math.abs(ticks.at(-1) - ticks[0]))),
      },
    ];
  }

  const state = { track: tracks.get(data.order[0]), window: "all", plot: null, parts: null, effects: null, curves: null };

  /* Values outside the chosen window become null. */
  function masked(values, from, to) {
    return from == null ? values : values.map((v, i) => (i >= from && i < to ? v : null));
  }

  function windowBounds(before) {
    if (state.window === "all") return [null, null];
    const from = before + (Number(state.window) - state.track.first) * data.horizon;
    return [from, from + data.horizon];
  }

  function forecastSeries() {
    const bands = [];
    const series = [{}];
    const last = data.levels.length - 1;
    data.levels.forEach((level, i) => {
      if (i === median) return;
      series.push({ label: `q${level}`, stroke: "transparent", width: 0, points: { show: false }, show: shown.has("interval"), kind: "interval" });
    });
    const place = (i) => 1 + i - (i > median ? 1 : 0);
    for (let i = 0; i < last - i; i++) {
      if (i !== median && last - i !== median) bands.push({ series: [place(last - i), place(i)], fill: colour("--band") });
    }
    data.points.forEach((name, i) => series.push({
      label: label(name), stroke: colour(lineColour(name, i)), width: 1.5,
      dash: name === "blend" ? [] : DASHES[i % DASHES.length], points: { show: data.horizon === 1 }, show: shown.has(name), kind: name,
    }));
    series.push({ label: "actual", stroke: colour("--ink"), width: 1.3, points: { show: false } });
    series.push({ label: "forecast", stroke: colour("--model"), width: 2, points: { show: data.horizon === 1 }, show: shown.has("model"), kind: "model" });
    return { series, bands };
  }

  function cutoffs() {
    return {
      hooks: {
        drawAxes: [(u) => {
          const { ctx } = u;
          ctx.save();
          ctx.strokeStyle = colour("--soft");
          ctx.setLineDash([4, 4]);
          for (let i = state.curves.before; i < state.curves.times.length; i += data.horizon) {
            if (i === 0) continue;
            const x = Math.round(u.valToPos((state.curves.times[i - 1] + state.curves.times[i]) / 2, "x", true));
            if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
            ctx.beginPath();
            ctx.moveTo(x, u.bbox.top);
            ctx.lineTo(x, u.bbox.top + u.bbox.height);
            ctx.stroke();
          }
          ctx.restore();
        }],
      },
    };
  }

  function readout(u) {
    const i = u.cursor.idx;
    if (i == null) { byId("readout").textContent = ""; return; }
    const c = state.curves;
    const show = (value) => number(value, c.range);
    const parts = [moment(c.times[i]), `actual ${show(c.actual[i])}`];
    if (u.data[u.data.length - 1][i] != null) {
      parts.push(`forecast ${show(c.quantiles[median][i])}`);
      if (data.levels.length > 1) {
        const ends = `${percent(data.levels[0])} to ${percent(data.levels.at(-1))} %`;
        parts.push(`${ends}: ${show(c.quantiles[0][i])} to ${show(c.quantiles.at(-1)[i])}`);
      }
      data.points.forEach((name, k) => { if (shown.has(name)) parts.push(`${label(name)} ${show(c.points[k][i])}`); });
    }
    byId("readout").textContent = parts.join("   ");
  }

  function drawForecast() {
    const c = state.curves = curves(state.track);
    const [from, to] = windowBounds(c.before);
    const ahead = c.quantiles.filter((_, i) => i !== median).concat(c.points).map((v) => masked(v, from, to));
    const values = [c.times, ...ahead, c.actual, masked(c.quantiles[median], from, to)];
    const element = byId("forecast");
    if (state.plot) state.plot.destroy();
    const { series, bands } = forecastSeries();
    state.plot = new uPlot({
      width: element.clientWidth, height: Math.max(300, Math.min(440, innerHeight * 0.6)), series, bands, axes: axes(),
      scales: { x: { time: data.dated } }, tzDate: (t) => uPlot.tzDate(new Date(t * 1e3), "Etc/UTC"),
      cursor: { drag: { x: true, y: false } }, hooks: { setCursor: [readout] }, plugins: [cutoffs()],
    }, values, element);
    const score = mase.get(state.track.name);
    byId("caption").textContent = `${title(state.track.name)}: actual values, forecast and prediction intervals`
      + (score == null ? "" : ` (MASE ${score.toFixed(3)})`);
    if (from != null) zoomTo(Math.max(0, from - 3 * data.horizon), to - 1);
    else zoomTo(Math.max(0, c.before - Math.max(4 * data.horizon, 24)), c.times.length - 1);
    if (byId("values").open) fillTable();
  }

  function zoomTo(first, last) {
    const t = state.curves.times;
    state.plot.setScale("x", { min: t[first], max: t[Math.min(last, t.length - 1)] });
  }

  function zoom(factor) {
    const { min, max } = state.plot.scales.x;
    const t = state.curves.times;
    const half = Math.max((max - min) * factor, 2 * (t[t.length - 1] - t[0]) / t.length) / 2;
    const centre = (min + max) / 2;
    state.plot.setScale("x", { min: Math.max(t[0], centre - half), max: Math.min(t[t.length - 1], centre + half) });
  }

  function fillTable() {
    const c = state.curves;
    const names = ["time", "actual", "forecast", ...data.levels.map((q) => `q${q}`), ...data.points.map(label)];
    const table = document.createElement("table");
    const row = (cells, tag) => {
      const tr = table.insertRow();
      cells.forEach((cell) => tr.append(Object.assign(document.createElement(tag), { textContent: cell })));
    };
    row(names, "th");
    for (let i = c.before; i < c.times.length; i++) {
      row([moment(c.times[i]), ...[c.actual, c.quantiles[median], ...c.quantiles, ...c.points].map((v) => number(v[i], c.range))], "td");
    }
    byId("values").querySelector("div").replaceChildren(table);
  }

  /* The numbers of the selected series that a chart by step shows, a row for each name; null if there are none. */
  function stepNumbers(id, packed, names, drawn, missing) {
    if (state[id]) state[id].destroy();
    state[id] = null;
    byId(`${id}-caption`).textContent = `${title(state.track.name)}: ${packed ? drawn : missing}`;
    if (!packed) return null;
    const numbers = unpack(packed);
    return names.map((_, k) => numbers.slice(k * data.horizon, (k + 1) * data.horizon));
  }

  /* A chart with the steps ahead as x, and 0 in the range of y. */
  function drawSteps(id, series, rows) {
    const element = byId(id);
    const [, y] = axes();
    const x = { ...y, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], values: (_, t) => t.map(String) };
    const steps = Array.from({ length: data.horizon }, (_, n) => n + 1);
    state[id] = new uPlot({
      width: element.clientWidth, height: 300, series: [{ label: "step" }, ...series], axes: [x, y],
      scales: { x: { time: false, range: [0.4, data.horizon + 0.6] }, y: { range: (u, low, high) => uPlot.rangeNum(Math.min(0, low), Math.max(0, high), 0.05, true) } },
      cursor: { drag: { x: false, y: false }, points: { show: false } },
    }, [steps, ...rows], element);
  }

  /* Bars of all parts from the outermost one inwards: positive parts are stacked upwards, negative ones downwards. */
  function drawParts() {
    const parts = stepNumbers(
      "parts", data.explained[state.track.name], data.parts,
      "what each part contributes to the forecast of the last window", "no components are stored for this series",
    );
    if (!parts) return;
    const up = new Array(data.horizon).fill(0);
    const down = new Array(data.horizon).fill(0);
    const tops = parts.map((part) => part.map((v, n) => (v >= 0 ? (up[n] += v) : (down[n] += v))));
    const bars = uPlot.paths.bars({ size: [0.85, 80] });
    const series = [];
    const rows = [];
    for (let k = parts.length - 1; k >= 0; k--) {
      rows.push(tops[k]);
      series.push({
        label: label(data.parts[k]), fill: colour(`--c${k}`), stroke: colour(`--c${k}`), width: 0, paths: bars,
        points: { show: false }, fillTo: () => 0, value: (u, v, s, i) => (i == null ? "" : number(parts[k][i])),
      });
    }
    drawSteps("parts", series, rows);
  }

  /* A line for the effect of each covariate. */
  function drawEffects() {
    if (!data.covariates.length) return;
    const packed = data.effects[state.track.name];
    const effects = stepNumbers(
      "effects", packed, data.covariates,
      "effect of each covariate on the forecast of the last window", "no effects are stored for this series",
    );
    if (!effects) return;
    const series = data.covariates.map((name, k) => ({
      label: name, stroke: colour(`--c${k}`), width: 2, points: { show: true, size: 6, fill: colour(`--c${k}`) },
      value: (u, v) => (v == null ? "" : number(v, packed[1] * 1000)),
    }));
    drawSteps("effects", series, effects);
  }

  function draw() {
    drawForecast();
    drawParts();
    drawEffects();
  }

  function select(name) {
    if (!tracks.has(name)) return;
    state.track = tracks.get(name);
    byId("series").value = name;
    fillWindows();
    draw();
  }

  function fillWindows() {
    const select = byId("window");
    const wanted = select.value;
    const count = (curves(state.track).times.length - curves(state.track).before) / data.horizon;
    const options = [new Option("all windows", "all")];
    for (let w = state.track.first; w < state.track.first + count; w++) {
      const [cutoff, part] = data.windows[w];
      options.push(new Option(`after ${cutoff}${part === "training" ? " (in-sample)" : ""}`, String(w)));
    }
    select.replaceChildren(...options);
    select.value = options.some((o) => o.value === wanted) ? wanted : "all";
    state.window = select.value;
  }

  function addToggle(kind, text, style) {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: shown.has(kind) });
    const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
    swatch.style.background = `var(${style})`;
    if (kind === "interval") swatch.style.height = "12px";
    box.addEventListener("change", () => {
      if (box.checked) shown.add(kind); else shown.delete(kind);
      state.plot.series.forEach((s, i) => { if (s.kind === kind) state.plot.setSeries(i, { show: box.checked }); });
    });
    const line = document.createElement("label");
    line.append(box, swatch, text);
    byId("toggles").append(line);
  }

  function step(by) {
    const i = data.order.indexOf(state.track.name);
    select(data.order[(i + by + data.order.length) % data.order.length]);
  }

  function moveCursor(by) {
    const u = state.plot;
    const last = u.data[0].length - 1;
    const i = Math.max(0, Math.min(last, (u.cursor.idx ?? state.curves.before - 1) + by));
    u.setCursor({ left: u.valToPos(u.data[0][i], "x"), top: u.over.clientHeight / 2 });
  }

  const actions = {
    worst: () => select(data.order[0]),
    middle: () => select(data.order[data.order.length >> 1]),
    least: () => select(data.order[data.order.length - 1]),
    previous: () => step(-1), next: () => step(1),
    closer: () => zoom(0.5), wider: () => zoom(2), whole: () => zoomTo(0, state.curves.times.length - 1),
  };

  function connect() {
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    byId("series").addEventListener("change", (e) => select(e.target.value));
    byId("find").addEventListener("change", (e) => {
      const text = e.target.value.toLowerCase();
      const found = data.order.find((n) => n.toLowerCase() === text) ?? data.order.find((n) => n.toLowerCase().includes(text));
      if (found != null) select(found);
    });
    byId("window").addEventListener("change", (e) => { state.window = e.target.value; drawForecast(); });
    byId("values").addEventListener("toggle", () => { if (byId("values").open) fillTable(); });
    const keys = {
      ArrowLeft: () => moveCursor(-1), ArrowRight: () => moveCursor(1), "+": actions.closer, "=": actions.closer,
      "-": actions.wider, 0: actions.whole,
    };
    byId("forecast").addEventListener("keydown", (e) => {
      if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      keys[e.key]();
    });
    dark.addEventListener("change", draw);
    let width = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
    const print = matchMedia("print");
    print.addEventListener("change", draw);
  }

  document.querySelectorAll(".interactive").forEach((element) => { element.hidden = false; });
  byId("series").append(...data.order.map((name) => {
    const score = mase.get(name);
    return new Option(`${title(name)}${score == null ? "" : ` (MASE ${score.toFixed(2)})`}`, name);
  }));
  byId("names").append(...data.order.map((name) => new Option(name)));
  addToggle("model", "forecast", "--model");
  if (data.levels.length > 1) addToggle("interval", "prediction intervals", "--band");
  data.points.forEach((name, i) => addToggle(name, label(name), lineColour(name, i)));
  connect();
  if (data.order.length) actions.middle();
})();
