// The training curves and the decay times; draws the whole page.
// A run's values by epoch, and where each of them lies, as text. The learning rate has points of its own.
function curveOf(run, key) {
  if (key === "lr") return { x: run.rate.epoch, y: run.rate.lr, text: run.rate.epoch.map((epoch) => `epoch ${show(epoch)}`) };
  return { x: run.epoch, y: run[key], text: run.epoch.map((epoch, i) => `epoch ${show(epoch)}, step ${run.step[i]}`) };
}

function drawCurves(id, key, title, factor, yMore) {
  if (!byId(id)) return;
  const curves = data.runs.map((run) => [run, curveOf(run, key)]).filter(([, curve]) => curve.y.some((v) => v !== null));
  const traces = curves.map(([run, curve]) => ({
    type: "scatter", mode: curve.x.length > 1 ? "lines" : "markers", x: curve.x, y: curve.y.map((v) => (v === null ? null : v * factor)), name: plain(run.label), connectgaps: key.startsWith("test"),
    line: { color: runColor(run), width: run.main && !run.average ? 2.6 : 1.8, dash: run.dash }, marker: { color: runColor(run) }, legendgroup: run.name, text: curve.text.map((where) => `${plain(run.label)}<br>${where}`), hovertemplate: "%{text}<br>%{y:.4g}<extra></extra>"
  }));
  // The main path is drawn on top. Many branches share a rate for long; in that plot each branch covers earlier ones.
  if (key !== "lr") traces.reverse();
  // Without a mouse plotly always shows its buttons. If there is no room beside the title, the title moves below them.
  const buttons = narrow.matches ? 32 : 0;
  draw(id, traces, layout({ title: { text: title, font: { size: 15 }, x: 0.02, y: 1, yanchor: "top", pad: { t: 12 + buttons } }, margin: { l: 60, r: 15, t: 40 + buttons, b: 50 }, xaxis: axis("Epoch"), yaxis: axis("", yMore), height: 320 + buttons + 2 * legendRoom(traces.length), showlegend: traces.length > 1, legend: { orientation: "h", x: 0, y: -0.24, yanchor: "top", traceorder: key === "lr" ? "normal" : "reversed", font: { size: 11 } } }));
}

function logAxis(key) { // as in the SVG figures
  const values = data.runs.flatMap((run) => curveOf(run, key).y).filter((v) => v !== null);
  const low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return low > 0 && high >= data.log_axis_ratio * low ? { type: "log", dtick: high > 500 * low ? 1 : "D2", exponentformat: "power" } : {};
}

function drawDecay() {
  if (!byId("decay")) return;
  const night = dark.matches && !printing;
  const color = night ? "#56b4e9" : "#0072b2", averageColor = night ? "#e69f00" : "#d55e00";
  const looks = { // depending on whether the run forked and whether it is an average
    branches: { color, dash: "solid" }, averages: { color: averageColor, dash: "12px,4px" },
    main: { color: theme().main, dash: "dash" }, mainAverage: { color: averageColor, dash: "dot" }
  };
  const traces = [];
  [["test_loss", 1, ""], ["test_accuracy", 100, "2"]].forEach(([key, factor, n]) => {
    const rows = data.decay.filter((row) => row[key] !== null);
    const axes = { xaxis: "x" + n, yaxis: "y" + n, showlegend: n === "" };
    const forks = rows.filter((row) => row.fork_epoch !== null).map((row) => row.fork_epoch);
    for (const average of [false, true]) {
      const line = rows.filter((row) => row.fork_epoch !== null && row.average === average);
      const look = average ? looks.averages : looks.branches;
      if (!line.length) continue;
      traces.push(Object.assign({ type: "scatter", mode: "lines+markers", x: line.map((r) => r.fork_epoch), y: line.map((r) => r[key] * factor), text: line.map((r) => plain(r.label)), hovertemplate: "%{text}<br>epoch %{x}: %{y:.4g}<extra></extra>", name: average ? "averages of branches" : "branches", line: Object.assign({ width: 2 }, look), marker: { size: 9, color: look.color } }, axes));
    }
    for (const row of rows.filter((r) => r.fork_epoch === null && r.main && forks.length)) {
      const y = row[key] * factor, look = row.average ? looks.mainAverage : looks.main;
      traces.push(Object.assign({ type: "scatter", mode: "lines", x: [Math.min(...forks), Math.max(...forks)], y: [y, y], name: plain(row.label), line: Object.assign({ width: 2 }, look), hovertemplate: `${plain(row.label)}: %{y:.4g}<extra></extra>` }, axes));
    }
  });
  const stacked = narrow.matches;
  draw("decay", traces, layout({
    height: stacked ? 640 : 380,
    xaxis: axis("Epoch at which the rate decays", { domain: stacked ? [0, 1] : [0, 0.45], anchor: "y" }), yaxis: axis("Final test loss (nats)", { domain: stacked ? [0.58, 1] : [0, 1], anchor: "x" }),
    xaxis2: axis("Epoch at which the rate decays", { domain: stacked ? [0, 1] : [0.55, 1], anchor: "y2" }), yaxis2: axis("Final test accuracy (%)", { domain: stacked ? [0, 0.42] : [0, 1], anchor: "x2" })
  }));
}

function drawAll() {
  if (byId("map")) drawLandscape();
  drawCurves("rate", "lr", "Learning rate", 1, logAxis("lr"));
  drawCurves("train-loss", "train_loss", "Train loss (nats)", 1, logAxis("train_loss"));
  drawCurves("test-loss", "test_loss", "Test loss (nats)", 1, logAxis("test_loss"));
  drawCurves("test-accuracy", "test_accuracy", "Test accuracy (%)", 100, {});
  drawDecay();
}

if (byId("map")) listenToControls();
dark.addEventListener("change", drawAll);
// State that Plotly keeps from plots side by side does not suit stacked ones.
function drawAnew() {
  document.querySelectorAll(".js-plotly-plot").forEach((plot) => Plotly.purge(plot));
  drawAll();
}
narrow.addEventListener("change", drawAnew);
window.addEventListener("beforeprint", () => { printing = true; document.querySelectorAll("details").forEach((d) => { d.open = true; }); drawAnew(); });
window.addEventListener("afterprint", () => { printing = false; drawAnew(); });
drawAll();
