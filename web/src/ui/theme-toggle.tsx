import { MoonIcon, SunIcon, SystemIcon } from "./icons";
import { prefer, usePreferences, type Theme } from "./preferences";
import css from "./layout.module.css";

const NEXT: Record<Theme, Theme> = { system: "dark", dark: "light", light: "system" };
const ICONS = { system: SystemIcon, dark: MoonIcon, light: SunIcon };

/** Steps through the system's theme, dark and light. */
export function ThemeToggle() {
  const { theme } = usePreferences();
  const Icon = ICONS[theme];
  const label = `Theme: ${theme}. Click for ${NEXT[theme]}.`;
  return (
    <button
      type="button"
      className={css.tool}
      onClick={() => prefer({ theme: NEXT[theme] })}
      aria-label={label}
      title={label}
      data-testid="theme"
    >
      <Icon />
    </button>
  );
}
