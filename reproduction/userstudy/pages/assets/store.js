// The rater's answers: kept in the browser at every change, handed over as one JSON file.

// Besides, the tab's own history remembers them: a reload within seconds can come before the browser has stored anything.
function openStore(page) {
  const key = `study ${page.study} ${page.rater}`;
  const store = { state: { saves: 0, place: -1, group: null, date: null, answers: {}, milliseconds: {} }, kept: true };
  const places = [
    { read: () => JSON.parse(localStorage.getItem(key)), write: (state) => localStorage.setItem(key, JSON.stringify(state)) },
    { read: () => history.state && history.state[key], write: (state) => history.replaceState({ [key]: state }, "") },
  ];
  store.save = () => {
    store.state.saves += 1;
    const failed = places.filter(({ write }) => !succeeds(() => write(store.state)));
    store.kept = !failed.includes(places[0]);
  };
  for (const { read } of places) {
    succeeds(() => {
      const found = read();
      if (found && found.saves > store.state.saves) store.state = found;
    });
  }
  // Nothing is saved before the first change, and what another tab keeps is taken over: a busy browser shows a page that opens only after
  // a moment what one that was just closed has kept.
  store.kept = succeeds(() => localStorage.setItem(`${key} opened`, ""));
  store.takenOver = () => {};
  addEventListener("storage", (event) => {
    const found = event.key === key && event.newValue ? JSON.parse(event.newValue) : null;
    if (!found || found.saves <= store.state.saves) return;
    Object.assign(store.state, found);
    store.takenOver();
  });
  return store;
}

// A browser may forbid to keep anything, or to keep it this often.
function succeeds(action) {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

// The day in the rater's own time zone, as 2021-12-31.
function today() {
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

// JSON with sorted keys and no spaces: the same text whoever writes it, as long as all numbers are whole.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}

// What is handed over; an answer that is not finished is null.
function handOver(page, state, isComplete) {
  const content = {
    format: page.format,
    study: page.study,
    rater: page.rater,
    group: state.group,
    date: state.date,
    answers: page.trials.map((trial) => ({
      trial: trial.id,
      images: trial.images,
      answer: isComplete(trial) ? state.answers[trial.id] : null,
      milliseconds: Math.round(state.milliseconds[trial.id] || 0),
    })),
  };
  content.checksum = sha256(canonical(content));
  return content;
}

function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}
