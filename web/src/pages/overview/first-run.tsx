import { useState } from "react";
import type { Shapes } from "../../api/client";
import { Link, paths } from "../../url/link";
import { Segments } from "../../ui/chip";
import { Snippet } from "../../ui/copy";
import css from "./overview.module.css";

type Way = "demo" | "env" | "python";

/** What a newcomer sees: three ways to the first numbers, each a line to copy. */
export function FirstRun({ status }: { status: Shapes["StatusOut"] }) {
  const [way, setWay] = useState<Way>("env");
  return (
    <section className={css.first} data-testid="first-run">
      <h2>Waiting for the first request</h2>
      <p>
        vario listens. Send it OpenTelemetry from any service, and its numbers appear here by
        themselves.
      </p>
      <Segments<Way>
        label="Ways to send data"
        value={way}
        onChange={setWay}
        options={[
          ["env", "Any OpenTelemetry SDK"],
          ["python", "Python, with vario"],
          ["demo", "Just show me"],
        ]}
      />
      <Snippet label={LABELS[way]} text={snippet(way, status)} />
      <p className={css.hint}>
        {HINTS[way]} Sent something, and still nothing here? <Link to={paths.doctor}>Ask the doctor</Link>.
      </p>
    </section>
  );
}

const LABELS: Record<Way, string> = {
  env: "environment variables",
  python: "lines of Python",
  demo: "command",
};

const HINTS: Record<Way, string> = {
  env: "Set these where the service starts, then restart it.",
  python: "Middleware for ASGI services, steps inside a request, logs with trace ids.",
  demo: "A small real recommender in two regions, with its own traffic. It stops with Ctrl-C.",
};

function snippet(way: Way, { otlp_http: http }: Shapes["StatusOut"]): string {
  if (way === "demo") return "vario demo";
  if (way === "env") {
    return [
      `export OTEL_EXPORTER_OTLP_ENDPOINT=${http}`,
      "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
      "export OTEL_SERVICE_NAME=my-service",
      "export OTEL_RESOURCE_ATTRIBUTES=service.version=1.0,cloud.region=eu-west",
    ].join("\n");
  }
  return [
    "import vario",
    "",
    'vario.configure(service="my-service", model="recommender", version="v1")',
    "app.add_middleware(vario.ASGIMiddleware)",
  ].join("\n");
}
