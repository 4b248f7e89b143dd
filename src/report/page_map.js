// The loss landscape: a map of a plane with its view in three dimensions, or curves along a line.
let shown = 0; // index of the surface
let chosen = 0; // index of its value
let logarithmic = false;
let split = null; // shown in three dimensions
let showExact = false;

const surfaceNow = () => data.surfaces[shown];
const valueNow = () => surfaceNow().shown[chosen];
const rowsOf = (surface, values) => surface.y.map((_, j) => values.slice(j * surface.x.length, (j + 1) * surface.x.length));
const toColor = (scale, v) => (v === null ? null : logarithmic ? Math.log10(Math.max(v, scale.low)) : v);
const labelOf = (value) => (value.unit ? `${value.name} (${value.unit})` : value.name);
const span = (v) => (v.length > 1 ? [v[0], v[v.length - 1]] : [v[0] - 1, v[0] + 1]);

function colorAxis(value, more) {
  const s = value.scale;
  const used = logarithmic && s.log ? s.ticks : s.linear_ticks;
  const low = toColor(s, s.low), high = toColor(s, s.high);
  return Object.assign({
    cmin: low, cmax: high > low ? high : low + 1, colorscale: data.colors[value.shade],
    colorbar: { title: { text: plain(labelOf(value)) + (logarithmic ? ", log" : ""), side: "right" }, tickvals: used.map((v) => toColor(s, v)), ticktext: used.map((v) => show(v, 3)), thickness: 14, outlinewidth: 0 }
  }, more);
}

// ---- the text of a grid point ----
const CELL = ["exact", "estimated", "interpolated", "not evaluated yet"];

// How the value at a point was obtained; nothing if the whole map is exact.
function cellText(surface, at) {
  if (!surface.cell) return [];
  const kind = surface.cell[at];
  const images = ["train", "test"].filter((s) => kind === 1 && surface.values[s + "_images"]?.[at] != null).map((s) => `${show(surface.values[s + "_images"][at])} ${s}`);
  return [`<i>${CELL[kind]}${images.length ? ` from ${images.join(" and ")} images` : ""}</i>`];
}

function valueText(surface, key, title, unit, at) {
  const error = surface.values[key + "_stderr"];
  const spread = error && error[at] ? ` ± ${show(error[at], 2)}` : "";
  return `${plain(title)} ${show(surface.values[key][at])}${spread}${unit === "%" ? " %" : ""}`;
}

function pointText(surface, value, at) {
  const lines = [`(${show(surface.x[at % surface.x.length])}, ${show(surface.y[Math.floor(at / surface.x.length)])})`];
  if (surface.cell && surface.cell[at] === 3) return lines.concat(cellText(surface, at)).join("<br>");
  const more = surface.shown.filter((v) => v !== value && (v.name === "Loss" || v.name === "Accuracy"));
  for (const v of [value, ...more]) for (const panel of v.panels) lines.push(valueText(surface, panel.key, panel.title, v.unit, at));
  return lines.concat(cellText(surface, at)).join("<br>");
}

// ---- the map ----
// Values that belong to single points, not to a smooth surface, are drawn as a heatmap.
const isPointwise = (panel) => /_(stderr|images)$/.test(panel.key);

function mapTrace(surface, value, panel, k) {
  const s = value.scale;
  const low = toColor(s, s.low), high = toColor(s, s.high);
  const numbers = surface.values[panel.key];
  const look = isPointwise(panel) ? { type: "heatmap" } : {
    type: "contour", contours: { start: low, end: high, size: high > low ? (high - low) / 18 : 1, coloring: "fill" }, line: { width: 0.5, color: "rgba(0,0,0,0.45)" }, autocontour: false
  };
  return Object.assign(look, {
    x: surface.x, y: surface.y, z: rowsOf(surface, numbers.map((v) => toColor(s, v))),
    text: rowsOf(surface, numbers.map((_, at) => pointText(surface, value, at))), hovertemplate: "%{text}<extra></extra>", xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y", coloraxis: "coloraxis", connectgaps: false
  });
}

