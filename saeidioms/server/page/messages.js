// Full text search over all units of the corpus.
import { pagedList } from "./units.js";

const PAUSE = 150; // milliseconds without a key before it is searched

export function listenToSearch() {
  const text = byId("messages-text");
  const wanted = () => text.value.trim();
  const tell = ({ total, of }, error) => {
    byId("messages-found").textContent = error
      ? `Not searched: ${error}`
      : `${count(total)} of ${count(of)} ${unit}s hold it`;
  };
  const list = pagedList({
    list: byId("messages-list"),
    button: byId("messages-more"),
    address: () => `api/units?text=${encodeURIComponent(wanted())}&`,
    tell,
  });
  const searchNow = () => {
    if (wanted()) return list.begin();
    byId("messages-found").textContent = "";
    return list.empty();
  };
  let timer;
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(searchNow, PAUSE);
  });
  byId("messages-form").addEventListener("submit", (event) => event.preventDefault());
  byId("messages-more").addEventListener("click", list.load);
}
