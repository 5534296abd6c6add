// The page's behaviour: charts, feature table, feature cards. Words of the corpus only ever become
// text nodes (see `element`), never markup.
"use strict";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const features = read("records");
const stable = features.some((feature) => feature.stability !== null);
const measured = document.getElementById("labels") !== null;
const { unit, colours, weak } = read("names");
const byNumber = new Map(features.map((feature) => [feature.feature, feature]));
const byId = (id) => document.getElementById(id);

const PAGE_ROWS = 50;
const KINDS = [
  ["top", "Strongest"],
  ["middle", "Middle"],
  ["low", "Weakest"],
  ["near miss", "Near misses: close, but it does not fire"],
];
const FLAGS = {
  dead: "never fires",
  "one text": "fires on one duplicated text only",
  length: "follows the length of the text",
};

/** Make an element: `children` are nodes or strings, and strings become text. */
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Text of the corpus: set apart from the page's direction, whatever it holds. */
const heard = (name, text) => element(name, { dir: "auto" }, text);

const percent = (share) => {
  if (share === null) return "–";
  return `${(100 * share).toFixed(share > 0 && share < 0.001 ? 3 : share < 0.1 ? 2 : 1)}%`;
};
const decimal = (value, digits = 2) => (value === null ? "–" : value.toFixed(digits));
const count = (value) => value.toLocaleString("en");

/** The fidelity of a feature's label, marked where it is weak. */
function fidelity(feature) {
  const value = decimal(feature.fidelity);
  return feature.fidelity !== null && feature.fidelity < weak ? `${value}, weak` : value;
}

// ---------------------------------------------------------------- charts

const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 640px)");

/** The same JSON with one colour replaced by another wherever it stands. */
function repaint(value, from, to) {
  if (value === from) return to;
  if (Array.isArray(value)) return value.map((item) => repaint(item, from, to));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, repaint(item, from, to)]));
}

/** Let a figure take the page's colours and width instead of those it was made with. */
function dressed(figure) {
  const style = getComputedStyle(document.documentElement);
  const [ink, rule] = ["--ink", "--rule"].map((name) => style.getPropertyValue(name).trim());
  const own = figure.layout.font?.color ?? figure.layout.template?.layout?.font?.color;
  const { data, layout } = own ? repaint(figure, own, ink) : figure;
  const dress = {
    ...layout,
    autosize: true,
    margin: { ...layout.margin, t: Math.min(layout.margin?.t ?? 48, 64) },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { ...layout.font, color: ink, family: "system-ui, sans-serif" },
  };
  delete dress.width;
  delete dress.title; // the page has it as the caption
  if (narrow.matches) dress.dragmode = false; // a finger scrolls the page
  for (const axis of new Set(["xaxis", "yaxis", ...Object.keys(layout).filter(isAxis)])) {
    dress[axis] = { ...layout[axis], gridcolor: rule, zerolinecolor: rule, automargin: true };
  }
  return { data, layout: dress };
}

const isAxis = (key) => /^[xy]axis\d*$/.test(key);

function drawCharts() {
  document.querySelectorAll("script.figure").forEach((script, index) => {
    const { data, layout } = dressed(JSON.parse(script.textContent));
    const chart = byId(`chart-${index + 1}`);
    Plotly.react(chart, data, layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: narrow.matches ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
      toImageButtonOptions: { format: "svg", filename: chart.ariaLabel },
    });
  });
}

// ---------------------------------------------------------------- table

for (const feature of features) {
  const examples = Object.values(feature.examples).flat();
  feature.passages = [feature.label, ...feature.idioms.map(([phrase]) => phrase), ...examples.map(([text]) => text)];
  feature.haystack = [...feature.passages, feature.sub_category, feature.outside, feature.flag].join("\n").toLowerCase();
}

const order = { key: "density", descending: true };
let shown = [];

function compare(a, b) {
  const [x, y] = [a[order.key], b[order.key]];
  if (x === y) return a.feature - b.feature;
  if (x === null || x === "") return 1; // what is missing stays at the end
  if (y === null || y === "") return -1;
  const difference = typeof x === "string" ? x.localeCompare(y, "en") : x - y;
  return order.descending ? -difference : difference;
}

/** What of a feature answers the search: its idioms, or the first passage that holds a word. */
function evidence(feature, words) {
  const holds = (text) => words.some((word) => text.toLowerCase().includes(word));
  if (words.length && !holds(feature.label)) return feature.passages.find(holds) ?? "";
  return feature.idioms.slice(0, 3).map(([phrase]) => phrase).join(" · ");
}

function row(feature, words) {
  const link = heard("a", feature.label);
  link.href = `#feature-${feature.feature}`;
  const kind = element("td", { class: feature.category ? "kind" : "kind none" });
  kind.textContent = feature.sub_category || feature.outside || "–";
  kind.style.setProperty("--hue", colours[feature.category] ?? "");
  const flag = feature.flag ? [element("span", { class: "flag" }, feature.flag)] : [];
  const line = element(
    "tr", {},
    element("td", {}, String(feature.feature)),
    element("td", {}, link, ...flag, heard("small", evidence(feature, words))),
    kind,
    element("td", {}, decimal(feature.confidence)),
    element("td", {}, percent(feature.density)),
    element("td", {}, decimal(feature.max_activation)),
    ...(stable ? [element("td", {}, decimal(feature.stability))] : []),
    ...(measured ? [element("td", {}, fidelity(feature))] : []),
  );
  line.addEventListener("click", (event) => {
    if (!event.ctrlKey && !event.metaKey) location.hash = link.hash;
  });
  return line;
}

