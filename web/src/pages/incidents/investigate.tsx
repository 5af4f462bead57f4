/** A question of one's own: the address says what is asked, the page answers. */

import { useServices } from "../../api/queries";
import { useInvestigation, type Asked } from "../../api/incidents";
import { InvestigationView } from "../../incidents/answer";
import { Timeline } from "../../incidents/timeline";
import { mergeTimelines } from "../../incidents/words";
import forms from "../../ui/form.module.css";
import { SearchIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { Answer, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { Link, paths } from "../../url/link";
import { useSearch } from "../../url/location";
import { setParams } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import css from "./incidents.module.css";

const SYMPTOMS = ["latency", "errors", "traffic", "quality", "cost", "saturation"] as const;

export default function InvestigatePage() {
  const params = new URLSearchParams(useSearch());
  const window = useTimeWindow();
  const read = (name: string) => params.get(name) ?? "";
  const asked: Asked = {
    service: read("service"),
    symptom: SYMPTOMS.find((one) => one === read("symptom")) ?? "",
    model: read("model"),
    start: window.from,
    end: window.to,
    alert_id: read("alert"),
    slo: read("slo"),
    expression: read("expression"),
    scope: params.getAll("scope"),
  };
  const query = useInvestigation(asked);
  const what = asked.service || (asked.alert_id ? "an alert" : asked.slo || "all services");
  const title = query.data?.question.title || `What is wrong with ${what}?`;
  return (
    <>
      <PageHeader
        title={`Investigate ${what}`}
        trail={
          asked.alert_id ? (
            <Link to={paths.alert(asked.alert_id)}>Alert</Link>
          ) : asked.service ? (
            <Link to={paths.service(asked.service)}>{asked.service}</Link>
          ) : (
            <Link to={paths.incidents}>Incidents</Link>
          )
        }
        heading={
          <h1 className={css.title} title={title}>
            {title}
          </h1>
        }
        controls={<TimePicker />}
      />
      <div className={css.bar}>
        {!asked.alert_id && <Asking asked={asked} />}
        <button type="button" className={forms.button} onClick={() => void query.refetch()} disabled={query.isFetching} data-testid="ask-again">
          <SearchIcon size={14} />
          {query.isFetching ? "Investigating …" : "Ask again"}
        </button>
      </div>
      <Answer query={query} loading={<Loading rows={8} label="the answer" />}>
        {(found) => (
          <div className={css.detail}>
            <InvestigationView investigation={found} />
            <Timeline moments={mergeTimelines(found.timeline)} />
          </div>
        )}
      </Answer>
    </>
  );
}

function Asking({ asked }: { asked: Asked }) {
  const services = useServices().data?.services ?? [];
  const names = [...new Set([...services.map(({ service }) => service), ...(asked.service ? [asked.service] : [])])].sort();
  return (
    <>
      <label className={css.choice}>
        Service
        <select value={asked.service} onChange={(event) => setParams({ service: event.target.value || null, model: null })} data-testid="ask-service">
          <option value="">all</option>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className={css.choice}>
        Symptom
        <select value={asked.symptom} onChange={(event) => setParams({ symptom: event.target.value || null })} data-testid="ask-symptom">
          <option value="">the worst</option>
          {SYMPTOMS.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    </>
  );
}
