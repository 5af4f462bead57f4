import { describe, expect, it } from "vitest";
import { askedField, placeAt, suggest } from "./complete";
import { addCondition, attributeField, quote, readFault } from "./text";

/** The place at `|` in a text. */
const at = (marked: string) => placeAt(marked.replace("|", ""), marked.indexOf("|"));

describe("what is wanted at the cursor", () => {
  it.each([
    ["|", "field", "", null],
    ["serv|", "field", "serv", null],
    ["duration |", "operator", "", null],
    ["duration >|", "value", "", "duration"],
    ["duration > 20|", "value", "20", "duration"],
    ["duration > 200ms |", "join", "", null],
    ['service.name = "ml|', "value", "ml", "service.name"],
    ['service.name = "ml-infer"|', "join", "", null],
    ['service.name = "a b" and sta|', "field", "sta", null],
    ['region in (|', "value", "", "region"],
    ['region in ("us-east", |', "value", "", "region"],
    ['region in ("us-east") |', "join", "", null],
    ["not (na|", "field", "na", null],
    ["exists(attr|", "field", "attr", null],
    ['"free text" |', "join", "", null],
    ['service.name = "ml|" and status = error', "value", "ml", "service.name"],
    ["region not |", "operator", "", null],
  ])("%s wants a %s", (marked, wanted, typed, field) =>
    expect(at(marked)).toMatchObject({ wanted, typed, field }),
  );

  it("a completion replaces the whole word or text", () => {
    expect(at('a = "ml|" and b')).toMatchObject({ start: 4, end: 8 });
    expect(at("sta|tus = error")).toMatchObject({ start: 0, end: 6 });
  });
});

describe("suggestions", () => {
  const FIELDS = ["service.name", "status", "attributes.status_code", "attributes.cache_hit"];
  const labels = (marked: string, values: string[] = []) =>
    suggest(at(marked), marked.replace("|", ""), FIELDS, values).map(({ label }) => label);

  it("begin with what was typed, with or without the map's name", () => {
    expect(labels("sta|")).toEqual(["status", "attributes.status_code"]);
    expect(labels("cach|")).toEqual(["attributes.cache_hit"]);
  });
  it("are quoted where the grammar needs it", () =>
    expect(suggest(at("region = |"), "region = ", FIELDS, ['a"b'])).toEqual([
      { label: 'a"b', insert: '"a\\"b" ' },
    ]));
  it("are the grammar's own for the fields that it knows", () => {
    expect(labels("status = e|")).toEqual(["error", "unset"]);
    expect(askedField(at("status = |"))).toBeNull();
    expect(askedField(at("region = |"))).toBe("region");
    expect(labels("duration |")).toEqual([">", ">=", "<", "<=", "=", "!="]);
  });
});

describe("writing filters", () => {
  it("quotes", () => {
    expect(quote('a "b" \\ \n')).toBe('"a \\"b\\" \\\\ \\n"');
    expect(attributeField("attributes", "http.route")).toBe("attributes.http.route");
    expect(attributeField("resource", "odd name")).toBe('resource."odd name"');
  });
  it("adds a condition without changing what stood there", () => {
    expect(addCondition("", "a = 1")).toBe("a = 1");
    expect(addCondition("b = 2", "a = 1")).toBe("b = 2 and a = 1");
    expect(addCondition("b = 2 or c = 3", "a = 1")).toBe("(b = 2 or c = 3) and a = 1");
    expect(addCondition('body contains "x or y"', "a = 1")).toBe('body contains "x or y" and a = 1');
    expect(addCondition("b = 2 and a = 1", "a = 1")).toBe("b = 2 and a = 1");
  });
});

it("the server's refusal is taken apart", () => {
  const message = 'filter: a quote is not closed at character 9\n  body = "x\n         ^\nend the text with "';
  expect(readFault(message)).toEqual({ problem: "a quote is not closed", position: 8, remedy: 'end the text with "' });
  expect(readFault("the store is starting")).toBeNull();
});
