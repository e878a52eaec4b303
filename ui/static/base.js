// What the page's own elements share: a registry of inputs, uploads that have not ended, loaded pictures.
window.rz = window.rz || {};
(() => {
  const inputs = {};
  const pending = new Set();

  /** Note a hidden input, so that other elements can set it; `told` is called when the server sets it. */
  rz.register = (name, props, watch) => {
    const told = new Set();
    inputs[name] = { get value() { return plain(props.value); }, set value(v) { props.value = v; told.forEach((call) => call(plain(v))); }, told };
    watch("value", () => told.forEach((call) => call(plain(props.value))));
  };
  rz.input = (name) => inputs[name];
  rz.whenRegistered = (name, call) => {
    if (inputs[name]) call(inputs[name]);
    else setTimeout(() => rz.whenRegistered(name, call), 30);
  };
  const plain = (value) => (value === undefined || value === null || value === "" ? null : JSON.parse(JSON.stringify(value)));
  rz.plain = plain;

  /** Keep "Restore" waiting for this promise. */
  rz.hold = (promise) => {
    pending.add(promise);
    promise.catch(() => {}).finally(() => pending.delete(promise));
    return promise;
  };
  /** The arguments of an action once all uploads have ended, those at `places` replaced by the newest values. */
  rz.ready = async (args, places) => {
    while (pending.size) await Promise.allSettled([...pending]);
    for (const [place, name] of Object.entries(places)) if (inputs[name]) args[Number(place)] = inputs[name].value;
    return args;
  };

  rz.file = (file, sent) => ({
    path: sent.path, url: sent.url, orig_name: file.name, size: file.size, mime_type: file.type || null,
    is_stream: false, meta: { _type: "gradio.FileData" },
  });

  // Decoded pictures, as many as fit into 150 megapixels; the last used stay.
  const bitmaps = new Map();
  const MOST = 150e6;
  rz.bitmap = (url) => {
    let entry = bitmaps.get(url);
    if (entry) {
      bitmaps.delete(url);
    } else {
      entry = { bitmap: null, promise: null };
      entry.promise = fetch(url)
        .then((answer) => { if (!answer.ok) throw Error(answer.status); return answer.blob(); })
        .then((blob) => createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" }))
        .then((bitmap) => { entry.bitmap = bitmap; trim(); return bitmap; })
        .catch((error) => { bitmaps.delete(url); throw error; });
    }
    bitmaps.set(url, entry);
    return entry;
  };
  const trim = () => {
    let sum = 0;
    for (const [url, entry] of [...bitmaps].reverse()) {
      if (!entry.bitmap) continue;
      sum += entry.bitmap.width * entry.bitmap.height;
      if (sum > MOST && bitmaps.size > 1) { entry.bitmap.close(); bitmaps.delete(url); }
    }
  };

  /** An element from a tag, attributes and children. */
  rz.element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };

  /** Which of the two views of a work area is shown: "paint" or "results". */
  rz.show = (area, view) => {
    const root = document.getElementById(area);
    if (root) root.dataset.view = view;
    window.dispatchEvent(new Event("resize"));
  };
})();
