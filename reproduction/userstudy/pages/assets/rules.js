// What a tap on a picture means in each kind of study.

function ordinal(number) {
  const teen = Math.floor(number / 10) % 10 === 1;
  return number + ((!teen && { 1: "st", 2: "nd", 3: "rd" }[number % 10]) || "th");
}

function replaced(list, place, value) {
  return list.map((old, other) => (other === place ? value : old));
}

// hint: what to do. empty: the answer before any tap. tap: the answer after one. mark: what an answer says of a picture.
// isComplete: whether an answer is finished.
const RULES = {
  rankings: {
    hint: "Tap the pictures from best to worst; tap one again to take it back.",
    empty: (trial) => trial.images.map(() => null),
    tap(ranks, place, trial, equal) {
      const last = Math.max(0, ...ranks);
      if (ranks[place] === null) return replaced(ranks, place, equal && last > 0 ? last : last + 1);
      const left = replaced(ranks, place, null);
      const gone = left.includes(ranks[place]) ? Infinity : ranks[place];
      return left.map((rank) => (rank > gone ? rank - 1 : rank));
    },
    mark: (ranks, place) => (ranks[place] === null ? "" : ordinal(ranks[place])),
    isComplete: (ranks) => ranks.every((rank) => rank !== null),
  },
  pairs: {
    hint: "Tap the more realistic one.",
    empty: () => null,
    tap: (winner, place) => ["left", "right"][place],
    mark: (winner, place) => (winner === ["left", "right"][place] ? "✓" : ""),
    isComplete: (winner) => winner !== null,
  },
  choices: {
    hint: "Tap the most realistic one.",
    empty: () => null,
    tap: (chosen, place, trial) => trial.images[place],
    mark: (chosen, place, trial) => (chosen === trial.images[place] ? "✓" : ""),
    isComplete: (chosen) => chosen !== null,
  },
  filters: {
    hint: "1 = not important at all, 5 = very important.",
    isComplete: (settings) => settings.every((setting) => setting.importance !== null),
  },
};
