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
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused("the explorer does not answer; is it still running?");
  }
  const isJson = answer.headers.get("content-type")?.includes("json");
  const content = isJson ? await answer.json() : { error: (await answer.text()).trim() };
  if (!answer.ok) throw new Refused(content.error, content);
  return content;
}

/** A copy of what a template of the page holds. */
export const copyOf = (id) => byId(id).content.cloneNode(true);
