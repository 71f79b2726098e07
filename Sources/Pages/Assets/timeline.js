// When each stage was at work: a row for each, a bar for each span of work.

const LANE = 26;

/** The timeline of the pipeline view's spans (seconds from the run's first). */
function timeline(view, route) {
  const lanes = [...new Set(view.spans.map((span) => span.stage))];
  const spans = [...view.spans].sort((a, b) => a.start - b.start);
  const whole = [Math.min(...extremes(spans.map((x) => x.start))), extremes(spans.map((x) => x.end))[1]];
  const canvas = h("canvas", { "aria-hidden": "true" });
  const plot = h("div", { class: "timeline", tabindex: "0", role: "application", id: "timeline-plot",
    "aria-label": "Activity of the stages. Plus and minus zoom, left and right move, n and p go from span to span." }, canvas);
  const said = h("p", { class: "readout", "aria-live": "polite" });
  const self = { view, lanes, spans, whole, seen: seenBefore(route.key, whole), name: route.key, canvas, plot, said, at: null };
  plot.style.height = `${lanes.length * LANE + 26}px`;
  self.repaint = painted(plot, () => paintTimeline(self));
  const act = (name, title, f) => button(title, () => f(), { data: { act: `zoom-${name}` }, "aria-label": name });
  plot.addEventListener("pointermove", (event) => hoverTimeline(self, event));
  plot.addEventListener("click", () => { if (self.at !== null && finite(spans[self.at].step)) location.hash = groupsOfStep(route.key, spans[self.at].step); });
  plot.addEventListener("keydown", (event) => keyTimeline(self, event, route));
  saySpan(self);
  return h("div", {}, h("div", { class: "controls" }, act("zoom in", "+", () => zoom(self, 0.5)), act("zoom out", "−", () => zoom(self, 2)),
    act("earlier", "←", () => pan(self, -0.5)), act("later", "→", () => pan(self, 0.5)), act("show all", "all", () => zoom(self, Infinity)),
    view.span_count > spans.length ? h("span", { class: "note" }, `${integer(spans.length)} of ${integer(view.span_count)} spans`) : null), plot, said);
}

/** What was looked at before the page was made again; all of it, where that was all. */
function seenBefore(key, whole) {
  const seen = lasting.get(`timeline/${key}`);
  return seen && seen[1] <= whole[1] ? [...seen] : [...whole];
}

function see(self, seen) {
  const all = seen[0] <= self.whole[0] && seen[1] >= self.whole[1];
  self.seen = seen;
  if (all) lasting.delete(`timeline/${self.name}`);
  else lasting.set(`timeline/${self.name}`, seen);
  self.repaint();
}

function zoom(self, by) {
  const [low, high] = self.whole, middle = self.at !== null ? self.spans[self.at].start : (self.seen[0] + self.seen[1]) / 2;
  const width = Math.min(high - low, Math.max((self.seen[1] - self.seen[0]) * by, (high - low) / 1e5));
  const from = Math.max(low, Math.min(high - width, middle - width / 2));
  see(self, [from, from + width]);
}

function pan(self, by) {
  const [low, high] = self.whole, width = self.seen[1] - self.seen[0];
  const from = Math.max(low, Math.min(high - width, self.seen[0] + by * width));
  see(self, [from, from + width]);
}

function paintTimeline(self) {
  const { plot, canvas, lanes, spans, seen } = self, width = plot.clientWidth;
  const g = canvasContext(canvas, width, plot.clientHeight);
  self.left = width < 560 ? 66 : 96;
  self.x = linear(seen, [self.left, width - 8]);
  g.font = "11px system-ui, sans-serif";
  lanes.forEach((lane, row) => {
    g.fillStyle = rgb(colour("rule"));
    g.fillRect(self.left, row * LANE + LANE / 2, width - self.left - 8, 1);
    g.fillStyle = rgb(colour("soft"));
    g.textAlign = "left";
    g.fillText(escaped(brief(lane, 14)), 0, row * LANE + LANE / 2 + 4);
  });
  g.save();
  g.beginPath();
  g.rect(self.left, 0, width - self.left - 8, lanes.length * LANE);
  g.clip();
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i];
    if (span.end < seen[0] || span.start > seen[1]) continue;
    const x = self.x(span.start), w = Math.max(1, self.x(span.end) - x), row = lanes.indexOf(span.stage);
    g.fillStyle = rgb(colour(`line-${row % 6}`));
    g.fillRect(x, row * LANE + 5, w > 3 ? w - 0.7 : w, LANE - 10);
    if (i !== self.at) continue;
    g.strokeStyle = rgb(colour("ink"));
    g.lineWidth = 2;
    g.strokeRect(x - 1, row * LANE + 4, w + 2, LANE - 8);
  }
  g.restore();
  g.fillStyle = rgb(colour("soft"));
  g.textAlign = "center";
  for (const t of ticks(seen[0], seen[1], Math.max(2, Math.floor(width / 110))))
    g.fillText(duration(t), Math.min(width - 30, self.x(t)), lanes.length * LANE + 16);
}

function hoverTimeline(self, event) {
  const frame = self.plot.getBoundingClientRect(), row = Math.floor((event.clientY - frame.top) / LANE);
  const px = event.clientX - frame.left;
  const at = self.spans.findIndex((span) => span.stage === self.lanes[row] && self.x(span.start) - 2 <= px && self.x(span.end) + 2 >= px);
  choose(self, at < 0 ? null : at);
}

function choose(self, at) {
  if (at === self.at) return;
  self.at = at;
  saySpan(self);
  self.repaint();
}

function saySpan(self) {
  const span = self.at === null ? null : self.spans[self.at];
  self.plot.title = filled(self.view.sources?.spans ?? "", span ?? {});
  self.said.replaceChildren(visible(span ? `${span.stage} · ${duration(span.start)} to ${duration(span.end)}, ${duration(span.end - span.start)}`
    + `${finite(span.step) ? ` · step ${integer(span.step)}` : ""}${finite(span.groups) ? ` · ${plural(span.groups, "group")}` : ""} · ${brief(span.what ?? "", 60)}`
    + ` · process ${span.process ?? "–"}` : `${duration(self.seen[0])} to ${duration(self.seen[1])}`));
}

function keyTimeline(self, event, route) {
  const go = { "+": () => zoom(self, 0.5), "=": () => zoom(self, 0.5), "-": () => zoom(self, 2), 0: () => zoom(self, Infinity),
    ArrowLeft: () => pan(self, -0.25), ArrowRight: () => pan(self, 0.25), n: () => choose(self, Math.min(self.spans.length - 1, (self.at ?? -1) + 1)),
    p: () => choose(self, Math.max(0, (self.at ?? 1) - 1)),
    Enter: () => { if (self.at !== null && finite(self.spans[self.at].step)) location.hash = groupsOfStep(route.key, self.spans[self.at].step); } }[event.key];
  if (!go) return;
  event.preventDefault();
  event.stopPropagation();
  go();
}
