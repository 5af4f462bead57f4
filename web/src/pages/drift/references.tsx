import type { Reference } from "../../api/drift";
import { Snippet } from "../../ui/copy";
import { SilentIcon } from "../../ui/icons";
import { useMoments } from "../../ui/moments";
import { formatCount, seconds } from "../../units";
import css from "./drift.module.css";

/** Where `vario` looks for a server by itself. */
const DEFAULT_SERVERS = ["http://127.0.0.1:7070", "http://localhost:7070"];

/** A word of a shell's command line, in quotes where it needs them. */
function shellWord(text: string): string {
  return /^[\w.:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command that makes a reference of a model's last day. */
export function createCommand(model: string, origin = location.origin): string {
  const server = DEFAULT_SERVERS.includes(origin) ? "" : ` --server ${origin}`;
  return `vario reference create --model ${shellWord(model)} --name baseline --from-live 24h${server}`;
}

export function WithoutReference({ model }: { model: string }) {
  return (
    <section className={css.card} data-testid="drift-without" data-model={model}>
      <header className={css.head}>
        <SilentIcon size={18} />
        <h2>{model}</h2>
        <span className={css.faint}>has live traffic, and no reference to compare it with</span>
      </header>
      <div className={css.make}>
        <p>
          Take the last day as what is normal, if all was well; or give the training data instead, such as{" "}
          <code>training.parquet</code>.
        </p>
        <Snippet label={`command that makes a reference of ${model}`} text={createCommand(model)} />
      </div>
    </section>
  );
}

/** Every reference that is kept; the newest of each model counts. */
export function References({ references }: { references: readonly Reference[] }) {
  const { moment } = useMoments();
  if (references.length === 0) return null;
  const newest = new Map(references.toReversed().map((one) => [one.model_name, one]));
  return (
    <section className={`${css.card} ${css.kept}`} data-testid="drift-references">
      <header className={css.head}>
        <h2>References</h2>
        <span className={css.faint}>the newest of each model counts</span>
      </header>
      <div className={css.scroll} tabIndex={0} role="region" aria-label="References">
        <table className={css.references}>
          <thead>
            <tr>
              {["model", "name", "version", "made of", "made", "features", "rows", "in use"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {references.map((one) => (
              <tr key={`${one.model_name} ${one.name}`}>
                <th scope="row">{one.model_name}</th>
                <td>{one.name}</td>
                <td>{one.model_version || "all"}</td>
                <td>{one.source}</td>
                <td>{moment(seconds(one.created))}</td>
                <td>{formatCount(one.features)}</td>
                <td>{formatCount(one.rows)}</td>
                <td>{newest.get(one.model_name) === one ? "yes" : "no"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
