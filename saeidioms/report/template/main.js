// Events, and the first look.

byId("search").addEventListener("input", search);
for (const name of ["kind", "least-fidelity", "least-stability", "weak", "flagged"]) {
  byId(name)?.addEventListener("change", search);
}
byId("compared-by")?.addEventListener("change", showCompared);
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
const KEYS = { j: () => step(1), k: () => step(-1), "/": () => focusSearch() };

function focusSearch() {
  byId("card").close();
  byId("search").focus();
}

addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea");
  const run = KEYS[event.key];
  if (!run || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  run();
});
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
dark.addEventListener("change", drawCharts);
narrow.addEventListener("change", drawCharts);

search();
followAddress();
if (byId("compared-by")) showCompared();
requestAnimationFrame(() => setTimeout(drawCharts)); // behind the first paint: charts take longest
