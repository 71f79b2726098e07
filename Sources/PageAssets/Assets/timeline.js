// When each stage was at work: a row for each, a bar for each span of work.

const LANE = 26;

/** The timeline of the pipeline view's spans (seconds from the run's first). */
function timeline(view, route) {
  const spans = [...view.spans].sort((a, b) => a.start - b.start);
  const lanes = [...new Set(view.spans.map((span) => span.stage))];
  const whole = [spans[0].start, extremes(spans.map((span) => span.end))[1]];
  const canvas = h("canvas", { "aria-hidden": "true" });
  const plot = h("div", { class: "timeline", tabindex: "0", role: "application", id: "timeline-plot",
    "aria-label": "Activity of the stages. Plus and minus zoom, left and right move, n and p go from "
      + "span to span, Enter opens the groups of its step.",
    style: { height: `${lanes.length * LANE + 26}px` } }, canvas);
  const said = h("p", { class: "readout", "aria-live": "polite" });
  const self = { view, route, lanes, spans, whole, seen: seenBefore(route.key, whole), canvas, plot, said,
    at: null };
  self.repaint = painted(plot, () => paintTimeline(self));
  plot.addEventListener("pointermove", (event) => hoverTimeline(self, event));
  plot.addEventListener("click", () => openSpan(self));
  plot.addEventListener("keydown", (event) => keyTimeline(self, event));
  saySpan(self);
  return h("div", {}, timelineControls(self), plot, said);
}

function timelineControls(self) {
  const act = (name, sign, f) =>
    button(sign, f, { data: { act: `zoom-${name}` }, "aria-label": name, title: name });
  const { view, spans } = self;
  return h("div", { class: "controls" },
    act("zoom in", "+", () => zoom(self, 0.5)), act("zoom out", "−", () => zoom(self, 2)),
    act("earlier", "←", () => pan(self, -0.5)), act("later", "→", () => pan(self, 0.5)),
    act("show all", "all", () => zoom(self, Infinity)),
    view.span_count > spans.length
      ? h("span", { class: "note" }, `${integer(view.span_count)} turns in ${integer(spans.length)} bars`)
      : null);
}

/** What was looked at before the page was made again; all of it, where that was all. */
function seenBefore(key, whole) {
  const seen = lasting.get(`timeline/${key}`);
  return seen && seen[1] <= whole[1] ? [...seen] : [...whole];
}

function see(self, from, width) {
  const [low, high] = self.whole, start = Math.max(low, Math.min(high - width, from));
  self.seen = [start, start + width];
  if (width >= high - low) lasting.delete(`timeline/${self.route.key}`);
  else lasting.set(`timeline/${self.route.key}`, self.seen);
  saySpan(self);
  self.repaint();
}

/** About the chosen span, else about the middle of what is seen. */
function zoom(self, by) {
  const { whole: [low, high], seen: [from, to], at, spans } = self;
  const width = Math.min(high - low, Math.max((to - from) * by, (high - low) / 1e5));
  const middle = at === null ? (from + to) / 2 : spans[at].start;
  see(self, middle - width / 2, width);
}

function pan(self, by) {
  const width = self.seen[1] - self.seen[0];
  see(self, self.seen[0] + by * width, width);
}

function paintTimeline(self) {
  const { plot, canvas, lanes, seen } = self, width = plot.clientWidth;
  const g = canvasContext(canvas, width, plot.clientHeight);
  self.left = width < 560 ? 66 : 96;
  self.x = linear(seen, [self.left, width - 8]);
  g.font = "11px system-ui, sans-serif";
  lanes.forEach((lane, row) => {
    g.fillStyle = rgb(colour("rule"));
    g.fillRect(self.left, row * LANE + LANE / 2, width - self.left - 8, 1);
    g.fillStyle = rgb(colour("soft"));
    g.fillText(escaped(brief(lane, 14)), 0, row * LANE + LANE / 2 + 4);
  });
  g.save();
  g.beginPath();
  g.rect(self.left, 0, width - self.left - 8, lanes.length * LANE);
  g.clip();
  paintSpans(g, self);
  g.restore();
  g.fillStyle = rgb(colour("soft"));
  g.textAlign = "center";
  for (const t of ticks(seen[0], seen[1], Math.max(2, Math.floor(width / 110))))
    g.fillText(duration(t), Math.min(width - 30, self.x(t)), lanes.length * LANE + 16);
}

function paintSpans(g, { lanes, spans, seen, x, at }) {
  const fills = lanes.map((_, row) => rgb(colour(`line-${row % 6}`)));
  spans.forEach((span, i) => {
    if (span.end < seen[0] || span.start > seen[1]) return;
    const left = x(span.start), width = Math.max(1, x(span.end) - left), row = lanes.indexOf(span.stage);
    g.fillStyle = fills[row];
    g.fillRect(left, row * LANE + 5, width > 3 ? width - 0.7 : width, LANE - 10);
    if (i !== at) return;
    g.strokeStyle = rgb(colour("ink"));
    g.lineWidth = 2;
    g.strokeRect(left - 1, row * LANE + 4, width + 2, LANE - 8);
  });
}

function hoverTimeline(self, event) {
  const { plot, lanes, spans, x } = self, frame = plot.getBoundingClientRect();
  const stage = lanes[Math.floor((event.clientY - frame.top) / LANE)], px = event.clientX - frame.left;
  const at = spans.findIndex((span) =>
    span.stage === stage && x(span.start) - 2 <= px && x(span.end) + 2 >= px);
  chooseSpan(self, at < 0 ? null : at);
}

function chooseSpan(self, at) {
  if (at === self.at) return;
  self.at = at;
  saySpan(self);
  self.repaint();
}

function openSpan({ spans, at, route }) {
  if (at !== null && finite(spans[at].step)) location.hash = groupsOfStep(route.key, spans[at].step);
}

/** What the chosen span is; without one, what is in sight. */
function saySpan({ view, spans, at, seen, plot, said }) {
  const span = at === null ? null : spans[at];
  plot.title = escaped(filled(view.sources?.spans ?? "", span ?? {}));
  if (!span) {
    said.replaceChildren(visible(`${duration(seen[0])} to ${duration(seen[1])}`));
    return;
  }
  said.replaceChildren(visible([
    span.stage, `${duration(span.start)} to ${duration(span.end)}, ${duration(span.end - span.start)}`,
    finite(span.step) ? `step ${integer(span.step)}` : null,
    finite(span.groups) ? plural(span.groups, "group") : null,
    brief(span.what ?? "", 60), `process ${span.process ?? "–"}`,
  ].filter(Boolean).join(" · ")));
}

function keyTimeline(self, event) {
  const last = self.spans.length - 1;
  const act = {
    "+": () => zoom(self, 0.5), "=": () => zoom(self, 0.5), "-": () => zoom(self, 2),
    0: () => zoom(self, Infinity), ArrowLeft: () => pan(self, -0.25), ArrowRight: () => pan(self, 0.25),
    n: () => chooseSpan(self, Math.min(last, (self.at ?? -1) + 1)),
    p: () => chooseSpan(self, Math.max(0, (self.at ?? 1) - 1)),
    Enter: () => openSpan(self),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}
