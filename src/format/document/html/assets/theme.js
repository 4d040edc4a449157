// Before anything is painted: the colours chosen earlier. Storage may be forbidden on file://.
(() => {
  let theme = null;
  try { theme = localStorage.getItem("perdure-theme"); } catch { /* then the system decides */ }
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
})();
