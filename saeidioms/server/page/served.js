// The report where it is served: what the page shows besides, and when.
import { ask, copyOf } from "./asking.js";
import { allExamples } from "./examples.js";
import { listenToSearch } from "./messages.js";
import { beginWords, saveAll, wordForm } from "./words.js";

/** Put the parts that need the server where they belong. */
function addParts() {
  const parts = copyOf("served-parts");
  document.querySelector("main").prepend(parts.querySelector("#pending"), parts.querySelector("#unsaved"));
  byId("features").after(parts.querySelector("#messages"));
  const link = element("a", { href: "#messages" }, "Messages");
  document.querySelector("nav a[href='#features']").after(link);
}

/** Put on a card what needs the server. */
function addToCard(feature) {
  saveAll();
  const card = byId("card");
  card.querySelector("dl.facts").after(wordForm(feature));
  if (!feature.n_units) return;
  const all = allExamples(feature);
  const lists = card.querySelectorAll(".examples:not(.units, .groups)");
  (lists[lists.length - 1] ?? card.lastElementChild).after(all);
}

async function begin() {
  history.replaceState(null, "", location.pathname + location.hash); // the key is in the cookie now
  addParts();
  listenToSearch();
  let state;
  try {
    state = await ask("api/state");
  } catch (error) {
    byId("pending").hidden = false;
    byId("pending").textContent = `Nothing can be edited: ${error.message}`;
    return;
  }
  beginWords(state);
  byId("card").addEventListener("filled", (event) => addToCard(event.detail));
  byId("card").addEventListener("close", saveAll);
  KEYS.e = () => document.querySelector("#card[open] .word input")?.select();
  followAddress(); // a card may be open already, without all this
}

begin();
