/** A figure of the page as a picture: its canvases, texts and coloured boxes, as they stand. */

const SCALE = 2;
const FOOT = 26;
const PAD = 4;

/** The figure as a PNG with a line below that says where it comes from. */
export async function paintFigure(figure: HTMLElement, foot: string): Promise<Blob> {
  const box = figure.getBoundingClientRect();
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil((box.width + 2 * PAD) * SCALE);
  canvas.height = Math.ceil((box.height + FOOT + PAD) * SCALE);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas to paint on");
  const root = getComputedStyle(document.documentElement);
  context.scale(SCALE, SCALE);
  context.fillStyle = root.getPropertyValue("--bg");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = root.getPropertyValue("--text-2");
  context.font = `11px ${root.getPropertyValue("--font")}`;
  context.fillText(foot, PAD + 8, box.height + FOOT - 8, box.width - 16);
  context.translate(PAD - box.left, PAD - box.top);
  paint(figure, context);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture came out empty"))), "image/png"),
  );
}

function paint(element: Element, context: CanvasRenderingContext2D): void {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden" || style.clipPath !== "none") return;
  if (element instanceof HTMLElement && element.dataset["unpainted"] !== undefined) return;
  const box = element.getBoundingClientRect();
  context.save();
  if (style.backgroundColor !== "rgba(0, 0, 0, 0)") {
    context.fillStyle = style.backgroundColor;
    context.beginPath();
    context.roundRect(box.left, box.top, box.width, box.height, parseFloat(style.borderTopLeftRadius) || 0);
    context.fill();
  }
  if (parseFloat(style.borderLeftWidth) > 0 && parseFloat(style.borderRightWidth) === 0) {
    context.fillStyle = style.borderLeftColor;
    context.fillRect(box.left, box.top, parseFloat(style.borderLeftWidth), box.height);
  }
  if (style.overflow !== "visible") {
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
  }
  if (element instanceof HTMLCanvasElement) context.drawImage(element, box.left, box.top, box.width, box.height);
  else if (element instanceof HTMLElement && element.dataset["traceId"]) dot(box, style.color, context);
  else if (element instanceof HTMLElement && element.dataset["glyph"]) letter(element.dataset["glyph"], box, style, context);
  else for (const child of element.childNodes) paintChild(child, style, context);
  context.restore();
}

function paintChild(child: Node, style: CSSStyleDeclaration, context: CanvasRenderingContext2D): void {
  if (child instanceof Element) return paint(child, context);
  if (child.nodeType !== Node.TEXT_NODE) return;
  context.fillStyle = style.color;
  context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.textBaseline = "middle";
  // Word by word: each stands where the page put it, whatever line that is.
  for (const word of (child.textContent ?? "").matchAll(/\S+/g)) {
    const range = document.createRange();
    range.setStart(child, word.index);
    range.setEnd(child, word.index + word[0].length);
    const place = range.getClientRects()[0];
    if (place) context.fillText(word[0], place.left, place.top + place.height / 2);
  }
}

function letter(text: string, box: DOMRect, style: CSSStyleDeclaration, context: CanvasRenderingContext2D): void {
  context.fillStyle = style.color;
  context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, box.left + box.width / 2, box.top + box.height / 2 + 0.5);
}

function dot(box: DOMRect, color: string, context: CanvasRenderingContext2D): void {
  context.fillStyle = color;
  context.beginPath();
  context.arc(box.left + box.width / 2, box.top + box.height / 2, 3, 0, 2 * Math.PI);
  context.fill();
}
