// Making parts of the page.

// Attributes whose value is a function listen to the event of that name; false leaves one out, true sets it empty.
function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function button(text, press, attributes = {}) {
  return element("button", { type: "button", click: press, ...attributes }, text);
}

// Told to people who do not see the screen.
function say(text) {
  document.getElementById("status").textContent = text;
}

function focusWithoutScrolling(node) {
  node.focus({ preventScroll: true });
}
