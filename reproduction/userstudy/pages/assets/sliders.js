// The screen of the filter study: six sliders with a live picture, and how important each was.

const IMPORTANCES = [1, 2, 3, 4, 5];

// Returns the RGBA bytes of an embedded picture.
async function readPixels(source, width, height) {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  const context = element("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, width, height).data;
}

class Adjustment {
  // answer: an earlier one, or undefined: one row per slider with percent, touched and importance. changed: called with every new one,
  // of a slider once it is let go.
  constructor(page, trial, answer, changed) {
    this.trial = trial;
    this.sliders = page.sliders;
    this.answer = answer || page.sliders.map(({ filter }) => ({ filter, percent: 0, touched: 0, importance: null }));
    this.changed = changed;
    this.before = false;
    this.waiting = false;
    this.build();
    this.ready = this.load();
  }

  build() {
    const { width, height } = this.trial;
    this.canvas = element("canvas", { width, height, role: "img", "aria-label": "The picture as adjusted" });
    this.beforeButton = button("Show before", () => this.showBefore(!this.before), { "aria-pressed": "false", title: "Key b" });
    const clearButton = button("All sliders to 0", () => this.clear());
    this.rows = this.sliders.map((slider, place) => this.buildRow(slider, place));
    const view = element("div", { class: "view" }, this.canvas, element("div", { class: "tools" }, this.beforeButton, clearButton));
    this.node = element("div", { class: "adjustment" }, view, element("div", { class: "sliders" }, ...this.rows.map((row) => row.node)));
  }

  buildRow(slider, place) {
    const { percent, importance } = this.answer[place];
    const output = element("output", { for: `slider-${place}` }, signed(percent));
    const input = element("input", { type: "range", id: `slider-${place}`, min: -100, max: 100, step: 1, value: percent });
    input.addEventListener("input", () => this.move(place, Number(input.value), 1));
    input.addEventListener("change", () => this.changed(this.answer));
    const scale = IMPORTANCES.map((score) => {
      const radio = { type: "radio", name: `importance-${place}`, value: score, checked: score === importance };
      return element("label", {}, element("input", { ...radio, change: () => this.rate(place, score) }), String(score));
    });
    const name = { class: "scale", role: "radiogroup", "aria-label": `Importance of ${slider.label}` };
    const node = element(
      "fieldset",
      { class: "slider" },
      element("legend", {}, slider.label),
      element("div", { class: "line" }, element("label", { class: "unseen", for: `slider-${place}` }, slider.label), input, output),
      element("div", { class: "ends", "aria-hidden": "true" }, ...[slider.low, "0", slider.high].map((end) => element("span", {}, end))),
      element("div", name, element("span", {}, "Importance"), ...scale),
    );
    return { node, input, output, radios: [...node.querySelectorAll("input[type=radio]")] };
  }

  async load() {
    const { picture, mask, width, height } = this.trial;
    const [pixels, weights] = await Promise.all([readPixels(picture, width, height), readPixels(mask, width, height)]);
    this.filters = new Filters(pixels, weights.filter((_, place) => place % 4 === 0));
    this.image = new ImageData(width, height);
    this.draw();
  }

  move(place, percent, touched) {
    this.answer = replaced(this.answer, place, { ...this.answer[place], percent, touched });
    this.rows[place].input.value = percent;
    this.rows[place].output.textContent = signed(percent);
    this.showBefore(false);
  }

  clear() {
    this.sliders.forEach((_, place) => this.move(place, 0, 0));
    this.changed(this.answer);
    say("All sliders are at 0");
  }

  rate(place, importance) {
    this.answer = replaced(this.answer, place, { ...this.answer[place], importance });
    this.rows[place].radios[importance - 1].checked = true;
    this.changed(this.answer);
  }

  showBefore(on) {
    this.before = on;
    this.beforeButton.setAttribute("aria-pressed", String(on));
    // However often a slider moves, the picture is made once per frame.
    if (!this.waiting) requestAnimationFrame(() => this.draw());
    this.waiting = true;
  }

  draw() {
    this.waiting = false;
    if (!this.filters) return;
    if (this.before) this.image.data.set(this.filters.pixels);
    else this.filters.restore(this.answer.map(({ percent }) => percent / 100), this.image.data);
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
  }

  layout() {}

  // Numbers rate the filter whose slider has the focus. Tells whether a key meant something here.
  pressKey(key) {
    const place = this.rows.findIndex((row) => row.node.contains(document.activeElement));
    const score = "12345".indexOf(key) + 1;
    if (key === "b") this.showBefore(!this.before);
    else if (score > 0 && place >= 0) this.rate(place, score);
    else return false;
    return true;
  }
}

function signed(percent) {
  return (percent > 0 ? "+" : "") + (percent / 100).toFixed(2);
}
