/** Deno's JUnit reports (`deno test --junit-path`): what passed and what failed, and why. */

/** One test of a JUnit report. */
export interface TestCase {
  readonly name: string;
  /** Its file, as the report names it. */
  readonly file: string;
  readonly ms: number;
  readonly failure: string | undefined;
}

/** The tests in a JUnit report of Deno's, without those that were ignored. */
export function parseJunit(xml: string): TestCase[] {
  return [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)].flatMap(
    ([, head = "", body = ""]) => {
      if (body.includes("<skipped")) return [];
      const attribute = (name: string) => unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(head)?.[1] ?? "");
      const failure = /<(?:failure|error)[^>]*?(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/.exec(body);
      return [{
        name: attribute("name"),
        file: attribute("classname"),
        ms: Number(attribute("time")) * 1_000,
        failure: failure === null ? undefined : unescape(failure[1] ?? "failed"),
      }];
    },
  );
}

function unescape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    "#10": "\n",
    amp: "&",
  };
  return text.replace(/&(lt|gt|quot|apos|#10|amp);/g, (whole, name) => entities[name] ?? whole);
}
