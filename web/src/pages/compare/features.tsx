/** Features, scores and predictions of both releases. */

import type { ReleaseComparison, ReleaseFeature } from "../../api/releases";
import { WarnIcon } from "../../ui/icons";
import { formatRatio, ratio } from "../../units";
import { Link, paths } from "../../url/link";
import css from "./compare.module.css";

const isFound = ({ verdict }: ReleaseFeature) => verdict !== "stable" && verdict !== "too_few";

export function Features({ found }: { found: ReleaseComparison }) {
  if (found.features.length === 0) return null;
  const moved = found.features.filter(isFound);
  const count = (verdict: string) => found.features.filter((one) => one.verdict === verdict).length;
  const few = count("too_few");
  return (
    <section className={css.card} data-testid="release-features">
      <header>
        <h2>Features and scores</h2>
        <Link to={paths.drift} params={{ model: found.model || null }}>
          Drift over time
        </Link>
      </header>
      <ul className={css.features}>
        {moved.map((one) => (
          <li key={`${one.feature} ${one.segment} ${one.value}`}>
            <WarnIcon size={14} />
            <span>{one.text}</span>
            {one.verdict === "missing" ? <Missing one={one} /> : <Psi one={one} />}
          </li>
        ))}
      </ul>
      <p className={css.note}>
        {count("stable")} {moved.length ? "others" : ""} as in {found.baseline}
        {few > 0 && `; ${few} with too few predictions to tell`}
      </p>
    </section>
  );
}

/** How far a distribution moved, against what chance alone gives. */
function Psi({ one: { psi, psi_critical: critical } }: { one: ReleaseFeature }) {
  if (psi === null || critical === null) return null;
  const widest = Math.max(psi, critical * 2) * 1.1;
  return (
    <span className={css.meter} title={`PSI ${psi.toFixed(3)}; chance alone gives up to ${critical.toFixed(3)}`}>
      <span style={{ width: `${(psi / widest) * 100}%` }} />
      <i style={{ left: `${(critical / widest) * 100}%` }} />
    </span>
  );
}

function Missing({ one }: { one: ReleaseFeature }) {
  const shares = [one.baseline_missing_ratio, one.missing_ratio ?? 0];
  return (
    <span className={css.meter} title={`missing: ${shares.map((share) => formatRatio(ratio(share))).join(" → ")}`}>
      <span style={{ width: `${(shares[1] ?? 0) * 100}%` }} />
      <i style={{ left: `${(shares[0] ?? 0) * 100}%` }} />
    </span>
  );
}
