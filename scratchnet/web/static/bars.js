// Ten probabilities as bars.

import { element, percent } from "./dom.js";

/** Fills `place` with ten rows once, and moves them from then on. `before` draws older probabilities behind, as a mark. */
export class Bars {
  constructor(place) {
    this.place = place;
    place.classList.add("bars");
    this.rows = Array.from({ length: 10 }, (_, k) => {
      const fill = element("i");
      const mark = element("b", { hidden: true });
      const text = element("span", { class: "value" });
      place.append(
        element("div", { class: "bar" }, element("span", { class: "key" }, String(k)), element("div", {}, fill, mark), text),
      );
      return { row: place.lastChild, fill, mark, text };
    });
  }

  show(probabilities, { before = null, label = null } = {}) {
    const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
    this.rows.forEach(({ row, fill, mark, text }, k) => {
      const p = probabilities ? probabilities[k] : null;
      row.classList.toggle("best", k === best);
      row.classList.toggle("label", k === label);
      fill.style.width = `${100 * (p ?? 0)}%`;
      mark.hidden = !before;
      if (before) mark.style.left = `${100 * before[k]}%`;
      text.textContent = p === null ? "" : percent(p);
    });
    const spoken = probabilities ? probabilities.map((p, k) => `${k}: ${percent(p)}`).join(", ") : "no drawing yet";
    this.place.setAttribute("role", "img");
    this.place.setAttribute("aria-label", `Probabilities. ${spoken}`);
  }
}
