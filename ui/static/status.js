// A line on what happens, with a bar and the time that is left.
rz.status = (root, props, watch) => {
  const home = root.querySelector(".rz-status");
  const text = rz.element("span", {});
  const bar = rz.element("progress", { max: "1", "aria-label": "Progress" });
  home.append(text, bar);
  const take = (value) => {
    const running = value && value.share !== null && value.share !== undefined;
    if (running && rz.halted) return;  // told before the server saw the stop
    text.textContent = value?.text || "";
    bar.hidden = !running;
    if (running) bar.value = value.share;
    home.dataset.busy = String(Boolean(running));
    home.hidden = !value?.text;
  };
  watch("value", () => take(rz.plain(props.value)));
  take(rz.plain(props.value));
};
