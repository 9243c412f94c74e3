/** A real Chromium, without a window, for tests of pages: one for all tests of a file, and what its pages complain about. */
import { type Browser, chromium, type Page } from "playwright-core";

/** Without a network of its own, as a machine for tests has none; the sandbox is not to be had as root. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts one. Disposing ends it. */
export async function startBrowser(): Promise<Browser & AsyncDisposable> {
  return await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: FLAGS });
}

/** How a page is looked at. */
export interface View {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly script?: boolean;
  readonly reducedMotion?: boolean;
}

/** A page and its complaints: what its console, its policy and its script have against it. */
export interface OpenPage {
  readonly page: Page;
  readonly complaints: string[];
}

/** Opens an empty page. */
export async function openPage(browser: Browser, view: View = {}): Promise<OpenPage> {
  const { width = 1280, height = 900, dark = false, script = true, reducedMotion = false } = view;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    javaScriptEnabled: script,
    reducedMotion: reducedMotion ? "reduce" : "no-preference",
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { page, complaints };
}
