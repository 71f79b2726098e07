// Questions by steps: a canvas of what is in sight, and one link that stands on the chosen cell.

const HEAD = 20;

/**
 * The map. `spec`: id, name (of the run), questions (the view's), steps (ascending numbers), gamma, size
 * (width of a cell, or "fit"), href(cell), describe(question, cell) → text, source(cell) → text.
 * print(cell, roomy) → text in a cell. The link `a.heat-cursor[data-cell]` follows pointer and arrow keys; Enter opens it.
 */
function heatmap(spec) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const cursor = h("a", { class: "heat-cursor", id: `${spec.id}-cursor`, tabindex: "0", role: "link" });
  const said = h("p", { class: "readout", id: `${spec.id}-said`, "aria-live": "polite" });
  const space = h("div", { class: "heat-space" }, canvas, cursor);
  const frame = h("div", { class: "heat", data: { keep: spec.id } }, space);
  const self = { spec, canvas, cursor, said, space, frame, row: 0, col: 0,
    column: new Map(spec.steps.map((step, i) => [step, i])) };
  self.labels = spec.questions.map((q) => [escaped(brief(q.id, 20)), escaped(brief(q.prompt, 90))]);
  self.longest = 26 + 5.8 * Math.max(...self.labels.map((parts) => parts.join("").length));
  self.rows = spec.questions.map((question) => rowOf(question, self.column));
  const repaint = painted(frame, () => paintHeat(self));
  frame.addEventListener("scroll", repaint, { passive: true });
  space.addEventListener("pointermove", (event) => hoverHeat(self, event));
  space.addEventListener("click", (event) => {
    if (event.target === canvas && hoverHeat(self, event)) cursor.click();
  });
  cursor.addEventListener("keydown", (event) => keyHeat(self, event));
  cursor.addEventListener("focus", () => placeHeat(self, self.row, self.col));
  const first = firstCell(self);
  if (!first) return nothing("No question has been answered yet.");
  requestAnimationFrame(() => {
    measureHeat(self);
    placeHeat(self, ...first, false);
  });
  return h("div", { class: "heat-map", role: "group",
    "aria-label": `${spec.label}. Arrow keys move, Enter opens.` },
  frame, said);
}

/** Where the link stands at first: on the cell where it was left, or on the first. */
function firstCell({ spec, rows }) {
  const left = lasting.get(`${spec.id}/${spec.name}`);
  for (let row = 0; row < rows.length && left !== undefined; row++) {
    const found = rows[row].cells.find(({ cell }) => cell.group === left);
    if (found) return [row, found.col];
  }
  const row = rows.findIndex(({ cells }) => cells.length);
  return row < 0 ? null : [row, rows[row].cells[0].col];
}

function measureHeat(self) {
  const { spec, frame } = self, width = frame.clientWidth;
  const least = width < 560 ? 84 : 190, room = width - least - 2;
  const columns = spec.steps.length;
  self.cell = spec.size === "fit" ? Math.max(1.5, Math.min(28, room / columns)) : Number(spec.size);
  self.gutter = Math.max(least, Math.min(self.longest, width * 0.6, width - 2 - self.cell * columns));
  self.line = Math.max(13, Math.min(22, self.cell));
  self.space.style.width = `${self.gutter + Math.ceil(self.cell * spec.steps.length)}px`;
  self.space.style.height = `${HEAD + self.line * spec.questions.length + 2}px`;
}

