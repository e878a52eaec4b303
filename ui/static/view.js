// A view onto pictures that zoom and move together. Positions are in pixels of the largest picture.
(() => {
  const MOST = 8;

  /** Where the picture lies: one state for all canvases that show the same scene. */
  rz.View = class {
    constructor(changed) { this.changed = changed; this.size = [1, 1]; this.pane = [1, 1]; this.fit(); }
    get ratio() { return window.devicePixelRatio || 1; }
    /** Device pixels per picture pixel that show all of it. */
    get fitting() { return Math.min((this.pane[0] * this.ratio) / this.size[0], (this.pane[1] * this.ratio) / this.size[1]); }
    get fitted() { return this.scale === null; }
    get zoom() { return this.scale === null ? this.fitting : this.scale; }
    fit() { this.scale = null; this.center = [0.5, 0.5]; this.changed?.(); }
    /** Zoom to a scale, keeping the point (x, y) of the pane, in CSS pixels from its middle. */
    to(scale, x = 0, y = 0) {
      const before = this.zoom;
      const after = Math.min(Math.max(scale, Math.min(1, this.fitting)), Math.max(MOST, this.fitting));
      if (Math.abs(after / this.fitting - 1) < 0.001) { this.fit(); return; }
      const shift = [x, y].map((at) => at * this.ratio * (1 / before - 1 / after));
      this.scale = after;
      this.center = this.center.map((at, axis) => at + shift[axis] / this.size[axis]);
      this.bound();
    }
    by(factor, x, y) { this.to(this.zoom * factor, x, y); }
    move(dx, dy) {
      if (this.fitted) return;
      this.center = [this.center[0] - (dx * this.ratio) / this.zoom / this.size[0],
                     this.center[1] - (dy * this.ratio) / this.zoom / this.size[1]];
      this.bound();
    }
    bound() {
      for (const axis of [0, 1]) {
        const half = Math.min(0.5, (this.pane[axis] * this.ratio) / this.zoom / this.size[axis] / 2);
        this.center[axis] = Math.min(Math.max(this.center[axis], half), 1 - half);
      }
      this.changed?.();
    }
    /** The left top corner of the picture on a canvas of these device pixels, on whole pixels. */
    origin(width, height) {
      return [Math.round(width / 2 - this.center[0] * this.size[0] * this.zoom),
              Math.round(height / 2 - this.center[1] * this.size[1] * this.zoom)];
    }
    /** The point under the pane's CSS position, as shares of width and height. */
    point(x, y, width, height) {
      const [left, top] = this.origin(width * this.ratio, height * this.ratio);
      return [(x * this.ratio - left) / (this.size[0] * this.zoom), (y * this.ratio - top) / (this.size[1] * this.zoom)];
    }
  };

  /** The best bitmap of an item for this zoom that is there; loads the one that is wanted. */
  rz.best = (item, view, loaded) => {
    const scale = (view.zoom * view.size[0]) / item.width;  // device pixels per own pixel
    const small = item.small && scale * item.width <= 1.02 * 1280 * Math.min(1, item.width / Math.max(item.width, item.height));
    const wanted = rz.bitmap(small ? item.small.url : item.view.url);
    if (wanted.bitmap) return wanted.bitmap;
    wanted.promise.then(loaded, () => {});
    if (!small && item.small) return rz.bitmap(item.small.url).bitmap;
    return null;
  };

  /** Draw a bitmap of any size as the whole scene, only the part between two x of the canvas. */
  rz.draw = (context, bitmap, view, from = 0, to = Infinity) => {
    const { width, height } = context.canvas;
    const [left, top] = view.origin(width, height);
    const scale = [(view.size[0] * view.zoom) / bitmap.width, (view.size[1] * view.zoom) / bitmap.height];
    const first = [0, 1].map((axis) => Math.max(0, Math.floor(-[left, top][axis] / scale[axis])));
    const last = [Math.min(bitmap.width, Math.ceil((width - left) / scale[0])),
                  Math.min(bitmap.height, Math.ceil((height - top) / scale[1]))];
    if (last[0] <= first[0] || last[1] <= first[1]) return;
    context.save();
    context.beginPath();
    context.rect(from, 0, Math.min(to, width) - from, height);
    context.clip();
    context.imageSmoothingEnabled = scale[0] < 1;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, first[0], first[1], last[0] - first[0], last[1] - first[1],
      left + first[0] * scale[0], top + first[1] * scale[1],
      (last[0] - first[0]) * scale[0], (last[1] - first[1]) * scale[1]);
    context.restore();
  };

  /** Wheel, drag and pinch on an element. `drag(x, y, event)` may take a drag for itself by returning true. */
  rz.gestures = (element, view, drag = {}) => {
    const pointers = new Map();
    let own = false;
    let gap = null;
    const place = (event) => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top, box.width, box.height];
    };
    element.addEventListener("wheel", (event) => {
      if (view.fitted && event.deltaY > 0) return;  // the page scrolls on
      event.preventDefault();
      const [x, y, width, height] = place(event);
      view.by(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 160), x - width / 2, y - height / 2);
    }, { passive: false });
    element.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      element.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      if (pointers.size === 1) own = drag.start?.(...place(event), event) || false;
      else { if (own) drag.cancel?.(); own = false; gap = null; }
    });
    element.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      pointers.set(event.pointerId, now);
      if (pointers.size === 2) {
        const [a, b] = [...pointers.values()];
        const box = element.getBoundingClientRect();
        const distance = Math.hypot(a[0] - b[0], a[1] - b[1]);
        const middle = [(a[0] + b[0]) / 2 - box.left - box.width / 2, (a[1] + b[1]) / 2 - box.top - box.height / 2];
        if (gap) { view.by(distance / gap.distance, ...middle); view.move(middle[0] - gap.middle[0], middle[1] - gap.middle[1]); }
        gap = { distance, middle };
      } else if (own) drag.move?.(...place(event), event);
      else view.move(now[0] - before[0], now[1] - before[1]);
    });
    const end = (event) => {
      if (!pointers.delete(event.pointerId)) return;
      gap = null;
      if (own && pointers.size === 0) { drag.end?.(...place(event), event); own = false; }
    };
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
    element.addEventListener("dblclick", (event) => {
      const [x, y, width, height] = place(event);
      if (view.fitted) view.to(1, x - width / 2, y - height / 2); else view.fit();
    });
  };
})();
