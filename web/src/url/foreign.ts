/** Links that come from elsewhere: from rules, SLOs, findings; pure. */

/** The path of a link that leads to this server, whatever name it is reached by; null for any other. */
export function localPath(link: string, origin = location.origin): string | null {
  if (link.startsWith("/") && !link.startsWith("//")) return link;
  try {
    const url = new URL(link);
    const own = url.origin === origin || /^\/(slos\/[^/]+\/runbook|alerts\/[^/]+|traces\/[0-9a-f]{32})$/.test(url.pathname);
    return own && /^https?:$/.test(url.protocol) ? url.pathname + url.search : null;
  } catch {
    return null;
  }
}

/** True where a text is the address of a web page, or of a page of this UI, rather than words. */
export function isAddress(text: string): boolean {
  return /^(https?:\/\/|\/(?!\/))\S+$/.test(text);
}