function paintHeat(self) {
  const { spec, frame, canvas } = self;
  measureHeat(self);
  const width = frame.clientWidth, height = frame.clientHeight;
  const g = canvasContext(canvas, width, height), scale = accuracyScale(spec.gamma);
  const left = frame.scrollLeft, top = frame.scrollTop;
  const rows = [Math.max(0, Math.floor(top / self.line)),
    Math.min(spec.questions.length, Math.ceil((top + height) / self.line))];
  const cols = [Math.max(0, Math.floor(left / self.cell)),
    Math.min(spec.steps.length, Math.ceil((left + width - self.gutter) / self.cell))];
  const ink = rgb(colour("ink")), paper = rgb(colour("paper"));
  const fills = new Map();
  const fill = (cell) => {
    const key = cell.total ? cell.solved / cell.total : -1;
    if (!fills.has(key)) fills.set(key, key < 0 ? colour("rule") : scale(key));
    return fills.get(key);
  };
  const place = (col) => self.gutter + col * self.cell - left;
  for (let row = rows[0]; row < rows[1]; row++) {
    const { cells, marks } = self.rows[row], y = HEAD + row * self.line - top;
    const seen = cells.filter(({ col }) => col >= cols[0] && col < cols[1]);
    if (self.cell < 6) paintRuns(g, self, seen, y, fill, place);
    else for (const { col, cell } of seen) paintCell(g, self, cell, place(col), y, fill(cell));
    for (const { col, back } of marks)
      if (col >= cols[0] && col < cols[1]) paintMark(g, self, back, place(col), y, ink, paper);
  }
  paintLabels(g, self, rows, cols, left, top, width, height);
}

/** A question's cells in the order of columns, and the few that are marked. */
function rowOf(question, column) {
  const cells = question.cells.map((cell) => ({ col: column.get(cell.step), cell }));
  cells.sort((a, b) => a.col - b.col);
  const back = new Set(question.flipped_back ?? []);
  return { cells, at: new Map(cells.map(({ col, cell }) => [col, cell])),
    marks: cells.filter(({ cell }) => back.has(cell.step) || question.first_solved === cell.step)
      .map(({ col, cell }) => ({ col, back: back.has(cell.step) })) };
}

/** Narrow cells: neighbours of one colour are one rectangle. */
function paintRuns(g, self, seen, y, fill, place) {
  for (let i = 0; i < seen.length;) {
    const from = seen[i].col, paint = fill(seen[i].cell);
    let to = from;
    do to++;
    while (++i < seen.length && seen[i].col === to && fill(seen[i].cell) === paint);
    g.fillStyle = rgb(paint);
    g.fillRect(place(from), y, (to - from) * self.cell, self.line - 1);
  }
}

function paintCell(g, self, cell, x, y, fill) {
  const w = self.cell - 1, line = self.line - 1;
  g.fillStyle = rgb(fill);
  g.fillRect(x, y, w, line);
  const ink = inkOn(fill);
  g.fillStyle = g.strokeStyle = ink;
  if (self.cell >= 18) {
    g.font = "10px system-ui, sans-serif";
    g.textAlign = "center";
    g.fillText(cell.total ? self.spec.print(cell, self.cell >= 26) : "–", x + w / 2, y + line / 2 + 3.5);
  }
  const side = Math.min(6, self.cell / 2.2);
  g.beginPath();
  if (cell.fate === "imitated" || cell.fate === "mixed") {
    g.moveTo(x, y + line);
    g.lineTo(x + side, y + line);
    g.lineTo(x, y + line - side);
    if (cell.fate === "imitated") g.fill();
    else {
      g.closePath();
      g.stroke();
    }
  } else if (cell.fate === "dropped") {
    g.lineWidth = 1;
    g.moveTo(x + 1, y + line - 1);
    g.lineTo(x + w - 1, y + 1);
    g.stroke();
  }
}

/** A ring where a question was first solved, a wedge where it was lost again. */
function paintMark(g, self, back, x, y, ink, paper) {
  const roomy = self.cell >= 14, line = self.line - 1;
  const middle = roomy ? x + self.cell - 4.5 : x + self.cell / 2;
  g.beginPath();
  if (!back) g.arc(middle, roomy ? y + 3.5 : y + line / 2, roomy ? 2.6 : 3, 0, 7);
  else {
    g.moveTo(middle - 3.5, y);
    g.lineTo(middle + 3.5, y);
    g.lineTo(middle, y + 5.5);
    g.closePath();
  }
  g.lineWidth = back ? 2.4 : 3;
  g.strokeStyle = paper;
  g.stroke();
  g.lineWidth = 1.4;
  g.strokeStyle = g.fillStyle = ink;
  if (back) g.fill();
  else g.stroke();
}

