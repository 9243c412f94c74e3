/**
 * Makes docs/status-page.png: the page of an agent as shipped that has something of each kind to tell, as root, for the host's
 * name in it: `deno run -A tests/integration/page_picture.ts`
 */
import { openPage, startBrowser } from "../support/browser.ts";
import { PageScene } from "../support/page_scene.ts";

const SERVICES = [
  { name: "web", address: "10.88.2.1", destinations: ["127.0.0.11", "127.0.0.12", "127.0.0.13"] },
  { name: "api", address: "2001:db8:88::2" },
  { name: "dns", address: "10.88.2.3" },
  { name: "ldap", address: "10.88.2.4" },
];
const NAMED = ["unshare", "--uts", "sh", "-c", 'hostname lb-1 && exec "$@"', "sh"];
const WIDTH = 1000;
/** Down to the first services. */
const HEIGHT = 1120;

await using scene = await PageScene.create(SERVICES, 2, NAMED);
await scene.announced(SERVICES.length);
await using browser = await startBrowser();
const { page } = await openPage(browser, { width: WIDTH, height: HEIGHT });
await page.goto(scene.url);
scene.failing.set("dns", "no");
scene.failing.set("127.0.0.11", "no");
await scene.command("drain", "ldap", "--reason", "rack 7 is moved", "--for", "2h", "--wait");
using _shut = scene.shutDown(1, "maintenance until 06:00");
await page.getByRole("heading", { name: "2 things are wrong" }).waitFor();
await page.locator("#service-dns > summary").click();
await page.locator(".problems", { hasText: "maintenance until 06:00" }).waitFor();
await page.locator(".problems", { hasText: "rack 7" }).waitFor();
await page.mouse.move(0, 0);
await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)");
await page.screenshot({ path: "docs/status-page.png" });
const { size } = await Deno.stat("docs/status-page.png");
console.log(`docs/status-page.png: ${size} octets`);
