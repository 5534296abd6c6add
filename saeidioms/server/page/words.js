// People's words on features: a form on the card that saves by itself, and never over another's.
import { Refused, ask, copyOf } from "./asking.js";

const PAUSE = 600; // milliseconds without a key before it is saved
const NONE = "none of these";

let state = { words: {}, pending: [] }; // what the server told last
const forms = new Map(); // feature -> its form, until everything in it is saved

const wordOn = (number) => state.words[number];
const categoryOf = (name) => state.places.find(({ names }) => names.includes(name))?.category ?? "";

/** A place in words, as it is told to a person. */
function placeName(place) {
  if (place === state.as_proposed) return "as proposed";
  return place || NONE;
}

/** A feature as the report tells of it. */
const asMade = (feature) => feature.made ??= { ...feature };

/** Let the page say what people say, wherever it tells of a feature. */
function apply(feature) {
  const [made, number] = [asMade(feature), feature.feature];
  const word = wordOn(number);
  const changed = word || state.pending.includes(number);
  feature.label = (changed && (word?.label || state.proposed[number])) || made.label;
  feature.fidelity = word?.label ? null : made.fidelity; // it was another label's
  feature.label_source = word?.label ? "a person" : made.label_source;
  feature.note = word?.note || (word ? "" : made.note);
  const placed = word && word.place !== state.as_proposed;
  feature.category = placed ? categoryOf(word.place) : made.category;
  feature.sub_category = placed && feature.category ? word.place : placed ? "" : made.sub_category;
  feature.outside = placed && !feature.category ? word.place : placed ? "" : made.outside;
  feature.source = placed ? "override" : made.source;
  feature.confidence = placed ? 1 : made.confidence;
  feature.edited = state.pending.includes(number);
  index(feature);
  byId("table").querySelector(`a[href="#feature-${number}"]`)?.closest("tr").replaceWith(row(feature, words()));
}

/** Take over what the server says now, and show what is different. */
function accept(told) {
  const before = state;
  state = { ...state, ...told };
  for (const feature of features) {
    const number = feature.feature;
    const same = before.words[number]?.version === wordOn(number)?.version
      && before.pending.includes(number) === state.pending.includes(number);
    if (!same) apply(feature);
  }
  tellPending();
}

/** Say what has to be run for edits to count, as long as there are some that do not. */
function tellPending() {
  const notice = byId("pending");
  const n = state.pending.length;
  notice.hidden = n === 0;
  notice.replaceChildren(
    `${count(n)} ${n === 1 ? "feature is" : "features are"} edited, and codes, figures and report do not say so yet. Run `,
    element("code", {}, state.command), ", then reload this page.",
  );
}

/** Say which features hold what could not be saved, with the way back to them. */
function tellUnsaved() {
  const unsaved = [...forms.values()].filter((form) => form.stuck);
  byId("unsaved").hidden = unsaved.length === 0;
  const links = unsaved.flatMap(({ feature }) => [linkTo(feature), " "]);
  byId("unsaved").replaceChildren("Not saved: ", ...links);
}

/** The form of one feature. What is typed is saved after a pause, and when the card is left. */
class Form {
  constructor(feature) {
    this.feature = feature;
    this.node = copyOf("served-word").firstElementChild;
    this.fields = this.node.elements;
    this.stuck = false; // the last try to save failed, or somebody else was first
    this.dirty = false;
    this.saving = null;
    fillPlaces(this.fields.place, asMade(feature));
    this.fill(wordOn(feature.feature));
    this.listen();
  }