function paintLabels(g, self, rows, cols, left, top, width, height) {
  const { spec } = self;
  g.fillStyle = rgb(colour("paper"));
  g.fillRect(0, 0, self.gutter, height);
  g.fillRect(0, 0, width, HEAD);
  g.fillStyle = rgb(colour("soft"));
  g.font = "11px system-ui, sans-serif";
  g.textAlign = "left";
  g.save();
  g.beginPath();
  g.rect(0, HEAD, self.gutter - 6, height);
  g.clip();
  for (let row = rows[0]; row < rows[1]; row++) {
    const [id, prompt] = self.labels[row];
    const y = HEAD + (row + 0.5) * self.line - top + 3.5;
    g.fillText(self.gutter > 100 ? `${id}  ${prompt}` : id, 0, y);
  }
  g.restore();
  g.textAlign = "center";
  const apart = Math.max(1, Math.ceil(46 / self.cell));
  const every = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000].find((n) => n >= apart) ?? apart;
  for (let col = cols[0]; col < cols[1]; col++) {
    const step = spec.steps[col], x = self.gutter + (col + 0.5) * self.cell - left;
    if (step % every === 0 && x >= self.gutter) g.fillText(String(step), x, HEAD - 7);
  }
}

/** Moves the link under the pointer; whether there is a cell. */
function hoverHeat(self, event) {
  const frame = self.space.getBoundingClientRect();
  const col = Math.floor((event.clientX - frame.left - self.gutter) / self.cell);
  const row = Math.floor((event.clientY - frame.top - HEAD) / self.line);
  if (!self.rows[row]?.at.has(col)) return false;
  if (row !== self.row || col !== self.col) placeHeat(self, row, col, false);
  return true;
}

function placeHeat(self, row, col, scroll = true) {
  const { spec, cursor, said, frame } = self, question = spec.questions[row];
  const cell = self.rows[row]?.at.get(col);
  if (!cell) return;
  Object.assign(self, { row, col });
  lasting.set(`${spec.id}/${spec.name}`, cell.group);
  const x = self.gutter + col * self.cell, y = HEAD + row * self.line;
  const text = spec.describe(question, cell);
  const box = { left: x, top: y, width: Math.max(3, self.cell), height: self.line - 1 };
  for (const [name, size] of Object.entries(box)) cursor.style[name] = `${size}px`;
  const href = spec.href(cell);
  if (href) cursor.href = href;
  else cursor.removeAttribute("href");
  cursor.dataset.cell = cell.group;
  cursor.dataset.step = cell.step;
  cursor.dataset.source = said.dataset.source = cursor.title = escaped(spec.source(cell));
  cursor.setAttribute("aria-label", escaped(text));
  said.replaceChildren(visible(text));
  if (!scroll) return;
  const inside = { x0: frame.scrollLeft + self.gutter, x1: frame.scrollLeft + frame.clientWidth,
    y0: frame.scrollTop + HEAD, y1: frame.scrollTop + frame.clientHeight };
  if (x < inside.x0) frame.scrollLeft = x - self.gutter;
  if (x + self.cell > inside.x1) frame.scrollLeft = x + self.cell - frame.clientWidth;
  if (y < inside.y0) frame.scrollTop = y - HEAD;
  if (y + self.line > inside.y1) frame.scrollTop = y + self.line - frame.clientHeight;
}

/** Arrow keys go from cell to cell: within the question, or to the nearest step of the next one. */
function keyHeat(self, event) {
  const { spec, row, col } = self;
  const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
  let target = null;
  if (by) {
    let to = Math.max(0, Math.min(spec.questions.length - 1, row + by));
    while (spec.questions[to] && !spec.questions[to].cells.length) to += Math.sign(by);
    if (spec.questions[to]) {
      const steps = spec.questions[to].cells.map((c) => c.step);
      target = [to, self.column.get(steps[nearest(steps, spec.steps[col])])];
    }
  } else {
    const steps = spec.questions[row].cells.map((c) => c.step), at = steps.indexOf(spec.steps[col]);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: steps.length - 1 }[event.key];
    if (to === undefined) return;
    if (steps[to] !== undefined) target = [row, self.column.get(steps[to])];
  }
  event.preventDefault();
  event.stopPropagation();
  if (target) placeHeat(self, ...target);
}
