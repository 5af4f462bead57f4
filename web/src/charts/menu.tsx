/** One menu of every chart: what its numbers are, copies for other tools, a picture, marks. */

import { useState, type ReactNode } from "react";
import { fetchText } from "../api/client";
import { copyText } from "../ui/copy";
import { shellQuote } from "../ui/filter/text";
import { CopyIcon, HelpIcon, OkIcon, PictureIcon } from "../ui/icons";
import { useMoments, zoneName } from "../ui/moments";
import { Popover } from "../ui/popover";
import { seconds } from "../units";
import { KINDS } from "./marks";
import { useMarksShown } from "./marks-layer";
import css from "./menu.module.css";

/** Something to know of a chart's numbers: what, and how it is. */
export type Fact = readonly [name: string, value: ReactNode];
/** A text for another tool, or where it is asked for when it is wanted. */
export type Copy = readonly [name: string, text: string | (() => Promise<string>)];

/** An answer of the API as a command line, and as the SQL that gives it. */
export function copiesOf(url: string): Copy[] {
  return [
    ["curl", `curl ${shellQuote(location.origin + url)}`],
    ["SQL", () => fetchText(url, "application/sql")],
  ];
}

interface ChartMenuProps {
  title: string;
  facts: readonly Fact[];
  copies?: readonly Copy[];
  /** Whether the chart has a time axis with marks. */
  marked?: boolean;
  /** Stands in its line rather than at the corner of the figure. */
  inline?: boolean;
}

export function ChartMenu({ title, facts, copies = [], marked = true, inline = false }: ChartMenuProps) {
  return (
    <span className={inline ? css.inline : css.root} data-unpainted>
      <Popover
        atEnd
        name={`${title}: its numbers, copies, picture`}
        buttonClass={css.open}
        buttonLabel={`About and share: ${title}`}
        label={<HelpIcon size={14} />}
        data-testid="chart-menu"
      >
        {() => (
          <div className={css.panel} data-testid="chart-panel">
            <Facts facts={facts} />
            <ul className={css.acts}>
              {[...copies, ["link to this view", location.href] as const].map((copy) => (
                <li key={copy[0]}>
                  <CopyAs copy={copy} />
                </li>
              ))}
              <li>
                <SavePicture title={title} />
              </li>
            </ul>
            {marked && <MarksToggle />}
          </div>
        )}
      </Popover>
    </span>
  );
}

function Facts({ facts }: { facts: readonly Fact[] }) {
  const { zone } = useMoments();
  return (
    <dl className={css.facts} data-testid="chart-facts">
      {[...facts, ["Time zone", zoneName(zone)] as const].map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function CopyAs({ copy: [name, text] }: { copy: Copy }) {
  const [state, setState] = useState<"" | "copied" | "asking" | "failed">("");
  const act = async () => {
    setState("asking");
    await copyText(typeof text === "string" ? text : await text());
  };
  const said = { "": `Copy ${name === "link to this view" ? "the" : "as"} ${name}`, asking: "Asking …", copied: `Copied: ${name}`, failed: `${name} could not be copied` };
  return (
    <button type="button" onClick={() => void act().then(() => setState("copied"), () => setState("failed"))} data-testid="copy-item">
      {state === "copied" ? <OkIcon size={14} /> : <CopyIcon size={14} />}
      <span role="status">{said[state]}</span>
    </button>
  );
}

/** Saves the figure as a PNG, with where and when it is from. */
function SavePicture({ title }: { title: string }) {
  const { moment, zone } = useMoments();
  const [failed, setFailed] = useState(false);
  const save = async (figure: HTMLElement) => {
    const foot = `vario · ${moment(seconds(Date.now() / 1000))} ${zoneName(zone)} · ${location.pathname}${location.search}`;
    const { paintFigure } = await import("./paint");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await paintFigure(figure, foot));
    link.download = `${title.replace(/[^\w.-]+/g, "-").slice(0, 80)}.png`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <button
      type="button"
      data-testid="share-png"
      onClick={(event) => {
        const figure = event.currentTarget.closest("figure");
        if (figure) save(figure).then(() => setFailed(false), () => setFailed(true));
      }}
    >
      <PictureIcon size={14} />
      <span role="status">{failed ? "The picture could not be made" : "Save as a picture (PNG)"}</span>
    </button>
  );
}

function MarksToggle() {
  const [shown, setShown] = useMarksShown();
  return (
    <div className={css.marks}>
      <label>
        <input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} data-testid="toggle-marks" />
        Changes on the time axis
      </label>
      <p>
        {Object.entries(KINDS).map(([kind, [glyph, word]]) => kind !== "moment" && (
          <span key={kind}>
            <b>{glyph}</b> {word}
          </span>
        ))}
      </p>
    </div>
  );
}
