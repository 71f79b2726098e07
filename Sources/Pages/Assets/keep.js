// A page that is made again keeps what its reader did: places, focus, open parts, text being typed.

/** A selector that finds the same element in the page made again; null where there is none. */
function selectorOf(element) {
  if (!element || element === document.body) return null;
  if (element.id) return `#${CSS.escape(element.id)}`;
  const tag = element.tagName.toLowerCase();
  for (const name of ["name", "href", "data-chart", "data-keep", "data-sort", "data-act"]) {
    const value = element.getAttribute(name);
    if (value === null) continue;
    const also = name === "name" && element.type === "radio" ? `[value="${CSS.escape(element.value)}"]` : "";
    return `${tag}[${name}="${CSS.escape(value)}"]${also}`;
  }
  const strip = element.closest("[data-strip]");
  return strip && element.dataset.index
    ? `[data-strip="${CSS.escape(strip.dataset.strip)}"] [data-index="${element.dataset.index}"]` : null;
}

/** What must outlive the making of the page. */
function keepState(root) {
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  return {
    y: scrollY,
    focus: selectorOf(active),
    typed: active?.matches("input[type=text], input[type=search]")
      ? { value: active.value, from: active.selectionStart, to: active.selectionEnd } : null,
    boxes: [...root.querySelectorAll("[data-keep]")].map((e) => (
      [e.dataset.keep, e.scrollLeft, e.scrollTop, e.open])),
  };
}

function restoreState(root, kept) {
  for (const [name, left, top, open] of kept.boxes) {
    const box = root.querySelector(`[data-keep="${CSS.escape(name)}"]`);
    if (!box) continue;
    if (open !== undefined) box.open = open;
    box.scrollLeft = left;
    box.scrollTop = top;
  }
  const focused = kept.focus ? root.querySelector(kept.focus) : null;
  if (focused) {
    if (kept.typed) {
      focused.value = kept.typed.value;
      focused.setSelectionRange(kept.typed.from, kept.typed.to);
    }
    focused.focus({ preventScroll: true });
  }
  scrollTo(0, kept.y);
}
