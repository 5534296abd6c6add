// The card of a feature.

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
    fact("Activation", `mean ${decimal(feature.mean_activation)}, strongest ${decimal(feature.max_activation)} `,
      ...(feature.histogram.length ? [histogram(feature)] : [])),
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

/** One example, its idioms marked, with a bar as long as its activation is of the strongest. */
function example(text, activation, spans, strongest) {
  const bar = element("i", { "aria-hidden": "true" });
  bar.style.setProperty("--part", String(Math.max(0, Math.min(1, activation / strongest)) || 0));
  const said = element("q", { dir: "auto" }, ...marked(text, spans));
  return element("li", {}, element("span", { class: "activation" }, decimal(activation), bar), said);
}

/** A text cut at its spans, which are marked; they count whole characters, and strings do not. */
function marked(text, spans) {
  if (!spans.length) return [text];
  const characters = Array.from(text);
  const cut = (start, end) => characters.slice(start, end).join("");
  const parts = [];
  let done = 0;
  for (const [start, end] of spans) {
    parts.push(cut(done, start), element("mark", {}, cut(start, end)));
    done = end;
  }
  return [...parts, cut(done)];
}

/** Units by activation, from 0 to the strongest. */
function histogram(feature) {
  const most = Math.max(1, ...feature.histogram);
  const bars = feature.histogram.map((units) => {
    const bar = element("i");
    bar.style.setProperty("--part", String(units / most));
    return bar;
  });
  const caption = `${unit}s by activation, from 0 to ${decimal(feature.max_activation)}`;
  return element("span", { class: "histogram", role: "img", "aria-label": caption, title: caption }, ...bars);
}

function neighbours(feature) {
  const items = linksTo(feature.neighbours)
    .map(([link, cosine]) => element("li", {}, link, " ", element("small", {}, cosine)));
  return element("ul", { class: "neighbours" }, ...items);
}

/** How often it fires in each group of the column that the run compares. */
function groups(feature) {
  const most = Math.max(...feature.groups.map(([, share]) => share)) || 1;
  const rows = feature.groups.map(([value, share, units]) => {
    const bar = element("i", { "aria-hidden": "true" });
    bar.style.setProperty("--part", String(share / most));
    return element("li", {}, element("span", { class: "activation" }, percent(share), bar),
      heard("span", value), ` (${count(units)} ${unit}s)`);
  });
  return element("ul", { class: "examples groups" }, ...rows);
}

function card(feature) {
  const close = element("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => byId("card").close());
  const title = heard("h2", feature.label);
  title.id = "card-title";
  title.tabIndex = -1;
  title.autofocus = true; // a reader of the screen begins with the label, not with the button
  const hint = element("span", { class: "keys" }, element("kbd", {}, "j"), " next ", element("kbd", {}, "k"), " previous");
  const parts = [element("p", { class: "fine" }, `Feature ${feature.feature} `, hint), close, title, facts(feature)];
  if (feature.idioms.length) parts.push(element("h3", {}, "Idioms"), idioms(feature));
  for (const [kind, heading] of KINDS) {
    const rows = feature.examples[kind] ?? [];
    if (!rows.length) continue;
    const items = rows.map(([text, activation, spans]) => example(text, activation, spans, feature.max_activation));
    parts.push(element("h3", {}, heading), element("ul", { class: "examples" }, ...items));
  }
  if (feature.neighbours.length) parts.push(element("h3", {}, "Features that fire on similar " + unit + "s"), neighbours(feature));
  if (feature.groups.length) parts.push(element("h3", {}, `Share of ${unit}s, by ${groupedBy}`), groups(feature));
  return parts;
}

/** Open the next feature of the listing, or the one before; the first where none is open. */
function step(by) {
  const open = Number(/^#feature-(\d+)$/.exec(location.hash)?.[1] ?? NaN);
  const place = shown.findIndex((feature) => feature.feature === open);
  const next = shown[place < 0 ? 0 : place + by];
  if (next) location.hash = `#feature-${next.feature}`;
}

/** The address is the one truth about which card is open, so cards can be linked to. */
function followAddress() {
  const dialog = byId("card");
  const feature = byNumber.get(Number(/^#feature-(\d+)$/.exec(location.hash)?.[1] ?? NaN));
  if (!feature) return dialog.close();
  dialog.replaceChildren(...card(feature));
  dialog.dispatchEvent(new CustomEvent("filled", { detail: feature })); // a server may add to it
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}
