import { useComparison, type Comparison as Compared, type Counted, type Selection, type Trait } from "../../api/explore";
import { Chip } from "../../ui/chip";
import { addCondition } from "../../ui/filter/text";
import { CloseIcon, FilterInIcon, FilterOutIcon } from "../../ui/icons";
import { useMoments } from "../../ui/moments";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatCount, formatDuration, formatRatio, ratio, seconds } from "../../units";
import css from "./comparison.module.css";

interface ComparisonProps {
  filter: string;
  count: Counted;
  box: Selection;
  onFilter: (filter: string) => void;
  onClose: () => void;
}

/** What tells the traces of a selection from the rest of the window. */
export function Comparison({ filter, count, box, onFilter, onClose }: ComparisonProps) {
  const { moment } = useMoments();
  const query = useComparison(filter, count, box);
  const band = box.high >= 1e9 ? `over ${formatDuration(seconds(box.low))}` : `${formatDuration(seconds(box.low))} to ${formatDuration(seconds(box.high))}`;
  return (
    <section className={css.comparison} aria-label="The selection against the rest" data-testid="comparison">
      <header>
        <h2>What the selection has more often than the rest</h2>
        <span className={css.box}>
          {moment(seconds(box.from))} to {moment(seconds(box.to))} · {band}
        </span>
        <button type="button" onClick={onClose} aria-label="Drop the selection" title="Drop the selection" data-testid="drop-selection">
          <CloseIcon />
        </button>
      </header>
      <Answer query={query} loading={<Loading rows={5} label="the comparison" />}>
        {(found) => <Traits found={found} filter={filter} onFilter={onFilter} />}
      </Answer>
    </section>
  );
}

interface TraitsProps {
  found: Compared;
  filter: string;
  onFilter: (filter: string) => void;
}

function Traits({ found, filter, onFilter }: TraitsProps) {
  const over = found.traits.filter(({ low }) => low > 0);
  const under = found.traits.filter(({ low }) => low <= 0);
  const earlier = formatDuration(seconds(found.before_end - found.before_start));
  return (
    <>
      <p className={css.basis} data-testid="comparison-basis">
        {formatCount(found.selected)} selected {found.selected === 1 ? "trace" : "traces"} against {formatCount(found.rest)}{" "}
        others, by what any of their spans says; {formatCount(found.tested)} values looked at.{" "}
        {found.before > 0
          ? `Usual is judged by ${formatCount(found.before)} traces of the same durations in the ${earlier} before.`
          : `There were none of these durations in the ${earlier} before, so what is usual for them is not known.`}
      </p>
      {found.selected === 0 && <Empty title="No trace begins in this selection" />}
      {found.selected > 0 && found.rest === 0 && <Empty title="Nothing to compare with">The selection is all there is in this window.</Empty>}
      {found.selected > 0 && found.rest > 0 && found.traits.length === 0 && (
        <Empty title="Nothing tells them apart">
          No value is more frequent here than chance allows{found.selected < 5 && "; so few traces show little"}.
        </Empty>
      )}
      <List traits={over} label="More frequent in the selection" found={found} filter={filter} onFilter={onFilter} />
      {under.length > 0 && (
        <details className={css.under}>
          <summary>
            {under.length} {under.length === 1 ? "value is" : "values are"} less frequent in the selection
          </summary>
          <List traits={under} label="Less frequent in the selection" found={found} filter={filter} onFilter={onFilter} />
        </details>
      )}
    </>
  );
}

interface ListProps extends TraitsProps {
  traits: readonly Trait[];
  label: string;
}

function List({ traits, label, found, filter, onFilter }: ListProps) {
  return (
    <ol className={css.list} aria-label={label}>
      {traits.map((trait) => (
        <li key={`${trait.service} ${trait.field} ${trait.value}`} data-testid="trait" data-field={trait.field} data-value={trait.value}>
          <p className={css.name}>
            <code title={trait.filter}>
              {trait.field} = {trait.value}
            </code>
            <span className={css.service}>{trait.service}</span>
            <Habit trait={trait} before={found.before} />
            {trait.also.length > 0 && (
              <span className={css.also} title={trait.also.map(({ service, field, value }) => `${field} = ${value} (${service})`).join("\n")}>
                and {trait.also.length} {trait.also.length === 1 ? "value" : "values"} that the same number of traces have
              </span>
            )}
          </p>
          <Shares trait={trait} />
          <span className={css.actions}>
            <button type="button" title="Filter for it" aria-label={`Filter for ${trait.field} ${trait.value}`} onClick={() => onFilter(addCondition(filter, trait.filter))} data-testid="trait-filter">
              <FilterInIcon size={14} />
            </button>
            <button type="button" title="Filter it out" aria-label={`Filter out ${trait.field} ${trait.value}`} onClick={() => onFilter(addCondition(filter, `not (${trait.filter})`))}>
              <FilterOutIcon size={14} />
            </button>
          </span>
        </li>
      ))}
    </ol>
  );
}

const percent = (value: number) => formatRatio(ratio(value));
const points = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value * 100).toFixed(0)}`;

function Shares({ trait: { selected, rest, low, high } }: { trait: Trait }) {
  return (
    <div className={css.shares}>
      {([["selection", selected, css.in], ["rest", rest, css.out]] as const).map(([name, share, style]) => (
        <span key={name} className={css.share}>
          <span className={css.shareName}>{name}</span>
          <span className={css.track}>
            <span className={style} style={{ width: `${share * 100}%` }} />
          </span>
          <span className={css.number}>{percent(share)}</span>
        </span>
      ))}
      <span className={css.interval} title="95 % interval of the difference, for all values together">
        {points(low)} to {points(high)} percent points
      </span>
    </div>
  );
}

/** Whether traces of these durations had it before: what is always slow is no news. */
function Habit({ trait, before }: { trait: Trait; before: number }) {
  const share = trait.before === null ? "" : `${percent(trait.before)} of the ${formatCount(before)} traces of these durations before had it`;
  switch (trait.habit) {
    case "new":
      return (
        <span className={css.new} title={share} data-testid="habit">
          new: {percent(trait.before ?? 0)} before
        </span>
      );
    case "usual":
      return (
        <span className={css.usual} title={share} data-testid="habit">
          usual for these durations: {percent(trait.before ?? 0)} before
        </span>
      );
    case "unknown":
      return (
        <span data-testid="habit">
          <Chip title={`Only ${before} traces of these durations in the time before`}>too few earlier ones to say if it is new</Chip>
        </span>
      );
  }
}
