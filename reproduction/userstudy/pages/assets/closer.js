// One picture as large as the window; the others appear in the same place, which shows differences best.

class Closer {
  constructor(sources) {
    this.sources = sources;
    this.shown = 0;
    this.picture = element("img", { alt: "", click: () => this.show(this.shown + 1) });
    this.name = element("p", { role: "status" });
    const tools = element(
      "div",
      { class: "tools" },
      button("‹", () => this.show(this.shown - 1), { "aria-label": "Previous picture" }),
      this.name,
      button("›", () => this.show(this.shown + 1), { "aria-label": "Next picture" }),
      button("Close", () => this.node.close()),
    );
    this.node = element("dialog", { class: "closer", "aria-label": "One picture, large" }, this.picture, tools);
  }

  isOpen() {
    return this.node.open;
  }

  open(place) {
    this.show(place);
    this.node.showModal();
  }

  show(place) {
    this.shown = (place + this.sources.length) % this.sources.length;
    this.picture.src = this.sources[this.shown];
    this.name.textContent = `Picture ${this.shown + 1} of ${this.sources.length}`;
  }

  // Escape, Enter and Tab are the dialog's own. Tells whether a key meant something here.
  pressKey(key) {
    const place = "123456789".indexOf(key);
    if (key === "ArrowLeft" || key === "ArrowUp") this.show(this.shown - 1);
    else if (key === "ArrowRight" || key === "ArrowDown") this.show(this.shown + 1);
    else if (place >= 0 && place < this.sources.length) this.show(place);
    else if (key === "Backspace") this.node.close();
    else return false;
    return true;
  }
}