  listen() {
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.node.addEventListener("input", () => {
      this.dirty = true;
      if (this.conflict) return; // one of the two buttons has the word
      this.tell("…");
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.save(), PAUSE);
    });
    this.node.addEventListener("change", () => this.save());
    this.fields.theirs.addEventListener("click", () => this.take());
    this.fields.mine.addEventListener("click", () => this.keep());
  }

  /** Show a word; where nothing is said, what the tool proposes. */
  fill(word) {
    this.version = word?.version ?? "";
    this.fields.label.value = word?.label || state.proposed[this.feature.feature];
    this.fields.place.value = word?.place ?? state.as_proposed;
    this.fields.note.value = word?.note ?? "";
  }

  tell(sentence) {
    this.node.querySelector(".state").textContent = sentence;
  }

  /** Save what is not saved; what is typed meanwhile is saved next. */
  async save() {
    clearTimeout(this.timer);
    if (!this.dirty || this.conflict || this.saving) return this.saving;
    this.dirty = false;
    this.tell("saving …");
    this.saving = this.send();
    try {
      await this.saving;
    } finally {
      this.saving = null;
    }
    if (this.dirty && !this.stuck) return this.save();
    if (!this.dirty && !this.stuck) forms.delete(this.feature.feature);
    return tellUnsaved();
  }

  async send() {
    const { label, place, note } = this.fields;
    const said = { label: label.value, place: place.value, note: note.value };
    try {
      const told = await ask(`api/features/${this.feature.feature}/word`, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...said, version: this.version, key: state.key }),
        keepalive: true, // also when the page is being left
      });
      this.stuck = false;
      accept(told);
      this.version = wordOn(this.feature.feature)?.version ?? "";
      this.tell(state.pending.length ? `saved; codes and report follow by: ${state.command}` : "saved");
      showOnCard(this);
    } catch (error) {
      this.refused(error);
    }
  }

  refused(error) {
    this.stuck = this.dirty = true;
    forms.set(this.feature.feature, this);
    if (!(error instanceof Refused)) throw error;
    if (!error.content.word) return this.tell(`not saved: ${error.message}`);
    this.conflict = error.content.word;
    const { label, place, note } = this.conflict;
    const theirs = [
      label || state.proposed[this.feature.feature], placeName(place), ...(note ? [`“${note}”`] : []),
    ];
    this.tell("not saved");
    const box = this.node.querySelector(".conflict");
    box.hidden = false;
    box.querySelector("span").replaceWith(heard("span", theirs.join(" · ")));
  }

  /** Go on from the other's word. */
  settle() {
    this.version = this.conflict.version;
    const words = { ...state.words, [this.feature.feature]: this.conflict };
    if (!this.version) delete words[this.feature.feature];
    this.conflict = null;
    this.stuck = false;
    this.node.querySelector(".conflict").hidden = true;
    accept({ words });
  }

  take() {
    const theirs = this.conflict;
    this.settle();
    this.fill(theirs);
    this.dirty = false;
    forms.delete(this.feature.feature);
    this.tell("as saved elsewhere");
    showOnCard(this);
    this.fields.label.focus();
    tellUnsaved();
  }

  keep() {
    this.settle();
    this.fields.label.focus();
    this.save();
  }
}

/** The places that one can choose, under their categories. */
function fillPlaces(select, made) {
  const known = made.source !== "override";
  const proposed = made.sub_category || made.outside || NONE;
  select.append(new Option(known ? `as proposed: ${proposed}` : "as the tool proposes", state.as_proposed));
  for (const { category, names } of state.places) {
    const label = category || "Outside of all";
    select.append(element("optgroup", { label }, ...names.map((name) => new Option(name, name))));
  }
  select.append(new Option(NONE, ""));
}

/** Let an open card say what was saved. */
function showOnCard(form) {
  const card = form.node.closest("dialog");
  if (!card) return;
  byId("card-title").textContent = form.feature.label;
  card.querySelector("dl.facts").replaceWith(facts(form.feature));
}

/** The form of a feature, as it was left where it holds what is not saved; or why there is none. */
export function wordForm(feature) {
  if (state.read_only) return element("p", { class: "fine" }, `Not to be edited here: ${state.read_only}`);
  const form = forms.get(feature.feature) ?? new Form(feature);
  forms.set(feature.feature, form);
  return form.node;
}

/** Save what is not saved yet, in forms that are left. */
export function saveAll() {
  for (const [number, form] of forms) {
    if (form.dirty) form.save();
    else if (!form.saving) forms.delete(number); // it is filled anew next time
  }
}

export function beginWords(told) {
  accept(told);
  addEventListener("pagehide", saveAll);
  addEventListener("beforeunload", (event) => {
    saveAll();
    if ([...forms.values()].some((form) => form.stuck)) event.preventDefault();
  });
}
