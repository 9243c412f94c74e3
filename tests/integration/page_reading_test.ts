// The status page as people read it: by eye on a desk and a phone, in light and dark, by keyboard, and by a screen reader.
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { openPage, startBrowser, type View } from "../support/browser.ts";
import { PageScene } from "../support/page_scene.ts";
import { ensurePackages } from "../support/setup.ts";

const { advice } = await ensurePackages(["chromium"], console.log);

const DESK: View = { width: 1280, height: 900 };
const PHONE: View = { width: 360, height: 740 };
/** What is readable needs this much (WCAG 2.2, 1.4.3), and a line or a shape this much (1.4.11). */
const TEXT_CONTRAST = 4.5;
const SHAPE_CONTRAST = 3;

Deno.test("the status page as it is read, with something wrong of each kind", async (t) => {
  assert.equal(advice, undefined);
  await using browser = await startBrowser();
  await using scene = await PageScene.create();
  await scene.announced(3);
  // A long word without a place to break it is what makes pages wider than a phone.
  const { code, stderr } = await scene.command("drain", "web", "--reason", "x".repeat(150), "--wait");
  assert.equal(code, 0, stderr);
  scene.failing.set("dns", "no");
  await scene.until("dns", "unhealthy");
  using _shut = scene.shutDown(1, "maintenance until six");

  const look = async (view: View, work: (page: Page) => Promise<void>) => {
    const { page, complaints } = await openPage(browser, view);
    try {
      await page.goto(scene.url);
      await page.getByRole("heading", { name: "2 things are wrong" }).waitFor();
      await page.evaluate('for (const row of document.querySelectorAll("details")) row.open = true');
      await work(page);
      assert.deepEqual(complaints, []);
    } finally {
      await page.context().close();
    }
  };

  for (
    const [name, view] of [["a desk, light", DESK], ["a phone, dark", { ...PHONE, dark: true }]] as const
  ) {
    await t.step(`axe-core finds nothing wrong on ${name}`, () =>
      look(view, async (page) => {
        await page.evaluate(axe.source);
        const found = await page.evaluate<string[]>(`axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a",
          "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations, passes }) => {
            if (passes.length < 20) throw new Error("axe has looked at little");
            return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html.slice(0, 200)));
          })`);
        assert.deepEqual(found, []);
      }));

    await t.step(`nothing is wider than ${name}`, () =>
      look(view, async (page) => {
        const [wide, window] = await page.evaluate<[number, number]>(
          "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
        );
        assert.ok(wide <= window, `${wide} of ${window}`);
      }));
  }

  for (const dark of [false, true]) {
    await t.step(
      `texts and shapes stand out from what is behind them, ${dark ? "dark" : "light"}`,
      () =>
        look({ ...DESK, dark }, async (page) => {
          const pairs = await page.evaluate<readonly Pair[]>(COLOURS);
          assert.ok(pairs.length >= 12, `${pairs.length} pairs`);
          for (const { what, front, back, isShape } of pairs) {
            const found = contrast(front, back);
            const least = isShape ? SHAPE_CONTRAST : TEXT_CONTRAST;
            assert.ok(found >= least, `${what}: ${front} on ${back} is ${found.toFixed(2)}`);
          }
        }),
    );
  }

  await t.step("a state is a word and a shape beside its colour", () =>
    look(DESK, async (page) => {
      const states = await page.locator(".state").evaluateAll((all) =>
        all.map((state) => [state.textContent?.trim(), state.querySelector("use")?.getAttribute("href")])
      );
      assert.ok(states.length > 8);
      for (const [word, shape] of states) {
        assert.ok(word !== "" && /^#m-/.test(shape ?? ""), `${word} ${shape}`);
      }
      const shapes = await page.evaluate<readonly string[]>(
        '[...document.querySelectorAll("symbol")].map((symbol) => symbol.innerHTML)',
      );
      assert.deepEqual([shapes.length, new Set(shapes).size], [4, 4]);
    }));

  await t.step(
    "the keyboard comes to everything that does something, in the order of the page, and shows where it is",
    () =>
      look(DESK, async (page) => {
        await page.keyboard.press("Tab");
        assert.equal(await page.evaluate("document.activeElement.textContent"), "To the content");
        const wanted = await page.evaluate<number>(
          'document.querySelectorAll("a, summary, input, [tabindex]").length',
        );
        const seen: string[] = [];
        for (let at = 0; at < wanted; at++) {
          const outline = await page.evaluate<string>(
            "getComputedStyle(document.activeElement).outlineStyle",
          );
          assert.notEqual(outline, "none");
          seen.push(await page.evaluate<string>(PLACE));
          await page.keyboard.press("Tab");
        }
        assert.equal(new Set(seen).size, wanted, seen.join("\n"));
        assert.deepEqual(seen.map(Number), seen.map(Number).sort((one, other) => one - other));
      }),
  );

  await t.step(
    "a screen reader is told landmarks, headings, names, and of the state as it changes",
    () =>
      look(DESK, async (page) => {
        for (const role of ["banner", "main"] as const) {
          assert.equal(await page.getByRole(role).count(), 1, role);
        }
        for (const name of ["Peers", "Services", "Newest events", "Agent"]) {
          assert.equal(await page.getByRole("region", { name, exact: true }).count(), 1, name);
          assert.equal(await page.getByRole("heading", { name, exact: true }).count(), 1, name);
        }
        const picture = page.getByRole("img", { name: "Routers, this host, backends" });
        assert.equal(await picture.count(), 1);
        assert.match(await picture.locator("desc").textContent() ?? "", /tor-1 Established/);
        assert.equal(
          await page.getByRole("searchbox", { name: "filter by name, address or state" }).count(),
          1,
        );
        assert.equal(await page.getByRole("status").filter({ hasText: "2 things are wrong" }).count(), 1);
        assert.equal(await page.locator("[aria-live]").count(), 1);
        const table = page.getByRole("table", { name: /^tcp 10\.99\.0\.1:80, / });
        assert.equal(await table.getByRole("columnheader", { name: "destination" }).count(), 1);
        assert.equal(await table.getByRole("rowheader").count(), 2);
      }),
  );

  await t.step("the picture is a list on a phone", () =>
    look(PHONE, async (page) => {
      assert.equal(await page.locator(".drawing").isVisible(), false);
      assert.match(await page.locator(".listing").innerText(), /tor-1\s+Established/);
    }));

  await t.step(
    "nothing moves for who does not want that",
    () =>
      look({ ...DESK, reducedMotion: true }, async (page) => {
        const moving = await page.evaluate<number>(
          `[...document.querySelectorAll("*")].filter((each) => ["", "::before"].some((part) => {
          const { transitionDuration, animationName } = getComputedStyle(each, part || undefined);
          return transitionDuration !== "0s" || animationName !== "none";
        })).length`,
        );
        assert.equal(moving, 0);
      }),
  );
});

/** The place of the focused element among all of the page. */
const PLACE = 'String([...document.querySelectorAll("*")].indexOf(document.activeElement))';

/** A colour on another one, as a browser computes them. */
interface Pair {
  readonly what: string;
  readonly front: string;
  readonly back: string;
  readonly isShape: boolean;
}

/** Each kind of text and shape once, with the nearest colour behind it. */
const COLOURS = `(() => {
  const back = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = ["h1", ".quiet", "#verdict h2", ".problems h3", ".problems .bad .word", ".problems .changing .word", ".cure",
    "dt", ".row .name", ".row .fact i", ".row .why", ".state.bad", ".state.good", ".chain .word", ".chain > .bad b", ".opens", "caption",
    "th", "td", ".events time", ".problems a", "pre", "input"];
  const shapes = [".mark.good", ".mark.bad", ".mark.changing"];
  return [
    ...texts.map((what) => [what, false]), ...shapes.map((what) => [what, true]),
  ].flatMap(([what, isShape]) => [...document.querySelectorAll(what)].slice(0, 40).map((element) => (
    { what, front: getComputedStyle(element).color, back: back(element), isShape })));
})()`;

/** WCAG 2.2, relative luminance. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((text) => {
    const share = Number(text) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
