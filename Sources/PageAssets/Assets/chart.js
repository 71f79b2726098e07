// Charts over steps: lines with bands, or shares stacked. A crosshair follows pointer and arrow keys.

const EDGE = { left: 52, right: 10, top: 8, bottom: 22 };

/**
 * A chart. `spec`:
 *   label    what it shows, in words            steps    ascending numbers, the horizontal axis
 *   series   [{name, values, low, high, faint, raw, own, look}]: values per step; own: {steps, values}
 *            to draw, where a line has steps of its own; look: its class (`line-0` …, `fate-…`)
 *   format   value → text                       pick     called with a step at a click or Enter
 *   stacked  values are shares of 1             linked   a Set of charts that share the crosshair
 *   domain   [low, high] of the vertical axis, where it is fixed; axis: name of the horizontal axis
 *   warp     step → place along the axis, ascending; ticks: its marks
 *   quiet    whether nothing is said without a crosshair
 */
function chart(spec) {
  const root = h("div", { class: "chart" });
  const readout = h("p", { class: "readout", "aria-hidden": "true" });
  const self = { spec, root, readout, at: null, width: 0, show: (i) => point(self, i) };
  spec.axis ??= "step";
  if (!spec.steps.length) return nothing("No steps yet.");
  spec.linked?.add(self);
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width > 40 && width !== self.width) draw(self, width);
  });
  observer.observe(root);
  root.append(h("div", { class: "plot", style: { "min-height": `${spec.height ?? 150}px` } }), readout);
  return root;
}

function draw(self, width) {
  const { spec } = self, height = spec.height ?? 150;
  self.width = width;
  self.layers = spec.stacked ? stack(spec.series) : spec.series;
  const box = { ...EDGE, right: width - EDGE.right, bottom: height - EDGE.bottom };
  const steps = spec.steps, ys = vertical(self), along = spec.warp ?? ((step) => step);
  const plane = linear([along(steps[0]), along(steps[steps.length - 1])], [box.left, box.right]);
  self.x = (step) => plane(along(step));
  self.y = linear(ys, [box.bottom, box.top]);
  self.box = box;
  self.cursor = s("g", { class: "cursor", "aria-hidden": "true" });
  const picture = s("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "drawing", tabindex: "0", role: "slider",
    "aria-label": spec.label, "aria-orientation": "horizontal", "aria-valuemin": steps[0],
    "aria-valuemax": steps[steps.length - 1], "aria-valuenow": steps[steps.length - 1],
    "aria-valuetext": describe(self, steps.length - 1), data: { chart: spec.name ?? spec.label },
  }, s("title", {}, spec.label), patterns(), axes(self, ys),
  self.layers.map((layer) => (spec.stacked ? area(self, layer) : curve(self, layer))),
  spec.stacked ? null : failures(self), self.cursor);
  listenTo(self, picture);
  self.picture = picture;
  self.root.querySelector(".plot").replaceChildren(picture);
  point(self, self.at);
}

/** The vertical range: fixed, or that of all values and bands. */
function vertical({ spec, layers }) {
  if (spec.domain) return spec.domain;
  if (spec.stacked) return [0, 1];
  const all = layers.flatMap((l) => [l.values, l.faint ?? [], l.low ?? [], l.high ?? []].flat());
  const [low, high] = range(all) ?? [0, 1];
  return low > 0 && low < high * 0.35 ? [0, high] : [low, high];
}

/** Layers on top of each other, from below. */
function stack(series) {
  const sums = series[0].values.map(() => 0);
  return series.map((one) => ({
    ...one, from: [...sums], to: one.values.map((v, i) => (sums[i] += v ?? 0)),
  }));
}