// Marks the kind of each point, by shape: on a dark page, the fill colours alone are ambiguous.
function cellTraces(surface, k) {
  if (!surface.cell || !showExact) return [];
  return [[0, "square", "#000", "#fff", 7], [1, "triangle-up", "#fff", "#000", 7], [2, "circle", "#fff", "#000", 4], [3, "x-thin-open", theme().ink, theme().ink, 5]].map(([kind, symbol, color, edge, size]) => {
    const at = surface.cell.map((c, i) => (c === kind ? i : -1)).filter((i) => i >= 0);
    return {
      type: "scatter", mode: "markers", x: at.map((i) => surface.x[i % surface.x.length]), y: at.map((i) => surface.y[Math.floor(i / surface.x.length)]), xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y",
      marker: { symbol, color, size, line: { width: 0.8, color: edge } }, name: CELL[kind], legendgroup: CELL[kind], showlegend: k === 0 && at.length > 0, hoverinfo: "skip"
    };
  });
}

const runHover = (run) => run.x.map((_, i) => `${plain(run.name)}<br>step ${run.step[i]}, epoch ${show(run.epoch[i])}${run.lr[i] === null ? "" : `<br>learning rate ${show(run.lr[i])}`}<br>off-plane distance ${show(run.off_plane[i])}`);

