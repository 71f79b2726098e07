// Keys. Letters act wherever no text is typed; `?` shows this list.

const KEYS = [
  ["?", "show or hide this list"],
  ["e", "show or hide the source of every number"],
  ["1 – 8", "overview, gate, curves, evaluations, groups, reward audit, pipeline, compare"],
  ["r", "all runs"],
  ["/", "go to the filter"],
  ["s", "go to the sort choice"],
  ["f", "choose columns"],
  ["j  k", "next, previous group"],
  ["n  p", "groups of the next, previous step; next, previous page of questions"],
  ["u  U", "next, previous algorithm (group page)"],
  ["c", "go to the choice of colour (group page)"],
  ["← → ↑ ↓", "move in charts, heat map and tokens; Home, End, Page Up and Page Down as well"],
  ["Enter", "open what the cursor is on"],
  ["Esc", "leave charts, lists and this window"],
];

/** What keys do on the page that is shown; pages set it. */
let pageKeys = {};

function showKeys() {
  const open = document.getElementById("key-list");
  if (open) {
    open.close();
    return;
  }
  const dialog = h("dialog", { id: "key-list", "aria-labelledby": "key-title" },
    h("h2", { id: "key-title" }, "Keys"),
    h("table", {}, h("caption", { class: "hidden" }, "Keys"), h("tbody", {}, KEYS.map(([key, what]) =>
      h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, what))))),
    button("Close", () => dialog.close()));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function focusOn(selector) {
  const element = document.querySelector(selector);
  element?.focus();
  element?.scrollIntoView({ block: "nearest" });
  return Boolean(element);
}

/** One key anywhere; whether it meant something. */
function globalKey(key, route) {
  const number = "12345678".indexOf(key);
  if (number === 7) location.hash = address(["compare"], route.key && LIVE ? { runs: route.key } : {});
  else if (number >= 0) {
    if (!route.key) return false;
    location.hash = address(["run", route.key, ...(number ? [TABS[number][0]] : [])]);
  } else if (key === "?") showKeys();
  else if (key === "e") explain();
  else if (key === "r") location.hash = "#/";
  else if (key === "/") return focusOn("input[name=where], input[name=step]");
  else if (key === "s") return focusOn("select[name=sort]");
  else return false;
  return true;
}

function typing(target) {
  return target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select");
}

function listenToKeys(current) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.getElementById("key-list") && event.key !== "?") return;
    const own = pageKeys[event.key];
    if (own ? own() !== false : globalKey(event.key, current())) event.preventDefault();
  });
}