function axes({ spec, box, x, y }, [low, high]) {
  const g = s("g", { class: "axes", "aria-hidden": "true" });
  for (const t of ticks(low, high, 4)) {
    const at = y(t);
    const look = t === 0 ? "zero" : "grid";
    g.append(s("line", { x1: box.left, x2: box.right, y1: at, y2: at, class: look }),
      s("text", { x: box.left - 6, y: at + 3.5, "text-anchor": "end" }, (spec.tick ?? real)(t)));
  }
  const steps = spec.steps, last = steps[steps.length - 1];
  const marks = Math.max(2, Math.floor((box.right - box.left) / 90));
  for (const t of spec.ticks ?? ticks(steps[0], last, marks)) {
    if (!Number.isInteger(t) && spec.axis === "step") continue;
    g.append(s("line", { x1: x(t), x2: x(t), y1: box.bottom, y2: box.bottom + 4, class: "tick" }),
      s("text", { x: x(t), y: box.bottom + 15, "text-anchor": "middle" }, integer(t)));
  }
  return g;
}

/** The path through finite points; it breaks where one is missing. */
function path(xs, ys) {
  let d = "", pen = false;
  for (let i = 0; i < xs.length; i++) {
    const v = ys[i];
    if (v === null || v === undefined || !Number.isFinite(v)) {
      pen = false;
      continue;
    }
    d += `${pen ? "L" : "M"}${xs[i].toFixed(1)} ${v.toFixed(1)}`;
    pen = true;
  }
  return d;
}

function curve({ spec, x, y }, layer) {
  const own = layer.own ?? { steps: spec.steps, values: layer.values };
  const xs = own.steps.map(x), map = (v) => (v === null ? null : y(v));
  const g = s("g", { class: `curve ${layer.look ?? "line-0"}` });
  if (layer.low && layer.high) {
    const there = xs.map((_, i) => i).filter((i) => finite(layer.low[i]) && finite(layer.high[i]));
    const up = there.map((i) => `${xs[i].toFixed(1)} ${y(layer.high[i]).toFixed(1)}`);
    const down = there.map((i) => `${xs[i].toFixed(1)} ${y(layer.low[i]).toFixed(1)}`).reverse();
    if (there.length) g.append(s("path", { class: "band", d: `M${up.join("L")}L${down.join("L")}Z` }));
  }
  if (layer.faint) g.append(s("path", { class: "faint", d: path(xs, layer.faint.map(map)) }));
  g.append(s("path", { class: "line", d: path(xs, own.values.map(map)) }));
  if (xs.length === 1 && finite(own.values[0]))
    g.append(s("circle", { class: "dot", cx: xs[0], cy: y(own.values[0]), r: 3 }));
  return g;
}

/** A cross at the upper edge where a value was not finite. */
function failures({ spec, layers, x, box }) {
  const g = s("g", { class: "failures" });
  for (const layer of layers)
    (layer.raw ?? layer.values).forEach((v, i) => {
      if (v === null || Number.isFinite(v)) return;
      g.append(s("text", { x: x(spec.steps[i]), y: box.top + 8, "text-anchor": "middle" },
        "✕", s("title", {}, `${spec.axis} ${spec.steps[i]}: ${nonFinite(v)}`)));
    });
  return g;
}

function area({ spec, x, y }, layer) {
  const steps = spec.steps, n = steps.length, edge = [];
  const gap = n > 1 ? (x(steps[n - 1]) - x(steps[0])) / (n - 1) / 2 : 4;
  const side = (i, d) => Math.max(EDGE.left, x(steps[i]) + d * gap).toFixed(1);
  for (let i = 0; i < n; i++) edge.push(`${side(i, -1)} ${y(layer.to[i]).toFixed(1)}`,
    `${side(i, 1)} ${y(layer.to[i]).toFixed(1)}`);
  for (let i = n - 1; i >= 0; i--) edge.push(`${side(i, 1)} ${y(layer.from[i]).toFixed(1)}`,
    `${side(i, -1)} ${y(layer.from[i]).toFixed(1)}`);
  return s("path", { class: `area ${layer.look}`, d: `M${edge.join("L")}Z` }, s("title", {}, layer.name));
}

let drawings = 0;

