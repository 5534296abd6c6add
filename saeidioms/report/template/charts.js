// The figures, in the page's colours and width.

const subCategories = new Set(Array.from(byId("kind").options, (option) => option.value));
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 640px)");

/** The same JSON with one colour replaced by another wherever it stands. */
function repaint(value, from, to) {
  if (value === from) return to;
  if (Array.isArray(value)) return value.map((item) => repaint(item, from, to));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, repaint(item, from, to)]));
}

/** The same figure in smaller type. */
function smaller(value, key = "") {
  if (Array.isArray(value)) return value.map((item) => smaller(item));
  if (value === null || typeof value !== "object") return value;
  const same = Object.entries(value).map(([name, item]) => [name, smaller(item, name)]);
  const made = Object.fromEntries(same);
  if (/font$/i.test(key) && made.size > 0) made.size *= SMALLER;
  return made;
}

/** What is drawn on this screen: on a narrow one, fewer panels beside each other and smaller type. */
function fitting(figure) {
  if (!narrow.matches) return figure;
  return smaller(figure.layout.meta?.narrow ?? figure);
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

const SMALLER = 12 / 14;
const UNUSED = ["autoScale2d", "zoomIn2d", "zoomOut2d"];

const isAxis = (key) => /^[xy]axis\d*$/.test(key);

function drawCharts() {
  document.querySelectorAll("script.figure").forEach((script, index) => {
    const { data, layout } = dressed(fitting(JSON.parse(script.textContent)));
    const chart = byId(`chart-${index + 1}`);
    const isMap = data.some((trace) => trace.ids);
    Plotly.react(chart, data, layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: narrow.matches ? false : "hover",
      modeBarButtonsToRemove: isMap ? UNUSED : [...UNUSED, "select2d", "lasso2d"],
      toImageButtonOptions: { format: "svg", filename: chart.ariaLabel },
    });
    if (chart.dataset.listens) return; // a chart that is drawn again keeps its listeners
    chart.dataset.listens = "yes";
    chart.on("plotly_click", ({ points: [point] }) => follow(point));
    if (!isMap) return;
    chart.on("plotly_selected", (selected) => choose(selected?.points.map(({ id }) => Number(id))));
    chart.on("plotly_deselect", () => choose());
  });
}

/** From a point of the map to its card, from a bar to the features of its sub-category. */
function follow(point) {
  if (byNumber.has(Number(point.id))) {
    location.hash = `#feature-${point.id}`;
  } else if (subCategories.has(plain(point.y))) {
    byId("kind").value = plain(point.y);
    search();
    byId("features").scrollIntoView();
  }
}

/** The text that a label of a chart stands for, in which names are escaped. */
function plain(label) {
  const page = new DOMParser().parseFromString(String(label), "text/html");
  return page.body.textContent;
}
