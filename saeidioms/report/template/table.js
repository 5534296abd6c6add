// The table of features: search, filters, order.

const PAGE_ROWS = 50;

/** Lay out what is searched of a feature. */
function index(feature) {
  const examples = Object.values(feature.examples).flat();
  feature.passages = [feature.label, ...feature.idioms.map(([phrase]) => phrase), ...examples.map(([text]) => text)];
  feature.haystack = [...feature.passages, feature.sub_category, feature.outside, feature.flag].join("\n").toLowerCase();
}

features.forEach(index);

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
  const link = linkTo(feature);
  const kind = element("td", { class: feature.category ? "kind" : "kind none" });
  kind.textContent = feature.sub_category || feature.outside || "–";
  kind.style.setProperty("--hue", colours[feature.category] ?? "");
  const flags = [feature.flag, feature.edited ? "edited" : ""].filter(Boolean)
    .map((flag) => element("span", { class: "flag" }, flag));
  const line = element(
    "tr", {},
    element("td", {}, String(feature.feature)),
    element("td", {}, link, ...flags, heard("small", evidence(feature, words))),
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

/** Whether a feature reaches what the filter of this name asks for; what is not measured does not. */
function least(name, feature) {
  const asked = Number(byId(`least-${name}`)?.value ?? 0);
  return !asked || (feature[name] !== null && feature[name] >= asked);
}

/** Whether a feature is of the kind asked for: a sub-category, "/" and a category, or "-" for none. */
function ofKind(feature, kind) {
  if (!kind) return true;
  if (kind.startsWith("/")) return feature.category === kind.slice(1);
  return feature.sub_category === (kind === "-" ? "" : kind);
}

let chosen = null; // features that were framed on the map; null: all

/** Show only these features; without any, all of them again. */
function choose(numbers) {
  chosen = numbers?.length ? new Set(numbers) : null;
  search();
}

/** How many features are listed, and the way back where the map restricts them. */
function tell() {
  const found = `${count(shown.length)} of ${count(features.length)} features`;
  if (!chosen) return byId("found").replaceChildren(found);
  const all = element("button", { type: "button" }, "all again");
  all.addEventListener("click", () => choose());
  return byId("found").replaceChildren(`${found}, of ${count(chosen.size)} chosen on the map `, all);
}

const words = () => byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);

function search() {
  const [wanted, kind] = [words(), byId("kind").value];
  shown = features
    .filter((feature) => !chosen || chosen.has(feature.feature))
    .filter((feature) => ofKind(feature, kind))
    .filter((feature) => least("fidelity", feature) && least("stability", feature))
    .filter((feature) => byId("flagged").checked || !feature.flag)
    .filter((feature) => !byId("weak") || byId("weak").checked || !isWeak(feature))
    .filter((feature) => wanted.every((word) => feature.haystack.includes(word)))
    .sort(compare);
  tell();
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