const words = () => byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);

function search() {
  const [wanted, kind] = [words(), byId("kind").value];
  shown = features
    .filter((feature) => !kind || feature.sub_category === (kind === "-" ? "" : kind))
    .filter((feature) => wanted.every((word) => feature.haystack.includes(word)))
    .sort(compare);
  byId("found").textContent = `${count(shown.length)} of ${count(features.length)} features`;
  for (const button of document.querySelectorAll("[data-sort]")) {
    const direction = order.descending ? "descending" : "ascending";
    button.parentElement.ariaSort = button.dataset.sort === order.key ? direction : "none";
  }
  byId("table").tBodies[0].replaceChildren();
  more();
}

/** Add the next rows; all of them at once would make every keystroke slow. */
function more() {
  const body = byId("table").tBodies[0];
  const [wanted, start] = [words(), body.rows.length];
  body.append(...shown.slice(start, start + PAGE_ROWS).map((feature) => row(feature, wanted)));
  const left = shown.length - body.rows.length;
  byId("more").hidden = left === 0;
  byId("more").textContent = `Show ${Math.min(left, PAGE_ROWS)} more`;
}

function sortBy(key) {
  const numeric = ["confidence", "density", "max_activation", "stability", "fidelity"].includes(key);
  order.descending = order.key === key ? !order.descending : numeric;
  order.key = key;
  search();
}

// ---------------------------------------------------------------- card

const fact = (term, ...details) => element("div", {}, element("dt", {}, term), element("dd", {}, ...details));

/** Where a feature stands in the taxonomy. */
function place(feature) {
  if (feature.sub_category) return `${feature.sub_category} (${feature.category})`;
  return feature.outside ? `none: ${feature.outside}` : "none";
}

function facts(feature) {
  const density = `${percent(feature.density)} of the ${unit}s: ${count(feature.n_units)}, ${count(feature.n_texts)} distinct`;
  const rows = [
    fact("Sub-category", place(feature)),
    fact("Confidence", decimal(feature.confidence), feature.source ? `, ${feature.source}` : ""),
    fact("Density", density),
    fact("Activation", `mean ${decimal(feature.mean_activation)}, strongest ${decimal(feature.max_activation)}`),
  ];
  if (measured) rows.push(fact("Fidelity", fidelity(feature), `; label by ${feature.label_source}`));
  if (stable) rows.push(fact("Stability", decimal(feature.stability), " mean cosine with its partners in other seeds"));
  if (feature.definition) rows.unshift(fact("Definition", heard("span", feature.definition)));
  if (feature.flag) rows.push(fact("Flag", FLAGS[feature.flag] ?? feature.flag));
  if (feature.note) rows.push(fact("Note", heard("span", feature.note)));
  return element("dl", { class: "facts" }, ...rows);
}

function idioms(feature) {
  const items = feature.idioms.map(([phrase, units, conversations]) => element(
    "li", { title: `${count(units)} ${unit}s in ${count(conversations)} conversations` },
    heard("span", phrase), " ", element("small", {}, count(units)),
  ));
  return element("ul", { class: "idioms" }, ...items);
}

/** One example with a bar as long as its activation is of the feature's strongest. */
function example(text, activation, strongest) {
  const bar = element("i", { "aria-hidden": "true" });
  bar.style.setProperty("--part", String(Math.max(0, Math.min(1, activation / strongest)) || 0));
  return element("li", {}, element("span", { class: "activation" }, decimal(activation), bar), heard("q", text));
}

function card(feature) {
  const close = element("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => byId("card").close());
  const title = heard("h2", feature.label);
  title.id = "card-title";
  title.tabIndex = -1;
  title.autofocus = true; // a reader of the screen begins with the label, not with the button
  const parts = [element("p", { class: "fine" }, `Feature ${feature.feature}`), close, title, facts(feature)];
  if (feature.idioms.length) parts.push(element("h3", {}, "Idioms"), idioms(feature));
  for (const [kind, heading] of KINDS) {
    const rows = feature.examples[kind] ?? [];
    if (!rows.length) continue;
    const items = rows.map(([text, activation]) => example(text, activation, feature.max_activation));
    parts.push(element("h3", {}, heading), element("ul", { class: "examples" }, ...items));
  }
  return parts;
}

/** The address is the one truth about which card is open, so cards can be linked to. */
function followAddress() {
  const dialog = byId("card");
  const feature = byNumber.get(Number(/^#feature-(\d+)$/.exec(location.hash)?.[1] ?? NaN));
  if (!feature) return dialog.close();
  dialog.replaceChildren(...card(feature));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

// ---------------------------------------------------------------- events

byId("search").addEventListener("input", search);
byId("kind").addEventListener("change", search);
byId("tools").addEventListener("submit", (event) => event.preventDefault());
for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => sortBy(button.dataset.sort));
}
byId("more").addEventListener("click", more);

byId("card").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close(); // the backdrop
});
byId("card").addEventListener("close", () => {
  if (location.hash.startsWith("#feature-")) history.replaceState(null, "", "#features");
});
addEventListener("hashchange", followAddress);
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea");
  if (event.key !== "/" || typing || byId("card").open) return;
  event.preventDefault();
  byId("search").focus();
});
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
dark.addEventListener("change", drawCharts);
narrow.addEventListener("change", drawCharts);

search();
followAddress();
drawCharts();
