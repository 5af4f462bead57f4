import { useEffect, useState } from "react";
import { CopyIcon, OkIcon } from "./icons";
import { Popover } from "./popover";
import css from "./copy.module.css";

/** Puts text on the clipboard, also where the page is not on a secure origin. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      className={css.copy}
      aria-label={copied ? "Copied" : label}
      title={copied ? "Copied" : label}
      onClick={() => void copyText(text).then(() => setCopied(true))}
    >
      {copied ? <OkIcon size={14} /> : <CopyIcon size={14} />}
    </button>
  );
}

/** Lines for a terminal, with a button that copies them. */
export function Snippet({ text, label }: { text: string; label: string }) {
  return (
    <div className={css.snippet}>
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <CopyButton text={text} label={`Copy ${label}`} />
    </div>
  );
}

/** A button that opens a list of what can be copied: names and texts. */
export function CopyList({ items }: { items: readonly (readonly [name: string, text: string])[] }) {
  const [copied, setCopied] = useState("");
  return (
    <Popover
      name="Copy as"
      buttonClass={css.open}
      label={
        <>
          <CopyIcon size={13} /> Copy
        </>
      }
      data-testid="copy-as"
    >
      {() => (
        <ul className={css.choices}>
          {items.map(([name, text]) => (
            <li key={name}>
              <button type="button" onClick={() => void copyText(text).then(() => setCopied(name))} data-testid="copy-item">
                {copied === name ? <OkIcon size={14} /> : <CopyIcon size={14} />}
                {copied === name ? "Copied: " : ""}
                {name}
              </button>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}
