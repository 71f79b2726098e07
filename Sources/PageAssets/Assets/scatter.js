// Reward against length: a point for each rollout, and a link on the chosen one.

/** The scatter plot of the audit's `length_reward`. */
function scatter(view, route) {
  const points = (view.length_reward ?? []).filter(([x, y]) => finite(x) && finite(y))
    .map(([x, y, group, index], i) => ({ x: Number(x), y: Number(y), group, index, jitter: spread(i) }))
    .sort((a, b) => a.x - b.x || a.y - b.y);
  if (!points.length) return nothing("No verdicts yet.");
  const canvas = h("canvas", { "aria-hidden": "true" });
  const cursor = h("a", { class: "dot-cursor", id: "scatter-cursor" });
  const said = h("p", { class: "readout", "aria-live": "polite" });
  const plot = h("div", { class: "scatter" }, canvas, cursor);
  const self = { points, canvas, cursor, said, plot, route, view, at: 0 };
  painted(plot, () => paintScatter(self));
  plot.addEventListener("pointermove", (event) => hoverScatter(self, event));
  plot.addEventListener("click", (event) => {
    if (event.target === canvas && hoverScatter(self, event)) cursor.click();
  });
  cursor.addEventListener("keydown", (event) => {
    const { at } = self, to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
      ArrowDown: at - 1, Home: 0, End: points.length - 1, PageUp: at + 50, PageDown: at - 50 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    placeDot(self, Math.max(0, Math.min(points.length - 1, to)));
  });
  return h("div", { role: "group", "aria-label": "Reward against length" }, plot, said);
}

/** A number in [−0.5, 0.5] that depends on the place alone. */
function spread(i) {
  return ((i * 0.6180339887498949) % 1) - 0.5;
}

function paintScatter(self) {
  const { plot, points, canvas } = self, width = plot.clientWidth, height = plot.clientHeight;
  if (width < 60) return;
  const g = canvasContext(canvas, width, height);
  const xs = range(points.map((p) => p.x)) ?? [0, 1], ys = range(points.map((p) => p.y)) ?? [0, 1];
  const distinct = new Set(points.map((p) => p.y)).size;
  const room = (height - 52) * (distinct < 12 ? 0.16 : 0.01);
  self.x = linear(xs, [50, width - 14]);
  self.y = linear(ys, [height - 30 - room / 2, 12 + room / 2]);
  self.dot = (p) => [self.x(p.x), self.y(p.y) + p.jitter * room];
  g.font = "11px system-ui, sans-serif";
  g.lineWidth = 1;
  for (const t of ticks(ys[0], ys[1], 4)) {
    g.fillStyle = rgb(colour("rule"));
    g.fillRect(50, Math.round(self.y(t)), width - 64, 1);
    g.fillStyle = rgb(colour("soft"));
    g.textAlign = "right";
    g.fillText(real(t, 3), 44, self.y(t) + 4);
  }
  g.textAlign = "center";
  for (const t of ticks(xs[0], xs[1], Math.floor(width / 100)))
    g.fillText(integer(t), self.x(t), height - 8);
  g.fillText("tokens", width - 34, height - 20);
  g.globalAlpha = points.length > 1500 ? 0.35 : 0.6;
  const right = rgb(colour("line-0")), wrong = rgb(colour("line-1"));
  for (const p of points) {
    const [x, y] = self.dot(p);
    g.fillStyle = g.strokeStyle = p.y >= 1 ? right : wrong;
    g.beginPath();
    g.arc(x, y, 2.2, 0, 7);
    if (p.y >= 1) g.fill();
    else g.stroke();
  }
  g.globalAlpha = 1;
  placeDot(self, self.at);
}

function hoverScatter(self, event) {
  if (!self.dot) return false;
  const frame = self.plot.getBoundingClientRect();
  const px = event.clientX - frame.left, py = event.clientY - frame.top;
  let best = -1, least = 144;
  self.points.forEach((p, i) => {
    const [x, y] = self.dot(p), d = (x - px) ** 2 + (y - py) ** 2;
    if (d < least) [best, least] = [i, d];
  });
  if (best >= 0 && best !== self.at) placeDot(self, best);
  return best >= 0;
}

function placeDot(self, i) {
  const { points, cursor, said, route, view } = self, p = points[i];
  self.at = i;
  const [x, y] = self.dot(p);
  cursor.style.left = `${x - 6}px`;
  cursor.style.top = `${y - 6}px`;
  cursor.tabIndex = 0;
  if (holds(of(route.key, "groups", p.group)))
    cursor.href = address(["run", route.key, "group", p.group]);
  else cursor.removeAttribute("href");
  cursor.dataset.group = p.group;
  const place = `group ${integer(p.group)}, rollout ${p.index}`;
  const text = `${plural(p.x, "token")}, reward ${real(p.y)} · ${place}`;
  cursor.setAttribute("aria-label", text);
  const source = filled(view.sources?.length_reward ?? "", { group: p.group, index: p.index });
  cursor.title = said.dataset.source = escaped(source);
  said.replaceChildren(visible(text));
}
