// The way through the study: an introduction, one screen per trial, the end. Runs when all other scripts are there.

const part = (name) => document.getElementById(name);
const page = JSON.parse(part("data").textContent);
const store = openStore(page);
const { state } = store;
const count = page.trials.length;
const buttons = { back: part("back"), stop: part("stop"), skip: part("skip"), next: part("next") };
let view = null;
let clock = null;
store.takenOver = () => {
  clock = null;
  show();
};

function isComplete(trial) {
  const answer = state.answers[trial.id];
  return answer !== undefined && RULES[page.kind].isComplete(answer);
}

// Adds the time since the clock was started to the trial on the screen.
function stopClock() {
  if (clock === null) return;
  const { id } = page.trials[state.place];
  state.milliseconds[id] = (state.milliseconds[id] || 0) + performance.now() - clock;
  clock = null;
  store.save();
}

function startClock() {
  if (view && view.shown && document.visibilityState === "visible") clock = performance.now();
}

function go(place) {
  stopClock();
  state.place = Math.max(-1, Math.min(count, place));
  store.save();
  show();
}

function show() {
  const { place } = state;
  view = null;
  const screen = place < 0 ? introduction() : place < count ? trialScreen(page.trials[place]) : ending();
  part("screen").replaceChildren(...screen);
  part("count").textContent = place < 0 ? "" : place < count ? `${place + 1} of ${count}` : "The end";
  part("progress").value = Math.max(0, place) / count;
  window.scrollTo(0, 0);
  refresh();
  layout();
  const heading = part("screen").querySelector("h1");
  heading.focus({ preventScroll: true });
}

// Shows what the buttons can do now.
function refresh() {
  const { place } = state;
  const onTrial = place >= 0 && place < count;
  const ready = onTrial && isComplete(page.trials[place]);
  buttons.back.disabled = place < 0;
  buttons.stop.hidden = !onTrial;
  buttons.skip.hidden = !onTrial || ready;
  buttons.next.hidden = place === count;
  buttons.next.disabled = place < 0 ? state.group === null : !ready;
  buttons.next.textContent = place < 0 ? "Start" : "Next";
}

function introduction() {
  const choices = GROUPS.map(([name, text]) => {
    const choose = () => {
      state.group = name;
      store.save();
      refresh();
    };
    const radio = element("input", { type: "radio", name: "group", value: name, checked: state.group === name, change: choose });
    return element("label", {}, radio, text);
  });
  const { task, keys } = INTRODUCTION[page.kind];
  const lines = [PASTED, ...task, keeping()];
  return [
    element("h1", { tabindex: -1, class: "narrow" }, page.question),
    element("div", { class: "text" }, ...lines.map((line) => element("p", {}, line)), element("p", { class: "keys" }, keys)),
    element("fieldset", { class: "text groups" }, element("legend", {}, "About you"), ...choices),
  ];
}

function keeping() {
  return `There are ${count} screens and no wrong answers. ${store.kept ? KEPT : NOT_KEPT} ${SAVED}`;
}

function trialScreen(trial) {
  const changed = (answer) => {
    state.answers[trial.id] = answer;
    state.date = today();
    store.save();
    refresh();
  };
  const Kind = page.kind === "filters" ? Adjustment : Comparison;
  const made = new Kind(page, trial, state.answers[trial.id], changed);
  view = made;
  made.ready.then(
    () => {
      made.shown = true;
      if (view === made) startClock();
      preload();
    },
    () => view === made && part("screen").replaceChildren(element("p", { class: "alarm", role: "alert" }, NO_PICTURE)),
  );
  return [element("h1", { tabindex: -1 }, page.question), element("p", { class: "hint" }, RULES[page.kind].hint), made.node];
}

// Has the next screen's pictures ready before they are asked for.
function preload() {
  const next = page.trials[state.place + 1];
  if (next && next.folder) next.images.forEach((name) => element("img", { src: `${next.folder}/${name}` }));
}

function ending() {
  const open = page.trials.filter((trial) => !isComplete(trial)).length;
  const first = page.trials.findIndex((trial) => !isComplete(trial));
  const name = `answers-${page.rater}.json`;
  const text = `${JSON.stringify(handOver(page, state, isComplete), null, 1)}\n`;
  const saved = element("p", { role: "status" });
  const save = () => {
    download(name, text);
    saved.textContent = `Saved as ${name}. If you change an answer now, save again.`;
  };
  const told = open ? `${open} of ${count} screens have no finished answer yet.` : "Thank you, that was all.";
  return [
    element("h1", { tabindex: -1, class: "narrow" }, open ? "Not finished yet" : "Finished"),
    element(
      "div",
      { class: "text" },
      element("p", {}, told),
      ...(open ? [button("Go to the first open one", () => go(first), { class: "main", id: "open" })] : []),
      element("p", {}, `Save your answers and give the file ${name} to the person who gave you this page.`),
      button("Save my answers", save, { id: "save", class: open ? "" : "main" }),
      saved,
      element(
        "details",
        {},
        element("summary", {}, "No file appeared?"),
        element("p", {}, "Look among your downloads. If it is not there, copy all of this text into a message:"),
        element("textarea", { readonly: true, rows: 8, "aria-label": "Answers as text", id: "text" }, text),
      ),
    ),
  ];
}

function layout() {
  const top = part("screen").querySelector(".comparison, .adjustment");
  if (view) view.layout(window.innerHeight - top.offsetTop - document.querySelector("footer").offsetHeight - 2 * GAP);
}

buttons.back.addEventListener("click", () => go(state.place - 1));
buttons.next.addEventListener("click", () => go(state.place + 1));
buttons.skip.addEventListener("click", () => go(state.place + 1));
buttons.stop.addEventListener("click", () => go(count));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.id === "text") return;
  const own = view && view.closer && view.closer.isOpen();
  if (view && view.shown && view.pressKey(event.key)) event.preventDefault();
  else if (own) return;
  else if (event.key === "Backspace" && !buttons.back.disabled) buttons.back.click();
  else if (event.key === "Enter" && !buttons.next.disabled && !buttons.next.hidden && !isControl(event.target)) {
    event.preventDefault();
    buttons.next.click();
  }
});

// Enter presses the controls that have the focus, apart from pictures and sliders.
function isControl(node) {
  return node.matches("footer button, .tools button, .look, summary, .text button");
}

document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? startClock() : stopClock()));
window.addEventListener("pagehide", stopClock);
window.addEventListener("resize", layout);
show();