/** Hatching for what was dropped, so that it differs by more than its colour. */
function patterns() {
  const id = `hatch-${drawings++}`;
  return s("defs", {}, s("pattern", { id, class: "hatch", width: 5, height: 5,
    patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
  s("rect", { width: 5, height: 5 }), s("line", { x1: 0, x2: 0, y1: 0, y2: 5 })));
}

/** What the crosshair says at an index, in words. */
function describe({ spec, layers }, i) {
  const parts = layers.filter((l) => !l.silent).map((layer) => {
    const raw = layer.raw?.[i], v = layer.values[i];
    const text = spec.format(raw !== undefined && layer.faint ? raw : v);
    const mean = layer.faint ? `, smoothed ${spec.format(v)}` : "";
    const band = layer.low ? ` (${spec.format(layer.low[i])} to ${spec.format(layer.high[i])})` : "";
    return `${layer.name ? `${layer.name} ` : ""}${text}${band}${mean}`;
  });
  return `${spec.axis} ${integer(spec.steps[i])}: ${parts.join(" · ")}`;
}

/** Moves the crosshair to an index, or away. */
function point(self, i) {
  self.at = i;
  if (!self.picture) return;
  const { spec, box, x, y, cursor, readout, picture, layers } = self;
  cursor.replaceChildren();
  if (i === null || i === undefined) {
    readout.replaceChildren(spec.quiet ? "" : visible(describe(self, spec.steps.length - 1)));
    return;
  }
  const at = x(spec.steps[i]);
  cursor.append(s("line", { x1: at, x2: at, y1: box.top, y2: box.bottom }));
  for (const layer of layers) {
    const v = spec.stacked ? null : layer.values[i], look = layer.look ?? "line-0";
    if (finite(v)) cursor.append(s("circle", { cx: at, cy: y(v), r: 3, class: look }));
  }
  const text = describe(self, i);
  readout.replaceChildren(visible(text));
  picture.setAttribute("aria-valuenow", spec.steps[i]);
  picture.setAttribute("aria-valuetext", escaped(text));
}

/** Pointer and keys of one chart; linked charts move along. */
function listenTo(self, picture) {
  const { spec } = self, last = spec.steps.length - 1;
  const all = () => (spec.linked ? [...spec.linked].filter((c) => c.root.isConnected) : [self]);
  const move = (i) => all().forEach((c) => c.show(i === null ? null
    : c === self ? i : nearest(c.spec.steps, spec.steps[i])));
  const under = (event) => {
    const frame = picture.getBoundingClientRect();
    const px = (event.clientX - frame.left) * (self.width / frame.width);
    return nearest(spec.steps.map(self.x), px);
  };
  picture.addEventListener("pointermove", (event) => move(under(event)));
  picture.addEventListener("pointerleave", () => move(null));
  picture.addEventListener("blur", () => move(null));
  picture.addEventListener("click", (event) => spec.pick?.(spec.steps[under(event)]));
  picture.addEventListener("keydown", (event) => {
    const at = self.at ?? last;
    const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
      PageUp: at + 10, PageDown: at - 10, Home: 0, End: last }[event.key];
    if (to !== undefined) move(Math.max(0, Math.min(last, to)));
    else if (event.key === "Enter" && spec.pick) spec.pick(spec.steps[at]);
    else if (event.key === "Escape") move(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  picture.addEventListener("step", (event) => move(nearest(spec.steps, event.detail)));
  if (spec.pick) picture.classList.add("pickable");
}

/** A key of the lines of a chart. */
function lineKey(series) {
  return h("ul", { class: "key" }, series.map((one) => h("li", {},
    s("svg", { viewBox: "0 0 28 10", class: `sample ${one.look}`, "aria-hidden": "true" },
      one.look.startsWith("fate")
        ? [s("rect", { x: 0, y: 0, width: 28, height: 10, class: `area ${one.look}` })]
        : [s("line", { x1: 0, x2: 28, y1: 5, y2: 5, class: "line" })]), one.label ?? one.name)));
}
