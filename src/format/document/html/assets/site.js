// The colours, the photo view, and keys. Everything works without this file but these.
(() => {
  "use strict";
  const root = document.documentElement;
  const button = document.querySelector(".theme-toggle");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => {
    button.setAttribute("aria-pressed", String(dark()));
    button.title = dark() ? "Light colours" : "Dark colours";
  };
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("perdure-theme", root.dataset.theme); } catch { /* for now only */ }
      show();
    });
    system.addEventListener("change", show);
    show();
  }

  // ---- photo view ----
  const photos = [...document.querySelectorAll("a.photo")];
  let viewer = null, current = 0;
  const part = (name, css, text) => {
    const element = document.createElement(name);
    if (css) element.className = css;
    if (text) element.textContent = text;
    return element;
  };
  const turn = (to) => {
    current = (to + photos.length) % photos.length;
    const link = photos[current];
    const small = link.querySelector("img");
    viewer.image.src = link.href;
    viewer.image.alt = small ? small.alt : "";
    const caption = link.parentElement.querySelector("figcaption");
    viewer.caption.replaceChildren(...(caption ? [...caption.childNodes].map((n) => n.cloneNode(true)) : []));
    viewer.count.textContent = `${current + 1} of ${photos.length}`;
    viewer.previous.hidden = viewer.next.hidden = photos.length < 2;
  };
  const build = () => {
    const dialog = part("dialog", "viewer");
    dialog.setAttribute("aria-label", "Photo");
    const image = part("img");
    const caption = part("div", "viewer-caption");
    const count = part("span", "viewer-count");
    const previous = part("button", "viewer-turn back", "‹");
    const next = part("button", "viewer-turn on", "›");
    const close = part("button", "viewer-close", "×");
    previous.setAttribute("aria-label", "Previous photo");
    next.setAttribute("aria-label", "Next photo");
    close.setAttribute("aria-label", "Close");
    previous.addEventListener("click", () => turn(current - 1));
    next.addEventListener("click", () => turn(current + 1));
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("keydown", (event) => {
      const forward = getComputedStyle(root).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        turn(current + (event.key === forward ? 1 : -1));
        event.preventDefault();
      }
    });
    dialog.addEventListener("close", () => photos[current].focus());
    const foot = part("div", "viewer-foot");
    foot.append(caption, count);
    dialog.append(close, previous, image, next, foot);
    document.body.append(dialog);
    return { dialog, image, caption, count, previous, next };
  };
  photos.forEach((link, index) => {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      if (typeof HTMLDialogElement === "undefined") return;
      event.preventDefault();
      viewer ??= build();
      turn(index);
      viewer.dialog.showModal();
    });
  });

  // ---- keys: "/" searches, "j"/"k" or the arrows with Alt turn pages ----
  document.addEventListener("keydown", (event) => {
    const typing = /^(input|textarea|select)$/i.test(event.target.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      (document.getElementById("q") ?? document.getElementById("site-q")).focus();
      event.preventDefault();
    }
    const rel = { j: "next", k: "prev" }[event.key];
    const link = rel && document.querySelector(`.pager a[rel="${rel}"]`);
    if (link) link.click();
  });
})();
