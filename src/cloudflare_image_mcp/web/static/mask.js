// Paints a mask over an image: strokes on a canvas of the image's own size. Transparent in the file = repaint.
import { button, element } from "./dom.js";

export class MaskEditor {
  constructor(bitmap) {
    const { width, height } = bitmap;
    this.size = { width, height };
    this.strokes = [];
    this.undone = [];
    const picture = element("canvas", { width, height, ariaHidden: "true" });
    picture.getContext("2d").drawImage(bitmap, 0, 0);
    this.canvas = element("canvas", { width, height, tabIndex: 0, role: "img", ariaLabel: "Mask: paint what is to be repainted" });
    this.context = this.canvas.getContext("2d");
    this.frame = element("div", { className: "editor" }, picture, this.canvas);
    this.brush = element("input", { type: "range", min: 2, max: 30, value: 10, ariaLabel: "Brush size" });
    this.erase = button("Erase", () => this.toggle(this.erase));
    const feather = button("Feather", () => this.frame.classList.toggle("feather", this.toggle(feather)));
    this.erase.ariaPressed = feather.ariaPressed = "false";
    this.element = element("div", { className: "field" }, this.frame, element("div", { className: "row" },
      this.brush, this.erase,
      button("Undo", () => this.move(this.strokes, this.undone)),
      button("Redo", () => this.move(this.undone, this.strokes)),
      button("Invert", () => this.add({ kind: "invert" })),
      button("Clear", () => this.add({ kind: "clear" })), feather),
      element("p", { className: "quiet" }, "Paint over what is to change; everything else stays as it is, to the pixel."));
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.draw(event));
  }

  toggle(control) {
    control.ariaPressed = String(control.ariaPressed !== "true");
    return control.ariaPressed === "true";
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * this.size.width) / box.width, ((event.clientY - box.top) * this.size.height) / box.height];
  }

  begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const radius = (this.brush.valueAsNumber / 200) * Math.max(this.size.width, this.size.height);
    this.add({ kind: this.erase.ariaPressed === "true" ? "erase" : "paint", radius, points: [this.point(event)] });
  }

  draw(event) {
    const stroke = this.strokes.at(-1);
    if (!event.buttons || !stroke?.points) return;
    const from = stroke.points.length - 1;
    for (const each of event.getCoalescedEvents?.() ?? [event]) stroke.points.push(this.point(each));
    this.apply(stroke, from);
  }

  add(stroke) {
    this.strokes.push(stroke);
    this.undone.length = 0;
    this.apply(stroke, 0);
  }

  move(from, to) {
    if (!from.length) return;
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
      context.lineWidth = radius * 2;
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
      context.moveTo(...points[from]);
      for (const point of points.slice(from)) context.lineTo(...point);
      context.stroke();
    }
  }

  // A PNG, or null when nothing was painted.
  async file() {
    if (!this.strokes.length) return null;
    const canvas = new OffscreenCanvas(this.size.width, this.size.height);
    const context = canvas.getContext("2d");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "destination-out";
    context.drawImage(this.canvas, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }
}
