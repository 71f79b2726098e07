// Elements. All markup is made here: nothing is ever parsed from a string.

const SVG = "http://www.w3.org/2000/svg";

/** Applies properties: `class`, `text`, `on` (listeners), `style` (CSSOM), `data`, else attributes. */
function apply(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.setAttribute("class", value);
    else if (name === "text") element.append(visible(value));
    else if (name === "on") each(value, (event, f) => element.addEventListener(event, f));
    else if (name === "style") each(value, (key, v) => element.style.setProperty(key, v));
    else if (name === "data") each(value, (key, v) => { element.dataset[key] = escaped(v); });
    else if (name === "title" || name === "aria-label") element.setAttribute(name, escaped(value));
    else if (name in PROPERTIES) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

function each(object, f) {
  for (const [key, value] of Object.entries(object)) f(key, value);
}

/** What must be set as a property of the element, since an attribute only gives its default. */
const PROPERTIES = { value: 1, checked: 1, selected: 1, disabled: 1, open: 1 };

/** An element of HTML. Children are nodes, texts (shown with `visible`), arrays of them, or nothing. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  add(element, children);
  apply(element, properties);
  return element;
}

/** An element of SVG; its properties as in `h`. */
function s(tag, properties = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  add(element, children);
  apply(element, properties);
  return element;
}

function add(parent, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) add(parent, child);
    else parent.append(child instanceof Node ? child : visible(child));
  }
}

/** A labelled choice among options `[value, text]`; `change` gets the value. */
function choice(name, label, options, value, change) {
  const option = ([v, text]) => h("option", { value: v, selected: String(v) === String(value) }, text);
  return h("label", { class: "choice" }, h("span", {}, label),
    h("select", { name, on: { change: ({ target }) => change(target.value) } }, options.map(option)));
}

function button(text, action, properties = {}) {
  return h("button", { type: "button", ...properties, on: { click: action } }, text);
}

/** A link inside the application; `parts` are encoded one by one. */
function link(parts, query, content, properties = {}) {
  return h("a", { href: address(parts, query), ...properties }, content);
}

/** A section with heading; `note` is a sentence below it. */
function section(id, title, note, ...content) {
  return h("section", { id, "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title` }, title), note ? h("p", { class: "note" }, note) : null, content);
}

/** A sentence where there is nothing to show. */
function nothing(text) {
  return h("p", { class: "nothing" }, text);
}