function pathTraces(surface, k) {
  const axes = { xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y" };
  const traces = [];
  for (const run of surface.paths) {
    if (!surface.trainings) { // points that the plane was laid through
      traces.push(Object.assign({
        type: "scatter", mode: "markers", x: run.x, y: run.y, text: runHover(run), hovertemplate: "%{text}<extra></extra>", name: plain(run.label), legendgroup: run.name, showlegend: k === 0,
        marker: { symbol: "square", color: runColor(run), size: 10, line: { color: edge(run), width: 1.2 } }
      }, axes));
      continue;
    }
    const fork = run.fork || null; // where the run left the main path
    traces.push(Object.assign({
      type: "scatter", mode: "lines", x: (fork ? [fork[0]] : []).concat(run.x), y: (fork ? [fork[1]] : []).concat(run.y),
      line: { color: casing(run), width: 4.5 }, hoverinfo: "skip", showlegend: false, legendgroup: run.name
    }, axes));
    traces.push(Object.assign({
      type: "scatter", mode: "lines", x: (fork ? [fork[0]] : []).concat(run.x), y: (fork ? [fork[1]] : []).concat(run.y),
      line: { color: runColor(run), width: 2, dash: run.dash }, hoverinfo: "skip", name: plain(run.label), legendgroup: run.name, showlegend: k === 0
    }, axes));
    traces.push(Object.assign({
      type: "scatter", mode: "markers", x: run.x, y: run.y, text: runHover(run), hovertemplate: "%{text}<extra></extra>", legendgroup: run.name, showlegend: false,
      marker: { color: runColor(run), opacity: run.off_plane.map((d) => (d > surface.off_plane_limit ? 0.3 : 1)), size: run.x.length > 80 ? 4 : 6, line: { color: edge(run), width: 0.7 } }
    }, axes));
    const last = run.x.length - 1;
    traces.push(Object.assign({
      type: "scatter", mode: "markers", x: [fork ? fork[0] : run.x[0], run.x[last]], y: [fork ? fork[1] : run.y[0], run.y[last]], legendgroup: run.name, showlegend: false,
      text: [fork ? "fork" : "start", "end"].map((w, i) => `${w}: ${runHover(run)[i ? last : 0]}`), hovertemplate: "%{text}<extra></extra>",
      marker: { symbol: ["circle", "square"], color: [edge(run), runColor(run)], size: 10, line: { color: [runColor(run), edge(run)], width: [2.5, 1.2] } }
    }, axes));
  }
  if (k === 0 && traces.length && surface.trainings) for (const [name, symbol] of [["start or fork", "circle-open"], ["end", "square"]]) {
    const grey = theme().soft; // only in the legend
    traces.push({ type: "scatter", mode: "markers", x: [null], y: [null], name, hoverinfo: "skip", marker: { symbol, color: grey, size: 10, line: { color: grey, width: 2.5 } } });
  }
  return traces;
}

const minimaTogether = ({ train, test }) => train && test && train.x === test.x && train.y === test.y;

function minimumTraces(surface, k) {
  const together = minimaTogether(surface.minima); // the cross is then drawn inside the star
  return ["train", "test"].filter((s) => surface.minima[s]).map((s) => ({
    type: "scatter", mode: "markers", x: [surface.minima[s].x], y: [surface.minima[s].y], xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y",
    marker: { symbol: s === "train" ? "star" : "x", size: (s === "train" ? 18 : 14) * (!together ? 1 : s === "train" ? 1.5 : 0.6), color: "#fff", line: { color: "#000", width: 1.6 } },
    name: `minimum of ${s} loss`, legendgroup: s + "-minimum", showlegend: k === 0,
    hovertemplate: `minimum of ${s} loss<br>${show(surface.minima[s].value)} at (${show(surface.minima[s].x)}, ${show(surface.minima[s].y)})<extra></extra>`
  }));
}

// The positions of one or two plots: side by side, or one above the other in a narrow window.
function places(two) {
  const stacked = narrow.matches;
  return {
    stacked: stacked && two,
    x: (k, one) => (!two ? (stacked ? [0, 1] : one) : stacked ? [0, 1] : k ? [0.53, 1] : [0, 0.47]),
    y: (k) => (two && stacked ? (k ? [0, 0.42] : [0.58, 1]) : [0, 1])
  };
}
const heading = (text, place, k, one) => ({ text: `<b>${plain(text)}</b>`, showarrow: false, xref: "paper", yref: "paper", x: (place.x(k, one)[0] + place.x(k, one)[1]) / 2, y: place.y(k)[1], xanchor: "center", yanchor: "bottom", yshift: 4, font: { size: 15 } });

function drawMap() {
  const surface = surfaceNow(), value = valueNow();
  const traces = value.panels.flatMap((panel, k) => [mapTrace(surface, value, panel, k)].concat(cellTraces(surface, k), pathTraces(surface, k), minimumTraces(surface, k)));
  const two = value.panels.length === 2, alone = [0.16, 0.76];
  const place = places(two);
  const more = {
    xaxis: axis(surface.axes[0], { domain: place.x(0, alone), anchor: "y", range: span(surface.x), showgrid: false }),
    yaxis: axis(surface.axes[1], { domain: place.y(0), anchor: "x", range: span(surface.y), showgrid: false }),
    coloraxis: colorAxis(value), hovermode: "closest", height: (place.stacked ? 880 : 560) + legendRoom(surface.paths.length + 4),
    annotations: value.panels.map((panel, k) => heading(two && panel.title.length > 20 ? `${panel.split === "train" ? "Train" : "Test"} images` : panel.title, place, k, alone))
  };
  more.legend = { orientation: "h", x: 0, y: place.stacked ? -0.08 : -0.16, yanchor: "top", traceorder: "normal" };
  if (narrow.matches) {
    Object.assign(more.coloraxis.colorbar, { orientation: "h", y: 1.04, yanchor: "bottom", len: 1, title: { text: more.coloraxis.colorbar.title.text, side: "top" } });
    more.margin = { l: 50, r: 10, t: 100, b: 40 };
  } else if (!two) {
    more.coloraxis.colorbar.x = alone[1] + 0.015;
  }
  if (two) {
    more.xaxis2 = axis(surface.axes[0], { domain: place.x(1), anchor: "y2", matches: "x", showgrid: false });
    more.yaxis2 = axis(place.stacked ? surface.axes[1] : "", { domain: place.y(1), anchor: "x2", matches: "y", showgrid: false, showticklabels: place.stacked });
  }
  draw("map", traces, layout(more));
}

// ---- along a line ----
const splitColor = (part) => (!part ? theme().ink : theme().main === "#ffffff" ? { train: "#4fc1b4", test: "#d49bea" }[part] : data.split_colors[part]);

const MAX_DOTS = 60; // with more points, none gets a dot
const MAX_UPRIGHTS = 6; // with more snapshots, none gets a full-height line

function curveTraces(surface, along, value, k) {
  const axes = { xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y" };
  return value.panels.map((panel) => {
    const error = surface.values[panel.key + "_stderr"], color = splitColor(panel.split);
    return Object.assign({
      type: "scatter", mode: along.length > MAX_DOTS ? "lines" : "lines+markers", x: along, y: surface.values[panel.key], name: panel.split || plain(value.name), legendgroup: panel.split, showlegend: k === 0,
      line: { color, width: 2 }, marker: { color, size: 5 }, text: along.map((_, at) => pointText(surface, value, at)), hovertemplate: "%{text}<extra></extra>",
      error_y: { type: "data", array: error ? error.map((v) => 2 * v) : [], visible: Boolean(error), thickness: 1, width: 2, color }
    }, axes);
  });
}

// The minima of the losses, each on the curve of its split.
function minimumOnLine(surface, along, value, k) {
  return value.panels.filter((panel) => surface.minima[panel.split]).map((panel) => {
    const m = surface.minima[panel.split], train = panel.split === "train";
    const at = along.indexOf(surface.x.length > 1 ? m.x : m.y);
    return {
      type: "scatter", mode: "markers", x: [along[at]], y: [surface.values[panel.key][at]], xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y", name: `minimum of ${panel.split} loss`, legendgroup: panel.split + "-minimum", showlegend: k === 0,
      marker: { symbol: train ? "star" : "x", size: train ? 16 : 12, color: "#fff", line: { color: "#000", width: 1.6 } }, hovertemplate: `minimum of ${panel.split} loss ${show(m.value)}<extra></extra>`
    };
  });
}

// The points of the paths, on a separate y axis from 0 at the bottom to 1.
function pathOnLine(surface, k) {
  const uprights = surface.paths.reduce((sum, run) => sum + run.x.length, 0) > MAX_UPRIGHTS ? 0.04 : 1;
  const axes = { xaxis: k ? "x2" : "x", yaxis: k ? "y4" : "y3" };
  return surface.paths.flatMap((run) => {
    const at = surface.x.length > 1 ? run.x : run.y;
    return [
      Object.assign({ type: "scatter", mode: "lines", x: at.flatMap((v) => [v, v, null]), y: at.flatMap(() => [0, uprights, null]), line: { color: runColor(run), width: 1, dash: "dot" }, opacity: 0.5, hoverinfo: "skip", showlegend: false, legendgroup: run.name }, axes),
      Object.assign({ type: "scatter", mode: "markers", x: at, y: at.map(() => 0.02), marker: { symbol: "square", size: 8, color: runColor(run), line: { color: theme().paper, width: 1 } }, text: runHover(run), hovertemplate: "%{text}<extra></extra>", name: `${plain(run.label)}: snapshots`, legendgroup: run.name, showlegend: k === 0 }, axes)
    ];
  });
}

function drawLine() {
  const surface = surfaceNow(), value = valueNow();
  const along = surface.x.length > 1 ? surface.x : surface.y, label = surface.axes[surface.x.length > 1 ? 0 : 1];
  const other = surface.shown.find((v) => v.name === (value.name === "Accuracy" ? "Loss" : "Accuracy"));
  const values = other && other !== value ? [value, other] : [value];
  const place = places(values.length === 2), alone = [0, 1];
  const traces = values.flatMap((v, k) => pathOnLine(surface, k).concat(curveTraces(surface, along, v, k), minimumOnLine(surface, along, v, k)));
  const more = { hovermode: "closest", height: (place.stacked ? 760 : 430) + legendRoom(surface.paths.length + 4), coloraxis: { showscale: false }, annotations: values.map((v, k) => heading(v.name, place, k, alone)) };
  values.forEach((v, k) => {
    const n = k ? "2" : "", log = logarithmic && v === value;
    more["xaxis" + n] = axis(label, { domain: place.x(k, alone), anchor: "y" + n, range: span(along) });
    if (narrow.matches) more["xaxis" + n].title.text = plain(label).replace(" towards ", "<br>towards "); // run names may be long
    more["yaxis" + n] = axis(labelOf(v), { domain: place.y(k), anchor: "x" + n, type: log ? "log" : "linear", exponentformat: "power" });
    more["yaxis" + (k ? "4" : "3")] = { overlaying: "y" + n, range: [0, 1], visible: false, fixedrange: true };
  });
  more.legend = { orientation: "h", x: 0, y: narrow.matches ? -0.1 : -0.2, yanchor: "top", traceorder: "normal" };
  if (narrow.matches) more.margin = { l: 60, r: 10, t: 64, b: 50 };
  draw("map", traces, layout(more));
}

// ---- in three dimensions ----
function heightAt(surface, z, x, y) {
  const find = (axis_, v) => { let i = 0; while (i + 2 < axis_.length && axis_[i + 1] < v) ++i; return i; };
  if (surface.x.length < 2 || surface.y.length < 2) return null;
  if (x < surface.x[0] || x > surface.x[surface.x.length - 1] || y < surface.y[0] || y > surface.y[surface.y.length - 1]) return null;
  const i = find(surface.x, x), j = find(surface.y, y);
  const s = (x - surface.x[i]) / (surface.x[i + 1] - surface.x[i]), t = (y - surface.y[j]) / (surface.y[j + 1] - surface.y[j]);
  const c = [z[j][i], z[j][i + 1], z[j + 1][i], z[j + 1][i + 1]];
  if (c.includes(null)) return null;
  return (1 - t) * ((1 - s) * c[0] + s * c[1]) + t * ((1 - s) * c[2] + s * c[3]);
}

function drawSpace() {
  const surface = surfaceNow(), value = valueNow();
  const parts = value.panels.map((p) => p.split);
  if (!parts.includes(split)) split = parts[0];
  document.querySelectorAll("input[name=split]").forEach((b) => { b.checked = b.value === split; b.disabled = !parts.includes(b.value); });
  byId("split-choice").hidden = parts.length < 2;
  const panel = value.panels.find((p) => p.split === split);
  const s = value.scale, raw = rowsOf(surface, surface.values[panel.key]);
  const low = toColor(s, s.low), top = toColor(s, s.high);
  const z = raw.map((row) => row.map((v) => (v === null ? null : Math.max(low, Math.min(toColor(s, v), top)))));
  const lift = 0.03 * (top - low);
  const traces = [{
    type: "surface", x: surface.x, y: surface.y, z, coloraxis: "coloraxis", text: raw.map((row, j) => row.map((_, i) => valueText(surface, panel.key, panel.title, value.unit, j * surface.x.length + i))), opacity: 0.96,
    hovertemplate: "(%{x:.4g}, %{y:.4g})<br>%{text}<extra></extra>", contours: { z: { show: true, usecolormap: false, color: "rgba(0,0,0,0.3)", width: 1, start: low, end: top, size: Math.max((top - low) / 18, 1e-12) } }
  }];
  for (const run of surface.paths) {
    const x = (run.fork ? [run.fork[0]] : []).concat(run.x), y = (run.fork ? [run.fork[1]] : []).concat(run.y);
    traces.push({
      type: "scatter3d", mode: surface.trainings ? "lines" : "markers", marker: { size: 5, color: runColor(run) }, x, y, z: x.map((v, i) => { const h = heightAt(surface, z, v, y[i]); return h === null ? null : h + lift; }),
      line: { color: runColor(run), width: 6, dash: run.average ? "dash" : "solid" }, name: plain(run.label), hoverinfo: "name"
    });
  }
  for (const which of ["train", "test"]) {
    const m = surface.minima[which];
    if (!m) continue;
    const h = heightAt(surface, z, m.x, m.y);
    traces.push({ type: "scatter3d", mode: "markers", x: [m.x], y: [m.y], z: [h === null ? null : h + 2 * lift], name: `minimum of ${which} loss`, hoverinfo: "name", marker: { symbol: which === "train" ? "diamond" : "square", size: which === "train" && minimaTogether(surface.minima) ? 12 : 6, color: "#fff", line: { color: "#000", width: 2 } } });
  }
  const color = colorAxis(value, { showscale: !narrow.matches });
  const away = narrow.matches ? 1.8 : 1; // camera distance
  const scene = (title, more) => Object.assign({ title: { text: plain(title) }, gridcolor: theme().rule, color: theme().ink, backgroundcolor: "rgba(0,0,0,0)" }, more);
  draw("space", traces, layout({
    scene: { xaxis: scene(surface.axes[0].split(" (")[0]), yaxis: scene(surface.axes[1].split(" (")[0]), zaxis: scene(panel.title, { tickvals: color.colorbar.tickvals, ticktext: color.colorbar.ticktext }), aspectmode: "manual", aspectratio: { x: 1.2, y: 1.2, z: 0.8 }, camera: { eye: { x: 0.9 * away, y: -1.63 * away, z: 1.63 * away }, center: { x: 0, y: 0, z: -0.12 } } },
    uirevision: "keep", coloraxis: color, height: 560 + legendRoom(surface.paths.length + 2), margin: { l: 0, r: 0, t: 40, b: 0 }, legend: { orientation: "h", x: 0, y: 0, yanchor: "top" }
  }));
}

// ---- controls ----
function fillChoice() {
  const choice = byId("value-choice");
  choice.replaceChildren();
  let group = choice, name = "";
  surfaceNow().shown.forEach((value, index) => {
    if (value.group !== name) {
      name = value.group;
      group = choice.appendChild(Object.assign(document.createElement("optgroup"), { label: name }));
    }
    group.appendChild(Object.assign(document.createElement("option"), { value: String(index), textContent: value.name }));
  });
  choice.value = String(chosen);
}

function choose(surface, name) {
  shown = surface;
  chosen = Math.max(0, surfaceNow().shown.findIndex((v) => v.name === name));
  logarithmic = valueNow().scale.log;
  fillChoice();
}

function drawLandscape() {
  const surface = surfaceNow(), possible = valueNow().scale.can_log;
  if (!possible) logarithmic = false;
  byId("log-color").disabled = !possible;
  byId("log-color").checked = logarithmic;
  byId("exact-choice").hidden = !surface.cell || surface.line;
  byId("space-part").hidden = surface.line || valueNow().panels.some(isPointwise);
  byId("left-out").textContent = surface.left_out ? ` ${surface.left_out} further values are left out to limit the size of this page; the HDF5 file contains them.` : "";
  document.querySelectorAll("[data-surface]").forEach((e) => { e.hidden = Number(e.dataset.surface) !== shown; });
  if (surface.line) return drawLine();
  drawMap();
  if (!byId("space-part").hidden) drawSpace();
}

function listenToControls() {
  choose(0, "Loss");
  byId("log-color").addEventListener("change", (e) => { logarithmic = e.target.checked; drawLandscape(); });
  byId("show-exact").addEventListener("change", (e) => { showExact = e.target.checked; drawLandscape(); });
  byId("value-choice").addEventListener("change", (e) => { choose(shown, surfaceNow().shown[Number(e.target.value)].name); drawLandscape(); });
  document.querySelectorAll("input[name=split]").forEach((b) => b.addEventListener("change", () => { split = b.value; drawSpace(); }));
  const choice = byId("surface-choice");
  if (choice) choice.addEventListener("change", () => { choose(Number(choice.value), valueNow().name); drawLandscape(); });
}
