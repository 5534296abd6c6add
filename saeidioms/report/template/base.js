// What the other scripts share: the data, and how it is written. The scripts of the page are one when
// it is built: base, charts, table, card, compare, main. Words of the corpus only ever become text
// nodes (see `element`), never markup.
"use strict";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const features = read("records");
const stable = features.some((feature) => feature.stability !== null);
const measured = document.getElementById("labels") !== null;
const { unit, colours, weak, grouped_by: groupedBy, ...names } = read("names");
const doubtful = new Set(names.doubtful); // sub-categories that rest on no faithful feature
const byNumber = new Map(features.map((feature) => [feature.feature, feature]));
const byId = (id) => document.getElementById(id);


/** Make an element: `children` are nodes or strings, and strings become text. */
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Text of the corpus: set apart from the page's direction, whatever it holds. */
const heard = (name, text) => element(name, { dir: "auto" }, text);

/** A link to the card of a feature. */
function linkTo(feature) {
  const link = heard("a", feature.label);
  link.href = `#feature-${feature.feature}`;
  return link;
}

/** Features by number, each with a value: the link to its card with the value, where it has one. */
const linksTo = (pairs) => pairs
  .filter(([number]) => byNumber.has(number))
  .map(([number, value]) => [linkTo(byNumber.get(number)), decimal(value)]);

const percent = (share) => {
  if (share === null) return "–";
  return `${(100 * share).toFixed(share > 0 && share < 0.001 ? 3 : share < 0.01 ? 2 : 1)}%`;
};
const decimal = (value, digits = 2) => (value === null ? "–" : value.toFixed(digits));
const count = (value) => value.toLocaleString("en");

const isWeak = (feature) => feature.fidelity !== null && feature.fidelity < weak;

/** The fidelity of a feature's label, marked where it is weak. */
function fidelity(feature) {
  const value = decimal(feature.fidelity);
  return isWeak(feature) ? `${value}, weak` : value;
}
