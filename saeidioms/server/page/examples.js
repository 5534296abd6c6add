// All examples of a feature, on its card, from strong to weak.
import { copyOf } from "./asking.js";
import { pagedList } from "./units.js";

export function allExamples(feature) {
  const part = copyOf("served-all").firstElementChild;
  const [heading, told, list, button] = part.children;
  heading.textContent = `Every ${unit} it fires on (${count(feature.n_units)}), from strong to weak`;
  button.textContent = "Show them";
  const pages = pagedList({
    list,
    button,
    address: () => `api/features/${feature.feature}/examples?`,
    tell: ({ total }, error) => {
      told.textContent = error ? `Not shown: ${error}` : `${count(list.children.length)} of ${count(total)}`;
    },
    strongest: feature.max_activation,
  });
  button.addEventListener("click", pages.load);
  return part;
}
