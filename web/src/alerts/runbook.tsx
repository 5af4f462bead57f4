import { useSlo } from "../api/slos";
import { Markdown } from "../ui/markdown-view";
import { Answer, Loading } from "../ui/states";
import { AnyLink } from "../url/any-link";
import { isAddress, localPath } from "../url/foreign";
import { Link, paths } from "../url/link";
import css from "./runbook.module.css";

/** The runbook itself where it is text or an SLO's, else the link to it. */
export function Runbook({ text }: { text: string }) {
  const slo = /^\/slos\/([^/]+)\/runbook$/.exec(localPath(text) ?? "")?.[1];
  return (
    <section className={css.runbook} aria-label="Runbook" data-testid="runbook">
      <h2>Runbook</h2>
      {slo ? (
        <SloRunbook id={decodeURIComponent(slo)} />
      ) : isAddress(text) ? (
        <AnyLink href={text}>{text}</AnyLink>
      ) : text ? (
        <Markdown text={text} />
      ) : (
        <p className={css.none}>
          None is named. Add the annotation <code>runbook_url</code> to the rule: what to look at first, and how to stop
          the damage.
        </p>
      )}
    </section>
  );
}

function SloRunbook({ id }: { id: string }) {
  const query = useSlo(id);
  return (
    <Answer query={query} loading={<Loading rows={3} label="the runbook" />}>
      {({ runbook, slo }) => (
        <>
          {isAddress(runbook) ? <AnyLink href={runbook}>{runbook}</AnyLink> : <Markdown text={runbook} />}
          <p className={css.none}>
            Of the SLO <Link to={paths.slo(id)}>{slo.title}</Link>
          </p>
        </>
      )}
    </Answer>
  );
}
