import { useState } from "react";
import { PictureIcon } from "../ui/icons";
import { useMoments, zoneName } from "../ui/moments";
import { seconds } from "../units";
import css from "./share.module.css";

/** A button inside a figure that saves the figure as a PNG, with where and when it is from. */
export function ShareButton({ title }: { title: string }) {
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
  const text = failed ? "The picture could not be made" : "Save as a picture (PNG)";
  return (
    <button
      type="button"
      className={css.share}
      data-unpainted
      data-testid="share-png"
      aria-label={`${text}: ${title}`}
      title={text}
      onClick={(event) => {
        const figure = event.currentTarget.closest("figure");
        if (figure) save(figure).then(() => setFailed(false), () => setFailed(true));
      }}
    >
      <PictureIcon size={14} />
    </button>
  );
}
