// What raters read before they start, and when something goes wrong.

const PASTED = "In every picture an object or a region was pasted in from another photograph.";
const CLOSER = "“Look closer” shows one version as large as the screen; there you can switch between them.";
const INTRODUCTION = {
  rankings: {
    task: [
      "You see several versions of a picture. Tap (or click) them in order, the most realistic one first.",
      "If two look equally good to you, press “Equal to the last” before you tap the second one. Tap a picture again to take it back.",
      CLOSER,
    ],
    keys: "Keys: 1, 2, 3, … choose a picture, = makes the next one equal, Escape clears, Enter goes on, Backspace goes back.",
  },
  pairs: {
    task: ["You see two versions of a picture. Tap (or click) the one that looks more realistic, or “No difference”.", CLOSER],
    keys: "Keys: 1 or ← for the first picture, 2 or → for the second, 0 for no difference, Enter goes on, Backspace goes back.",
  },
  choices: {
    task: ["You see several versions of a picture. Tap (or click) the one that looks most realistic.", CLOSER],
    keys: "Keys: 1, 2, 3, … choose a picture, Enter goes on, Backspace goes back.",
  },
  filters: {
    task: [
      "Six sliders change the light and the color of what was pasted in. Move them until the whole picture looks natural.",
      "Leave those that do not help at 0.",
      "Then say for each slider how important it was for this picture: 1 = not at all, 5 = very.",
    ],
    keys: "Keys: Tab reaches a slider, arrows move it, 1 to 5 rate it, b shows the picture before, Enter goes on, Backspace goes back.",
  },
};
const KEPT = "Your answers stay in this browser: you may close the page and go on later, on the same device and in the same browser.";
const NOT_KEPT = "This browser does not keep answers: do not close or reload the page before the end.";
const SAVED = "At the end you save them as one file; nothing is sent anywhere by itself.";
const NO_PICTURE =
  "A picture could not be opened. Keep this page in the folder it came in, beside the folder “images” (unpack it first), and reload.";
const GROUPS = [
  ["expert", "I edit pictures for my work, or often and with care"],
  ["layperson", "I do not"],
];
