/** What happened, oldest first. */

import type { Moment } from "../api/incidents";
import { BadIcon, ClockIcon, OkIcon, RightIcon, SearchIcon, WarnIcon } from "../ui/icons";
import { useMoments, zoneName } from "../ui/moments";
import { seconds } from "../units";
import { AnyLink } from "../url/any-link";
import css from "./answer.module.css";

const ICONS: Record<string, typeof OkIcon> = {
  onset: BadIcon,
  alert: BadIcon,
  relapse: BadIcon,
  release: RightIcon,
  configuration: RightIcon,
  scaling: RightIcon,
  traffic: RightIcon,
  finding: SearchIcon,
  fix: WarnIcon,
  verdict: OkIcon,
  resolved: OkIcon,
  acknowledged: OkIcon,
};

export function Timeline({ moments }: { moments: readonly Moment[] }) {
  const { moment: say, zone } = useMoments();
  if (moments.length === 0) return null;
  return (
    <section className={css.panel} aria-label="Timeline" data-testid="timeline">
      <h2>Timeline</h2>
      <p className={css.note}>Times in {zoneName(zone)}</p>
      <ol className={css.timeline}>
        {moments.map(({ time, kind, text, link }, index) => {
          const Icon = ICONS[kind] ?? ClockIcon;
          return (
            <li key={`${time} ${kind} ${index}`} data-kind={kind} data-testid="moment">
              <time dateTime={new Date(time * 1000).toISOString()}>{say(seconds(time))}</time>
              <span className={css.dot}>
                <Icon size={14} />
              </span>
              <span className={css.kind}>{kind}</span>
              <span className={css.text}>{link ? <AnyLink href={link}>{text}</AnyLink> : text}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
