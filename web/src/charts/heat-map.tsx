import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { seconds } from "../units";
import { useMoments, zoneName } from "../ui/moments";
import { useEffectiveTheme } from "../ui/preferences";
import { paintHeat, PLOT } from "./heat-paint";
import { boxOf, columnsOf, countIn, runOf, type HeatBox, type HeatData, type HeatRun } from "./heat-scale";
import { MarksLayer } from "./marks-layer";
import { ChartMenu, type Copy, type Fact } from "./menu";
import charts from "./charts.module.css";
import css from "./heat-map.module.css";

interface HeatMapProps {
  title: string;
  aside?: ReactNode;
  data: HeatData;
  /** Writes a value of the vertical axis. */
  format: (value: number) => string;
  /** Writes a count: `12 requests`. */
  formatCount: (count: number) => string;
  height?: number;
  selection?: HeatBox | null;
  /** Told the box that was dragged over; null where it was taken back. */
  onSelect?: (box: HeatBox | null) => void;
  /** What the numbers are based on, in a line. */
  note: ReactNode;
  facts: readonly Fact[];
  copies: readonly Copy[];
  "data-testid"?: string;
}

/** Counts over time and value: hover reads a cell, dragging selects a box, so do shift and arrows. */
export function HeatMap({ title, aside, data, format, formatCount, height = 200, selection = null, onSelect, note, facts, copies, ...rest }: HeatMapProps) {
  const { zone, moment } = useMoments();
  const theme = useEffectiveTheme();
  const id = useId();
  const canvas = useRef<HTMLCanvasElement>(null);
  const holder = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [drag, setDrag] = useState<HeatRun | null>(null);
  const [cursor, setCursor] = useState<HeatRun | null>(null);
  const anchor = useRef<{ column: number; row: number } | null>(null);
  const rows = data.bounds.length - 1;
  const columns = columnsOf(data);
  const selected = useMemo(() => (selection ? runOf(data, selection) : null), [data, selection]);

  useLayoutEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current && width > 0) paintHeat(canvas.current, { width, height, data, format, zone });
    // The theme changes the colours that are painted with.
  }, [width, height, data, format, zone, theme]);

  const inner = { width: Math.max(1, width - PLOT.left - PLOT.right), height: height - PLOT.top - PLOT.bottom };
  const cellAt = (event: { clientX: number; clientY: number }) => {
    const box = holder.current?.getBoundingClientRect();
    const x = (event.clientX - (box?.left ?? 0) - PLOT.left) / inner.width;
    const y = (event.clientY - (box?.top ?? 0) - PLOT.top) / inner.height;
    const clamp = (value: number, most: number) => Math.max(0, Math.min(most - 1, Math.floor(value * most)));
    return { column: clamp(x, columns), row: clamp(1 - y, rows) };
  };
  const spanned = (to: { column: number; row: number }): HeatRun => {
    const from = anchor.current ?? to;
    return {
      left: Math.min(from.column, to.column), right: Math.max(from.column, to.column),
      bottom: Math.min(from.row, to.row), top: Math.max(from.row, to.row),
    };
  };
  const one = ({ column, row }: { column: number; row: number }): HeatRun => ({ left: column, right: column, bottom: row, top: row });
  const finish = (run: HeatRun | null) => {
    anchor.current = null;
    setDrag(null);
    if (run && (run.left !== run.right || run.bottom !== run.top)) onSelect?.(boxOf(data, run));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const here = drag ?? cursor ?? one({ column: columns - 1, row: rows - 1 });
    if (step) {
      const [dx = 0, dy = 0] = step;
      if (event.shiftKey && onSelect) {
        setDrag({
          left: Math.max(0, here.left + Math.min(0, dx)), right: Math.min(columns - 1, here.right + Math.max(0, dx)),
          bottom: Math.max(0, here.bottom + Math.min(0, dy)), top: Math.min(rows - 1, here.top + Math.max(0, dy)),
        });
      } else {
        setDrag(null);
        const column = Math.max(0, Math.min(columns - 1, here.right + dx));
        setCursor(one({ column, row: Math.max(0, Math.min(rows - 1, here.top + dy)) }));
      }
    } else if (event.key === "Enter" && onSelect && (drag ?? cursor)) finish(drag ?? cursor);
    else if (event.key === "Escape" && (drag || selection)) {
      setDrag(null);
      onSelect?.(null);
    } else return;
    event.preventDefault();
  };
  const place = (run: HeatRun) => ({
    left: PLOT.left + (run.left / columns) * inner.width,
    width: ((run.right - run.left + 1) / columns) * inner.width,
    top: PLOT.top + (1 - (run.top + 1) / rows) * inner.height,
    height: ((run.top - run.bottom + 1) / rows) * inner.height,
  });
  const shown = drag ?? cursor;
  return (
    <figure className={charts.chart} {...rest}>
      <figcaption className={charts.caption}>
        <h2>{title}</h2>
        {aside}
        <span className={charts.at} role="status" id={`${id}-read`} data-testid="heat-read">
          {shown ? describe(data, shown, format, formatCount, (time) => moment(seconds(time))) : ""}
        </span>
        <ChartMenu title={title} facts={facts} copies={copies} />
      </figcaption>
      <div
        ref={holder}
        className={onSelect ? css.selectable : css.holder}
        style={{ height }}
        tabIndex={0}
        role="group"
        aria-label={`${title}: heat map. Arrow keys read cells${onSelect ? ", with shift they select, Enter applies" : ""}.`}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          if (!onSelect || event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          anchor.current = cellAt(event);
        }}
        onPointerMove={(event) => {
          const cell = cellAt(event);
          if (anchor.current) setDrag(spanned(cell));
          else setCursor(one(cell));
        }}
        onPointerUp={(event) => anchor.current && finish(spanned(cellAt(event)))}
        onPointerCancel={() => finish(null)}
        onPointerLeave={() => !anchor.current && setCursor(null)}
        onBlur={() => setCursor(null)}
      >
        <canvas ref={canvas} className={css.canvas} aria-hidden="true" />
        {selected && !drag && <span className={css.selection} style={place(selected)} data-testid="heat-selection" />}
        {shown && <span className={drag ? css.selection : css.cursor} style={place(shown)} />}
        <div className={css.marks} style={{ left: PLOT.left, right: PLOT.right, top: PLOT.top, bottom: PLOT.bottom }}>
          <MarksLayer start={data.start} end={data.end} width={inner.width} name={title} />
        </div>
      </div>
      <p className={charts.note}>
        {note} · {zoneName(zone)}
      </p>
    </figure>
  );
}

function describe(
  data: HeatData,
  run: HeatRun,
  format: (value: number) => string,
  formatCount: (count: number) => string,
  moment: (time: number) => string,
): string {
  const { from, low, high } = boxOf(data, run);
  const [count, errors] = countIn(data.cells, run);
  const values = !Number.isFinite(high) ? `over ${format(low)}` : low <= 0 || !Number.isFinite(low) ? `up to ${format(high)}` : `${format(low)} to ${format(high)}`;
  return `${moment(from)} · ${values} · ${formatCount(count)}${errors > 0 ? `, ${formatCount(errors)} failed` : ""}`;
}
