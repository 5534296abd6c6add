// Units as rows with all that is known of them, and lists of them that grow page by page.
import { ask } from "./asking.js";

const PAGE = 50;
const LONGEST = 80; // characters of a value of the context
const AT_ONCE = 3; // columns of the input; more of them are behind a click

/** Names with their values, in small type. */
function facets(entries) {
  const parts = entries.map(([name, value]) => {
    const short = value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value;
    const told = heard("b", short);
    if (short !== value) told.title = value;
    return element("span", {}, `${name} `, told);
  });
  return element("p", { class: "origin" }, ...parts);
}

/** Where a unit comes from: its ids, and the other columns of the input. */
function origin(found) {
  const { turn, role, ...columns } = found.context;
  const told = Object.entries({
    conversation: found.conversation_id, message: found.message_id, turn, role,
  }).filter(([, value]) => value);
  const others = Object.entries(columns);
  if (others.length <= AT_ONCE) return [facets([...told, ...others])];
  const summary = element("summary", {}, `${others.length} columns`);
  return [facets(told), element("details", { class: "columns" }, summary, facets(others))];
}

/** What shows the whole of a unit that was cut. */
function wholeButton(found, said) {
  const button = element("button", { type: "button", class: "button" },
    `All ${count(found.length)} characters`);
  button.addEventListener("click", async () => {
    try {
      const { text } = await ask(`api/units/${found.row}`);
      said.replaceChildren(text);
      button.remove();
    } catch (error) {
      button.textContent = `Not shown: ${error.message}`;
    }
  });
  return button;
}

/** The features that fire most on a unit, as links to their cards. */
function firing(found) {
  const links = linksTo(found.features)
    .map(([link, activation]) => element("span", {}, link, ` ${activation}`));
  return element("p", { class: "origin" }, ...links);
}

/** One unit: as an example of a feature with its activation, else with the features that fire. */
export function unitRow(found, strongest) {
  const isExample = found.activation !== undefined;
  const item = isExample
    ? example(found.text, found.activation, found.spans, strongest)
    : element("li", {}, element("q", { dir: "auto" }, ...marked(found.text, found.spans)));
  const rest = element("div", {}, ...origin(found));
  if (found.length > Array.from(found.text).length) rest.prepend(wholeButton(found, item.querySelector("q")));
  if (!isExample && found.features.length) rest.append(firing(found));
  item.append(rest);
  return item;
}

/**
 * Fill a list page by page. `address` gives the path of a page from its start, `tell` says what was
 * found; `begin` empties the list and asks for the first page. Of two questions that overlap, only
 * the later one is answered.
 */
export function pagedList({ list, button, address, tell, strongest = 1 }) {
  let asked = 0;
  const load = async () => {
    const mine = ++asked;
    const start = list.children.length;
    button.disabled = true;
    try {
      const found = await ask(`${address()}start=${start}&n=${PAGE}`);
      if (mine !== asked) return;
      list.append(...found.rows.map((one) => unitRow(one, strongest)));
      const left = found.total - list.children.length;
      button.hidden = left <= 0;
      button.textContent = `Show ${count(Math.min(left, PAGE))} more`;
      tell(found);
      if (start && found.rows.length) focusOn(list.children[start]);
    } catch (error) {
      if (mine === asked) tell({}, error.message);
    } finally {
      if (mine === asked) button.disabled = false;
    }
  };
  const empty = () => {
    asked += 1; // whatever is on its way comes too late
    list.replaceChildren();
    button.hidden = true;
  };
  const begin = () => {
    empty();
    return load();
  };
  return { begin, empty, load };
}

/** Let reading go on with the first of the rows that were added. */
function focusOn(item) {
  item.tabIndex = -1;
  item.focus({ preventScroll: true });
}
