// The status page in a real Chromium, over an agent as shipped: what happens to the agent is seen on the page as it happens.
import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import type { Page } from "playwright-core";
import { openPage, startBrowser, type View } from "../support/browser.ts";
import { PageScene } from "../support/page_scene.ts";
import { ensurePackages } from "../support/setup.ts";
import { PATIENCE_MS, until } from "../support/until.ts";

const { advice } = await ensurePackages(["chromium"], console.log);

/** Words that would do something if they were markup. */
const HOSTILE = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;

/** Both are started once, and looked at by all the tests below, in order. */
Deno.test("the status page in Chromium, over an agent as shipped", async (t) => {
  assert.equal(advice, undefined);
  await using browser = await startBrowser();
  await using scene = await PageScene.create();
  await scene.announced(3);

  /** One page, which must have nothing to complain about. */
  const look = async (
    view: View,
    work: (page: Page, expected: (pattern: RegExp) => void) => Promise<void>,
    url = scene.url,
  ) => {
    const { page, complaints } = await openPage(browser, view);
    const expected: RegExp[] = [];
    page.setDefaultTimeout(PATIENCE_MS);
    try {
      await page.goto(url);
      await work(page, (pattern) => void expected.push(pattern));
      assert.deepEqual(complaints.filter((words) => !expected.some((pattern) => pattern.test(words))), []);
    } finally {
      await page.context().close();
    }
  };

  await t.step("all is well, live", () =>
    look({}, async (page) => {
      await live(page);
      await page.getByRole("heading", { name: "All is well" }).waitFor();
      assert.match(await page.title(), /: All is well$/);
      assert.match(await rowOf(page, "service-web"), /to 2 of 2 peers/);
    }));

  await t.step(
    "a failing check is seen with its cause, its cure, and the failing gate, and what was open stays open",
    () =>
      look({}, async (page) => {
        await live(page);
        await page.locator("#service-dns > summary").focus();
        await page.keyboard.press("Enter");
        await page.locator("#service-dns .chain").waitFor();
        scene.failing.set("dns", HOSTILE);
        await page.getByRole("heading", { name: "1 thing is wrong" }).waitFor();
        const problem = page.locator(".problems > li");
        assert.match(await problem.innerText(), /wrong dns: not announced/);
        assert.match(
          await problem.innerText(),
          /why\s+healthy: no; http: 2 consecutive failures, the last one: status 500/,
        );
        assert.match(await problem.innerText(), /cure\s+check http must pass once/);
        assert.match(await page.locator("#service-dns .chain > li.bad").innerText(), /^healthy shut/);
        assert.equal(await page.evaluate("document.activeElement.parentElement.id"), "service-dns");
        // It came to the top, as it is wrong.
        assert.equal(
          await page.evaluate('document.getElementById("services-list").firstElementChild.id'),
          "service-dns",
        );
        await problem.getByRole("link", { name: "dns" }).click();
        assert.equal(await page.evaluate("location.hash"), "#service-dns");
        scene.failing.delete("dns");
        await page.getByRole("heading", { name: "All is well" }).waitFor();
      }),
  );

  await t.step(
    "a drain is seen as ordered, with words that stay words, and its end",
    () =>
      look({}, async (page) => {
        const { code, stderr } = await scene.command("drain", "web", "--reason", HOSTILE, "--wait");
        assert.equal(code, 0, stderr);
        await page.getByRole("heading", { name: "Nothing is wrong, 1 thing is not as usual" }).waitFor();
        assert.ok((await page.locator(".problems").innerText()).includes(HOSTILE));
        assert.match(await page.locator(".problems").innerText(), /bgp-lb undrain web/);
        assert.match(await rowOf(page, "service-web"), /down/);
        assert.match(await page.title(), /not as usual$/);
        await scene.command("undrain", "web", "--wait");
        await page.getByRole("heading", { name: "All is well" }).waitFor();
      }),
  );

  await t.step(
    "a router that shuts its session down is seen with its own words, which stay words",
    () =>
      look({}, async (page) => {
        await live(page);
        const shut = scene.shutDown(1, HOSTILE);
        const problem = page.locator(".problems > li", { hasText: "tor-2" });
        await problem.waitFor();
        assert.match(await problem.innerText(), /tor-2: session is not Established/);
        assert.ok(
          (await problem.innerText()).includes(`Administrative Shutdown: ${HOSTILE}`),
          await problem.innerText(),
        );
        assert.match(await problem.innerText(), /cure\s+tor-2 was shut down by its operator/);
        shut[Symbol.dispose]();
        await page.getByRole("heading", { name: "All is well" }).waitFor();
      }),
  );

  await t.step(
    "without its script all of it is there to read",
    () =>
      look({ script: false }, async (page) => {
        assert.match(
          await page.locator("#live").innerText(),
          /^As of \d\d:\d\d:\d\d UTC. Without its script/,
        );
        await page.locator("#service-web > summary").click();
        assert.match(
          await page.locator("#service-web .chain").innerText(),
          /not drained\s+open\s+in service/,
        );
        assert.equal(await page.locator("#filter").isVisible(), false);
        assert.match(await page.locator("#events").innerText(), /route dns 10\.99\.0\.2 → announced/);
      }),
  );

  await t.step(
    "a stream that is cut is said, and what happened meanwhile is seen when it is back",
    async () => {
      await using proxy = await Proxy.to(scene.httpPort);
      await look({}, async (page, expected) => {
        expected(/net::ERR_|Failed to load resource/);
        await live(page);
        proxy.cut();
        await page.getByText(/not live since \d\d:\d\d:\d\d UTC, trying again/).waitFor();
        scene.failing.set("dns", "no");
        proxy.mend();
        await live(page);
        await page.getByRole("heading", { name: "1 thing is wrong" }).waitFor();
        scene.failing.delete("dns");
        await page.getByRole("heading", { name: "All is well" }).waitFor();
      }, proxy.url);
    },
  );

  await t.step(
    "the filter finds services by name and state, and survives what changes",
    () =>
      look({}, async (page) => {
        await live(page);
        await page.getByRole("searchbox").fill("dns healthy");
        const shown = page.locator("#services-list > details:visible");
        assert.deepEqual(await shown.evaluateAll((rows) => rows.map(({ id }) => id)), ["service-dns"]);
        const edition = await page.locator("#top").getAttribute("data-edition");
        await page.locator(`#top:not([data-edition="${edition}"])`).waitFor();
        assert.deepEqual(await shown.evaluateAll((rows) => rows.map(({ id }) => id)), ["service-dns"]);
        await page.getByRole("searchbox").fill("nothing of that");
        await page.getByText("no service has that in its line").waitFor();
      }),
  );

  await t.step("an address of the page opens the service that it names", () =>
    look({}, async (page) => {
      assert.equal(await page.locator("#service-api").evaluate((row) => row.hasAttribute("open")), true);
    }, `${scene.url}#service-api`));

  await t.step("a page that nobody sees asks for nothing", () =>
    look({}, async (page) => {
      await live(page);
      const asked: string[] = [];
      page.on("request", (request) => void asked.push(request.url()));
      await page.evaluate(`Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"))`);
      // What was asked for until just then.
      asked.length = 0;
      scene.failing.set("api", "no");
      await scene.until("api", "unhealthy");
      scene.failing.delete("api");
      await scene.until("api", "healthy");
      assert.deepEqual(asked, []);
      await page.evaluate(`delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))`);
      await until(() => asked.length >= 2, () => `the stream and what has changed: ${asked}`);
      await live(page);
    }));

  await t.step("behind a path of a reverse proxy it is the same", async () => {
    await using proxy = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      ({ url, headers, signal }) => {
        const { pathname, search } = new URL(url);
        if (!pathname.startsWith("/lb-1/")) return new Response("", { status: 404 });
        return fetch(`${scene.url}${pathname.slice("/lb-1/".length)}${search}`, { headers, signal });
      },
    );
    await look({}, async (page) => {
      await live(page);
      scene.failing.set("api", "no");
      await page.getByRole("heading", { name: "1 thing is wrong" }).waitFor();
      scene.failing.delete("api");
      await page.getByRole("heading", { name: "All is well" }).waitFor();
    }, `http://127.0.0.1:${proxy.addr.port}/lb-1/`);
  });

  await t.step("an agent that was started anew is said", () =>
    look({}, async (page, expected) => {
      expected(/net::ERR_|Failed to load resource/);
      await live(page);
      await scene.restart();
      await page.getByText("The agent was started anew").waitFor();
      await live(page);
    }));
});

/** The stream of events is open. */
async function live(page: Page): Promise<void> {
  await page.locator('html[data-live="on"]').waitFor();
}

function rowOf(page: Page, id: string): Promise<string> {
  return page.locator(`#${id} > summary`).innerText();
}

/** A way to the agent that can be cut. */
class Proxy implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server;
  #isCut = false;
  url = "";

  private constructor(port: number) {
    this.#server = createServer((client) => {
      if (this.#isCut) return void client.destroy();
      const agent = connect(port, "127.0.0.1");
      for (const [socket, other] of [[client, agent], [agent, client]] as const) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }

  static async to(port: number): Promise<Proxy> {
    const proxy = new Proxy(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    const at = proxy.#server.address();
    assert.ok(at !== null && typeof at === "object");
    proxy.url = `http://127.0.0.1:${at.port}/`;
    return proxy;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
