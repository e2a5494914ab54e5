// Screens with several pictures: ranking, pairs, the best of all.

// As in the style: the space between columns, and the height of the bar below a picture.
const GAP = 12;
const BAR = 44;
// Pictures narrower than this cannot be judged: then the page scrolls instead.
const NARROWEST = 180;

// Returns the columns that show pictures largest in a space, and the width of each.
function bestColumns(count, aspect, width, height) {
  const across = (columns) => Math.floor((width - (columns - 1) * GAP) / columns);
  const choices = Array.from({ length: count }, (_, place) => {
    const columns = place + 1;
    const down = Math.floor((height / Math.ceil(count / columns) - BAR) * aspect);
    return { columns, side: Math.min(across(columns), down) };
  });
  const best = choices.reduce((first, second) => (second.side > first.side ? second : first));
  if (best.side >= Math.min(NARROWEST, width)) return best;
  const columns = Math.max(1, Math.min(count, Math.floor((width + GAP) / (NARROWEST + GAP))));
  return { columns, side: across(columns) };
}

// Moves the focus among nodes by arrow keys; tells whether it did.
function moveFocus(nodes, key) {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[key];
  if (!step) return false;
  const here = nodes.indexOf(document.activeElement);
  nodes[here < 0 ? 0 : (here + step + nodes.length) % nodes.length].focus();
  return true;
}

class Comparison {
  // answer: an earlier one, or undefined. changed: called with every new one.
  constructor(page, trial, answer, changed) {
    this.kind = page.kind;
    this.rules = RULES[page.kind];
    this.trial = trial;
    this.answer = answer === undefined ? this.rules.empty(trial) : answer;
    this.changed = changed;
    this.equal = false;
    const sources = trial.images.map((name) => `${trial.folder}/${name}`);
    this.closer = new Closer(sources);
    this.pictures = sources.map((source) => element("img", { src: source, alt: "", width: trial.width, height: trial.height }));
    this.ready = Promise.all(this.pictures.map((picture) => picture.decode()));
    this.build();
    this.refresh();
  }

  build() {
    this.marks = this.pictures.map(() => element("span", { class: "mark", "aria-hidden": "true" }));
    this.tiles = this.pictures.map((picture, place) => {
      const tile = button("", () => this.tap(place), { class: "tile" });
      tile.append(picture);
      return tile;
    });
    // Below the pictures, because nothing may hide a part of them.
    this.cells = this.tiles.map((tile, place) => {
      const key = element("span", { class: "key", "aria-hidden": "true" }, String(place + 1));
      const name = { class: "look", "aria-label": `Look closer at picture ${place + 1}` };
      const look = button("Look closer", () => this.closer.open(place), name);
      return element("div", {}, tile, element("div", { class: "bar" }, key, this.marks[place], look));
    });
    this.equalButton = button("Equal to the last", () => this.setEqual(!this.equal), { title: "Key =" });
    this.clearButton = button("Clear", () => this.clear(), { title: "Key Escape" });
    this.tieButton = button("No difference", () => this.change("tie"), { title: "Key 0" });
    const tools = { rankings: [this.equalButton, this.clearButton], pairs: [this.tieButton], choices: [] }[this.kind];
    this.grid = element("div", { class: "grid", role: "group", "aria-label": "Pictures" }, ...this.cells);
    this.tools = element("div", { class: "tools" }, ...tools);
    this.node = element("div", { class: "comparison" }, this.grid, this.tools, this.closer.node);
  }

  change(answer) {
    this.answer = answer;
    this.refresh();
    this.changed(answer);
  }

  tap(place) {
    this.change(this.rules.tap(this.answer, place, this.trial, this.equal));
    this.setEqual(false);
    const mark = this.rules.mark(this.answer, place, this.trial);
    say(`Picture ${place + 1}: ${mark === "✓" ? "chosen" : mark || "taken back"}`);
  }

  setEqual(on) {
    this.equal = on;
    this.equalButton.setAttribute("aria-pressed", String(on));
    if (on) say("The next picture gets the same place as the last one");
  }

  clear() {
    this.change(this.rules.empty(this.trial));
    this.setEqual(false);
    say("All taken back");
  }

  refresh() {
    this.tiles.forEach((tile, place) => {
      const mark = this.rules.mark(this.answer, place, this.trial);
      this.marks[place].textContent = mark;
      tile.setAttribute("aria-pressed", String(mark !== ""));
      tile.setAttribute("aria-label", `Picture ${place + 1}${mark === "✓" ? ", chosen" : mark && `, ${mark}`}`);
    });
    this.tieButton.setAttribute("aria-pressed", String(this.answer === "tie"));
    const begun = this.kind === "rankings" && this.answer.some((rank) => rank !== null);
    this.equalButton.disabled = !begun || this.rules.isComplete(this.answer);
    this.clearButton.disabled = !begun;
  }

  // Makes the pictures as large as the space allows.
  layout(height) {
    const space = [this.node.clientWidth, height - this.tools.offsetHeight];
    const { columns, side } = bestColumns(this.tiles.length, this.trial.width / this.trial.height, ...space);
    this.grid.style.maxWidth = `${columns * (side + GAP)}px`;
    this.cells.forEach((cell) => {
      cell.style.width = `${side}px`;
    });
  }

  // Tells whether a key meant something here.
  pressKey(key) {
    if (this.closer.isOpen()) return this.closer.pressKey(key);
    const place = "123456789".indexOf(key);
    if (place >= 0 && place < this.tiles.length) this.tap(place);
    else if (this.kind === "pairs" && key === "ArrowLeft") this.tap(0);
    else if (this.kind === "pairs" && key === "ArrowRight") this.tap(1);
    else if (this.kind === "pairs" && key === "0") this.change("tie");
    else if (key === "=" && this.kind === "rankings" && !this.equalButton.disabled) this.setEqual(!this.equal);
    else if (key === "Escape" && this.kind === "rankings") this.clear();
    else return moveFocus(this.tiles, key);
    return true;
  }
}
