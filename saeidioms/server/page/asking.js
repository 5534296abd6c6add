// Asking the server.

/** What the server refused, with its sentence; `content` holds whatever else it said. */
export class Refused extends Error {
  constructor(sentence, content = {}) {
    super(sentence);
    this.content = content;
  }
}

/** Ask for JSON. Every failure becomes a `Refused` whose message can be shown as it is. */
export async function ask(path, options = {}) {
  let answer, content;
  try {
    answer = await fetch(path, options);
    const isJson = answer.headers.get("content-type")?.includes("json");
    content = isJson ? await answer.json() : { error: (await answer.text()).trim() };
  } catch { // also where the answer breaks off
    throw new Refused("the explorer does not answer; is it still running?");
  }
  if (!answer.ok) throw new Refused(content.error, content);
  return content;
}

/** A copy of what a template of the page holds. */
export const copyOf = (id) => byId(id).content.cloneNode(true);
