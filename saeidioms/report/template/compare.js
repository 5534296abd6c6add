// The shares side by side, by a column of the corpus that the reader chooses.

const compared = read("compared");

/** One share with its interval as a line, on a scale from 0 to the highest end of all. */
function shareBar([share, low, high], most) {
  const bar = element("i", { "aria-hidden": "true" });
  bar.style.setProperty("--share", String(share / most));
  bar.style.setProperty("--low", String((low ?? share) / most));
  bar.style.setProperty("--high", String((high ?? share) / most));
  const known = low !== null && high !== null;
  const interval = known ? ` [${percent(low)}, ${percent(high)}]` : "";
  return element("td", {}, element("span", { class: "range" }, bar), percent(share), element("small", {}, interval));
}

function showCompared() {
  const { values, rows } = compared[byId("compared-by").value];
  const most = Math.max(...rows.flatMap(({ shares }) => shares.map(([share, , high]) => high ?? share)));
  const head = values.map(([value, n]) => element("th", { scope: "col" }, heard("span", value),
    element("small", {}, ` n = ${count(n)}`)));
  const lines = rows.map(({ name, category, whole, shares }) => {
    const line = element("tr", whole ? { class: "category" } : {}, element("th", { scope: "row" }, doubtful.has(name) ? `${name} †` : name),
      ...shares.map((one) => shareBar(one, most || 1)));
    line.style.setProperty("--hue", colours[category] ?? "");
    return line;
  });
  byId("compared-table").replaceChildren(
    element("thead", {}, element("tr", {}, element("td"), ...head)),
    element("tbody", {}, ...lines),
  );
}
