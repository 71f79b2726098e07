// A page that is made again keeps what its reader did: places, focus, open parts, text being typed.

/** What ends with the page that is shown: listeners on the window and the theme. */
let pageLife = new AbortController();

/** What outlives it in this sitting: where the heat map's link stood, what the timeline showed. */
const lasting = new Map();

/** A selector that finds the same element in the page made again; null where there is none. */
function selectorOf(element) {
  if (!element || element === document.body) return null;
  if (element.id) return `#${CSS.escape(element.id)}`;
  const tag = element.tagName.toLowerCase();
  for (const name of ["name", "href", "data-chart", "data-keep", "data-sort", "data-act"]) {
    const value = element.getAttribute(name);
    if (value === null) continue;
    const isRadio = name === "name" && element.type === "radio";
    const also = isRadio ? `[value="${CSS.escape(element.value)}"]` : "";
    return `${tag}[${name}="${CSS.escape(value)}"]${also}`;
  }
  const strip = element.closest("[data-strip]")?.dataset.strip, { index } = element.dataset;
  return strip && index ? `[data-strip="${CSS.escape(strip)}"] [data-index="${index}"]` : null;
}

/** What must outlive the making of the page. */
function keepState(root) {
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  const isChart = active?.getAttribute("role") === "slider";
  return {
    y: scrollY,
    focus: selectorOf(active),
    step: isChart ? Number(active.getAttribute("aria-valuenow")) : null,
    typed: active?.matches("input[type=text], input[type=search]")
      ? { value: active.value, from: active.selectionStart, to: active.selectionEnd } : null,
    chosen: [...root.querySelectorAll("input[name=run]:checked, input[name=runs]:checked")]
      .map((box) => [box.name, box.value]),
    boxes: [...root.querySelectorAll("[data-keep]")].map((e) => (
      [e.dataset.keep, e.scrollLeft, e.scrollTop, e.open])),
  };
}

/**
 * Puts back what was kept: at once, and when the pictures have been drawn, which takes until the frame
 * after the next.
 */
function restoreState(root, kept) {
  restoreOnce(root, kept);
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const isLost = kept.focus && !root.contains(document.activeElement);
    if (scrollY !== kept.y || isLost) restoreOnce(root, kept);
  }));
}

function restoreOnce(root, kept) {
  for (const [name, left, top, open] of kept.boxes) {
    const box = root.querySelector(`[data-keep="${CSS.escape(name)}"]`);
    if (!box) continue;
    if (open !== undefined) box.open = open;
    box.scrollLeft = left;
    box.scrollTop = top;
  }
  for (const [name, value] of kept.chosen) {
    const box = root.querySelector(`input[name=${name}][value="${CSS.escape(value)}"]`);
    if (box) box.checked = true;
  }
  const focused = kept.focus ? root.querySelector(kept.focus) : null;
  if (focused) {
    if (kept.typed) {
      focused.value = kept.typed.value;
      focused.setSelectionRange(kept.typed.from, kept.typed.to);
    }
    focused.focus({ preventScroll: true });
    if (kept.step !== null) focused.dispatchEvent(new CustomEvent("step", { detail: kept.step }));
  }
  scrollTo(0, kept.y);
}
