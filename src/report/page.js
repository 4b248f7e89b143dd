"use strict";
// Draws the report's plots from the JSON in the page. Numbers that are not finite are null there: plotly leaves gaps.
// This file holds what the plots share; page_map.js and page_runs.js follow it in the same script.
const data = JSON.parse(document.getElementById("report-data").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const narrow = window.matchMedia("(max-width: 720px)");
const config = { responsive: true, displaylogo: false, toImageButtonOptions: { format: "svg" } };
let printing = false;

const byId = (id) => document.getElementById(id);
// Plotly interprets some HTML in its texts, but names are plain text.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const show = (value, digits) => (value === null || value === undefined ? "not finite" : Number(value.toPrecision(digits || 4)).toString());

function theme() {
  const night = dark.matches && !printing;
  return { ink: night ? "#e6e8eb" : "#1c1e21", soft: night ? "#a3a9b2" : "#5a6068", rule: night ? "#3a3f46" : "#dddfe3", paper: night ? "#15171a" : "#ffffff", main: night ? "#ffffff" : "#000000" };
}
const runColor = (run) => (run.main ? theme().main : run.color);
const casing = (run) => (run.main && theme().main === "#ffffff" ? "rgba(0,0,0,0.8)" : "rgba(255,255,255,0.8)");
// The outline of a mark in the run's colour.
const edge = (run) => (runColor(run) === "#ffffff" ? "#000000" : "#ffffff");
// The height of a legend with this many entries below a plot.
const legendRoom = (entries) => 20 * Math.ceil(entries / (narrow.matches ? 1 : 4));

function axis(title, more) {
  const t = theme();
  return Object.assign({ title: { text: plain(title), standoff: 8 }, gridcolor: t.rule, linecolor: t.ink, tickcolor: t.ink, zeroline: false, ticks: "outside", mirror: true, showline: true, automargin: true }, more);
}
function layout(more) {
  return Object.assign({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: theme().ink, family: "system-ui, Helvetica, Arial, sans-serif", size: 13 },
    margin: { l: 60, r: 15, t: 40, b: 50 }, modebar: { bgcolor: "rgba(0,0,0,0)", color: theme().soft, activecolor: theme().ink }, hoverlabel: { align: "left" }, legend: { orientation: "h", x: 0, y: -0.2, yanchor: "top" }
  }, more);
}

// Responsive plots lose their height when the window's width changes, so it is set on the element.
function draw(id, traces, plan) {
  byId(id).style.height = `${plan.height}px`;
  Plotly.react(id, traces, plan, config);
}
