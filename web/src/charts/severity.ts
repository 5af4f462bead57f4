/** Log severities: order, names, colours, marks. */

export const SEVERITIES = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** The range that a severity number of OpenTelemetry (1 to 24) falls into; null where it is unset. */
export function severityOf(number: number): Severity | null {
  return number >= 1 && number <= 24 ? (SEVERITIES[Math.floor((number - 1) / 4)] ?? null) : null;
}

export function severityColor(severity: string | null): string {
  return SEVERITIES.includes(severity as Severity) ? `--${severity!.toLowerCase()}-severity` : "--text-3";
}
