// Paints a mask over an image with a pointer or the keyboard: strokes on a canvas of the image's own size.
// Transparent in the file = repaint.
import { button, element } from "./dom.js";

const HELP = "Paint over what is to change. Everything else stays as it is, to the pixel.";
const KEYS = "Arrow keys move the brush, Space puts it down or lifts it, [ and ] change its size, Ctrl+Z undoes.";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class MaskEditor {
  constructor(bitmap) {
    const { width, height } = bitmap;
    this.size = { width, height };
    this.at = [width / 2, height / 2];
    this.down = false;
    this.strokes = [];
    this.undone = [];
    const picture = element("canvas", { width, height, ariaHidden: "true" });
    picture.getContext("2d").drawImage(bitmap, 0, 0);
    this.canvas = element("canvas", { width, height, tabIndex: 0, role: "application", ariaLabel: "Mask: paint what is to change", "aria-describedby": "mask-help mask-keys" });
    this.context = this.canvas.getContext("2d");
    this.ring = element("span", { className: "ring", hidden: true });
    this.frame = element("div", { className: "editor" }, picture, this.canvas, this.ring);
    this.brush = element("input", { type: "range", min: 1, max: 30, value: 8, id: "brush" });
    this.erase = button("Erase", () => this.toggle(this.erase));
    this.state = element("p", { className: "quiet", role: "status" });
    const feather = button("Feather", () => this.frame.classList.toggle("feather", this.toggle(feather)));
    feather.title = "Preview of soft edges";
    this.erase.ariaPressed = feather.ariaPressed = "false";
    this.element = element("div", { className: "field mask" }, element("p", { className: "quiet", id: "mask-help" }, HELP), this.frame,
      element("p", { className: "quiet", id: "mask-keys" }, KEYS),
      element("div", { className: "row brush" }, element("label", { htmlFor: "brush" }, "Brush"), this.brush),
      element("div", { className: "row tools" },
        this.erase,
        button("Undo", () => this.move(this.strokes, this.undone)),
        button("Redo", () => this.move(this.undone, this.strokes)),
        button("Invert", () => this.add({ kind: "invert" })),
        button("Clear", () => this.add({ kind: "clear" })), feather), this.state);
    this.listen();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.draw(event));
    canvas.addEventListener("pointerleave", () => { this.ring.hidden = document.activeElement !== canvas; });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => { if (canvas.matches(":focus-visible")) this.showRing(); });
    canvas.addEventListener("blur", () => { this.down = false; this.ring.hidden = true; });
    this.brush.addEventListener("input", () => { if (!this.ring.hidden) this.showRing(); });
  }

  toggle(control) {
    control.ariaPressed = String(control.ariaPressed !== "true");
    return control.ariaPressed === "true";
  }

  get radius() {
    return (this.brush.valueAsNumber / 200) * Math.max(this.size.width, this.size.height);
  }

  // The circle that shows where the brush is and how large.
  showRing() {
    const { ring, at, size } = this;
    ring.hidden = false;
    ring.classList.toggle("down", this.down);
    ring.style.left = `${(at[0] / size.width) * 100}%`;
    ring.style.top = `${(at[1] / size.height) * 100}%`;
    ring.style.width = `${((this.radius * 2) / size.width) * 100}%`;
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * this.size.width) / box.width, ((event.clientY - box.top) * this.size.height) / box.height];
  }

  stroke() {
    return { kind: this.erase.ariaPressed === "true" ? "erase" : "paint", radius: this.radius, points: [this.at] };
  }

  begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.at = this.point(event);
    this.add(this.stroke());
  }

  draw(event) {
    this.at = this.point(event);
    this.showRing();
    const stroke = this.strokes.at(-1);
    if (!event.buttons || !stroke?.points) return;
    const from = stroke.points.length - 1;
    for (const each of event.getCoalescedEvents?.() ?? [event]) stroke.points.push(this.point(each));
    this.apply(stroke, from);
  }

  key(event) {
    const arrow = ARROWS[event.key];
    const control = event.ctrlKey || event.metaKey;
    if (arrow) this.step(arrow, event.shiftKey ? 4 : 1);
    else if (event.key === " ") this.press();
    else if (event.key === "[" || event.key === "]") this.brush.value = this.brush.valueAsNumber + (event.key === "]" ? 1 : -1);
    else if (control && event.key === "z") this.move(this.strokes, this.undone);
    else if (control && event.key === "y") this.move(this.undone, this.strokes);
    else return;
    event.preventDefault();
    this.showRing();
    this.state.textContent = `Brush ${this.down ? "down" : "up"} at ${this.at.map(Math.round).join(", ")}`;
  }

  press() {
    this.down = !this.down;
    if (this.down) this.add(this.stroke());
  }

  // Moves the brush by half its radius, times how many.
  step(direction, times) {
    const sides = [this.size.width, this.size.height];
    this.at = this.at.map((value, axis) => Math.min(sides[axis], Math.max(0, value + direction[axis] * this.radius * 0.5 * times)));
    const stroke = this.strokes.at(-1);
    if (!this.down || !stroke?.points) return;
    stroke.points.push(this.at);
    this.apply(stroke, stroke.points.length - 2);
  }

  add(stroke) {
    this.strokes.push(stroke);
    this.undone.length = 0;
    this.apply(stroke, 0);
  }

  move(from, to) {
    if (!from.length) return;
    this.down = false;
    to.push(from.pop());
    this.context.clearRect(0, 0, this.size.width, this.size.height);
    for (const stroke of this.strokes) this.apply(stroke, 0);
  }

  apply({ kind, radius, points }, from) {
    const { context, size } = this;
    context.fillStyle = context.strokeStyle = "#e5306c";
    context.globalCompositeOperation = { erase: "destination-out", invert: "xor" }[kind] ?? "source-over";
    if (kind === "clear") context.clearRect(0, 0, size.width, size.height);
    else if (kind === "invert") context.fillRect(0, 0, size.width, size.height);
    else {
      // A line of no length, as of one click, is not drawn: hence the circle.
      context.beginPath();
      if (from === 0) context.arc(...points[0], radius, 0, 2 * Math.PI);
      context.fill();
      context.lineWidth = radius * 2;
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
      context.moveTo(...points[from]);
      for (const point of points.slice(from)) context.lineTo(...point);
      context.stroke();
    }
  }

  get empty() {
    return !this.strokes.length;
  }

  // A PNG, or null when nothing was painted.
  async file() {
    if (this.empty) return null;
    const canvas = new OffscreenCanvas(this.size.width, this.size.height);
    const context = canvas.getContext("2d");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "destination-out";
    context.drawImage(this.canvas, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }
}
