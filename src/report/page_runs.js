// The curves of training, the decay times, and the start of everything.
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
  if (byId("map")) drawLandscape();
  drawCurves("rate", "lr", "Learning rate", 1, logAxis("lr"));
  drawCurves("train-loss", "train_loss", "Train loss (nats)", 1, logAxis("train_loss"));
  drawCurves("test-loss", "test_loss", "Test loss (nats)", 1, logAxis("test_loss"));
  drawCurves("test-accuracy", "test_accuracy", "Test accuracy (%)", 100, {});
  drawDecay();
}

if (byId("map")) listenToControls();
dark.addEventListener("change", drawAll);
narrow.addEventListener("change", drawAll);
window.addEventListener("beforeprint", () => { printing = true; document.querySelectorAll("details").forEach((d) => { d.open = true; }); drawAll(); });
window.addEventListener("afterprint", () => { printing = false; drawAll(); });
drawAll();
