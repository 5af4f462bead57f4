/** What speaks for a cause, over time: the first of its queries that can be drawn. */

import { useMemo } from "react";
import { usePicture, type Evidence, type Investigation, type Suspect } from "../api/incidents";
import { copiesOf } from "../charts/menu";
import type { Marker } from "../charts/points";
import { TimeChart } from "../charts/time-chart";
import { Answer, Loading } from "../ui/states";
import { formatUnit, sayMeasure } from "./words";

/** One function of a duration, or a count, over spans; a count of log records. */
const DRAWABLE = /^SELECT ((count\(\) FROM)|((avg|p50|p90|p95|p99)\(duration\) FROM spans))/i;

export function chooseEvidence(evidence: readonly Evidence[]): Evidence | undefined {
  return evidence.find(({ language, query }) => language !== "sql" || DRAWABLE.test(query));
}

export function CauseChart({ suspect, investigation }: { suspect: Suspect; investigation: Investigation }) {
  const evidence = chooseEvidence(suspect.evidence);
  return evidence ? <Drawn evidence={evidence} suspect={suspect} investigation={investigation} /> : null;
}

function Drawn({ evidence, suspect, investigation }: { evidence: Evidence; suspect: Suspect; investigation: Investigation }) {
  const { baseline, window, question } = investigation;
  const length = Math.max(60, window.end - window.start);
  const start = Math.floor(Math.max(baseline.start, window.start - 3 * length));
  const { query, url } = usePicture(evidence, start, Math.ceil(window.end));
  const onset = investigation.onset;
  const markers = useMemo((): Marker[] => {
    const marks = onset === null ? [] : [{ time: onset, label: "onset" }];
    const own = suspect.onset;
    return own === null || (onset !== null && Math.abs(own - onset) < 1) ? marks : [...marks, { time: own, label: "this began" }];
  }, [onset, suspect.onset]);
  return (
    <Answer query={query} loading={<Loading rows={4} label="the cause over time" />}>
      {(picture) =>
        picture.values.every((value) => value === null) ? null : (
          <TimeChart
            title={sayMeasure(evidence.title)}
            times={picture.times}
            lines={[{ label: picture.measure, color: "--accent", width: 2, values: picture.values }]}
            range={[start, window.end]}
            markers={markers}
            format={(value) => formatUnit(value, picture.unit)}
            unit={picture.unit || "as the metric has it"}
            facts={[["Samples", "all that the query matches, sampled spans by their weight"]]}
            copies={[[evidence.language === "promql" ? "PromQL" : evidence.language, evidence.query], ...copiesOf(url)]}
            service={question.service}
            height={150}
            zoomable={false}
            live={false}
            data-testid="cause-chart"
          />
        )
      }
    </Answer>
  );
}
