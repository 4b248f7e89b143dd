"use strict";
// Draws the report's plots from the JSON beside it. Numbers that are not finite arrive as null: plotly leaves gaps there.
(function () {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 720px)");
  const config = { responsive: true, displaylogo: false, toImageButtonOptions: { format: "svg" } };
  let printing = false;
  let shown = 0; // which surface
  let logColor = data.surfaces.length > 0 && data.surfaces[0].scale.log;
  let split = null; // of the 3-D view

  const byId = (id) => document.getElementById(id);
  // Plotly takes some HTML in its texts; names are plain.
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const show = (value, digits) => (value === null || value === undefined ? "not finite" : Number(value.toPrecision(digits || 4)).toString());

  function theme() {
    const night = dark.matches && !printing;
    return { ink: night ? "#e6e8eb" : "#1c1e21", rule: night ? "#3a3f46" : "#dddfe3", paper: night ? "#15171a" : "#ffffff", main: night ? "#ffffff" : "#000000" };
  }
  const runColor = (run) => (run.main ? theme().main : run.color);
  const casing = (run) => (run.main && theme().main === "#ffffff" ? "rgba(0,0,0,0.8)" : "rgba(255,255,255,0.8)");
  // Room for a legend of so many entries below a plot.
  const legendRoom = (entries) => 20 * Math.ceil(entries / (narrow.matches ? 1 : 4));

  function axis(title, more) {
    const t = theme();
    return Object.assign({ title: { text: plain(title), standoff: 8 }, gridcolor: t.rule, linecolor: t.ink, tickcolor: t.ink, zeroline: false, ticks: "outside", mirror: true, showline: true, automargin: true }, more);
  }
  function layout(more) {
    return Object.assign({
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: theme().ink, family: "system-ui, Helvetica, Arial, sans-serif", size: 13 },
      margin: { l: 60, r: 15, t: 40, b: 50 }, modebar: { bgcolor: "rgba(0,0,0,0)", color: theme().rule, activecolor: theme().ink }, hoverlabel: { align: "left" }, legend: { orientation: "h", x: 0, y: -0.2, yanchor: "top" }
    }, more);
  }

  // ---- the map ----
  const splits = (surface) => ["train", "test"].filter((s) => surface.values[s + "_loss"]);
  const rowsOf = (surface, values) => surface.y.map((_, j) => values.slice(j * surface.x.length, (j + 1) * surface.x.length));
  const toColor = (scale, v) => (v === null ? null : logColor ? Math.log10(Math.max(v, scale.low)) : v);

  // Colours need a positive range for a logarithm; a surface that touches zero or below keeps the linear scale.
  const canLog = (surface) => surface.scale.low > 0 && surface.scale.high > surface.scale.low;

  function colorAxis(surface, more) {
    const s = surface.scale;
    const used = logColor && s.log ? s.ticks : s.linear_ticks;
    const low = toColor(s, s.low), high = toColor(s, s.high);
    return Object.assign({
      cmin: low, cmax: high > low ? high : low + 1, colorscale: data.colors,
      colorbar: { title: { text: logColor ? "Loss (nats), log" : "Loss (nats)", side: "right" }, tickvals: used.map((v) => toColor(s, v)), ticktext: used.map((v) => show(v, 3)), thickness: 14, outlinewidth: 0 }
    }, more);
  }

  function mapTrace(surface, part, k) {
    const s = surface.scale;
    const low = toColor(s, s.low), high = toColor(s, s.high);
    const text = rowsOf(surface, surface.values.train_loss || surface.values.test_loss).map((row, j) => row.map((_, i) => {
      const at = j * surface.x.length + i;
      const lines = [`(${show(surface.x[i])}, ${show(surface.y[j])})`];
      for (const [key, name, unit] of [["train_loss", "train loss", ""], ["test_loss", "test loss", ""], ["train_acc", "train accuracy", " %"], ["test_acc", "test accuracy", " %"]]) {
        if (surface.values[key]) lines.push(`${name} ${show(surface.values[key][at])}${unit}`);
      }
      return lines.join("<br>");
    }));
    return {
      type: "contour", x: surface.x, y: surface.y, z: rowsOf(surface, surface.values[part + "_loss"]).map((row) => row.map((v) => toColor(s, v))),
      text, hovertemplate: "%{text}<extra></extra>", xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y", coloraxis: "coloraxis", connectgaps: false,
      contours: { start: low, end: high, size: high > low ? (high - low) / 18 : 1, coloring: "fill" }, line: { width: 0.5, color: "rgba(0,0,0,0.45)" }, autocontour: false
    };
  }

  const runHover = (run) => run.x.map((_, i) => `${plain(run.name)}<br>step ${run.step[i]}, epoch ${show(run.epoch[i])}<br>learning rate ${show(run.lr[i])}<br>off-plane distance ${show(run.off_plane[i])}`);

  function pathTraces(surface, k) {
    const axes = { xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y" };
    const traces = [];
    for (const run of surface.paths) {
      const fork = run.fork || null; // where it left the main path
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
        marker: { color: runColor(run), opacity: run.off_plane.map((d) => (d > surface.off_plane_limit ? 0.3 : 1)), size: run.x.length > 80 ? 4 : 6, line: { color: "#fff", width: 0.7 } }
      }, axes));
      const last = run.x.length - 1;
      traces.push(Object.assign({
        type: "scatter", mode: "markers", x: [fork ? fork[0] : run.x[0], run.x[last]], y: [fork ? fork[1] : run.y[0], run.y[last]], legendgroup: run.name, showlegend: false,
        text: [fork ? "fork" : "start", "end"].map((w, i) => `${w}: ${runHover(run)[i ? last : 0]}`), hovertemplate: "%{text}<extra></extra>",
        marker: { symbol: ["circle", "square"], color: ["#fff", runColor(run)], size: 10, line: { color: [runColor(run), "#fff"], width: [2.5, 1.2] } }
      }, axes));
    }
    return traces;
  }

  function minimumTraces(surface, k) {
    return ["train", "test"].filter((s) => surface.minima[s]).map((s) => ({
      type: "scatter", mode: "markers", x: [surface.minima[s].x], y: [surface.minima[s].y], xaxis: k ? "x2" : "x", yaxis: k ? "y2" : "y",
      marker: { symbol: s === "train" ? "star" : "x", size: s === "train" ? 18 : 14, color: "#fff", line: { color: "#000", width: 1.6 } },
      name: `minimum of ${s} loss`, legendgroup: s + "-minimum", showlegend: k === 0,
      hovertemplate: `minimum of ${s} loss<br>${show(surface.minima[s].value)} at (${show(surface.minima[s].x)}, ${show(surface.minima[s].y)})<extra></extra>`
    }));
  }

  function drawMap() {
    const surface = data.surfaces[shown];
    const parts = splits(surface);
    const traces = parts.flatMap((part, k) => [mapTrace(surface, part, k)].concat(pathTraces(surface, k), minimumTraces(surface, k)));
    const stacked = narrow.matches, two = parts.length === 2;
    const domain = (k) => (!two || stacked ? [0, 1] : k ? [0.53, 1] : [0, 0.47]);
    const tall = (k) => (two && stacked ? (k ? [0, 0.42] : [0.58, 1]) : [0, 1]);
    const more = {
      xaxis: axis(surface.axes[0], { domain: domain(0), anchor: "y", range: span(surface.x), showgrid: false }),
      yaxis: axis(surface.axes[1], { domain: tall(0), anchor: "x", range: span(surface.y), showgrid: false }),
      coloraxis: colorAxis(surface), hovermode: "closest", height: (stacked && two ? 880 : 560) + legendRoom(surface.paths.length + 2),
      annotations: parts.map((part, k) => ({ text: `<b>${part === "train" ? "Train" : "Test"} loss</b>`, showarrow: false, xref: "paper", yref: "paper", x: (domain(k)[0] + domain(k)[1]) / 2, y: tall(k)[1], yanchor: "bottom", yshift: 4, font: { size: 15 } }))
    };
    more.legend = { orientation: "h", x: 0, y: stacked ? -0.08 : -0.14, yanchor: "top", traceorder: "normal" };
    if (stacked) Object.assign(more.coloraxis.colorbar, { orientation: "h", y: 1.04, yanchor: "bottom", len: 1, title: { text: more.coloraxis.colorbar.title.text, side: "top" } });
    if (stacked) more.margin = { l: 50, r: 10, t: 100, b: 40 };
    if (two) {
      more.xaxis2 = axis(surface.axes[0], { domain: domain(1), anchor: "y2", matches: "x", showgrid: false });
      more.yaxis2 = axis(stacked ? surface.axes[1] : "", { domain: tall(1), anchor: "x2", matches: "y", showgrid: false, showticklabels: stacked });
    }
    Plotly.react("map", traces, layout(more), config);
  }
  const span = (v) => (v.length > 1 ? [v[0], v[v.length - 1]] : [v[0] - 1, v[0] + 1]);

  // ---- 3-D ----
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
    const surface = data.surfaces[shown];
    const parts = splits(surface);
    if (!parts.includes(split)) split = parts[0];
    document.querySelectorAll("input[name=split]").forEach((b) => { b.checked = b.value === split; b.disabled = !parts.includes(b.value); });
    const s = surface.scale, raw = rowsOf(surface, surface.values[split + "_loss"]);
    const top = toColor(s, s.high);
    const z = raw.map((row) => row.map((v) => (v === null ? null : Math.min(toColor(s, v), top))));
    const lift = 0.03 * (top - toColor(s, s.low));
    const traces = [{
      type: "surface", x: surface.x, y: surface.y, z, coloraxis: "coloraxis", text: raw.map((row) => row.map((v) => show(v))), opacity: 0.96,
      hovertemplate: `(%{x:.4g}, %{y:.4g})<br>${split} loss %{text}<extra></extra>`, contours: { z: { show: true, usecolormap: false, color: "rgba(0,0,0,0.3)", width: 1, start: toColor(s, s.low), end: top, size: Math.max((top - toColor(s, s.low)) / 18, 1e-12) } }
    }];
    for (const run of surface.paths) {
      const x = (run.fork ? [run.fork[0]] : []).concat(run.x), y = (run.fork ? [run.fork[1]] : []).concat(run.y);
      traces.push({
        type: "scatter3d", mode: "lines", x, y, z: x.map((v, i) => { const h = heightAt(surface, z, v, y[i]); return h === null ? null : h + lift; }),
        line: { color: runColor(run), width: 6 }, name: plain(run.label), hoverinfo: "name"
      });
    }
    for (const which of ["train", "test"]) {
      const m = surface.minima[which];
      if (!m) continue;
      const h = heightAt(surface, z, m.x, m.y);
      traces.push({ type: "scatter3d", mode: "markers", x: [m.x], y: [m.y], z: [h === null ? null : h + 2 * lift], name: `minimum of ${which} loss`, hoverinfo: "name", marker: { symbol: which === "train" ? "diamond" : "x", size: 6, color: "#fff", line: { color: "#000", width: 2 } } });
    }
    const color = colorAxis(surface, { showscale: !narrow.matches });
    const scene = (title, more) => Object.assign({ title: { text: plain(title) }, gridcolor: theme().rule, color: theme().ink, backgroundcolor: "rgba(0,0,0,0)" }, more);
    Plotly.react("space", traces, layout({
      scene: { xaxis: scene(surface.axes[0].split(" (")[0]), yaxis: scene(surface.axes[1].split(" (")[0]), zaxis: scene(`${split} loss`, { tickvals: color.colorbar.tickvals, ticktext: color.colorbar.ticktext }), aspectmode: "manual", aspectratio: { x: 1.2, y: 1.2, z: 0.8 }, camera: { eye: { x: 0.8, y: -1.45, z: 1.45 } } },
      uirevision: "keep", coloraxis: color, height: 560 + legendRoom(surface.paths.length + 2), margin: { l: 0, r: 0, t: 10, b: 0 }, legend: { orientation: "h", x: 0, y: 0, yanchor: "top" }
    }), config);
  }

  // ---- curves ----
  function drawCurves(id, key, title, factor, yMore) {
    if (!byId(id)) return;
    const traces = data.runs.filter((run) => run[key].some((v) => v !== null)).map((run) => ({
      type: "scatter", mode: run.epoch.length > 1 ? "lines" : "markers", x: run.epoch, y: run[key].map((v) => (v === null ? null : v * factor)), name: plain(run.label), connectgaps: key.startsWith("test"),
      line: { color: runColor(run), width: run.main ? 2.6 : 1.8, dash: run.dash }, marker: { color: runColor(run) }, legendgroup: run.name, text: run.epoch.map((_, i) => `${plain(run.label)}<br>epoch ${show(run.epoch[i])}, step ${run.step[i]}`), hovertemplate: "%{text}<br>%{y:.4g}<extra></extra>"
    }));
    traces.reverse();
    Plotly.react(id, traces, layout({ title: { text: title, font: { size: 15 }, x: 0.02 }, xaxis: axis("Epoch"), yaxis: axis("", yMore), height: 320 + 2 * legendRoom(data.runs.length), showlegend: data.runs.length > 1, legend: { orientation: "h", x: 0, y: -0.24, yanchor: "top", traceorder: "reversed", font: { size: 11 } } }), config);
  }

  function logAxis(key) { // as the figures do: where the values are positive and span a factor of 20
    const values = data.runs.flatMap((run) => run[key]).filter((v) => v !== null);
    const low = Math.min(...values), high = Math.max(...values);
    return low > 0 && high >= 20 * low ? { type: "log", dtick: high > 500 * low ? 1 : "D2", exponentformat: "power" } : {};
  }

  function drawDecay() {
    if (!byId("decay")) return;
    const branches = data.decay.filter((row) => row.fork_epoch !== null);
    const main = data.decay.find((row) => row.fork_epoch === null && row.main);
    const color = dark.matches && !printing ? "#56b4e9" : "#0072b2";
    const traces = [], shapes = [];
    [["test_loss", 1, ""], ["test_accuracy", 100, "2"]].forEach(([key, factor, n]) => {
      const rows = branches.filter((row) => row[key] !== null);
      traces.push({ type: "scatter", mode: "lines+markers", x: rows.map((r) => r.fork_epoch), y: rows.map((r) => r[key] * factor), text: rows.map((r) => plain(r.name)), hovertemplate: "%{text}<br>epoch %{x}: %{y:.4g}<extra></extra>", xaxis: "x" + n, yaxis: "y" + n, name: "branches", showlegend: n === "", line: { color, width: 2 }, marker: { size: 9, color } });
      if (main && main[key] !== null && rows.length) {
        const x = rows.map((r) => r.fork_epoch);
        traces.push({ type: "scatter", mode: "lines", x: [Math.min(...x), Math.max(...x)], y: [main[key] * factor, main[key] * factor], xaxis: "x" + n, yaxis: "y" + n, name: "main path", showlegend: n === "", line: { color: theme().main, dash: "dash", width: 2 }, hovertemplate: "main path: %{y:.4g}<extra></extra>" });
      }
    });
    const stacked = narrow.matches;
    Plotly.react("decay", traces, layout({
      shapes, height: stacked ? 640 : 380,
      xaxis: axis("Epoch at which the rate decays", { domain: stacked ? [0, 1] : [0, 0.45], anchor: "y" }), yaxis: axis("Final test loss (nats)", { domain: stacked ? [0.58, 1] : [0, 1], anchor: "x" }),
      xaxis2: axis("Epoch at which the rate decays", { domain: stacked ? [0, 1] : [0.55, 1], anchor: "y2" }), yaxis2: axis("Final test accuracy (%)", { domain: stacked ? [0, 0.42] : [0, 1], anchor: "x2" })
    }), config);
  }

  function drawAll() {
    if (byId("map")) {
      const toggle = byId("log-color");
      const possible = canLog(data.surfaces[shown]);
      if (!possible) logColor = false;
      toggle.disabled = !possible;
      toggle.checked = logColor;
      drawMap();
      drawSpace();
      document.querySelectorAll("[data-surface]").forEach((e) => { e.hidden = Number(e.dataset.surface) !== shown; });
    }
    drawCurves("rate", "lr", "Learning rate", 1, logAxis("lr"));
    drawCurves("train-loss", "train_loss", "Train loss (nats)", 1, logAxis("train_loss"));
    drawCurves("test-loss", "test_loss", "Test loss (nats)", 1, logAxis("test_loss"));
    drawCurves("test-accuracy", "test_accuracy", "Test accuracy (%)", 100, {});
    drawDecay();
  }

  if (byId("map")) {
    byId("log-color").addEventListener("change", (e) => { logColor = e.target.checked; drawMap(); drawSpace(); });
    document.querySelectorAll("input[name=split]").forEach((b) => b.addEventListener("change", () => { split = b.value; drawSpace(); }));
    const choice = byId("surface-choice");
    if (choice) choice.addEventListener("change", () => { shown = Number(choice.value); logColor = data.surfaces[shown].scale.log; drawAll(); });
  }
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
  window.addEventListener("beforeprint", () => { printing = true; document.querySelectorAll("details").forEach((d) => { d.open = true; }); drawAll(); });
  window.addEventListener("afterprint", () => { printing = false; drawAll(); });
  drawAll();
})();
