/** Markdown as runbooks use it, as elements: what is not understood stays text. */

import { useMemo, type ReactNode } from "react";
import { Snippet } from "./copy";
import { parseMarkdown, splitInline, type Block } from "./markdown";
import css from "./markdown.module.css";

function Inline({ text }: { text: string }) {
  return splitInline(text).map((piece, index): ReactNode => {
    switch (piece.kind) {
      case "code":
        return <code key={index}>{piece.text}</code>;
      case "strong":
        return <strong key={index}>{piece.text}</strong>;
      case "em":
        return <em key={index}>{piece.text}</em>;
      case "link":
        return (
          <a key={index} href={piece.href} {...(piece.href.startsWith("/") ? {} : { target: "_blank", rel: "noreferrer" })}>
            {piece.text}
          </a>
        );
      default:
        return piece.text;
    }
  });
}

function Part({ block }: { block: Block }) {
  switch (block.kind) {
    case "heading":
      return block.level <= 1 ? (
        <h3 className={css.first}>
          <Inline text={block.text} />
        </h3>
      ) : (
        <h4>
          <Inline text={block.text} />
        </h4>
      );
    case "code":
      return <Snippet text={block.text} label="the lines" />;
    case "list": {
      const List = block.ordered ? "ol" : "ul";
      return (
        <List {...(block.ordered && block.start !== 1 ? { start: block.start } : {})}>
          {block.items.map((item, index) => (
            <li key={index}>
              <Inline text={item} />
            </li>
          ))}
        </List>
      );
    }
    default:
      return (
        <p>
          <Inline text={block.text} />
        </p>
      );
  }
}

export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => parseMarkdown(text), [text]);
  return (
    <div className={css.markdown}>
      {blocks.map((block, index) => (
        <Part key={index} block={block} />
      ))}
    </div>
  );
}
