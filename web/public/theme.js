// Runs before the first paint, so that a stored theme never flashes the other one.
try {
  const theme = localStorage.getItem("vario.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is off: the system's theme stands.
}
