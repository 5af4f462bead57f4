import type { AnchorHTMLAttributes } from "react";
import { localPath } from "./foreign";
import { Link } from "./link";

interface AnyLinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  href: string;
  "data-testid"?: string;
}

/** A link that the server gave: to a page of this UI without loading anew, or to another site. */
export function AnyLink({ href, children, ...rest }: AnyLinkProps) {
  const here = localPath(href);
  if (here === null) {
    return (
      <a href={href} target="_blank" rel="noreferrer" {...rest}>
        {children}
      </a>
    );
  }
  const [path = "/", search = ""] = here.split("?", 2);
  return (
    <Link to={path} params={Object.fromEntries(new URLSearchParams(search))} {...rest}>
      {children}
    </Link>
  );
}
